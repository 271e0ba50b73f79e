// SPDX-License-Identifier: MIT
#include "engine/engine_parts.h"
#include "pipeline.h"
#include "record/json.h"
#include <string.h>

// Marks through a lane, put into its edges by hand: barriers are aligned, watermarks merged, and
// every port of a node carries them, that of errors too.

struct lane_test {
    struct pipeline pipeline;
    struct virtual_clock clock;
    struct engine *engine;
    struct lane *lane;
};

static void start(struct lane_test *t, const char *yaml)
{
    CU_ASSERT_EQUAL_FATAL(pipeline_load(&t->pipeline, yaml), 0);
    virtual_clock_init(&t->clock, 0);
    struct engine_config config = {.topology = t->pipeline.topology,
                                   .registry = t->pipeline.registry,
                                   .clock = &t->clock.clock};
    CU_ASSERT_EQUAL_FATAL(engine_new(&t->engine, &config, &t->pipeline.problems), 0);
    t->lane = t->engine->lanes[0];
}

static void end(struct lane_test *t)
{
    engine_free(t->engine);
    pipeline_drop(&t->pipeline);
}

static struct lane_node *node(struct lane_test *t, const char *name)
{
    for (uint32_t i = 0; i < t->engine->plan->node_count; i++)
        if (!strcmp(t->engine->plan->nodes[i].spec->name, name))
            return &t->lane->nodes[i];
    CU_FAIL_FATAL("no such node");
    return NULL;
}

