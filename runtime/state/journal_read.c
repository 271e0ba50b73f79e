// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "base/io.h"
#include "state/journal_chunk.h"
#include "state/journal_segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEFAULT_CHUNK = 256 << 10 };

struct open_segment {
    int fd; // -1: none
    uint64_t first;
    char path[PATH_MAX];
    struct skim skim; // runs ahead of what is read
};

struct journal_reader {
    char *dir;
    unsigned char id[JOURNAL_ID_BYTES];
    struct segment_list list; // as last read
    struct open_segment now;  // being read
    struct open_segment last; // the newest one, for the end
    uint64_t offset;          // of the next frame that is not in `chunk`
    uint64_t sequence;        // of the next entry
    uint64_t floor;           // first record that counts: of the snapshot, if there is one
    struct chunk_pool *pool;
    size_t chunk_size;
    struct journal_chunk *chunk; // frames [chunk_at, chunk_len) are still to be handed out
    size_t chunk_at, chunk_len;
    uint64_t chunk_base; // where in the file chunk->data lies
    bool tail_checked;
    uint64_t stuck_at, stuck_size; // where and at which file size the walk stopped last
};

static void close_segment(struct open_segment *segment)
{
    if (segment->fd >= 0)
        close(segment->fd);
    segment->fd = -1;
}

