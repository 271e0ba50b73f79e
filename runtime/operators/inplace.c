// SPDX-License-Identifier: MIT
#include "operators/inplace.h"
#include "base/alloc.h"

static enum script_verdict done(void *arg, uint32_t index, bool kept)
{
    struct inplace *inplace = arg;
    struct record *records = inplace->base.batch->records;
    if (!kept)
        inplace->base.op.stats.filtered++;
    else if (inplace->write != index)
        records[inplace->write++] = records[index];
    else
        inplace->write++;
    return scripted_late(&inplace->base, index) ? SCRIPT_PAUSE : SCRIPT_NEXT;
}

static enum op_status process(struct op *op, uint32_t input, struct batch *batch,
                              struct outputs *outputs)
{
    struct inplace *inplace = (struct inplace *)op;
    (void)input;
    if (!inplace->active) {
        inplace->active = true;
        inplace->write = 0;
    }
    struct script_sink sink = {.arg = inplace,
                               .done = done,
                               .failed = scripted_failed,
                               .traces = scripted_traces,
                               .reads = scripted_reads,
                               .marks = outputs_may_retry(outputs)};
    enum op_status status = scripted_run(&inplace->base, inplace->call, batch, outputs, &sink);
    if (status == OP_AGAIN)
        return status;
    batch->count = batch->cursor = inplace->write; // OP_STOP: those ahead of the one that failed
    if (!outputs_forward(outputs, PORT_OUT, batch) && status == OP_DONE)
        return OP_AGAIN; // comes again with nothing left to run
    inplace->active = false;
    return status;
}

static void inplace_free(struct op *op)
{
    struct inplace *inplace = (struct inplace *)op;
    script_free(inplace->base.script);
    mem_free(inplace);
}

int inplace_new(struct op **out, const struct operator_class *class, struct script *script,
                enum script_call call, struct error *err)
{
    struct inplace *inplace = mem_zalloc(sizeof *inplace);
    if (!inplace) {
        script_free(script);
        return error_nomem(err);
    }
    inplace->base.op.class = class;
    inplace->base.op.process = process;
    inplace->base.op.free = inplace_free;
    inplace->base.script = script;
    inplace->call = call;
    *out = &inplace->base.op;
    return 0;
}
