// SPDX-License-Identifier: MIT
#include "run.h"
#include "disk.h"
#include "engine/engine_parts.h"
#include "plugin.h"
#include "schedule.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STEPS_MAX = 2000000, LOOK_EVERY = 256, LANES_MAX = 8, CRASHES_MAX = 5, LIVES_MAX = 40 };

// So long nothing may happen: longer than all pauses of plugins, and backoffs between them.
#define STILL_NS 300000000000LL

int house_open(struct house *house, struct error *err)
{
    const char *memory = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
    snprintf(house->dir, sizeof house->dir, "%s/tidemill-sim-%d", memory, (int)getpid());
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
    struct dice dice;  // of lives
    uint64_t stop_at;  // step; 0: never
    uint64_t crash_at; // likewise
    bool restored;     // this life has begun to run
    uint64_t decided;  // the newest checkpoint that was, in all lives
    uint64_t seen;     // the world's trace, as it was since
    int64_t seen_ns;
};

static void fail(struct run *run, const char *what, const char *why)
{
    if (run->out->good)
        snprintf(run->out->why, WHY_MAX, "%s: %.900s", what, why);
    run->out->good = false;
}

// What is to befall this life: a stop, a crash between two steps or two writes to the disk, or a
// full disk.
static void draw_fate(struct run *run)
{
    struct dice *dice = &run->dice;
    uint64_t now = run->schedule.steps;
    run->stop_at = dice_chance(dice, 10) ? now + 1 + dice_below(dice, 400) : 0;
    run->crash_at = 0;
    if (!run->world.checkpoints)
        return;
    if (run->out->lives > CRASHES_MAX)
        return;
    if (dice_chance(dice, 20))
        disk_fault_at(1 + dice_below(dice, 60));
    if (dice_chance(dice, 60))
        run->crash_at = now + 1 + dice_below(dice, dice_chance(dice, 50) ? 100 : 2000);
    if (dice_chance(dice, 40))
        disk_die_at(1 + dice_below(dice, 80));
}

// Starts may fail on the disk; whatever else is wrong is.
static bool build(struct run *run)
{
    const char *files[] = {"sim.yaml"};
    struct topology_input input = {.files = files, .file_count = 1, .text = run->plan->text};
    struct dice *dice = &run->dice;
    run->out->lanes = 1 + dice_below(dice, LANES_MAX);
    struct engine_config config = {.registry = run->house->registry,
                                   .clock = &run->clock.clock,
                                   .has_plugins = true,
                                   .lanes = run->out->lanes,
                                   .link_slots = 2 + dice_below(dice, 6),
                                   .stepped = true};
    struct problems problems;
    struct error err = ERROR_INIT;
    problems_init(&problems);
    draw_fate(run);
    run->out->lives++;
    int rc = topology_load(&run->topology, &input, run->house->catalogue, &problems);
    config.topology = run->topology;
    rc = rc ? rc : engine_new(&run->engine, &config, &problems);
    rc = rc ? rc : engine_start(run->engine, &err);
    if (rc)
        fail(run, "does not begin", problems.count ? problems.items[0].text : err.text);
    problems_deinit(&problems);
    return rc == 0;
}

