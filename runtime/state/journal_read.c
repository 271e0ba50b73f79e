// SPDX-License-Identifier: MIT
#include "state/journal_reader.h"
#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEFAULT_CHUNK = 256 << 10 };

static void close_segment(struct open_segment *segment)
{
    if (segment->fd >= 0)
        close(segment->fd);
    segment->fd = -1;
}

int reader_open_segment(const struct journal_reader *reader, struct open_segment *segment,
                        uint64_t first, bool check_id, struct segment_header *header,
                        struct error *err)
{
    char path[PATH_MAX];
    int fd;
    segment_path(path, reader->dir, first);
    int code = segment_open(&fd, path, first, O_RDONLY, header, err);
    if (code)
        return code;
    if (check_id && memcmp(header->id, reader->id, sizeof header->id)) {
        close(fd);
        return error_set(err, ERR_CORRUPT, "%s: byte 16: is a segment of another journal", path);
    }
    close_segment(segment);
    segment->fd = fd;
    segment->first = first;
    memcpy(segment->path, path, sizeof path);
    skim_init(&segment->skim, fd, segment->path, reader->id, first);
    return 0;
}

void reader_drop_chunk(struct journal_reader *reader)
{
    journal_chunk_release(reader->chunk);
    reader->chunk = NULL;
    reader->chunk_at = reader->chunk_len = 0;
}

int reader_go_to(struct journal_reader *reader, uint64_t first, struct error *err)
{
    struct segment_header header;
    int code = reader_open_segment(reader, &reader->now, first, true, &header, err);
    if (code)
        return code;
    reader_drop_chunk(reader);
    reader->offset = reader->span = SEGMENT_HEADER;
    reader->sequence = reader->span_sequence = first;
    reader->checked = 0;
    reader->stuck_at = 0;
    return 0;
}

// The newest snapshot, else the first segment. Takes the id from the newest.
static int find_start(struct journal_reader *reader, struct error *err)
{
    struct segment_list *list = &reader->list;
    struct open_segment segment = {.fd = -1};
    bool known = false;
    for (size_t i = list->count; i-- > 0;) {
        struct segment_header header;
        int code = reader_open_segment(reader, &segment, list->firsts[i], known, &header, err);
        if (code) {
            close_segment(&segment);
            return code;
        }
        if (!known)
            memcpy(reader->id, header.id, sizeof reader->id);
        known = true;
        reader->floor = header.first;
        if (header.flags & SEGMENT_SNAPSHOT)
            break;
    }
    close_segment(&segment);
    return reader_go_to(reader, reader->floor, err);
}

static int start(struct journal_reader *reader, struct error *err)
{
    int code = segment_list_read(&reader->list, reader->dir, err);
    if (!code && !reader->list.count)
        code = error_set(err, ERR_RETRY, "%s: there is no journal yet", reader->dir);
    if (!code)
        code = find_start(reader, err);
    return code;
}

int journal_reader_open(struct journal_reader **out, const char *dir, size_t chunk_size,
                        struct error *err)
{
    *out = NULL;
    if (strlen(dir) + 32 > PATH_MAX)
        return error_set(err, ERR_INPUT, "%.64s...: the path is too long", dir);
    struct journal_reader *reader = mem_zalloc(sizeof *reader);
    if (!reader)
        return error_nomem(err);
    reader->now.fd = reader->last.fd = -1;
    reader->chunk_size = chunk_size ? chunk_size : DEFAULT_CHUNK;
    reader->dir = mem_strdup(dir);
    reader->pool = chunk_pool_new(reader->chunk_size);
    int code = reader->dir && reader->pool ? start(reader, err) : error_nomem(err);
    if (code) {
        journal_reader_close(reader);
        return code;
    }
    *out = reader;
    return 0;
}

void journal_reader_close(struct journal_reader *reader)
{
    if (!reader)
        return;
    reader_drop_chunk(reader);
    chunk_pool_close(reader->pool);
    close_segment(&reader->now);
    close_segment(&reader->last);
    segment_list_free(&reader->list);
    mem_free(reader->dir);
    mem_free(reader);
}

static int entry_here(struct journal_reader *reader, struct journal_entry *entry, struct error *err)
{
    for (;;) {
        int code = reader_take(reader, entry, err);
        if (code == PASSED)
            continue;
        if (code)
            return code == STOP ? 0 : code;
        code = reader_fill(reader, err);
        if (code <= 0)
            return code;
    }
}

// Whether the list has the segment that goes on where the reader is, or only later ones.
static void look_for_next(const struct journal_reader *reader, bool *exact, bool *later)
{
    *exact = *later = false;
    for (size_t i = reader->list.count; i-- > 0;) {
        if (reader->list.firsts[i] < reader->sequence)
            break;
        *exact |= reader->list.firsts[i] == reader->sequence;
        *later |= reader->list.firsts[i] > reader->sequence;
    }
}

static int ends_early(const struct journal_reader *reader, bool removed, struct error *err)
{
    if (removed)
        return error_set(err, ERR_LIMIT, "%s: record %" PRIu64 " was dropped by retention",
                         reader->dir, reader->sequence);
    return error_set(err, ERR_CORRUPT,
                     "%s: byte %" PRIu64 ": ends before record %" PRIu64
                     ", but there are later segments",
                     reader->now.path, reader->offset, reader->sequence);
}

int journal_reader_next(struct journal_reader *reader, struct journal_entry *entry,
                        struct error *err)
{
    for (;;) {
        int code = entry_here(reader, entry, err);
        if (code)
            return code;
        // The list comes first: a segment that is in it says that all before it are complete.
        code = segment_list_read(&reader->list, reader->dir, err);
        if (!code)
            code = entry_here(reader, entry, err);
        if (code)
            return code;
        struct stat st;
        if (fstat(reader->now.fd, &st))
            return error_errno(err, ERR_IO, errno, "%s: cannot stat", reader->now.path);
        if ((uint64_t)st.st_size < reader->offset && st.st_nlink)
            return error_set(err, ERR_REFUSED,
                             "%s: was cut back to byte %lld, before byte %" PRIu64,
                             reader->now.path, (long long)st.st_size, reader->offset);
        bool exact, later;
        look_for_next(reader, &exact, &later);
        if (exact && (reader->now.first != reader->sequence || st.st_nlink == 0)) {
            code = reader_go_to(reader, reader->sequence, err);
            if (code)
                return code;
            continue;
        }
        return later ? ends_early(reader, st.st_nlink == 0, err) : 0;
    }
}

uint64_t journal_reader_at(const struct journal_reader *reader)
{
    return reader->sequence;
}

const unsigned char *journal_reader_id(const struct journal_reader *reader)
{
    return reader->id;
}

struct journal_chunk *journal_reader_hold(struct journal_reader *reader)
{
    if (reader->chunk)
        atomic_fetch_add_explicit(&reader->chunk->refs, 1, memory_order_relaxed);
    return reader->chunk;
}
