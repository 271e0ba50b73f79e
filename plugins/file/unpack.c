// SPDX-License-Identifier: MIT
#include "packing.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { STEPS_WITHOUT_BYTES = 64 }; // then the caller has a look at other things

int unpack_new(struct unpack **out, enum packing packing)
{
    const struct packing_kind *kind = packing_kind(packing);
    if (!kind)
        return ENOTSUP;
    struct unpack *unpack = malloc(sizeof *unpack);
    if (!unpack)
        return ENOMEM;
    unpack->kind = kind;
    int code = kind->unpack_open(&unpack->state);
    if (code) {
        free(unpack);
        return -code;
    }
    unpack_place(unpack, 0);
    *out = unpack;
    return 0;
}

void unpack_free(struct unpack *unpack)
{
    if (!unpack)
        return;
    unpack->kind->unpack_close(unpack->state);
    free(unpack);
}

void unpack_place(struct unpack *unpack, uint64_t frame)
{
    unpack->next = unpack->frame = frame;
    unpack->skip = 0;
    unpack->at = unpack->have = 0;
    unpack->from_frame = frame;
    unpack->to_skip = 0;
    unpack->within = unpack->failed = 0;
    unpack->kind->unpack_reset(unpack->state);
}

uint64_t unpack_at(const struct unpack *unpack)
{
    return unpack->next - (unpack->have - unpack->at);
}

const char *unpack_why(const struct unpack *unpack)
{
    return unpack->kind->why(unpack->state);
}

// More of the file: its bytes, 0 at its end, or a negative errno.
static ssize_t fill(struct unpack *unpack, int fd)
{
    ssize_t n;
    do
        n = pread(fd, unpack->in, sizeof unpack->in, (off_t)unpack->next);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    unpack->at = 0;
    unpack->have = (size_t)n;
    unpack->next += (uint64_t)n;
    return n;
}

// One step. 1: the frame is over. What goes wrong is told after the bytes that came before it.
static int step(struct unpack *unpack, unsigned char *bytes, size_t size, size_t *produced)
{
    struct flow flow = {unpack->in + unpack->at, unpack->have - unpack->at, bytes, size};
    unpack->within |= flow.in_len > 0;
    int over = unpack->kind->unpack_step(unpack->state, &flow);
    *produced = size - flow.out_len;
    unpack->at = unpack->have - flow.in_len;
    unpack->skip += *produced;
    unpack->from_frame = unpack->frame;
    unpack->to_skip = unpack->skip;
    if (over < 0)
        unpack->failed = over;
    return over > 0;
}

ssize_t unpack_read(struct unpack *unpack, int fd, void *bytes, size_t size, int *at_end)
{
    *at_end = 0;
    for (int i = 0; i < STEPS_WITHOUT_BYTES && !unpack->failed; i++) {
        ssize_t n = unpack->at == unpack->have ? fill(unpack, fd) : 1;
        if (n < 0)
            return n;
        size_t produced = 0;
        if (n > 0 || unpack->within) { // the library may hold bytes of what it has got already
            if (step(unpack, bytes, size, &produced)) {
                unpack->frame = unpack_at(unpack);
                unpack->skip = 0;
                unpack->within = 0;
            }
        }
        if (produced)
            return (ssize_t)produced;
        *at_end = n == 0 && !unpack->failed;
        if (*at_end)
            return 0;
    }
    return unpack->failed;
}
