// SPDX-License-Identifier: MIT
#include "packing.h"
#include <errno.h>
#include <stdlib.h>

int pack_new(struct pack **out, enum packing packing, int level)
{
    const struct packing_kind *kind = packing_kind(packing);
    if (!kind)
        return -ENOTSUP;
    struct pack *pack = malloc(sizeof *pack);
    if (!pack)
        return -ENOMEM;
    pack->kind = kind;
    pack->open = pack->ending = 0;
    pack->start = pack->used = 0;
    int code = kind->pack_open(&pack->state, level ? level : kind->default_level);
    if (code) {
        free(pack);
        return code;
    }
    *out = pack;
    return 0;
}

void pack_free(struct pack *pack)
{
    if (!pack)
        return;
    pack->kind->pack_close(pack->state);
    free(pack);
}

int pack_fill(struct pack *pack, const char **bytes, size_t *len, int end)
{
    pack->open |= *len > 0;
    if (!pack->open)
        return 1;
    pack->ending |= end && *len == 0;
    struct flow flow = {(const unsigned char *)*bytes, pack->ending ? 0 : *len,
                        pack->out + pack->used, sizeof pack->out - pack->used};
    size_t before = flow.in_len;
    int done = pack->kind->pack_step(pack->state, &flow, pack->ending);
    *bytes += before - flow.in_len;
    *len -= before - flow.in_len;
    pack->used = sizeof pack->out - flow.out_len;
    if (done < 0 || !pack->ending)
        return done > 0 && end ? 0 : done; // all is taken: the end comes next
    if (done)
        pack->open = pack->ending = 0;
    return done && *len == 0;
}
