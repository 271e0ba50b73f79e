// SPDX-License-Identifier: MIT
#include "state/journal_segment.h"
#include "base/alloc.h"
#include "base/io.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

void skim_init(struct skim *skim, int fd, const char *path, const unsigned char *id, uint64_t first)
{
    skim->fd = fd;
    skim->path = path;
    skim->id = id;
    skim->sealed = SEGMENT_HEADER;
    skim->sealed_sequence = first;
    skim->durable = SEGMENT_HEADER;
    skim->size = 0;
    skim_rewind(skim);
}

void skim_rewind(struct skim *skim)
{
    skim->at = skim->sealed;
    skim->sequence = skim->sealed_sequence;
    skim->window_len = 0;
    skim->why[0] = 0;
}

// The file reaches to `end`?
static int reaches(struct skim *skim, uint64_t end, bool *yes, struct error *err)
{
    if (end > skim->size) {
        struct stat st;
        if (fstat(skim->fd, &st))
            return error_errno(err, ERR_IO, errno, "%s: cannot stat", skim->path);
        skim->size = (uint64_t)st.st_size;
    }
    *yes = end <= skim->size;
    return 0;
}

// `len` (at most COMMIT_BYTES) bytes at skim->at; NULL: the file has fewer.
static int look(struct skim *skim, size_t len, const unsigned char **bytes, struct error *err)
{
    *bytes = NULL;
    uint64_t from = skim->at;
    if (from < skim->window_at || from + len > skim->window_at + skim->window_len) {
        int code = io_pread(skim->fd, skim->path, skim->window, sizeof skim->window, from,
                            &skim->window_len, err);
        skim->window_at = from;
        if (code)
            return code;
        if (skim->window_len < len)
            return 0;
    }
    *bytes = skim->window + (from - skim->window_at);
    return 0;
}

__attribute__((format(printf, 2, 3))) static int stop(struct skim *skim, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(skim->why, sizeof skim->why, fmt, args);
    va_end(args);
    skim->window_len = 0; // what is there may change
    return 0;
}

static int take_commit(struct skim *skim, const struct frame_header *frame, struct error *err)
{
    const unsigned char *bytes;
    int code = look(skim, COMMIT_BYTES, &bytes, err);
    if (code)
        return code;
    uint64_t sequence, durable;
    if (!bytes || !commit_read(bytes, skim->id, skim->at, &sequence, &durable))
        return stop(skim, "a commit that does not check (sum %08x)", frame->crc);
    if (sequence != skim->sequence)
        return stop(skim, "a commit of record %" PRIu64 ", expected %" PRIu64, sequence,
                    skim->sequence);
    skim->at += COMMIT_BYTES;
    skim->sealed = skim->at;
    skim->sealed_sequence = sequence;
    skim->durable = durable;
    return 1;
}

int skim_next(struct skim *skim, struct frame_header *frame, uint64_t *offset, struct error *err)
{
    const unsigned char *bytes;
    skim->why[0] = 0;
    int code = look(skim, FRAME_HEADER, &bytes, err);
    if (code)
        return code;
    if (!bytes) {
        size_t rest = skim->window_len;
        return rest ? stop(skim, "%zu bytes, expected a frame's header of %d", rest, FRAME_HEADER)
                    : stop(skim, "%s", "");
    }
    if (!frame_header_read(bytes, frame))
        return stop(skim, "no frame's header (length %u, type %u)", frame->len, frame->type);
    bool whole = false;
    code = reaches(skim, skim->at + FRAME_HEADER + frame->len, &whole, err);
    if (code)
        return code;
    if (!whole)
        return stop(skim, "a frame of %u bytes that the file does not hold", frame->len);
    *offset = skim->at;
    if (frame->type == FRAME_COMMIT)
        return take_commit(skim, frame, err);
    if (frame->sequence != skim->sequence)
        return stop(skim, "record %" PRIu64 ", expected %" PRIu64, frame->sequence, skim->sequence);
    skim->at += FRAME_HEADER + (uint64_t)frame->len;
    skim->sequence += frame->count;
    return 1;
}

// A good commit in bytes[0..len), which lie at `base` of the file, that vouches for more than what
// the walk found sealed.
static bool vouches(const struct skim *skim, const unsigned char *bytes, size_t len, uint64_t base,
                    uint64_t *where)
{
    const unsigned char *from = bytes, *end = bytes + len;
    for (;;) {
        const unsigned char *hit = memmem(from, (size_t)(end - from), skim->id, JOURNAL_ID_BYTES);
        if (!hit)
            return false;
        from = hit + 1;
        uint64_t sequence, durable;
        if (hit - bytes < FRAME_HEADER || end - hit < COMMIT_CONTENT)
            continue;
        *where = base + (uint64_t)(hit - bytes) - FRAME_HEADER;
        if (commit_read(hit - FRAME_HEADER, skim->id, *where, &sequence, &durable) &&
            durable > skim->sealed)
            return true;
    }
}

int skim_check_tail(struct skim *skim, struct error *err)
{
    enum { PIECE = 256 << 10 };
    unsigned char *bytes = mem_alloc(PIECE);
    if (!bytes)
        return error_nomem(err);
    int code = 0;
    for (uint64_t at = skim->sealed;; at += PIECE - COMMIT_BYTES) {
        size_t got;
        uint64_t where;
        code = io_pread(skim->fd, skim->path, bytes, PIECE, at, &got, err);
        if (code)
            break;
        if (vouches(skim, bytes, got, at, &where)) {
            code = error_set(
                err, ERR_CORRUPT,
                "%s: byte %" PRIu64 ": %s; the commit at byte %" PRIu64 " says that this was whole",
                skim->path, skim->at, skim->why[0] ? skim->why : "the file ends", where);
            break;
        }
        if (got < PIECE)
            break;
    }
    mem_free(bytes);
    return code;
}

int skim_check_live(struct skim *skim, struct error *err)
{
    int code = skim_check_tail(skim, err);
    if (code != ERR_CORRUPT)
        return code;
    struct skim again = *skim;
    struct frame_header frame;
    uint64_t at;
    skim_rewind(&again);
    while (again.sealed == skim->sealed) {
        if (skim_next(&again, &frame, &at, NULL) <= 0)
            return code;
    }
    error_clear(err);
    return 0;
}

int sealed_at(int fd, const char *path, const unsigned char *id, uint64_t first, uint64_t offset,
              uint64_t *sequence, struct error *err)
{
    *sequence = first;
    if (offset == SEGMENT_HEADER)
        return 1;
    if (offset < SEGMENT_HEADER + COMMIT_BYTES)
        return 0;
    unsigned char bytes[COMMIT_BYTES];
    size_t got;
    uint64_t at = offset - COMMIT_BYTES, durable;
    int code = io_pread(fd, path, bytes, sizeof bytes, at, &got, err);
    if (code)
        return code;
    return got == sizeof bytes && commit_read(bytes, id, at, sequence, &durable);
}
