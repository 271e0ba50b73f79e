// SPDX-License-Identifier: MIT
#include "operators/union.h"
#include "base/alloc.h"

// union: the records of all inputs as they come. Every operator takes several inputs; this one
// gives them a name.

static enum op_status process(struct op *op, uint32_t input, struct batch *batch,
                              struct outputs *outputs)
{
    (void)op, (void)input;
    batch->cursor = batch->count;
    return outputs_forward(outputs, PORT_OUT, batch) ? OP_DONE : OP_AGAIN;
}

static void union_free(struct op *op)
{
    mem_free(op);
}

static int build(struct op **out, const struct operator_spec *spec, struct error *err)
{
    (void)spec;
    *out = mem_zalloc(sizeof **out);
    if (!*out)
        return error_nomem(err);
    **out = (struct op){.class = &union_class, .process = process, .free = union_free};
    return 0;
}

static const tide_option options[] = {{.name = NULL}};

const struct operator_class union_class = {
    .type = "union",
    .help = "the records of several inputs as one stream",
    .entry = {.options = options, .has_out = true},
    .build = build,
};
