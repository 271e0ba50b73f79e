// SPDX-License-Identifier: MIT
#include "engine/operator_node.h"
#include "base/crash_point.h"
#include "base/alloc.h"

enum { MEASURE_EVERY_NS = 250000000 };

int operator_node_init(struct operator_node *node, const struct operator_spec *spec,
                       const struct plan_node *plan, uint32_t inputs, uint16_t index,
                       struct batch_pool *pool, struct node_stats *stats, struct error *err)
{
    node->input_count = inputs;
    node->inputs = mem_zalloc(sizeof *node->inputs * (inputs + 1));
    if (!node->inputs || valve_init(&node->valve, inputs) ||
        outputs_init(&node->outputs, plan, index, pool, spec->clock, stats))
        return error_nomem(err);
    return plan->class->build(&node->op, spec, err);
}

void operator_node_deinit(struct operator_node *node)
{
    if (node->op)
        node->op->free(node->op);
    for (uint32_t i = 0; i < node->input_count && node->inputs; i++)
        for (struct batch *batch; (batch = edge_pop(&node->inputs[i]));)
            batch_unref(batch);
    mem_free(node->inputs);
    batch_unref(node->batch);
    buf_deinit(&node->kept);
    valve_deinit(&node->valve);
    outputs_deinit(&node->outputs);
}

static bool take(struct operator_node *node)
{
    for (uint32_t i = 0; i < node->input_count; i++) {
        uint32_t input = (node->next_input + i) % node->input_count;
        struct edge *edge = &node->inputs[input];
        if (edge->held || !(node->batch = edge_pop(edge)))
            continue;
        node->input = input;
        node->next_input = (input + 1) % node->input_count;
        node->in_marks = node->batch->marks;
        node->in_watermark = node->batch->watermark;
        node->in_epoch = node->batch->epoch;
        node->batch->marks = 0;
        node->batch->cursor = 0;
        node->phase = PHASE_RECORDS;
        node->outputs.attempts = 0;
        stat_add(&node->outputs.stats->in, node->batch->count);
        return true;
    }
    return false;
}

// Dispatches on what the operator said; true when it is through.
static bool settle(struct operator_node *node, enum op_status status, struct wait *wait)
{
    if (status == OP_DONE)
        return true;
    if (status == OP_STOP && !node->outputs.failed) {
        node->outputs.failed = true;
        error_set(&node->outputs.failure, ERR_FATAL, "%s stopped", node->outputs.plan->spec->name);
    }
    if (node->outputs.retry_at_ns && node->outputs.retry_at_ns < wait->until_ns)
        wait->until_ns = node->outputs.retry_at_ns;
    return false;
}

static void turn_valve(struct operator_node *node, uint32_t marks)
{
    struct valve *valve = &node->valve;
    struct valve_input *input = &valve->inputs[node->input];
    int64_t before = valve->watermark, own = input->watermark;
    if (!input->used)
        return; // nobody waits for it
    pthread_mutex_lock(&node->outputs.look);
    if (marks & BATCH_ACTIVE)
        valve_active(valve, node->input);
    if (marks & BATCH_WATERMARK)
        valve_advance(valve, node->input, node->in_watermark);
    if (marks & BATCH_IDLE)
        valve_idle(valve, node->input);
    if (input->watermark > own)
        input->moved_ns = node->outputs.complaints.now_ns;
    if (valve->watermark > before)
        node->outputs.moved_ns = node->outputs.complaints.now_ns;
    pthread_mutex_unlock(&node->outputs.look);
}

// The watermark of all inputs together, after what this batch said of its input.
static void merge_marks(struct operator_node *node)
{
    uint32_t marks = node->in_marks & (BATCH_ACTIVE | BATCH_WATERMARK | BATCH_IDLE);
    struct valve *valve = &node->valve;
    bool was_idle = valve->idle;
    int64_t before = valve->watermark;
    node->out_marks = 0;
    if (marks)
        turn_valve(node, marks);
    if (valve->idle != was_idle)
        node->out_marks |= valve->idle ? BATCH_IDLE : BATCH_ACTIVE;
    if (valve->watermark > before) {
        node->out_marks |= BATCH_WATERMARK;
        node->watermark = valve->watermark;
    }
}

