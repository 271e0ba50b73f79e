// SPDX-License-Identifier: MIT
#include "input.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// A position: the version, how many bytes its hash is of, the content's offset, the hash of the
// bytes before it (of this frame only), where the frame begins, how far into it.

enum { POSITION_VERSION = 2, SCRATCH = 128 * 1024 };

struct packed_position {
    size_t tail;
    uint64_t offset, hash, frame, skip;
};

static size_t tail_of(const struct input *in)
{
    return in->unpack->skip < in->tail_len ? (size_t)in->unpack->skip : in->tail_len;
}

size_t input_position_packed(const struct input *in, unsigned char out[INPUT_POSITION])
{
    size_t len = tail_of(in);
    out[0] = POSITION_VERSION;
    out[1] = (unsigned char)len;
    input_put64(out + 2, in->offset);
    input_put64(out + 10, input_hash(in->tail + in->tail_len - len, len));
    input_put64(out + 18, in->unpack->frame);
    input_put64(out + 26, in->unpack->skip);
    return INPUT_POSITION;
}

static int parse(tide_bytes position, struct packed_position *out)
{
    const unsigned char *at = position.data;
    if (position.len != INPUT_POSITION || at[0] != POSITION_VERSION || at[1] > INPUT_TAIL)
        return -EINVAL;
    *out = (struct packed_position){at[1], input_get64(at + 2), input_get64(at + 10),
                                    input_get64(at + 18), input_get64(at + 26)};
    return 0;
}

int input_is_packed_position(tide_bytes position)
{
    struct packed_position ignored;
    return parse(position, &ignored) == 0;
}

static int begin(struct input *in, uint64_t frame)
{
    struct stat st;
    if (fstat(in->fd, &st) < 0)
        return -errno;
    unpack_place(in->unpack, frame);
    in->tail_len = 0;
    return (uint64_t)st.st_size >= frame;
}

// Reads up to `skip` bytes into the frame. 1: it is there; 0: the frame is not so long, or no frame
// at all; negative: an errno.
static int pass(struct input *in, uint64_t skip, void *scratch)
{
    for (uint64_t left = skip; left > 0;) {
        uint64_t before = in->unpack->frame;
        ssize_t n = input_read(in, scratch, left < SCRATCH ? (size_t)left : SCRATCH);
        if (n == -EBADMSG || (n == 0 && in->at_end))
            return 0;
        if (n < 0)
            return (int)n;
        left -= (uint64_t)n;
        if (in->unpack->frame != before && left > 0)
            return 0;
    }
    return 1;
}

int input_seek_packed(struct input *in, tide_bytes position)
{
    struct packed_position to;
    if (input_is_plain_position(position))
        return 0; // until now it was read as it stands
    if (parse(position, &to))
        return -EINVAL;
    void *scratch = malloc(SCRATCH);
    if (!scratch)
        return -ENOMEM;
    int fits = begin(in, to.frame);
    if (fits > 0)
        fits = pass(in, to.skip, scratch);
    free(scratch);
    if (fits > 0)
        fits = in->tail_len >= to.tail &&
               input_hash(in->tail + in->tail_len - to.tail, to.tail) == to.hash;
    in->offset = fits > 0 ? to.offset : 0;
    in->at_end = 0;
    return fits;
}

// Where the last line break is, by reading all of it.
static int find_last_line(struct input *in, char *scratch, struct packed_position *last)
{
    *last = (struct packed_position){0};
    for (;;) {
        ssize_t n = input_read(in, scratch, SCRATCH);
        if (n < 0)
            return (int)-n;
        if (n == 0 && in->at_end)
            return 0;
        const char *newline = n ? memrchr(scratch, '\n', (size_t)n) : NULL;
        if (!newline)
            continue;
        uint64_t behind = (uint64_t)(scratch + n - (newline + 1));
        last->offset = in->offset - behind;
        last->frame = in->unpack->from_frame;
        last->skip = in->unpack->to_skip - behind;
    }
}

int input_seek_end_packed(struct input *in)
{
    struct packed_position last;
    char *scratch = malloc(SCRATCH);
    if (!scratch)
        return ENOMEM;
    int code = find_last_line(in, scratch, &last);
    if (!code) {
        int there = begin(in, last.frame);
        if (there > 0)
            there = pass(in, last.skip, scratch);
        code = there > 0 ? 0 : there < 0 ? -there : ESTALE;
        in->offset = last.offset;
        in->at_end = 0;
    }
    free(scratch);
    return code;
}