// Opens segment `first` and checks that it belongs here; `segment` keeps what it had on failure.
static int open_segment(const struct journal_reader *reader, struct open_segment *segment,
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

static void drop_chunk(struct journal_reader *reader)
{
    journal_chunk_release(reader->chunk);
    reader->chunk = NULL;
    reader->chunk_at = reader->chunk_len = 0;
}

static int go_to(struct journal_reader *reader, uint64_t first, struct error *err)
{
    struct segment_header header;
    int code = open_segment(reader, &reader->now, first, true, &header, err);
    if (code)
        return code;
    drop_chunk(reader);
    reader->offset = SEGMENT_HEADER;
    reader->sequence = first;
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
        int code = open_segment(reader, &segment, list->firsts[i], known, &header, err);
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
    return go_to(reader, reader->floor, err);
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
    drop_chunk(reader);
    chunk_pool_close(reader->pool);
    close_segment(&reader->now);
    close_segment(&reader->last);
    segment_list_free(&reader->list);
    mem_free(reader->dir);
    mem_free(reader);
}

// Walks on until a chunk's worth behind reader->offset is known to be sealed, or there is no more.
static int look_ahead(struct journal_reader *reader, struct error *err)
{
    struct skim *skim = &reader->now.skim;
    struct frame_header frame;
    uint64_t at;
    int code = 1;
    while (code > 0 && skim->sealed < reader->offset + reader->chunk_size)
        code = skim_next(skim, &frame, &at, err);
    if (code == 0) {
        bool again = skim->at == reader->stuck_at && skim->size == reader->stuck_size;
        if (!again)
            reader->tail_checked = false;
        if (skim_unsealed(skim) && again && !reader->tail_checked) {
            code = skim_check_live(skim, err); // no write on its way: torn, or damaged?
            reader->tail_checked = code == 0;
        }
        reader->stuck_at = skim->at;
        reader->stuck_size = skim->size;
        skim_rewind(skim);
    }
    return code < 0 ? code : 0;
}

static int read_chunk(struct journal_reader *reader, size_t len, struct error *err)
{
    drop_chunk(reader);
    reader->chunk = chunk_get(reader->pool, len);
    if (!reader->chunk)
        return error_nomem(err);
    reader->chunk_base = reader->offset;
    return io_pread(reader->now.fd, reader->now.path, reader->chunk->data, len, reader->offset,
                    &reader->chunk_len, err);
}

// Goes over the frames of the chunk as the walk over the file would: the bytes up to the last good
// commit in it.
static size_t sealed_in_chunk(struct journal_reader *reader)
{
    struct skim *skim = &reader->now.skim;
    const unsigned char *data = (const unsigned char *)reader->chunk->data;
    uint64_t sequence = reader->sequence, durable;
    size_t at = 0, sealed = 0;
    struct frame_header frame;
    while (reader->chunk_len - at >= FRAME_HEADER && frame_header_read(data + at, &frame)) {
        size_t len = FRAME_HEADER + (size_t)frame.len;
        if (reader->chunk_len - at < len)
            break;
        if (frame.type == FRAME_ENTRY) {
            if (frame.sequence != sequence)
                break;
            sequence += frame.count;
        } else {
            uint64_t told;
            if (!commit_read(data + at, reader->id, reader->offset + at, &told, &durable) ||
                told != sequence)
                break;
            sealed = at + len;
            skim->sealed = reader->offset + sealed;
            skim->sealed_sequence = sequence;
            skim->durable = durable;
        }
        at += len;
    }
    skim_rewind(skim);
    return sealed;
}

// The short way: reads a chunk and looks there for a commit. 1: there is one; 0: there is not.
static int fill_blindly(struct journal_reader *reader, struct error *err)
{
    int code = read_chunk(reader, reader->chunk_size, err);
    if (code)
        return code;
    reader->chunk_len = sealed_in_chunk(reader);
    return reader->chunk_len > 0;
}

// Reads what is sealed into a new chunk. 1: there is something; 0: there is not.
static int fill(struct journal_reader *reader, struct error *err)
{
    struct skim *skim = &reader->now.skim;
    if (skim->sealed <= reader->offset) {
        int code = fill_blindly(reader, err);
        if (!code)
            code = look_ahead(reader, err);
        if (code)
            return code;
    }
    if (skim->sealed <= reader->offset)
        return 0;
    uint64_t there = skim->sealed - reader->offset;
    size_t want = there < reader->chunk_size ? (size_t)there : reader->chunk_size;
    int code = read_chunk(reader, want, err);
    if (code)
        return code;
    struct frame_header frame;
    const unsigned char *data = (const unsigned char *)reader->chunk->data;
    if (reader->chunk_len < FRAME_HEADER || !frame_header_read(data, &frame) ||
        FRAME_HEADER + (uint64_t)frame.len > there)
        return error_set(err, ERR_CORRUPT, "%s: byte %" PRIu64 ": no frame begins here",
                         reader->now.path, reader->offset);
    size_t whole = FRAME_HEADER + (size_t)frame.len;
    if (whole > reader->chunk_len)
        code = read_chunk(reader, whole, err);
    if (!code && reader->chunk_len < whole)
        code =
            error_set(err, ERR_CORRUPT, "%s: byte %" PRIu64 ": the file was cut under the reader",
                      reader->now.path, reader->offset);
    return code ? code : 1;
}

enum { NO_FRAME = 0, ENTRY = 1, PASSED = 2, STOP = 3 }; // what take_frame found

// A sealed frame that does not check. When a later commit says that it was durable, it is damage.
// Else it may be a torn write that a writer will cut when it opens: wait. (In a segment that is not
// the last one that, too, is damage: ends_early.)
static int bad_frame(struct journal_reader *reader, uint64_t at, uint32_t found, uint32_t expected,
                     struct error *err)
{
    struct skim *skim = &reader->now.skim;
    drop_chunk(reader);
    reader->offset = at;
    skim->sealed = at;
    skim->sealed_sequence = reader->sequence;
    skim_rewind(skim);
    if (found == expected)
        (void)snprintf(skim->why, sizeof skim->why, "no frame begins here");
    else
        (void)snprintf(skim->why, sizeof skim->why, "the frame's checksum is %08x, expected %08x",
                       found, expected);
    int code = skim_check_tail(skim, err);
    return code ? code : STOP;
}

static int take_frame(struct journal_reader *reader, struct journal_entry *entry, struct error *err)
{
    size_t left = reader->chunk_len - reader->chunk_at;
    const char *data = reader->chunk ? reader->chunk->data + reader->chunk_at : NULL;
    const unsigned char *bytes = (const unsigned char *)data;
    struct frame_header frame;
    uint64_t at = reader->chunk_base + reader->chunk_at;
    if (left < FRAME_HEADER)
        return NO_FRAME;
    if (!frame_header_read(bytes, &frame))
        return bad_frame(reader, at, 0, 0, err);
    size_t len = FRAME_HEADER + (size_t)frame.len;
    if (left < len)
        return NO_FRAME;
    uint32_t sum = frame_sum(bytes, frame.len);
    if (sum != frame.crc)
        return bad_frame(reader, at, frame.crc, sum, err);
    if (frame.sequence != reader->sequence)
        return error_set(err, ERR_CORRUPT,
                         "%s: byte %" PRIu64 ": record %" PRIu64 ", expected %" PRIu64,
                         reader->now.path, at, frame.sequence, reader->sequence);
    reader->chunk_at += len;
    reader->offset = at + len;
    if (frame.type == FRAME_COMMIT)
        return PASSED;
    reader->sequence += frame.count;
    *entry = (struct journal_entry){data + FRAME_HEADER, frame.len, frame.sequence, frame.count};
    return ENTRY;
}

static int entry_here(struct journal_reader *reader, struct journal_entry *entry, struct error *err)
{
    for (;;) {
        int code = take_frame(reader, entry, err);
        if (code == PASSED)
            continue;
        if (code)
            return code == STOP ? 0 : code;
        code = fill(reader, err);
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
            code = go_to(reader, reader->sequence, err);
            if (code)
                return code;
            continue;
        }
        return later ? ends_early(reader, st.st_nlink == 0, err) : 0;
    }
}

