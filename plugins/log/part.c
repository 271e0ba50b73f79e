// SPDX-License-Identifier: MIT
#include "source.h"
#include "committed.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char no_id[16];

static tide_result fail(struct source *source, const struct part *part, tide_result result,
                        const char *why)
{
    return source->host->fail(source->ctx, result, "%s/%" PRIu32 ": %s", part->topic,
                              part->partition, why);
}

// "<topic>/<partition>"
static bool name_read(struct part *part, tide_bytes name)
{
    const char *text = name.data;
    const char *slash = memrchr(text, '/', name.len);
    if (!slash || !topic_name_ok(text, (size_t)(slash - text)))
        return false;
    memcpy(part->topic, text, (size_t)(slash - text));
    part->topic[slash - text] = 0;
    uint32_t number = 0;
    const char *end = text + name.len;
    for (const char *at = slash + 1; at < end; at++) {
        if (*at < '0' || *at > '9' || number > PARTITIONS_MAX)
            return false;
        number = number * 10 + (uint32_t)(*at - '0');
    }
    part->partition = number;
    return slash + 1 < end && number < PARTITIONS_MAX;
}

tide_result part_init(struct source *source, struct part *part, const tide_split *split)
{
    *part = (struct part){.id = split->id, .fresh = split->position.data == NULL};
    if (!name_read(part, split->name))
        return source->host->fail(source->ctx, TIDE_FATAL, "'%.*s' names no partition",
                                  (int)split->name.len, (const char *)split->name.data);
    part->at_start = source->opening;
    if (part->fresh)
        return TIDE_OK;
    if (split->position.len != POSITION_BYTES)
        return fail(source, part, TIDE_FATAL, "the stored position is not one of this log");
    uint64_t next;
    const unsigned char *bytes = split->position.data;
    memcpy(&next, bytes, sizeof next);
    part->next = le64toh(next);
    memcpy(part->journal, bytes + 8, sizeof part->journal);
    return TIDE_OK;
}

void part_position(const struct part *part, unsigned char out[POSITION_BYTES])
{
    uint64_t next = htole64(part->next);
    memcpy(out, &next, sizeof next);
    memcpy(out + 8, part->journal, sizeof part->journal);
}

void part_close(struct source *source, struct part *part)
{
    source->host->journal->reader_close(part->reader);
    part->reader = NULL;
    part->has_entry = false;
}

// Retention was faster than this reader: go on with what there is, and say what is missing.
static tide_result skip_dropped(struct source *source, struct part *part, uint64_t first)
{
    uint64_t missing = first > part->next ? first - part->next : 0;
    source->host->log(source->ctx, TIDE_LOG_WARN,
                      "%s/%" PRIu32 ": retention dropped %" PRIu64
                      " records before they were read, offsets %" PRIu64 " to %" PRIu64,
                      part->topic, part->partition, missing, part->next, first - 1);
    source->host->metric_add(source->ctx, source->lost, (double)missing);
    part->next = first;
    return TIDE_OK;
}

static tide_result go_to_next(struct source *source, struct part *part)
{
    const tide_journal_host *journal = source->host->journal;
    char why[WHY];
    uint64_t first, end;
    part->has_entry = false;
    tide_result result = journal->reader_bounds(part->reader, &first, &end, why);
    if (!result && part->next < first && !part->fresh)
        result = skip_dropped(source, part, first);
    if (!result)
        result = journal->reader_seek(part->reader, part->next, why);
    if (result == TIDE_DATA)
        return TIDE_AGAIN; // dropped meanwhile: the next read tries again
    return result ? fail(source, part, result, why) : TIDE_OK;
}

// How far may be read.
static tide_result look_for_limit(struct source *source, struct part *part)
{
    struct committed committed;
    char why[WHY];
    int found = committed_read(source->connection, part->topic, part->partition, &committed, why);
    if (found < 0)
        return fail(source, part, TIDE_RETRY, why);
    part->limit = found ? UINT64_MAX : committed.place.sequence;
    return TIDE_OK;
}

