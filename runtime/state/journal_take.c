// SPDX-License-Identifier: MIT
#include "state/journal_reader.h"
#include "base/alloc.h"
#include "base/io.h"

#include <inttypes.h>
#include <stdio.h>

// From frames in memory to entries. A span is what lies between two commits: a writer that opens
// the journal after a power cut keeps it or cuts it off as a whole. So the sums of a whole span are
// checked before its first entry is handed out, unless it is known to be durable: then what does
// not check is damage, and no writer would cut it.

// How far a span checks.
struct span_check {
    uint64_t at;       // of the next frame
    uint64_t sequence; // as its commit says
    enum { SPAN_GOES_ON, SPAN_GOOD, SPAN_TORN } state;
    uint32_t found, expected; // TORN: sums of the frame at `at`; alike: it is none
};

// Goes over the whole frames in bytes[0..len), which lie at `base`.
static void check_frames(const struct journal_reader *reader, struct span_check *check,
                         const unsigned char *bytes, size_t len, uint64_t base)
{
    while (check->state == SPAN_GOES_ON && base + len - check->at >= FRAME_HEADER) {
        const unsigned char *frame = bytes + (check->at - base);
        struct frame_header header;
        bool good = frame_header_read(frame, &header);
        if (good && base + len - check->at < FRAME_HEADER + (uint64_t)header.len)
            return;
        check->found = good ? header.crc : 0;
        check->expected = good ? frame_sum(frame, header.len) : 0;
        good &= check->found == check->expected;
        uint64_t durable;
        if (good && header.type == FRAME_COMMIT) {
            good = commit_read(frame, reader->id, check->at, &check->sequence, &durable);
            check->state = good ? SPAN_GOOD : SPAN_TORN;
        }
        if (!good)
            check->state = SPAN_TORN;
        else
            check->at += FRAME_HEADER + (uint64_t)header.len;
    }
}

// The length of the frame at `at`, when the file holds it whole; else 0.
static int frame_length(const struct journal_reader *reader, uint64_t at, size_t *len,
                        struct error *err)
{
    unsigned char bytes[FRAME_HEADER];
    struct frame_header header;
    size_t got;
    *len = 0;
    int code = io_pread(reader->now.fd, reader->now.path, bytes, sizeof bytes, at, &got, err);
    if (!code && got == sizeof bytes && frame_header_read(bytes, &header))
        *len = FRAME_HEADER + (size_t)header.len;
    return code;
}

// What of the span is not in the chunk: from the file, a chunk's size or a frame at a time.
static int check_file(const struct journal_reader *reader, struct span_check *check,
                      struct error *err)
{
    unsigned char *bytes = NULL;
    size_t cap = 0, want = reader->chunk_size, got;
    int code = 0;
    while (!code && check->state == SPAN_GOES_ON) {
        uint64_t from = check->at;
        if (mem_grow(&bytes, &cap, want, 1)) {
            code = error_nomem(err);
            break;
        }
        code = io_pread(reader->now.fd, reader->now.path, bytes, want, from, &got, err);
        if (code)
            break;
        check_frames(reader, check, bytes, got, from);
        if (check->state != SPAN_GOES_ON || check->at != from)
            continue;
        code = frame_length(reader, from, &want, err);
        if (!code && want <= got) // it is not there as a whole (any more)
            check->state = SPAN_TORN;
    }
    mem_free(bytes);
    return code;
}

// What lies at `at` does not check. When a later commit says that it was durable, it is damage.
// Else it may be a torn write that a writer will cut when it opens, with all of the span: wait. (In
// a segment that is not the last one that, too, is damage: ends_early.)
static int torn(struct journal_reader *reader, uint64_t at, uint32_t found, uint32_t expected,
                struct error *err)
{
    struct skim *skim = &reader->now.skim;
    reader->offset = reader->chunk_base + reader->chunk_at;
    reader_drop_chunk(reader);
    skim->sealed = reader->span;
    skim->sealed_sequence = reader->span_sequence;
    skim_rewind(skim);
    skim->at = at; // for the message
    if (found == expected)
        (void)snprintf(skim->why, sizeof skim->why, "no frame begins here");
    else
        (void)snprintf(skim->why, sizeof skim->why, "the frame's checksum is %08x, expected %08x",
                       found, expected);
    int code = skim_check_tail(skim, err);
    skim->at = skim->sealed;
    return code ? code : STOP;
}

// The next span that is not checked yet. 0: it checks; STOP; or an error.
static int check_span(struct journal_reader *reader, struct error *err)
{
    struct span_check check = {.at = reader->span};
    uint64_t base = reader->chunk_base;
    if (check.at >= base && check.at < base + reader->chunk_len) {
        check_frames(reader, &check, (const unsigned char *)reader->chunk->data, reader->chunk_len,
                     base);
        reader->summed = check.at;
    }
    int code = check_file(reader, &check, err);
    if (code)
        return code;
    if (check.state == SPAN_TORN)
        return torn(reader, check.at, check.found, check.expected, err);
    reader->checked = check.at;
    if (check.at > reader->offset) // it holds the entry that comes next
        return 0;
    reader->span = check.at;
    reader->span_sequence = check.sequence;
    return 0;
}

static void pass_commit(struct journal_reader *reader)
{
    reader->span = reader->offset;
    reader->span_sequence = reader->sequence;
}

int reader_take(struct journal_reader *reader, struct journal_entry *entry, struct error *err)
{
    size_t left = reader->chunk_len - reader->chunk_at;
    const char *data = reader->chunk ? reader->chunk->data + reader->chunk_at : NULL;
    const unsigned char *bytes = (const unsigned char *)data;
    struct frame_header frame;
    uint64_t at = reader->chunk_base + reader->chunk_at;
    if (left < FRAME_HEADER)
        return NO_FRAME;
    if (!frame_header_read(bytes, &frame))
        return torn(reader, at, 0, 0, err);
    size_t len = FRAME_HEADER + (size_t)frame.len;
    if (left < len)
        return NO_FRAME;
    while (frame.type == FRAME_ENTRY && at >= reader->checked && at >= reader->now.skim.durable) {
        int code = check_span(reader, err);
        if (code)
            return code;
    }
    uint32_t sum = at < reader->summed ? frame.crc : frame_sum(bytes, frame.len);
    if (sum != frame.crc)
        return torn(reader, at, frame.crc, sum, err);
    if (frame.sequence != reader->sequence)
        return error_set(err, ERR_CORRUPT,
                         "%s: byte %" PRIu64 ": record %" PRIu64 ", expected %" PRIu64,
                         reader->now.path, at, frame.sequence, reader->sequence);
    reader->chunk_at += len;
    reader->offset = at + len;
    if (frame.type == FRAME_COMMIT) {
        pass_commit(reader);
        return PASSED;
    }
    reader->sequence += frame.count;
    *entry = (struct journal_entry){data + FRAME_HEADER, frame.len, frame.sequence, frame.count};
    return ENTRY;
}
