// SPDX-License-Identifier: MIT
#include "operators/sieve.h"
#include "time/watermark.h"

static void advance(struct sieve *sieve, int64_t progress)
{
    if (progress > sieve->native.progress)
        sieve->native.progress = progress;
    if (sieve->forgets)
        native_forget(&sieve->native);
}

// The record at the cursor stays in the batch or leaves it.
static enum op_status settle(struct sieve *sieve, struct batch *batch, bool pass,
                             struct outputs *outputs)
{
    struct record *record = &batch->records[batch->cursor];
    if (pass) {
        batch->records[sieve->write++] = *record;
    } else if (sieve->rest && outputs_wanted(outputs, sieve->rest)) {
        sieve->judged = !outputs_share(outputs, sieve->rest, batch, record);
        if (sieve->judged)
            return OP_AGAIN;
    } else {
        sieve->native.op.stats.filtered++;
    }
    batch->cursor++;
    return OP_DONE;
}

static enum op_status one(struct op *op, struct batch *batch, struct outputs *outputs)
{
    struct sieve *sieve = (struct sieve *)op;
    bool pass = false;
    if (!sieve->judged) {
        struct error err;
        error_clear(&err);
        int rc = sieve->judge(sieve, batch, &batch->records[batch->cursor], &pass, &err);
        if (rc) {
            native_explain(&sieve->native, rc, &err);
            return cursor_failed(batch, outputs, &err);
        }
    }
    sieve->judged = false;
    return settle(sieve, batch, pass, outputs);
}

static enum op_status process(struct op *op, uint32_t input, struct batch *batch,
                              struct outputs *outputs)
{
    struct sieve *sieve = (struct sieve *)op;
    (void)input;
    if (!sieve->active)
        sieve->write = 0;
    sieve->active = true;
    if (sieve->native.processing)
        advance(sieve, clock_wall_ms(sieve->native.clock));
    enum op_status status = cursor_each(op, batch, outputs, one);
    if (status == OP_AGAIN)
        return status;
    batch->count = batch->cursor = sieve->write; // OP_STOP: those ahead of the one that failed
    if (!outputs_forward(outputs, PORT_OUT, batch) && status == OP_DONE)
        return OP_AGAIN; // comes again with nothing left to judge
    sieve->active = false;
    return status;
}

static enum op_status watermark(struct op *op, int64_t at, struct outputs *outputs)
{
    struct sieve *sieve = (struct sieve *)op;
    (void)outputs;
    if (!sieve->native.processing)
        advance(sieve, at);
    return OP_DONE;
}

static enum op_status tick(struct op *op, int64_t wall_ms, struct outputs *outputs)
{
    struct sieve *sieve = (struct sieve *)op;
    (void)outputs;
    if (sieve->native.processing)
        advance(sieve, wall_ms);
    return OP_DONE;
}

static int64_t next_wall_ms(struct op *op)
{
    const struct native *native = (const struct native *)op;
    const struct native_key *first = native_first(native);
    return native->processing && first ? first->due.at : INT64_MAX;
}

void sieve_init(struct sieve *sieve, const struct operator_class *class)
{
    struct op *op = &sieve->native.op;
    op->class = class;
    op->process = process;
    op->watermark = watermark;
    op->tick = tick;
    op->next_wall_ms = next_wall_ms;
    op->measure = native_measure;
}