static void put(struct lane_test *t, struct edge *edge, uint32_t records, uint32_t marks,
                int64_t watermark, uint64_t epoch)
{
    struct batch *batch = batch_new(t->lane->pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(batch);
    for (uint32_t i = 0; i < records; i++)
        CU_ASSERT_PTR_NOT_NULL_FATAL(batch_add(batch));
    batch->marks = marks;
    batch->watermark = watermark;
    batch->epoch = epoch;
    CU_ASSERT_FALSE_FATAL(edge_full(edge));
    edge_push(edge, batch);
}

static void step(struct lane_node *n)
{
    struct wait wait = {.until_ns = INT64_MAX, .fd = -1};
    n->outputs.step_ends_ns = INT64_MAX;
    if (n->kind == NODE_SINK)
        sink_node_step(&n->sink, &wait);
    else
        operator_node_step(&n->op, &wait);
}

// Takes the next batch off an edge: its marks, and the number of its records.
static uint32_t marks_of(struct edge *edge, uint32_t *records, int64_t *watermark, uint64_t *epoch)
{
    struct batch *batch = edge_pop(edge);
    uint32_t marks = batch ? batch->marks : UINT32_MAX;
    *records = batch ? batch->count : 0;
    *watermark = batch ? batch->watermark : 0;
    *epoch = batch ? batch->epoch : 0;
    batch_unref(batch);
    return marks;
}

#define TWO_INPUTS                                                                                 \
    "pipeline: t\n"                                                                                \
    "sources: { a: { type: mock }, b: { type: mock } }\n"                                          \
    "operators: { m: { type: map, inputs: [a, b], on_error: { dlq: dead },\n"                      \
    "                  lua: 'return function(r) return r end' } }\n"                               \
    "sinks: { out: { type: mock, inputs: m }, dead: { type: mock } }\n"

struct ports {
    struct edge *a, *b, *out, *dead;
    struct lane_node *m;
};

static struct ports ports(struct lane_test *t)
{
    struct lane_node *m = node(t, "m");
    return (struct ports){.a = &m->op.inputs[0],
                          .b = &m->op.inputs[1],
                          .out = &node(t, "out")->sink.inputs[0],
                          .dead = &node(t, "dead")->sink.inputs[0],
                          .m = m};
}

static void test_barriers_are_aligned(void)
{
    struct lane_test t;
    uint32_t records;
    int64_t watermark;
    uint64_t epoch;
    start(&t, TWO_INPUTS);
    struct ports p = ports(&t);
    put(&t, p.a, 1, BATCH_BARRIER, 0, 7);
    put(&t, p.a, 2, 0, 0, 0); // of the next epoch: waits
    put(&t, p.b, 4, 0, 0, 0);
    step(p.m);
    CU_ASSERT_EQUAL(marks_of(p.out, &records, &watermark, &epoch), 0);
    CU_ASSERT_EQUAL(records, 1);
    CU_ASSERT_EQUAL(marks_of(p.out, &records, &watermark, &epoch), 0);
    CU_ASSERT_EQUAL(records, 4);
    step(p.m);
    CU_ASSERT_EQUAL(p.out->count, 0);
    CU_ASSERT_EQUAL(p.a->count, 1);
    put(&t, p.b, 0, BATCH_BARRIER, 0, 7);
    step(p.m);
    CU_ASSERT_EQUAL(marks_of(p.out, &records, &watermark, &epoch), BATCH_BARRIER);
    CU_ASSERT_EQUAL(records, 0);
    CU_ASSERT_EQUAL(epoch, 7);
    CU_ASSERT_EQUAL(marks_of(p.dead, &records, &watermark, &epoch), BATCH_BARRIER);
    step(p.m);
    CU_ASSERT_EQUAL(marks_of(p.out, &records, &watermark, &epoch), 0);
    CU_ASSERT_EQUAL(records, 2);
    CU_ASSERT_EQUAL(p.out->count, 0);
    end(&t);
}

static void test_an_ended_input_holds_nobody(void)
{
    struct lane_test t;
    uint32_t records;
    int64_t watermark;
    uint64_t epoch;
    start(&t, TWO_INPUTS);
    struct ports p = ports(&t);
    put(&t, p.a, 0, BATCH_BARRIER, 0, 3);
    step(p.m);
    CU_ASSERT_EQUAL(p.out->count, 0);
    put(&t, p.b, 1, BATCH_END | BATCH_WATERMARK, WATERMARK_END, 0);
    step(p.m);
    CU_ASSERT_EQUAL(marks_of(p.out, &records, &watermark, &epoch), BATCH_BARRIER);
    CU_ASSERT_EQUAL(records, 1);
    CU_ASSERT_EQUAL(epoch, 3);
    CU_ASSERT_EQUAL(marks_of(p.dead, &records, &watermark, &epoch), BATCH_BARRIER);
    put(&t, p.a, 0, BATCH_BARRIER, 0, 4);
    put(&t, p.a, 0, BATCH_END | BATCH_WATERMARK, WATERMARK_END, 4);
    step(p.m);
    CU_ASSERT_EQUAL(marks_of(p.out, &records, &watermark, &epoch), BATCH_BARRIER);
    CU_ASSERT_EQUAL(marks_of(p.out, &records, &watermark, &epoch), BATCH_END | BATCH_WATERMARK);
    CU_ASSERT_EQUAL(watermark, WATERMARK_END);
    CU_ASSERT_EQUAL(marks_of(p.dead, &records, &watermark, &epoch), BATCH_BARRIER);
    CU_ASSERT_EQUAL(marks_of(p.dead, &records, &watermark, &epoch), BATCH_END | BATCH_WATERMARK);
    CU_ASSERT_TRUE(p.m->op.done);
    end(&t);
}

static void test_watermarks_are_merged(void)
{
    static const struct {
        int input;
        uint32_t marks;
        int64_t time;
        uint32_t out; // marks; UINT32_MAX: none
        int64_t watermark;
    } steps[] = {
        {0, BATCH_WATERMARK, 100, 0, 0},
        {1, BATCH_WATERMARK, 50, BATCH_WATERMARK, 50},
        {1, BATCH_WATERMARK, 120, BATCH_WATERMARK, 100},
        {0, BATCH_IDLE, 0, BATCH_WATERMARK, 120},
        {1, BATCH_IDLE, 0, BATCH_IDLE, 120},
        {0, BATCH_ACTIVE | BATCH_WATERMARK, 110, BATCH_ACTIVE, 120}, // behind: it has to catch up
        {0, BATCH_WATERMARK, 130, BATCH_WATERMARK, 130},
        {1, BATCH_END | BATCH_WATERMARK, WATERMARK_END, 0, 130},
    };
    struct lane_test t;
    start(&t, TWO_INPUTS);
    struct ports p = ports(&t);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        uint32_t records, marks = 0;
        int64_t watermark, last = 0;
        uint64_t epoch;
        put(&t, steps[i].input ? p.b : p.a, 0, steps[i].marks, steps[i].time, 0);
        step(p.m);
        for (uint32_t got; (got = marks_of(p.out, &records, &watermark, &epoch)) != UINT32_MAX;) {
            marks |= got;
            last = watermark;
        }
        while (p.dead->count)
            batch_unref(edge_pop(p.dead));
        bool good =
            marks == steps[i].out && (!(marks & BATCH_WATERMARK) || last == steps[i].watermark);
        CU_ASSERT(good);
        if (!good)
            fprintf(stderr, "\n  step %zu: marks %u, watermark %lld\n", i, marks, (long long)last);
    }
    end(&t);
}

