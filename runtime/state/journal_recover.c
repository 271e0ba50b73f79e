// SPDX-License-Identifier: MIT
#include "state/journal_writer.h"
#include "base/alloc.h"
#include "base/io.h"

#include <fcntl.h>
#include <inttypes.h>

// Where the last segment ends, after a close or a crash.

// 1: the entry at `at` checks; 0: it does not; or an error. *bytes is kept for the next call.
static int entry_checks(const struct skim *skim, uint64_t at, const struct frame_header *frame,
                        unsigned char **bytes, size_t *cap, struct error *err)
{
    size_t len = FRAME_HEADER + (size_t)frame->len, got;
    if (mem_grow(bytes, cap, len, 1))
        return error_nomem(err);
    int code = io_pread(skim->fd, skim->path, *bytes, len, at, &got, err);
    if (code)
        return code;
    return got == len && frame_sum(*bytes, frame->len) == frame->crc;
}

// Checks what lies between the last durable point and the last commit: after a power cut pages may
// be missing there. Moves skim->sealed back to before the first entry that does not check.
static int verify(struct skim *skim, uint64_t first, struct error *err)
{
    struct skim walk = *skim;
    uint64_t end = skim->sealed;
    walk.sealed = skim->durable;
    int code =
        sealed_at(skim->fd, skim->path, skim->id, first, walk.sealed, &walk.sealed_sequence, err);
    if (code == 0)
        return error_set(err, ERR_CORRUPT,
                         "%s: byte %" PRIu64 ": no commit ends here, but a later one says so",
                         skim->path, walk.sealed);
    skim_rewind(&walk);
    unsigned char *bytes = NULL;
    size_t cap = 0;
    while (code > 0 && walk.at < end) {
        struct frame_header frame;
        uint64_t at;
        code = skim_next(&walk, &frame, &at, err);
        if (code > 0 && frame.type == FRAME_ENTRY)
            code = entry_checks(&walk, at, &frame, &bytes, &cap, err);
    }
    mem_free(bytes);
    if (code < 0)
        return code;
    skim->sealed = walk.sealed;
    skim->sealed_sequence = walk.sealed_sequence;
    return 0;
}

// Finds the end of the last segment. *clean: it is whole, and its last frame says so.
static int find_end(struct journal *journal, bool *clean, struct error *err)
{
    struct segment_file *file = &journal->file;
    struct skim skim;
    struct frame_header frame;
    uint64_t at;
    skim_init(&skim, file->fd, file->path, journal->id, file->first);
    int code;
    do
        code = skim_next(&skim, &frame, &at, err);
    while (code > 0);
    if (!code && skim_unsealed(&skim))
        code = skim_check_tail(&skim, err);
    uint64_t end = skim.at;
    if (!code)
        code = verify(&skim, file->first, err);
    if (code)
        return code;
    *clean = !skim.why[0] && skim.sealed == end &&
             (end == SEGMENT_HEADER || skim.durable == end - COMMIT_BYTES);
    file->offset = file->sealed = file->kicked = skim.sealed;
    file->sealed_sequence = journal->next = skim.sealed_sequence;
    return 0;
}

int journal_resume(struct journal *journal, struct error *err)
{
    struct segment_file *file = &journal->file;
    struct segment_header header;
    bool clean;
    file->first = journal->segments.firsts[journal->segments.count - 1];
    segment_path(file->path, journal->dir, file->first);
    int code = segment_open(&file->fd, file->path, file->first, O_RDWR | O_APPEND, &header, err);
    if (!code)
        code = find_end(journal, &clean, err);
    if (!code && !clean) {
        if (journal->next == file->first) // no entry is in it
            file->offset = file->sealed = file->kicked = SEGMENT_HEADER;
        code = io_truncate(file->fd, file->path, file->offset, err);
        if (!code)
            code = io_datasync(file->fd, file->path, err);
    }
    if (code)
        return code;
    file->durable = file->sealed;
    file->durable_sequence = file->sealed_sequence;
    if (clean || journal->next == file->first)
        return 0;
    code = journal_mark(journal, err);
    return code ? code : journal_roll(journal, err);
}
