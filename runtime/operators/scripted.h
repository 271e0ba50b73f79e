// SPDX-License-Identifier: MIT
#pragma once
#include "lua/script.h"
#include "operators/operator.h"

// What operators with a script share: finding and loading it, and sending a batch through it with
// the node's on_error. Errors of the script name script:line.

// Loads the node's `script:` or `lua:`. ERR_INPUT when it has neither or both.
int scripted_load(struct script **out, const struct operator_spec *spec, struct error *err);
// The same, to look at: nothing is warned of, and why it cannot be loaded is not told.
int scripted_load_quietly(struct script **out, const struct operator_spec *spec);
// The same, and it must have returned a function.
int scripted_load_function(struct script **out, const struct operator_spec *spec,
                           struct error *err);
// An expression written in the pipeline (`when`, `routes`) at `setting`.
int scripted_condition(struct script **out, const struct operator_spec *spec,
                       const struct tide_config *setting, struct error *err);

// Several of them, see script_routes.
int scripted_routes(struct script **out, const struct operator_spec *spec,
                    const struct script_expression *expressions, uint32_t count, bool all,
                    struct error *err);
// "pipeline.yaml:12", or `fallback` where there is no place.
void scripted_place(char *out, size_t cap, struct place place, const char *fallback);

// One batch through one function. The operator's own state is behind it.
struct scripted {
    struct op op; // first: a scripted operator is an operator
    struct script *script;
    // While a batch is at work:
    struct outputs *outputs;
    struct batch *batch;
    bool stopped; // on_error says stop
};

// What a run does when on_error has said this.
enum script_verdict scripted_verdict(enum on_error_verdict verdict);
// For struct script_sink's `failed`, with arg a struct scripted.
enum script_verdict scripted_failed(void *arg, uint32_t index, const struct error *err);
// For its `traces` and `reads`.
bool scripted_traces(void *arg);
bool scripted_reads(void *arg);
// Runs the batch from its cursor on. OP_DONE: all records went through; OP_AGAIN; OP_STOP.
enum op_status scripted_run(struct scripted *scripted, enum script_call call, struct batch *batch,
                            struct outputs *outputs, const struct script_sink *sink);
// True now and then when the step's time is over: after record `index`, leave.
static inline bool scripted_late(struct scripted *scripted, uint32_t index)
{
    enum { LOOK_EVERY = 64 }; // records
    return index % LOOK_EVERY == LOOK_EVERY - 1 && outputs_late(scripted->outputs);
}
