// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Compressed files: gzip members or zstd frames, both called frames here, one behind the other. A
// frame stands for itself: a file may be cut behind any of them, and read on from any of them.
// gzip.c and zstd.c are the two libraries, each behind the same few functions; a build may lack
// either.

enum packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD };

struct flow { // one step takes from `in` and puts to `out`, and moves both on
    const unsigned char *in;
    size_t in_len;
    unsigned char *out;
    size_t out_len;
};

struct packing_kind {
    const char *name;
    int default_level, last_level;             // from 1
    int (*pack_open)(void **state, int level); // 0 or a negative errno
    // With `end` there is no input, until the frame is over. 1: all was taken, or the frame is
    // over; 0: more room is needed; a negative errno.
    int (*pack_step)(void *state, struct flow *flow, int end);
    void (*pack_close)(void *state);
    int (*unpack_open)(void **state);
    // 1: the frame is over; 0: it goes on; -EBADMSG: damaged; another negative errno.
    int (*unpack_step)(void *state, struct flow *flow);
    const char *(*why)(const void *state); // of -EBADMSG
    void (*unpack_reset)(void *state);     // to the start of a frame
    void (*unpack_close)(void *state);
};

extern const struct packing_kind packing_gzip, packing_zstd; // name NULL: not in this build

// NULL: this build cannot do it.
const struct packing_kind *packing_kind(enum packing packing);
// "gzip" and "zstd"; anything else, and NULL, is none.
enum packing packing_named(const char *name);
// By `.gz` or `.zst` at the end of a path or in front of a rotation's suffix (x.gz.1).
enum packing packing_of_path(const char *path);
// How many bytes of the path's end are `.gz` or `.zst`.
size_t packing_suffix(const char *path);

// -- reading: unpack.c --
// The caller owns the descriptor.

enum { UNPACK_ROOM = 64 * 1024 };

struct unpack {
    const struct packing_kind *kind;
    void *state;
    uint64_t next;                // offset in the file of what is read next into `in`
    uint64_t frame;               // where the frame begins that is read now
    uint64_t skip;                // bytes that came out of it so far
    int within;                   // some of it was read
    uint64_t from_frame, to_skip; // of the bytes last given: their frame, and where in it they end
    int failed;                   // what the next read says
    size_t at, have;
    unsigned char in[UNPACK_ROOM];
};

// 0 or an errno: ENOTSUP when this build cannot do it.
int unpack_new(struct unpack **out, enum packing packing);
void unpack_free(struct unpack *unpack);
// To the frame that begins at that offset.
void unpack_place(struct unpack *unpack, uint64_t frame);
// At most `size` bytes of content, all of one frame: > 0; 0: none now (*at_end: there is no more in
// the file); negative: an errno, -EBADMSG when the file is damaged.
ssize_t unpack_read(struct unpack *unpack, int fd, void *bytes, size_t size, int *at_end);
// The first byte of the file that was not used yet.
uint64_t unpack_at(const struct unpack *unpack);
// Why the file is damaged.
const char *unpack_why(const struct unpack *unpack);

// -- writing: pack.c --

enum { PACK_ROOM = 64 * 1024 };

struct pack {
    const struct packing_kind *kind;
    void *state;
    int open;           // a frame has begun
    int ending;         // and is being ended: what comes now belongs to the next one
    size_t start, used; // out[start..used) is to be written
    unsigned char out[PACK_ROOM];
};

int pack_new(struct pack **out, enum packing packing, int level); // level 0: the default
void pack_free(struct pack *pack);
// Compresses from *bytes, moving it on, as long as there is room in `out`. 1: nothing is left to
// do; 0: write `out` and call again; a negative errno. With `end` the frame is ended.
int pack_fill(struct pack *pack, const char **bytes, size_t *len, int end);
