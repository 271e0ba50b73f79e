// SPDX-License-Identifier: MIT
#pragma once
#include "engine/complaint.h"
#include "engine/letter.h"
#include "engine/plan.h"
#include "engine/said.h"
#include "engine/scatter.h"
#include "engine/saved.h"
#include "operators/operator.h"
#include <pthread.h>

// The ports of one node in one lane, and what becomes of its failed records. A port collects one
// batch (`pending`) and hands it to its edges when the node's step ends, when it is full, or when
// another batch wants in. A port with several edges gives each consumer but the first a share.

struct port {
    struct outlet *outlets; // one for each of the plan's edges that begin here
    uint32_t outlet_count;
    struct batch *pending;
    bool forwarded; // pending came from the input as a whole
};

// Where a node is, and what its lane has for it.
struct node_place {
    const struct plan_node *plan;
    uint16_t index;
    const char *pipeline;
    struct batch_pool *pool;
    struct shape_table *shapes;
    struct clock *clock;
    struct node_stats *stats;
    struct waker *wakers; // of all lanes
    uint32_t lane;
    bool has_plugins;
};

struct outputs {
    const struct plan_node *plan;
    uint16_t node; // index
    struct port *ports;
    uint32_t late_port; // counted as late, not as out; UINT32_MAX: none
    struct batch_pool *pool;
    struct clock *clock;
    struct node_stats *stats;
    struct saves *saves; // what it leaves for checkpoints; NULL: there are none
    int64_t step_ends_ns;

    // on_error
    struct error failure; // why the node stops
    bool failed;
    bool stopped; // failed by a record (on_error: stop): what came before it still goes through
    uint32_t attempts;   // of the record under the cursor
    uint32_t attempt_at; // its index
    int64_t retry_at_ns; // 0: none
    uint64_t random;     // jitter
    struct complaints complaints;
    struct letters letters;
    struct said last_error;
    // Of the node: its valve and splits while they change, for who looks at them from another
    // thread (why.h). Its own thread reads them without.
    pthread_mutex_t look;
    int64_t moved_ns; // under `look`: when the node's watermark moved last; 0: never
    // What expects to hear of each batch (tests); NULL: nobody.
    void (*tap)(void *arg, uint16_t node, uint32_t port, struct batch *batch);
    void *tap_arg;
};

int outputs_init(struct outputs *outputs, const struct plan_node *plan, uint16_t node,
                 struct batch_pool *pool, struct clock *clock, struct node_stats *stats);
void outputs_deinit(struct outputs *outputs);
// One more of the plan's edges, which leads to so many lanes. The caller sets the edges of the
// outlet, which stays where it is until the next call.
int outputs_connect(struct outputs *outputs, const struct plan_edge *plan, uint32_t lanes,
                    struct outlet **out, struct error *err);
// Memory is out: the node fails, and the pipeline with it.
void outputs_out_of_memory(struct outputs *outputs);
// True when every edge of every port can take a batch: a node runs only then.
bool outputs_open(const struct outputs *outputs);
// Hands all pending batches on, with these marks behind them on every port (0: no marks, and empty
// ports stay silent). False: an edge is full; call again.
bool outputs_flush(struct outputs *outputs, uint32_t marks, int64_t watermark, uint64_t epoch);
// False: so many dead letters wait that the port is to be flushed before another record may fail.
bool outputs_letter_room(const struct outputs *outputs);
// A failed record at the ports of errors: counted, told of, lettered. `err` may be without text
// when nobody reads it (outputs_wordless).
enum on_error_verdict outputs_fail_record(struct outputs *outputs, struct batch *batch,
                                          struct record *record, const struct error *err,
                                          bool can_retry);
// The kinds of trouble (bits) of which nobody reads the text now: in a storm of errors it need not
// be made. What was decoded or encoded without is done once more where the kind is another one.
uint32_t outputs_wordless(const struct outputs *outputs);
static inline bool wordless_has(uint32_t wordless, int code)
{
    return wordless >> trouble_of(code) & 1;
}
// Each step of the node begins with this.
void outputs_begin_step(struct outputs *outputs, int64_t now_ns, int64_t ends_ns);
