// SPDX-License-Identifier: MIT
#pragma once
#include "packing.h"
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

// One file that is written: its buffer, its length, what of it is durable.
//
// `length` counts what was accepted, buffered bytes included; `base` is the length that the last
// checkpoint holds. Bytes leave the buffer in order and once: a write that stops half-way (no space
// left) keeps the rest.
//
// Of a compressed file `length` counts what was written; what the buffer and the compressor hold
// comes on top, and is nothing but complete frames after outfile_finish.

struct outfile_how { // the same for all files of a sink
    size_t room;     // of the buffer
    enum packing packing;
    int level;
};

struct outfile {
    char *path;
    int fd; // -1: closed, to be opened again when needed
    ino_t inode;
    uint64_t length, base;
    uint64_t behind;   // up to here the disk was told to begin
    struct pack *pack; // NULL: not compressed, or closed
    char *buffer;
    size_t start, used, size; // buffer[start..used) is to be written
    int64_t since_ms;         // wall time of its first byte, as far as known
    uint8_t begun;            // looked at before its first byte of this run
    uint8_t regular;          // no device or pipe: has a length, can be cut
    uint8_t dirty;            // written, not yet synced
    uint8_t created;          // its directory is not yet synced
    uint8_t headed;           // has got the bytes that a stream begins with
    uint8_t touched;          // written since the last checkpoint
    struct outfile *next_in_bucket;
    struct outfile *newer, *older; // of those that are open
};

enum { OUTFILE_BUSY = -EXFULL }; // another writer holds it; not an errno that open gives

struct outfile *outfile_new(const char *path, size_t len);
void outfile_free(struct outfile *file);
// Opens for appending; makes directories. 0 or a negative errno, or OUTFILE_BUSY.
int outfile_open(struct outfile *file, const struct outfile_how *how);
// Closes the descriptor and drops the buffer (which must be empty unless its bytes are unwanted).
void outfile_close(struct outfile *file);
// Room for `len` more bytes in the buffer, after writing it out when need be: 0, or as
// outfile_write_out.
int outfile_room(struct outfile *file, size_t len);
// Everything buffered is with the system: 0; -ENOSPC or -EDQUOT: some is not, try again later;
// another negative errno. The compressor may keep some.
int outfile_write_out(struct outfile *file);
// The same, and the compressor's frame is ended.
int outfile_finish(struct outfile *file);
// Adds bytes, for which outfile_room has made room.
static inline void outfile_add(struct outfile *file, const void *bytes, size_t len)
{
    memcpy(file->buffer + file->used, bytes, len);
    file->used += len;
    if (!file->pack)
        file->length += len;
}
// 1: something that was accepted is not with the system.
int outfile_is_pending(const struct outfile *file);
// Everything written is on disk: 0 or a negative errno. Must not be tried again after a failure.
int outfile_sync(struct outfile *file);
// 1: its last byte is no newline.
int outfile_is_torn(const struct outfile *file);
// Cuts it to `length`. 0 or a negative errno.
int outfile_cut(struct outfile *file, uint64_t length);
// How far the compressed file consists of whole frames. 1: up to its end, or only its last frame is
// unfinished; 0: it is damaged there; a negative errno.
int outfile_whole_frames(const struct outfile *file, enum packing packing, uint64_t *end);
// fsyncs the directory that holds `path`.
int outfile_sync_parent(const char *path);