static void release_barrier(struct operator_node *node)
{
    node->out_marks |= BATCH_BARRIER;
    node->barriers = 0;
    for (uint32_t i = 0; i < node->input_count; i++)
        node->inputs[i].held = false;
}

static void count_marks(struct operator_node *node)
{
    if (node->in_marks & BATCH_BARRIER) {
        node->epoch = node->in_epoch;
        node->inputs[node->input].held = true;
        node->barriers++;
    }
    if (node->in_marks & BATCH_END)
        node->ended++;
    // An input that has ended waits for no barrier.
    if (node->barriers && node->barriers + node->ended >= node->input_count)
        release_barrier(node);
    if (node->ended == node->input_count)
        node->out_marks |= BATCH_END;
}

static void after_records(struct operator_node *node)
{
    merge_marks(node);
    count_marks(node);
    batch_unref(node->batch);
    node->batch = NULL;
    bool fires = (node->out_marks & BATCH_WATERMARK) && node->op->watermark;
    node->phase = fires ? PHASE_WATERMARK : PHASE_MARKS;
}

static void publish(struct operator_node *node)
{
    const struct operator_stats *from = &node->op->stats;
    struct node_stats *to = node->outputs.stats;
    stat_set(&to->filtered, from->filtered);
    stat_set(&to->late, from->late);
    stat_set(&to->absorbed, from->absorbed);
    stat_set(&to->created, from->created);
    if (node->out_marks & BATCH_WATERMARK)
        atomic_store_explicit(&to->watermark, node->watermark, memory_order_relaxed);
}

// All of it the first time, then what has changed since.
static int save_state(struct operator_node *node, struct saved *saved)
{
    struct op *op = node->op;
    if (node->tracks) {
        saved->changes = true;
        return op->save_changes(op, &saved->image);
    }
    int rc = op->save(op, &saved->image);
    if (!rc && op->track && !(node->out_marks & BATCH_END)) {
        rc = op->track(op);
        node->tracks = true;
    }
    return rc;
}

// Behind the barrier or the end, which has gone on already.
static void save(struct operator_node *node)
{
    struct saved *saved = saves_begin(node->outputs.saves, node->out_marks, node->outputs.stats);
    saved->watermark = node->valve.watermark;
    if (node->op->save)
        saved->image.rc = save_state(node, saved);
    saves_publish(node->outputs.saves, saved, node->epoch);
}

void operator_node_resume(struct operator_node *node)
{
    const struct node_stats *from = node->outputs.stats;
    node->op->stats = (struct operator_stats){.filtered = stat_get(&from->filtered),
                                              .late = stat_get(&from->late),
                                              .absorbed = stat_get(&from->absorbed),
                                              .created = stat_get(&from->created)};
}

static bool finish_marks(struct operator_node *node)
{
    if (!outputs_flush(&node->outputs, node->out_marks, node->watermark, node->epoch))
        return false;
    publish(node);
    if (node->outputs.saves && (node->out_marks & (BATCH_BARRIER | BATCH_END)))
        save(node);
    if (node->out_marks & BATCH_END)
        node->done = true;
    node->out_marks = 0;
    node->phase = PHASE_TAKE;
    return true;
}

static bool retry_waits(struct operator_node *node, struct wait *wait)
{
    if (!node->outputs.retry_at_ns)
        return false;
    if (clock_mono_ns(node->outputs.clock) < node->outputs.retry_at_ns) {
        if (node->outputs.retry_at_ns < wait->until_ns)
            wait->until_ns = node->outputs.retry_at_ns;
        return true;
    }
    node->outputs.retry_at_ns = 0;
    return false;
}

