// SPDX-License-Identifier: MIT
#include "plugin/host_journal.h"
#include "state/journal.h"

#include <stdio.h>

// The handles of the ABI are the structs of state/journal under other names.

enum { MAX_PARTS = 12 };

static struct journal *writer_of(const tide_journal *journal)
{
    return (struct journal *)(uintptr_t)journal;
}

static struct journal_reader *reader_of(const tide_journal_reader *reader)
{
    return (struct journal_reader *)(uintptr_t)reader;
}

static tide_result answer(int code, const struct error *err, char *why)
{
    if (!code)
        return TIDE_OK;
    if (why)
        (void)snprintf(why, TIDE_WHY, "%.*s", TIDE_WHY - 1, err->text);
    switch (code) {
    case ERR_IO:
    case ERR_NOMEM:
    case ERR_RETRY:
        return TIDE_RETRY;
    case ERR_LIMIT:
        return TIDE_DATA;
    default:
        return TIDE_FATAL;
    }
}

static tide_result open_writer(const char *dir, const tide_journal_options *given,
                               tide_journal **out, char *why)
{
    struct journal_options options = {0};
    if (given && TIDE_HAS(given, buffer_size)) {
        options.lock_wait_ms = given->lock_wait_ms;
        options.segment_size = given->segment_size;
        options.first_sequence = given->first_sequence;
        options.buffer_size = given->buffer_size;
    }
    struct error err = ERROR_INIT;
    struct journal *journal;
    int code = journal_open(&journal, dir, &options, &err);
    *out = (tide_journal *)(void *)journal;
    return answer(code, &err, why);
}

static tide_result close_writer(tide_journal *journal, char *why)
{
    struct error err = ERROR_INIT;
    return answer(journal_close(writer_of(journal), &err), &err, why);
}

static void abandon(tide_journal *journal)
{
    journal_abandon(writer_of(journal));
}

static tide_result append(tide_journal *journal, const tide_bytes *parts, uint32_t part_count,
                          uint32_t count, uint32_t flags, uint64_t *sequence, char *why)
{
    struct error err = ERROR_INIT;
    struct iovec pieces[MAX_PARTS];
    if (part_count > MAX_PARTS)
        return answer(error_set(&err, ERR_BUG, "journal: an entry of %u parts, at most %d",
                                part_count, MAX_PARTS),
                      &err, why);
    for (uint32_t i = 0; i < part_count; i++)
        pieces[i] = (struct iovec){(void *)(uintptr_t)parts[i].data, parts[i].len};
    unsigned seal = flags & TIDE_JOURNAL_SEAL ? JOURNAL_SEAL : 0;
    int code = journal_append(writer_of(journal), pieces, part_count, count, seal, sequence, &err);
    return answer(code == ERR_LIMIT ? ERR_BUG : code, &err, why);
}

static tide_result seal(tide_journal *journal, char *why)
{
    struct error err = ERROR_INIT;
    return answer(journal_seal(writer_of(journal), &err), &err, why);
}

static tide_result sync_writer(tide_journal *journal, char *why)
{
    struct error err = ERROR_INIT;
    return answer(journal_sync(writer_of(journal), &err), &err, why);
}

static tide_place place_out(struct journal_place place)
{
    return (tide_place){place.segment, place.offset, place.sequence};
}

static void end(const tide_journal *journal, tide_place *out)
{
    *out = place_out(journal_end(writer_of(journal)));
}

static void durable(const tide_journal *journal, tide_place *out)
{
    *out = place_out(journal_durable(writer_of(journal)));
}

static tide_result cut(tide_journal *journal, const tide_place *place, char *why)
{
    struct error err = ERROR_INIT;
    struct journal_place to = {place->segment, place->offset, place->sequence};
    return answer(journal_cut(writer_of(journal), to, &err), &err, why);
}

static uint64_t first(const tide_journal *journal)
{
    return journal_first(writer_of(journal));
}

static uint64_t next(const tide_journal *journal)
{
    return journal_next(writer_of(journal));
}

static uint64_t bytes(const tide_journal *journal)
{
    return journal_bytes(writer_of(journal));
}

static tide_result retain(tide_journal *journal, uint64_t max_bytes, int64_t oldest_ms, char *why)
{
    struct error err = ERROR_INIT;
    return answer(journal_retain(writer_of(journal), max_bytes, oldest_ms, &err), &err, why);
}

static const unsigned char *id(const tide_journal *journal)
{
    return journal_id(writer_of(journal));
}

static tide_result reader_open(const char *dir, uint64_t chunk_size, tide_journal_reader **out,
                               char *why)
{
    struct error err = ERROR_INIT;
    struct journal_reader *reader;
    int code = journal_reader_open(&reader, dir, chunk_size, &err);
    *out = (tide_journal_reader *)(void *)reader;
    tide_result result = answer(code, &err, why);
    return code == ERR_RETRY ? TIDE_AGAIN : result;
}

static void reader_close(tide_journal_reader *reader)
{
    journal_reader_close(reader_of(reader));
}

static tide_result reader_next(tide_journal_reader *reader, tide_entry *entry, char *why)
{
    struct error err = ERROR_INIT;
    struct journal_entry found;
    int code = journal_reader_next(reader_of(reader), &found, &err);
    if (code < 0)
        return answer(code, &err, why);
    if (code == 0)
        return TIDE_AGAIN;
    entry->count = found.count;
    entry->sequence = found.sequence;
    entry->data = (tide_bytes){found.data, found.len};
    return TIDE_OK;
}

static tide_result reader_seek(tide_journal_reader *reader, uint64_t sequence, char *why)
{
    struct error err = ERROR_INIT;
    return answer(journal_reader_seek(reader_of(reader), sequence, &err), &err, why);
}

static tide_result reader_bounds(tide_journal_reader *reader, uint64_t *from, uint64_t *to,
                                 char *why)
{
    struct error err = ERROR_INIT;
    return answer(journal_reader_bounds(reader_of(reader), from, to, &err), &err, why);
}

static uint64_t reader_at(const tide_journal_reader *reader)
{
    return journal_reader_at(reader_of(reader));
}

static const unsigned char *reader_id(const tide_journal_reader *reader)
{
    return journal_reader_id(reader_of(reader));
}

static tide_journal_hold *reader_hold(tide_journal_reader *reader)
{
    return (tide_journal_hold *)(void *)journal_reader_hold(reader_of(reader));
}

static void release(tide_journal_hold *hold)
{
    journal_chunk_release((struct journal_chunk *)(void *)hold);
}

const struct tide_journal_host host_journal = {
    .struct_size = sizeof host_journal,
    .open = open_writer,
    .close = close_writer,
    .abandon = abandon,
    .append = append,
    .seal = seal,
    .sync = sync_writer,
    .end = end,
    .durable = durable,
    .cut = cut,
    .first = first,
    .next = next,
    .bytes = bytes,
    .retain = retain,
    .id = id,
    .reader_open = reader_open,
    .reader_close = reader_close,
    .reader_next = reader_next,
    .reader_seek = reader_seek,
    .reader_bounds = reader_bounds,
    .reader_at = reader_at,
    .reader_id = reader_id,
    .reader_hold = reader_hold,
    .release = release,
};
