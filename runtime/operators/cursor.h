// SPDX-License-Identifier: MIT
#pragma once
#include "operators/operator.h"

// What becomes of the record under a batch's cursor, which moves behind it when that is done.

// It failed: what on_error says. OP_DONE: it is skipped.
enum op_status cursor_failed(struct batch *batch, struct outputs *outputs, const struct error *err);
// It is late: to that port where someone listens, and counted. OP_AGAIN: no room there.
enum op_status cursor_late(struct op *op, struct batch *batch, uint32_t port,
                           struct outputs *outputs);
// Calls `one`, which moves the cursor, for each record that is left; OP_AGAIN also when the step's
// time is over.
enum op_status cursor_each(struct op *op, struct batch *batch, struct outputs *outputs,
                           enum op_status (*one)(struct op *op, struct batch *batch,
                                                 struct outputs *outputs));
// The same verdict about a result or pair that no one record stands for.
enum op_status result_failed(struct outputs *outputs, const struct error *err);
