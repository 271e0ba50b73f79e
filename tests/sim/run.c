// SPDX-License-Identifier: MIT
#include "run.h"
#include "plugin.h"
#include "schedule.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 2000000, LOOK_EVERY = 256, LANES_MAX = 8 };

// So long nothing may happen: longer than all pauses of plugins, and backoffs between them.
#define STILL_NS 300000000000LL

int house_open(struct house *house, struct error *err)
{
    int rc = registry_new(&house->registry, err);
    for (uint32_t i = 0; i < PLUGIN_KINDS && !rc; i++)
        rc = registry_add_plugin(house->registry, sim_plugins[i], err);
    return rc ? rc : engine_catalogue(&house->catalogue, house->registry, err);
}

void house_close(struct house *house)
{
    engine_catalogue_free(house->catalogue);
    registry_free(house->registry);
}

// What one run is made of.
struct run {
    const struct house *house;
    struct sim_clock clock;
    struct world world;
    struct pipeline_plan *plan;
    struct topology *topology;
    struct engine *engine;
    struct schedule schedule;
    struct outcome *out;
    uint64_t stop_at; // step; 0: never
    uint64_t seen;    // the world's trace, as it was since
    int64_t seen_ns;
};

static void fail(struct run *run, const char *what, const char *why)
{
    if (run->out->good)
        snprintf(run->out->why, WHY_MAX, "%s: %.900s", what, why);
    run->out->good = false;
}

static bool build(struct run *run, struct problems *problems)
{
    const char *files[] = {"sim.yaml"};
    struct topology_input input = {.files = files, .file_count = 1, .text = run->plan->text};
    struct dice dice = dice_of(run->schedule.dice.state, 5);
    run->out->lanes = 1 + dice_below(&dice, LANES_MAX);
    struct engine_config config = {.registry = run->house->registry,
                                   .clock = &run->clock.clock,
                                   .has_plugins = true,
                                   .lanes = run->out->lanes,
                                   .link_slots = 2 + dice_below(&dice, 6),
                                   .stepped = true};
    if (dice_chance(&dice, 10))
        run->stop_at = 1 + dice_below(&dice, 400);
    struct error err = ERROR_INIT;
    int rc = topology_load(&run->topology, &input, run->house->catalogue, problems);
    config.topology = run->topology;
    rc = rc ? rc : engine_new(&run->engine, &config, problems);
    rc = rc ? rc : engine_start(run->engine, &err);
    if (rc)
        fail(run, "does not begin", problems->count ? problems->items[0].text : err.text);
    return rc == 0;
}

// Faults while it drains may end it with records left, which is as it must be: there are none.
static void stop(struct run *run)
{
    run->out->stopped = true;
    for (uint32_t i = 0; i < run->world.source_count; i++)
        run->world.sources[i].mood.faults = 0;
    for (uint32_t i = 0; i < run->world.sink_count; i++)
        run->world.sinks[i].mood.faults = 0;
    engine_stop(run->engine);
}

// Records wait in queues only, and queues are bounded.
static void look_into(struct run *run)
{
    struct engine_status status;
    if (engine_status(run->engine, &status))
        return;
    for (uint32_t i = 0; i < status.node_count; i++)
        if (status.nodes[i].kind != NODE_SOURCE &&
            status.nodes[i].in_flight > status.nodes[i].queue_capacity)
            fail(run, status.nodes[i].name, "more in flight than there is room for");
    engine_status_free(&status);
}

// It may hang though somebody wakes up from time to time.
static void look_at_world(struct run *run)
{
    if (run->world.trace != run->seen) {
        run->seen = run->world.trace;
        run->seen_ns = run->clock.now_ns;
    }
    if (run->clock.now_ns - run->seen_ns > STILL_NS)
        fail(run, "hangs", "nothing is read, written or acknowledged any more");
}

static void step_to_end(struct run *run)
{
    while (run->out->good && engine_wait(run->engine, 0) == ENGINE_RUNNING) {
        if (run->schedule.steps == STEPS_MAX)
            fail(run, "no end", "too many steps");
        else if (schedule_step(&run->schedule, run->engine) == SCHEDULE_HANGS)
            fail(run, "hangs", "all parts sleep, and none has a deadline");
        if (run->stop_at && run->schedule.steps == run->stop_at)
            stop(run);
        look_at_world(run);
        if (run->schedule.steps % LOOK_EVERY == 0)
            look_into(run);
    }
}

static void judge(struct run *run)
{
    struct error err = ERROR_INIT;
    char why[WHY_MAX];
    if (run->world.broken[0])
        fail(run, "contract", run->world.broken);
    if (!run->out->good)
        return;
    if (engine_wait(run->engine, 0) == ENGINE_FAILED)
        fail(run, "failed", engine_error(run->engine)->text);
    else if (!verdict_of_sinks(run->plan, !run->out->stopped, why))
        fail(run, "output", why);
    else if (engine_account(run->engine, &err))
        fail(run, "accounting", err.text);
    else if (run->world.open_instances)
        fail(run, "plugins", "not all are closed");
}

static void show_nodes(struct run *run)
{
    struct engine_status status;
    if (engine_status(run->engine, &status))
        return;
    for (uint32_t i = 0; i < status.node_count; i++) {
        const struct node_status *n = &status.nodes[i];
        fprintf(stderr,
                "# %s: in %" PRIu64 " out %" PRIu64 " filtered %" PRIu64 " failed %" PRIu64
                " late %" PRIu64 " absorbed %" PRIu64 " created %" PRIu64 " in flight %" PRIu64
                " watermark %" PRId64 " %s%s\n",
                n->name, n->in, n->out, n->filtered, n->failed, n->late, n->absorbed, n->created,
                n->in_flight, n->watermark, n->last_error, n->last_fault);
    }
    engine_status_free(&status);
}

static void count(struct run *run)
{
    run->out->steps = run->schedule.steps;
    for (uint32_t i = 0; i < run->world.sink_count; i++)
        run->out->lines += run->world.sinks[i].count;
    run->out->acks = run->world.acks;
    run->out->trace = run->world.trace ^ run->schedule.steps;
}

void run_seed(const struct house *house, uint64_t seed, bool show, struct outcome *out)
{
    struct run run = {.house = house, .out = out};
    struct problems problems;
    *out = (struct outcome){.good = true};
    problems_init(&problems);
    sim_clock_init(&run.clock, seed);
    world_init(&run.world, &run.clock.clock);
    run.plan = sim_alloc(sizeof *run.plan);
    plan_make(run.plan, &run.world, seed);
    for (uint32_t i = 0; i < run.world.sink_count; i++)
        for (size_t k = 0; k < run.plan->expected[i].rows.count; k++)
            world_owe(&run.world.sinks[i], &run.plan->expected[i].rows.items[k]);
    schedule_init(&run.schedule, &run.clock, seed);
    run.seen_ns = run.clock.now_ns;
    if (show)
        fputs(run.plan->text, stderr);
    if (build(&run, &problems)) {
        step_to_end(&run);
        judge(&run);
        if (show && !out->good)
            show_nodes(&run);
    }
    count(&run);
    engine_free(run.engine);
    topology_free(run.topology);
    problems_deinit(&problems);
    plan_drop(run.plan);
    free(run.plan);
    world_free(&run.world);
}