// Nothing beyond the limit is looked at: it may be taken back.
static tide_result heed_limit(struct source *source, struct part *part)
{
    if (part->next < part->limit)
        return TIDE_OK;
    tide_result result = look_for_limit(source, part);
    if (result)
        return result;
    // What the reader has of it from before is read anew.
    return part->next < part->limit ? go_to_next(source, part) : TIDE_AGAIN;
}

// Where none was known, for an entry that was just read: a limit that is made for it was there
// before the entry was.
static tide_result heed_new_limit(struct source *source, struct part *part)
{
    if (part->limit != UINT64_MAX)
        return TIDE_OK;
    tide_result result = look_for_limit(source, part);
    if (result)
        return result;
    return part->next < part->limit ? TIDE_OK : TIDE_AGAIN;
}

// Where reading begins and, for bounded sources, ends.
static tide_result find_place(struct source *source, struct part *part)
{
    const tide_journal_host *journal = source->host->journal;
    char why[WHY];
    uint64_t first, end;
    tide_result result = journal->reader_bounds(part->reader, &first, &end, why);
    if (result)
        return fail(source, part, result, why);
    const unsigned char *id = journal->reader_id(part->reader);
    if (memcmp(part->journal, no_id, sizeof no_id) && memcmp(part->journal, id, sizeof no_id))
        return fail(source, part, TIDE_FATAL,
                    "the stored position belongs to another journal: the directory was replaced");
    memcpy(part->journal, id, sizeof part->journal);
    result = look_for_limit(source, part);
    if (result)
        return result;
    end = end < part->limit ? end : part->limit;
    if (part->fresh)
        part->next = source->from_latest && part->at_start ? end : first;
    part->fresh = false;
    part->end = end;
    return go_to_next(source, part);
}

tide_result part_open(struct source *source, struct part *part)
{
    char path[PATH_BYTES], why[WHY];
    if (partition_path(path, source->connection->dir, part->topic, part->partition))
        return fail(source, part, TIDE_FATAL, "the path is too long");
    tide_result result = source->host->journal->reader_open(path, 0, &part->reader, why);
    if (result < 0)
        return fail(source, part, result, why);
    if (result == TIDE_OK) {
        result = find_place(source, part);
        if (result)
            part_close(source, part);
    } else if (!part->fresh && part->next > 0) {
        return fail(source, part, TIDE_FATAL,
                    "there is a stored position, but no journal: the directory was removed");
    }
    return result < 0 ? result : result == TIDE_AGAIN ? TIDE_AGAIN : TIDE_OK;
}

static tide_result damaged(struct source *source, const struct part *part)
{
    return source->host->fail(source->ctx, TIDE_FATAL,
                              "%s/%" PRIu32 ": the entry with offset %" PRIu64
                              " is no batch of records",
                              part->topic, part->partition, part->at);
}

// The next entry; records before part->next (a seek into its middle) are passed over.
static tide_result next_entry(struct source *source, struct part *part)
{
    char why[WHY];
    tide_entry entry = {.struct_size = sizeof entry};
    tide_result result = heed_limit(source, part);
    if (result)
        return result;
    result = source->host->journal->reader_next(part->reader, &entry, why);
    if (result == TIDE_AGAIN)
        return result;
    if (result == TIDE_DATA) {
        result = go_to_next(source, part);
        return result < 0 ? result : TIDE_AGAIN;
    }
    if (result)
        return fail(source, part, result, why);
    result = heed_new_limit(source, part);
    if (result)
        return result;
    part->at = entry.sequence;
    if (!unpack_begin(&part->unpacker, entry.data, entry.count))
        return damaged(source, part);
    for (; part->at < part->next; part->at++) {
        tide_message passed;
        if (!unpack(&part->unpacker, &passed, NULL, 0))
            return damaged(source, part);
    }
    part->has_entry = true;
    return TIDE_OK;
}

// What a lend keeps: the journal's bytes and, when records have headers, their arrays.
struct loan {
    void (*release)(tide_journal_hold *hold);
    tide_journal_hold *hold;
    tide_header headers[];
};

static void release_hold(void *arg)
{
    struct loan *loan = arg;
    loan->release(loan->hold);
    free(loan);
}