// A sink counts barriers as an operator does; letters lead to it as well.
static void test_sinks_align(void)
{
    struct lane_test t;
    uint32_t records;
    int64_t watermark;
    uint64_t epoch;
    start(&t, "pipeline: t\n"
              "sources: { a: { type: mock }, b: { type: mock } }\n"
              "sinks: { out: { type: mock, inputs: [a, b], on_error: { dlq: dead } },\n"
              "         dead: { type: mock, inputs: a } }\n");
    struct lane_node *out = node(&t, "out");
    struct edge *letters =
        out->outputs.ports[plan_errors_port(out->outputs.plan)].outlets[0].edges[0];
    put(&t, &out->sink.inputs[0], 3, BATCH_BARRIER, 0, 9);
    put(&t, &out->sink.inputs[0], 1, 0, 0, 0);
    step(out);
    CU_ASSERT_EQUAL(out->sink.inputs[0].count, 1);
    CU_ASSERT_EQUAL(out->sink.flushed_epoch, 0);
    put(&t, &out->sink.inputs[1], 1, BATCH_END, 0, 0); // instead of its barrier
    step(out);
    CU_ASSERT_EQUAL(out->sink.flushed_epoch, 9);
    CU_ASSERT_EQUAL(out->sink.inputs[0].count, 0);
    CU_ASSERT_EQUAL(marks_of(letters, &records, &watermark, &epoch), BATCH_BARRIER);
    CU_ASSERT_EQUAL(epoch, 9);
    put(&t, &out->sink.inputs[0], 0, BATCH_END, 0, 9);
    step(out);
    CU_ASSERT_TRUE(out->sink.done);
    CU_ASSERT_EQUAL(marks_of(letters, &records, &watermark, &epoch), BATCH_END);
    CU_ASSERT_EQUAL(stat_get(&out->stats.in), 5);
    end(&t);
}

static void test_no_room_no_step(void)
{
    struct lane_test t;
    start(&t, TWO_INPUTS);
    struct ports p = ports(&t);
    for (int i = 0; i < EDGE_SLOTS; i++)
        put(&t, p.dead, 1, 0, 0, 0);
    put(&t, p.a, 5, 0, 0, 0);
    step(p.m);
    CU_ASSERT_EQUAL(p.a->count, 1); // a port that is full holds all of the node
    CU_ASSERT_EQUAL(p.out->count, 0);
    batch_unref(edge_pop(p.dead));
    step(p.m);
    CU_ASSERT_EQUAL(p.a->count, 0);
    CU_ASSERT_EQUAL(p.out->count, 1);
    end(&t);
}

// More consumers of a port than any fixed table would hold; each gets a batch of its own.
static void test_many_edges(void)
{
    struct lane_test t;
    char yaml[4096];
    int len = snprintf(yaml, sizeof yaml, "pipeline: t\nsources: { a: { type: mock } }\nsinks:\n");
    for (int i = 0; i < 40; i++)
        len += snprintf(yaml + len, sizeof yaml - (size_t)len,
                        "  out%d: { type: mock, inputs: a }\n", i);
    start(&t, yaml);
    struct outputs *outputs = &node(&t, "a")->outputs;
    struct batch *batch = batch_new(t.lane->pool);
    batch_add(batch);
    CU_ASSERT_TRUE(outputs_forward(outputs, PORT_OUT, batch));
    batch_unref(batch);
    CU_ASSERT_TRUE(outputs_flush(outputs, BATCH_WATERMARK, 5, 0));
    CU_ASSERT_EQUAL(outputs->ports[PORT_OUT].outlet_count, 40);
    for (uint32_t i = 0; i < 40; i++) {
        struct edge *edge = outputs->ports[PORT_OUT].outlets[i].edges[0];
        CU_ASSERT_EQUAL_FATAL(edge->count, 1);
        CU_ASSERT_EQUAL(edge->slots[edge->head]->count, 1);
        CU_ASSERT_EQUAL(edge->slots[edge->head]->watermark, 5);
    }
    end(&t);
}

// A port that got a whole batch sends it before it takes shares of the same one.
static void test_share_behind_forward(void)
{
    struct lane_test t;
    start(&t, TWO_INPUTS);
    struct ports p = ports(&t);
    struct outputs *outputs = &p.m->outputs;
    struct batch *batch = batch_new(t.lane->pool);
    batch_add(batch);
    CU_ASSERT_TRUE(outputs_forward(outputs, PORT_OUT, batch));
    CU_ASSERT_TRUE(outputs_share(outputs, PORT_OUT, batch, &batch->records[0]));
    CU_ASSERT_EQUAL(p.out->count, 1);
    CU_ASSERT_PTR_NOT_NULL(outputs_batch(outputs, PORT_OUT)); // made records: the share goes first
    CU_ASSERT_EQUAL(p.out->count, 2);
    CU_ASSERT_PTR_NOT_NULL(batch_add(outputs_batch(outputs, PORT_OUT)));
    CU_ASSERT_FALSE(outputs_share(outputs, PORT_OUT, batch, &batch->records[0])); // full
    CU_ASSERT_FALSE(outputs->failed);
    batch_unref(batch);
    end(&t);
}

static CU_TestInfo cases[] = {
    {"barriers are aligned", test_barriers_are_aligned},
    {"an ended input holds nobody", test_an_ended_input_holds_nobody},
    {"watermarks are merged", test_watermarks_are_merged},
    {"sinks align", test_sinks_align},
    {"no room, no step", test_no_room_no_step},
    {"many edges", test_many_edges},
    {"a share behind a whole batch", test_share_behind_forward},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("marks", cases))