// Faults while it drains may end it with records left, which is as it must be: there are none, but
// where it is started again.
static void stop(struct run *run)
{
    run->out->stopped = true;
    for (uint32_t i = 0; i < run->world.source_count && !run->world.checkpoints; i++)
        run->world.sources[i].mood.faults = 0;
    for (uint32_t i = 0; i < run->world.sink_count && !run->world.checkpoints; i++)
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

// What was decided is gone on from.
static void look_at_start(struct run *run)
{
    const struct coordinator *coordinator = run->engine->coordinator;
    if (!coordinator || run->restored || run->engine->stepper.phase != STEPPER_RUNNING)
        return;
    run->restored = true;
    if (coordinator->head.number < run->decided)
        fail(run, "checkpoints", "it goes on from an older one than has been decided");
}

static bool crashes(struct run *run)
{
    return disk_is_dead() || (run->crash_at && run->schedule.steps >= run->crash_at);
}

// Also at once, not only when its time has come.
static void ask_for_checkpoint(struct run *run)
{
    if (run->world.checkpoints && dice_below(&run->dice, 64) == 0)
        coordinator_ask(run->engine->coordinator);
}

// False: it has crashed.
static bool step_to_end(struct run *run)
{
    while (run->out->good && engine_wait(run->engine, 0) == ENGINE_RUNNING) {
        if (run->schedule.steps == STEPS_MAX)
            fail(run, "no end", "too many steps");
        else if (schedule_step(&run->schedule, run->engine) == SCHEDULE_HANGS)
            fail(run, "hangs", "all parts sleep, and none has a deadline");
        look_at_start(run);
        if (crashes(run))
            return false;
        if (run->stop_at && run->schedule.steps == run->stop_at)
            stop(run);
        ask_for_checkpoint(run);
        look_at_world(run);
        if (run->schedule.steps % LOOK_EVERY == 0)
            look_into(run);
    }
    return true;
}

static bool may_fail(struct run *run)
{
    return run->world.checkpoints &&
           (run->world.excused || disk_had_fault() || engine_error(run->engine)->code == ERR_RETRY);
}

// Of a life that has come to its end.
static void judge_life(struct run *run)
{
    struct error err = ERROR_INIT;
    bool failed = engine_wait(run->engine, 0) == ENGINE_FAILED;
    if (failed && !may_fail(run))
        fail(run, "failed", engine_error(run->engine)->text);
    else if (!failed && engine_account(run->engine, &err))
        fail(run, "accounting", err.text);
    else if (run->world.open_instances)
        fail(run, "plugins", "not all are closed");
}

static void judge(struct run *run)
{
    char why[WHY_MAX];
    if (run->world.broken[0])
        fail(run, "contract", run->world.broken);
    if (run->out->good &&
        !verdict_of_sinks(run->plan, run->world.checkpoints || !run->out->stopped, why))
        fail(run, "output", why);
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

static void show_parts(struct run *run)
{
    static const char *const states[] = {"awake", "asleep", "over"};
    const struct coordinator *coordinator = run->engine ? run->engine->coordinator : NULL;
    for (uint32_t i = 0; run->engine && i < engine_part_count(run->engine); i++) {
        const struct part *part = &run->engine->stepper.parts[i];
        fprintf(stderr, "# part %" PRIu32 " (%s): %s\n", i,
                part->lane     ? "lane"
                : part->driver ? part->driver->ctx.node
                               : "coordinator",
                states[engine_part_state(run->engine, i)]);
    }
    if (coordinator)
        fprintf(stderr, "# checkpoint %" PRIu64 ": phase %d, %" PRIu64 " done\n",
                coordinator->number, (int)coordinator->phase, coordinator->done);
}

static void count(struct run *run)
{
    run->out->steps = run->schedule.steps;
    for (uint32_t i = 0; i < run->world.sink_count; i++)
        run->out->lines += run->world.sinks[i].count;
    run->out->acks = run->world.acks;
    run->out->trace = run->world.trace ^ run->schedule.steps;
}

static void end_life(struct run *run, bool crashed)
{
    if (run->engine && run->engine->coordinator) {
        run->out->checkpoints += run->engine->coordinator->done;
        if (run->engine->flow.decided > run->decided)
            run->decided = run->engine->flow.decided;
        run->restored = false;
    }
    if (crashed)
        disk_die();
    engine_free(run->engine);
    topology_free(run->topology);
    run->engine = NULL;
    run->topology = NULL;
    disk_fault_at(0);
    disk_die_at(0);
    if (crashed)
        disk_crash();
}

// From a start to the end, whichever. True: and once more.
static bool live(struct run *run, bool show)
{
    if (!build(run))
        return false;
    bool crashed = !step_to_end(run), again = crashed, stopped = run->out->stopped;
    if (run->out->good && !crashed) {
        bool failed = engine_wait(run->engine, 0) == ENGINE_FAILED;
        judge_life(run);
        if (show && failed)
            fprintf(stderr, "# failed: %s\n", engine_error(run->engine)->text);
        again = run->world.checkpoints && (failed || stopped || dice_chance(&run->dice, 20));
        run->out->failures += failed;
    }
    run->out->crashes += crashed;
    if (show && !run->out->good) {
        show_nodes(run);
        show_parts(run);
    }
    end_life(run, crashed);
    if (!run->out->good || run->world.broken[0] || !again)
        return false;
    if (run->out->lives > LIVES_MAX)
        fail(run, "no end", "it is started again and again");
    if (show)
        fprintf(stderr, "# step %" PRIu64 ": started again after %s\n", run->schedule.steps,
                crashed ? "a crash" : "its end");
    run->out->stopped = false;
    world_return(&run->world, crashed, &run->dice);
    return true;
}

void run_seed(const struct house *house, uint64_t seed, bool show, struct outcome *out)
{
    struct run run = {.house = house, .out = out, .dice = dice_of(seed, 5)};
    *out = (struct outcome){.good = true};
    sim_clock_init(&run.clock, seed);
    disk_begin(house->dir, dice_of(seed, 8));
    world_init(&run.world, &run.clock.clock);
    run.plan = sim_alloc(sizeof *run.plan);
    plan_make(run.plan, &run.world, seed, house->dir);
    for (uint32_t i = 0; i < run.world.sink_count; i++)
        for (size_t k = 0; k < run.plan->expected[i].rows.count; k++)
            world_owe(&run.world.sinks[i], &run.plan->expected[i].rows.items[k]);
    schedule_init(&run.schedule, &run.clock, seed);
    run.seen_ns = run.clock.now_ns;
    if (show)
        fputs(run.plan->text, stderr);
    while (live(&run, show))
        ;
    judge(&run);
    count(&run);
    plan_drop(run.plan);
    free(run.plan);
    world_free(&run.world);
    disk_end();
}
