// SPDX-License-Identifier: MIT
#include "operators/cursor.h"

enum { RECORDS_PER_LOOK = 64 }; // records between two looks at the clock

static enum op_status status_of(enum on_error_verdict verdict)
{
    switch (verdict) {
    case ERROR_SKIP:
        return OP_DONE;
    case ERROR_RETRY:
        return OP_AGAIN;
    case ERROR_STOP:
        break;
    }
    return OP_STOP;
}

enum op_status cursor_failed(struct batch *batch, struct outputs *outputs, const struct error *err)
{
    enum op_status status = status_of(outputs_error(outputs, batch, batch->cursor, err));
    batch->cursor += status == OP_DONE;
    return status;
}

enum op_status result_failed(struct outputs *outputs, const struct error *err)
{
    return status_of(outputs_error_free(outputs, err));
}

enum op_status cursor_late(struct op *op, struct batch *batch, uint32_t port,
                           struct outputs *outputs)
{
    struct record *record = &batch->records[batch->cursor];
    if (outputs_wanted(outputs, port) && !outputs_share(outputs, port, batch, record))
        return OP_AGAIN;
    op->stats.late++;
    batch->cursor++;
    return OP_DONE;
}

enum op_status cursor_each(struct op *op, struct batch *batch, struct outputs *outputs,
                           enum op_status (*one)(struct op *op, struct batch *batch,
                                                 struct outputs *outputs))
{
    enum op_status status = OP_DONE;
    for (uint32_t done = 1; status == OP_DONE && batch->cursor < batch->count; done++) {
        status = one(op, batch, outputs);
        if (done % RECORDS_PER_LOOK == 0 && status == OP_DONE && batch->cursor < batch->count &&
            outputs_late(outputs))
            return OP_AGAIN;
    }
    return status;
}