// Walks to the frame that holds `sequence` in the segment that was just opened.
static int walk_to(struct journal_reader *reader, uint64_t sequence, struct error *err)
{
    struct skim *skim = &reader->now.skim;
    bool found = false;
    int code = 1;
    while (code > 0 && !(found && skim->sealed > reader->offset)) {
        struct frame_header frame;
        uint64_t at;
        code = skim_next(skim, &frame, &at, err);
        if (code > 0 && !found && frame.type == FRAME_ENTRY &&
            sequence < frame.sequence + frame.count) {
            found = true;
            reader->offset = at;
            reader->sequence = frame.sequence;
        }
    }
    if (code < 0)
        return code;
    if (found && skim->sealed > reader->offset)
        return 0;
    if (skim_unsealed(skim)) {
        code = skim_check_live(skim, err);
        if (code)
            return code;
    }
    skim_rewind(skim);
    if (sequence != skim->sealed_sequence)
        return error_set(err, ERR_REFUSED,
                         "%s: record %" PRIu64 " lies beyond the end, which is at %" PRIu64,
                         reader->dir, sequence, skim->sealed_sequence);
    reader->offset = skim->sealed;
    reader->sequence = sequence;
    return 0;
}

int journal_reader_seek(struct journal_reader *reader, uint64_t sequence, struct error *err)
{
    int code = segment_list_read(&reader->list, reader->dir, err);
    if (code)
        return code;
    const struct segment_list *list = &reader->list;
    if (!list->count || sequence < list->firsts[0] || sequence < reader->floor)
        return error_set(err, ERR_LIMIT, "%s: record %" PRIu64 " was dropped by retention",
                         reader->dir, sequence);
    size_t low = 0, high = list->count; // firsts[low] <= sequence < firsts[high]
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (list->firsts[middle] <= sequence)
            low = middle;
        else
            high = middle;
    }
    code = go_to(reader, list->firsts[low], err);
    return code ? code : walk_to(reader, sequence, err);
}

int journal_reader_bounds(struct journal_reader *reader, uint64_t *first, uint64_t *next,
                          struct error *err)
{
    int code = segment_list_read(&reader->list, reader->dir, err);
    const struct segment_list *list = &reader->list;
    if (!code && !list->count)
        code = error_set(err, ERR_RETRY, "%s: there is no journal", reader->dir);
    if (code)
        return code;
    uint64_t newest = list->firsts[list->count - 1];
    struct segment_header header;
    if (reader->last.fd < 0 || reader->last.first != newest) {
        code = open_segment(reader, &reader->last, newest, true, &header, err);
        if (code)
            return code;
    }
    struct skim *skim = &reader->last.skim;
    struct frame_header frame;
    uint64_t at;
    do
        code = skim_next(skim, &frame, &at, err);
    while (code > 0);
    if (!code && skim_unsealed(skim))
        code = skim_check_live(skim, err);
    skim_rewind(skim);
    *first = list->firsts[0] > reader->floor ? list->firsts[0] : reader->floor;
    *next = skim->sealed_sequence;
    return code;
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
