// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "engine/sink_driver.h"
#include <stdio.h>

enum { ENCODED_MAX = 256 * 1024 * 1024 };

struct outgoing *outgoing_new(void)
{
    struct outgoing *outgoing = mem_alloc(sizeof *outgoing);
    if (!outgoing)
        return NULL;
    outgoing->head = (tide_batch){.struct_size = sizeof outgoing->head,
                                  .stride = sizeof outgoing->records[0],
                                  .records = outgoing->records};
    outgoing->batch = NULL;
    outgoing->refusals = NULL;
    outgoing->lost_refusal = false;
    outgoing->refusal_count = outgoing->refusal_cap = 0;
    buf_init(&outgoing->bytes, ENCODED_MAX);
    return outgoing;
}

void outgoing_free(struct outgoing *outgoing)
{
    if (!outgoing)
        return;
    batch_unref(outgoing->batch);
    buf_deinit(&outgoing->bytes);
    mem_free(outgoing->refusals);
    mem_free(outgoing);
}

void outgoing_refuse(struct outgoing *outgoing, uint32_t record, const char *text)
{
    for (size_t i = outgoing->refusal_count; i--;)
        if (outgoing->refusals[i].index == record)
            return; // offered again, refused again
    if (mem_grow(&outgoing->refusals, &outgoing->refusal_cap, outgoing->refusal_count + 1,
                 sizeof *outgoing->refusals)) {
        outgoing->lost_refusal = true;
        return;
    }
    struct refusal *refusal = &outgoing->refusals[outgoing->refusal_count++];
    refusal->index = record;
    snprintf(refusal->text, sizeof refusal->text, "%s", text);
}
