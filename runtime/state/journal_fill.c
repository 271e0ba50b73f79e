// SPDX-License-Identifier: MIT
#include "state/journal_reader.h"
#include "base/io.h"

#include <inttypes.h>
#include <stdio.h>

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
    reader_drop_chunk(reader);
    reader->chunk = chunk_get(reader->pool, len);
    if (!reader->chunk)
        return error_nomem(err);
    reader->chunk_base = reader->offset;
    reader->summed = 0;
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

int reader_fill(struct journal_reader *reader, struct error *err)
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
