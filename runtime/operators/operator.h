// SPDX-License-Identifier: MIT
#pragma once
#include "base/clock.h"
#include "base/error.h"
#include "config/problems.h"
#include "config/topology.h"
#include "record/batch.h"

// An operator turns batches into batches. One instance a node and lane, stepped by one thread at a
// time; it never blocks and never allocates without bound.
//
// The engine calls `process` with a batch; the operator goes through its records from
// batch->cursor on and puts results on its output ports. A port holds one unfinished batch; when
// that is full and cannot leave (the next node is busy), the operator returns OP_AGAIN with the
// cursor where it stopped and is called again with the same batch later. What produces much out of
// little (flat_map, windows firing) keeps its place in itself and returns OP_AGAIN likewise.
//
// In-place operators (filter, map) change the batch, compact its records and hand the batch itself
// on (`outputs_forward`): no record is copied.
//
// Watermarks reach the operator by `watermark` after all records before them were processed; the
// engine forwards the watermark (also the end) to all ports when the call has returned OP_DONE.

struct image;
struct image_entry;
struct op;      // an operator; the whole word is a keyword of C++, and tools trip over it
struct outputs; // the ports of one operator instance, owned by the engine

enum op_status {
    OP_DONE = 0,  // all was taken
    OP_AGAIN = 1, // an output is full or time is up: call again with the same arguments
    OP_STOP = 2   // on_error: stop; the reason is in outputs' error
};

enum { PORT_OUT = 0 }; // named ports follow in the order of operator->ports

struct operator_spec {
    const struct topology *topology;
    const struct node_spec *node;
    struct clock *clock;
    struct shape_table *shapes; // of the lane
    bool has_event_time;        // every source that leads here has `event_time`
    uint32_t lane, lanes;
    struct problems *problems; // for warnings; NULL: nobody is to be told
};

// How the records of an input are shared out over the lanes that an operator is in.
enum op_sharing {
    OP_SHARE_STAY, // they stay in the lane where they are
    OP_SHARE_KEY,  // those of a key are in the lane that owns it; the order of a key is kept
    OP_SHARE_ALL,  // each goes to every lane (rules, small tables)
    OP_SHARE_ONE,  // all are in one lane, and so is the operator
};

struct op_share {
    enum op_sharing how;
    const struct tide_config *keys; // KEY: a path, or a list of paths
};

static inline uint32_t share_key_count(const struct tide_config *keys)
{
    return keys->is_list ? keys->count : keys->text != NULL;
}
static inline const char *share_key(const struct tide_config *keys, uint32_t n)
{
    return keys->is_list ? keys->items[n].text : keys->text;
}

struct operator_class {
    const char *type; // as in YAML
    const char *help;
    struct catalogue_entry entry;
    bool stateful;      // keeps something of past records
    bool keeps_records; // what comes out is what came in, with the same fields
    // NULL: by the option `key_by` where it is set; else one lane, if it is stateful; else they
    // stay. `input` counts as in `process`.
    void (*share)(const struct node_spec *node, uint32_t input, struct op_share *out);
    // Compiles scripts and conditions; connects nothing. Errors name file:line. ERR_INPUT...
    int (*build)(struct op **out, const struct operator_spec *spec, struct error *err);
};

// Kept by the operator; read by the engine between steps.
struct operator_stats {
    uint64_t filtered; // dropped on purpose
    uint64_t late;     // later than allowed (also those sent to `late`)
    uint64_t absorbed; // went into state (aggregates)
    uint64_t created;  // made by the operator (windows, flat_map)
};

// What the operator keeps of past records.
struct operator_state {
    uint64_t bytes, keys, windows;
};

struct op {
    const struct operator_class *class;
    const char *const *ports; // names of ports 1.. (NULL-terminated), or NULL
    struct operator_stats stats;
    int64_t version; // of its state, as its script declares it; 0: none is declared
    // Set with OP_AGAIN by who waits for something outside: call again at next_wall_ms, not at
    // once.
    bool waits;

    enum op_status (*process)(struct op *op, uint32_t input, struct batch *batch,
                              struct outputs *outputs);
    // NULL: nothing to do. `watermark` may be WATERMARK_END.
    enum op_status (*watermark)(struct op *op, int64_t watermark, struct outputs *outputs);
    // NULL: none. Processing-time work; called when clock's wall time >= next_wall_ms(op).
    enum op_status (*tick)(struct op *op, int64_t wall_ms, struct outputs *outputs);
    int64_t (*next_wall_ms)(struct op *op); // INT64_MAX: none
    // State as bytes (state/image.h), between two batches; NULL: there is none. `save` changes
    // nothing. `load` is called for each entry that is this lane's, before the first record: first
    // those without a key, then those with one, each in the order in which they were saved.
    int (*save)(struct op *op, struct image *image);
    int (*load)(struct op *op, struct image_entry *entry, struct error *err);
    // Both or none (NULL: always all of it is saved). `track`: what there is counts as saved, and
    // from here on the operator notes what changes. `save_changes` saves what has changed since
    // (state/image.h says how), which counts as saved then. Entries that can be replaced or go are
    // named alike by `save`.
    int (*track)(struct op *op);
    int (*save_changes)(struct op *op, struct image *image);
    // NULL: it keeps nothing. Asked between steps, now and then.
    void (*measure)(const struct op *op, struct operator_state *out);
    void (*free)(struct op *op);
};

// -- what the engine gives (implemented by engine/outputs.c) --

// Hands `batch` itself to a port, which takes a reference of its own: an operator never unrefs the
// batch that it was given (the engine does, after OP_DONE), and does not touch it after this.
// False: the port is full, nothing was taken (return OP_AGAIN, try again then). Empty batches are
// dropped.
bool outputs_forward(struct outputs *outputs, uint32_t port, struct batch *batch);
// The batch under construction on a port to add made records to; NULL: full, or memory is out
// (OP_AGAIN either way). Records added are sent when it is full or the step ends.
struct batch *outputs_batch(struct outputs *outputs, uint32_t port);
// A share of `batch`'s record on a port (routes, `late`): no bytes are copied; the port's batch
// gets `batch` as its base. False: full.
bool outputs_share(struct outputs *outputs, uint32_t port, struct batch *batch,
                   struct record *record);
// False when nobody listens there (then results for it need not be made).
bool outputs_wanted(const struct outputs *outputs, uint32_t port);
// True when the step's time is over: return OP_AGAIN soon.
bool outputs_late(struct outputs *outputs);

// Record `index` of `batch` failed. What the node's on_error says:
enum on_error_verdict {
    ERROR_SKIP,  // counted, dead-lettered where asked: leave the record out and go on
    ERROR_RETRY, // stop here with the cursor at this record and return OP_AGAIN; the engine calls
                 // again after the backoff
    ERROR_STOP   // return OP_STOP
};
enum on_error_verdict outputs_error(struct outputs *outputs, struct batch *batch, uint32_t index,
                                    const struct error *err);
// The same for an error without a record (a window's finish): key or text in `err`.
enum on_error_verdict outputs_error_free(struct outputs *outputs, const struct error *err);
// True when on_error can retry: the operator must keep a record_mark to roll back to.
bool outputs_may_retry(const struct outputs *outputs);
// False: the next error would not be logged, as another was a moment ago; its call stack need not
// be kept.
bool outputs_tells_error(const struct outputs *outputs);
// False: nor would anybody read its text; the error may come without.
bool outputs_reads_error(const struct outputs *outputs);

// All native operators, NULL-terminated (operators/registry.c).
extern const struct operator_class *const operator_classes[];
