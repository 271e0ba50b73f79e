// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "engine/sink_driver.h"
#include <string.h>

enum { ENCODED_MAX = 256 * 1024 * 1024, WORDS_MAX = 4 * 1024 * 1024 };

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
    outgoing->refusal_cap = 0;
    buf_init(&outgoing->bytes, ENCODED_MAX);
    buf_init(&outgoing->words, WORDS_MAX);
    buf_init(&outgoing->two_phase, PREPARED_MAX);
    outgoing_begin(outgoing);
    return outgoing;
}

void outgoing_free(struct outgoing *outgoing)
{
    if (!outgoing)
        return;
    batch_unref(outgoing->batch);
    buf_deinit(&outgoing->bytes);
    buf_deinit(&outgoing->words);
    buf_deinit(&outgoing->two_phase);
    mem_free(outgoing->refusals);
    mem_free(outgoing);
}

void outgoing_begin(struct outgoing *outgoing)
{
    outgoing->prepared = false;
    outgoing->accepted = 0;
    outgoing->written_bytes = 0;
    outgoing->refusal_count = 0;
    outgoing->lost_refusal = false;
    buf_clear(&outgoing->words);
    buf_clear(&outgoing->two_phase);
    memset(outgoing->is_refused, 0, sizeof outgoing->is_refused);
}

void outgoing_refuse(struct outgoing *outgoing, uint32_t record, const struct error *err)
{
    uint64_t *word = &outgoing->is_refused[record / 64], bit = 1ull << record % 64;
    if (*word & bit)
        return; // offered again, refused again
    if (mem_grow(&outgoing->refusals, &outgoing->refusal_cap, outgoing->refusal_count + 1,
                 sizeof *outgoing->refusals) ||
        buf_append(&outgoing->words, err->text, err->len)) {
        outgoing->lost_refusal = true;
        return;
    }
    *word |= bit;
    outgoing->refusals[outgoing->refusal_count++] = (struct refusal){
        .index = record, .code = err->code, .at = outgoing->words.len - err->len, .len = err->len};
}