// Reads up to `max` records of the entry into source->messages. Without room for headers it only
// counts them (*header_count).
static bool read_messages(struct source *source, struct part *part, uint32_t max,
                          tide_header *headers, uint32_t room, uint32_t *count,
                          uint32_t *header_count)
{
    *count = *header_count = 0;
    struct unpacker *unpacker = &part->unpacker;
    while (unpacker->left && *count < max) {
        tide_message *message = &source->messages[*count];
        if (!unpack(unpacker, message, headers ? headers + *header_count : NULL,
                    room - *header_count))
            return false;
        message->offset = (int64_t)(part->at + *count);
        message->split = part->id;
        *header_count += message->header_count;
        ++*count;
    }
    return true;
}

static struct loan *new_loan(struct source *source, struct part *part, uint32_t header_count)
{
    struct loan *loan = malloc(sizeof *loan + header_count * sizeof(tide_header));
    if (!loan)
        return NULL;
    loan->release = source->host->journal->release;
    loan->hold = source->host->journal->reader_hold(part->reader);
    return loan;
}

// Goes over the messages once, and once more when there are headers, then with room for them.
static tide_result prepare(struct source *source, struct part *part, uint32_t max, uint32_t *count,
                           struct loan **loan)
{
    struct unpacker begin = part->unpacker;
    uint32_t headers, again;
    if (!read_messages(source, part, max, NULL, 0, count, &headers))
        return damaged(source, part);
    *loan = new_loan(source, part, headers);
    if (!*loan)
        return source->host->fail(source->ctx, TIDE_RETRY, "out of memory");
    if (headers) {
        part->unpacker = begin;
        (void)read_messages(source, part, max, (*loan)->headers, headers, count, &again);
    }
    return TIDE_OK;
}

// Lends what is left of the entry. The host may take fewer: the rest is unpacked anew later.
static tide_result lend(struct source *source, struct part *part, tide_out *out, uint32_t max,
                        uint32_t *taken)
{
    struct unpacker begin = part->unpacker;
    struct loan *loan;
    uint32_t count;
    tide_result result = prepare(source, part, max < LEND_MAX ? max : LEND_MAX, &count, &loan);
    if (result)
        return result;
    uint32_t n = source->host->lend(out, source->messages, count, sizeof *source->messages,
                                    release_hold, loan);
    *taken += n;
    part->at += n;
    part->next = part->at;
    if (n < count) {
        source->full = true;
        part->unpacker = begin;
        tide_message passed;
        for (uint32_t i = 0; i < n; i++)
            (void)unpack(&part->unpacker, &passed, NULL, 0);
    }
    part->has_entry = part->unpacker.left > 0;
    return TIDE_OK;
}

static bool make_messages(struct source *source)
{
    if (source->messages)
        return true;
    source->messages = calloc(LEND_MAX, sizeof *source->messages);
    for (uint32_t i = 0; source->messages && i < LEND_MAX; i++)
        source->messages[i].struct_size = sizeof *source->messages;
    return source->messages != NULL;
}

static void end_when_done(struct source *source, struct part *part, tide_out *out)
{
    if (!source->bounded || part->ended || (part->reader && part->next < part->end))
        return;
    part->ended = true;
    source->host->split_end(out, part->id);
}

tide_result part_read(struct source *source, struct part *part, tide_out *out, uint32_t max,
                      uint32_t *taken)
{
    if (!make_messages(source))
        return source->host->fail(source->ctx, TIDE_RETRY, "out of memory");
    end_when_done(source, part, out);
    if (part->ended)
        return TIDE_OK;
    if (!part->reader) {
        tide_result result = part_open(source, part);
        if (result)
            return result;
    }
    uint32_t start = *taken;
    while (*taken - start < max && !source->full && !part->ended) {
        tide_result result = part->has_entry ? TIDE_OK : next_entry(source, part);
        if (result)
            return result;
        uint64_t left = source->bounded ? part->end - part->next : UINT64_MAX;
        uint32_t room = max - (*taken - start);
        result = lend(source, part, out, left < room ? (uint32_t)left : room, taken);
        if (result)
            return result;
        end_when_done(source, part, out);
    }
    return TIDE_OK;
}
