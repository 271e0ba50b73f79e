// SPDX-License-Identifier: MIT
#pragma once
#include "record/json.h"
#include "support/fake_outputs.h"

// One operator out of YAML, with fake outputs and a virtual clock, for tests of operators:
//
//     struct one_operator one;
//     one_init(&one, &aggregate_class, "key_by: device\nwindow: { tumbling: 60s }\n...");
//     one_send(&one, "{\"device\":\"r1\"}", 1000);
//     one_watermark(&one, 59999);           what came out is in one.outputs.results
//     one_deinit(&one);

struct one_operator {
    struct topology *topology;
    struct shape_table *shapes;
    struct batch_pool *pool;
    struct json_reader *reader;
    struct virtual_clock clock;
    struct outputs outputs;
    struct op *op;
    struct batch *batch; // records sent, not yet processed
    struct error err;    // of one_init
    bool no_event_time;  // set before: what the spec's has_event_time denies
    uint32_t input;      // where the next batch comes from; of a join: 0 left, 1 right
    uint64_t agains;     // how often the operator said OP_AGAIN
};

// The options of the node (without type and inputs), each line as it stands in YAML. A code other
// than 0: one.err says why; one_deinit is to be called all the same. `one` is zeroed or set up.
int one_init(struct one_operator *one, const struct operator_class *class, const char *options);
void one_deinit(struct one_operator *one);
// A record into the batch; a full batch is processed first.
struct record *one_send(struct one_operator *one, const char *json, int64_t time);
// Has the batch processed; when the operator says OP_AGAIN, its outputs are emptied and it is
// called again. OP_DONE or OP_STOP.
enum op_status one_process(struct one_operator *one);
// Processes what was sent, then the watermark; collects results.
enum op_status one_watermark(struct one_operator *one, int64_t watermark);
// The results of a port in one text, a line each: `<time> <json>`. Freed by the caller. Clears
// results and errors.
char *one_take(struct one_operator *one, uint32_t port);