static bool tick(struct operator_node *node, struct wait *wait)
{
    struct op *op = node->op;
    if (!op->tick || node->done)
        return true;
    int64_t due = op->next_wall_ms(op), now = clock_wall_ms(node->outputs.clock);
    if (due == INT64_MAX)
        return true;
    if (now < due) {
        int64_t at = clock_mono_ns(node->outputs.clock) + (due - now) * 1000000;
        if (at < wait->until_ns)
            wait->until_ns = at;
        return true;
    }
    bool through = settle(node, op->tick(op, now, &node->outputs), wait);
    publish(node);
    return outputs_flush(&node->outputs, 0, 0, 0) && through;
}

// Until the operator wants to be called again.
static void wait_for(const struct operator_node *node, struct wait *wait)
{
    struct clock *clock = node->outputs.clock;
    int64_t due = node->op->next_wall_ms(node->op);
    if (due == INT64_MAX)
        return;
    int64_t left_ms = due - clock_wall_ms(clock);
    int64_t at = clock_mono_ns(clock) + (left_ms > 0 ? left_ms : 0) * 1000000;
    if (at < wait->until_ns)
        wait->until_ns = at;
}

// One phase; false when it cannot go on now.
static bool step(struct operator_node *node, struct wait *wait)
{
    struct op *op = node->op;
    enum op_status status = OP_DONE;
    switch (node->phase) {
    case PHASE_TAKE:
        return tick(node, wait) && take(node);
    case PHASE_RECORDS:
        crash_point("operator.process.before");
        if (node->batch->count)
            status = op->process(op, node->inputs[node->input].input, node->batch, &node->outputs);
        crash_point("operator.process.after");
        if (settle(node, status, wait))
            after_records(node);
        break;
    case PHASE_WATERMARK:
        crash_point("operator.watermark.before");
        status = op->watermark(op, node->watermark, &node->outputs);
        crash_point("operator.watermark.after");
        if (settle(node, status, wait))
            node->phase = PHASE_MARKS;
        break;
    case PHASE_MARKS:
        return finish_marks(node);
    }
    if (status == OP_DONE)
        return true;
    outputs_flush(&node->outputs, 0, 0, 0); // make room
    if (op->waits && status == OP_AGAIN && outputs_open(&node->outputs))
        wait_for(node, wait);
    else if (outputs_open(&node->outputs) && !node->outputs.retry_at_ns && !node->outputs.failed)
        wait->busy = true; // its time was up
    return false;
}

// A record has stopped the pipeline: what was done before it is handed on, the rest is left out.
static void stop_here(struct operator_node *node, struct wait *wait)
{
    for (uint32_t i = 0; i < node->input_count; i++)
        for (struct batch *batch; (batch = edge_pop(&node->inputs[i])); wait->busy = true)
            batch_unref(batch);
    if (!node->done && outputs_flush(&node->outputs, BATCH_END, WATERMARK_NONE, 0))
        node->done = wait->busy = true;
}

static void work(struct operator_node *node, struct wait *wait)
{
    bool moved = false;
    while (!node->outputs.failed && !node->done) {
        if (node->phase != PHASE_MARKS && !outputs_open(&node->outputs))
            break;
        if (!step(node, wait))
            break;
        moved = true;
    }
    if (moved)
        wait->busy = true;
}

// What it keeps is measured a few times a second: that goes through all its windows.
static void measure(struct operator_node *node)
{
    int64_t now = node->outputs.complaints.now_ns;
    struct operator_state state = {0};
    if (!node->op->measure || now - node->measured_ns < MEASURE_EVERY_NS)
        return;
    node->measured_ns = now;
    node->op->measure(node->op, &state);
    stat_set(&node->outputs.stats->state_bytes, state.bytes);
    stat_set(&node->outputs.stats->state_keys, state.keys);
    stat_set(&node->outputs.stats->state_windows, state.windows);
}

void operator_node_step(struct operator_node *node, struct wait *wait)
{
    measure(node);
    if (!node->done && !retry_waits(node, wait))
        work(node, wait);
    if (node->outputs.stopped)
        stop_here(node, wait);
}
