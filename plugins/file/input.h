// SPDX-License-Identifier: MIT
#pragma once
#include "packing.h"
#include "tidemill/abi.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

// One file that is read, from its first byte on: one split of the source.
//
// A file is known by device and inode, so that a renamed one stays the same; its split is named
// "PATH@DEVICE:INODE". A file that starts anew in place (copytruncate, an inode used again) is
// another split: "...+1", then "...+2". Which of them a stored position belongs to is seen by the
// position itself: it holds the offset and a hash of the bytes just before it, and a file that does
// not have those bytes there is not the one that was read.
//
// Of a compressed file the content is read: `offset` and the bytes before it are the content's. A
// position names the frame to begin with and the bytes to skip in it.

enum { INPUT_TAIL = 64, INPUT_POSITION = 34 };

enum input_state {
    INPUT_FOUND,   // not yet announced
    INPUT_WAITING, // announced: the host will assign it
    INPUT_READY,   // assigned: may be read
    INPUT_CHANGED, // assigned with a position of another generation: to be announced anew
    INPUT_DENIED,  // found, but may not be read: tried again at each scan
    INPUT_UNKNOWN, // a rotated file that was never read before: not wanted
    INPUT_DONE
};

struct input {
    char *path; // where it was found; once open it is read by descriptor
    dev_t device;
    ino_t inode;
    uint32_t generation;
    uint32_t split; // the host's id; UINT32_MAX: none yet
    enum input_state state;
    int fd;            // -1: not open
    int at_end;        // the last look found nothing more
    int paused;        // the host does not want more of it now
    int gone;          // no longer under its path: rotated or deleted
    int resume_only;   // a rotated sibling: only of interest when its position is known
    int from_end;      // start: end
    int64_t quiet_ns;  // monotonic time of the last byte, or of the moment it was gone
    struct input *old; // read that one to its end first; NULL: none
    enum packing packing;
    struct unpack *unpack; // NULL: not compressed, or not open
    uint64_t offset;
    unsigned char tail[INPUT_TAIL]; // the bytes before offset
    uint8_t tail_len;
    int seen; // by the scan that runs now
};

struct input *input_new(const char *path, const struct stat *st);
void input_free(struct input *in);
// The split's name; the caller frees. NULL: memory is out.
char *input_name(const struct input *in);
// 1: that is its split's name.
int input_is_named(const struct input *in, tide_bytes name);
// 0 or an errno. Regular files only (ESPIPE); ENOTSUP: compressed in a way that this build lacks.
int input_open(struct input *in);
void input_close(struct input *in);
// Places the input at a stored position. 1: it fits; 0: this file is not the one that was read;
// negative: an errno.
int input_seek(struct input *in, tide_bytes position);
// Places it behind the last complete line. 0 or an errno.
int input_seek_end(struct input *in);
// At most `size` bytes into `bytes`: > 0 read, 0 none (at_end tells whether this is the end),
// negative: an errno, -EBADMSG when the file is damaged. The offset moves on.
ssize_t input_read(struct input *in, void *bytes, size_t size);
// 1: the file is shorter than what was read of it.
int input_shrank(const struct input *in);
// The same inode from the beginning.
void input_restart(struct input *in);
// 1: the file ends within a compressed frame.
int input_is_cut_off(const struct input *in);
// The byte of the file that comes next.
uint64_t input_at(const struct input *in);
// How many bytes of the file come after input_at; -1: it is not there, or cannot be asked.
int64_t input_left(const struct input *in);
// How many bytes of `out` it takes.
size_t input_position(const struct input *in, unsigned char out[INPUT_POSITION]);

// -- input_packed.c: the same for a compressed file --
int input_seek_packed(struct input *in, tide_bytes position);
int input_seek_end_packed(struct input *in);
size_t input_position_packed(const struct input *in, unsigned char out[INPUT_POSITION]);

int input_is_packed_position(tide_bytes position);

// -- what both use --
int input_is_plain_position(tide_bytes position);
uint64_t input_hash(const unsigned char *bytes, size_t len);
void input_put64(unsigned char *out, uint64_t value);
uint64_t input_get64(const unsigned char *in);
