// SPDX-License-Identifier: MIT
#include "engine/stepper.h"
#include "base/alloc.h"
#include "engine/engine_parts.h"

enum { FDS_MAX = 64, AGAIN_NS = 10000000 };

static void add_part(struct stepper *stepper, struct lane *lane, struct driver *driver)
{
    stepper->parts[stepper->count++] =
        (struct part){.lane = lane, .driver = driver, .busy = true, .until_ns = INT64_MAX};
}

static void add_drivers(struct stepper *stepper, struct lane *lane)
{
    for (uint32_t i = 0; i < lane->plan->node_count; i++) {
        struct driver *driver = lane_driver(&lane->nodes[i]);
        if (driver && driver->threaded)
            add_part(stepper, NULL, driver);
    }
}

int stepper_begin(struct stepper *stepper, struct engine *engine, struct error *err)
{
    const struct flow *flow = &engine->flow;
    uint32_t most = flow->lane_count * (engine->plan->node_count + 1);
    stepper->parts = mem_array(most, sizeof *stepper->parts);
    if (!stepper->parts)
        return error_nomem(err);
    for (uint32_t i = 0; i < flow->lane_count; i++)
        add_part(stepper, flow->lanes[i], NULL);
    for (uint32_t i = 0; i < flow->lane_count; i++)
        add_drivers(stepper, flow->lanes[i]);
    stepper->chief = &engine->chief;
    chief_begin(&engine->chief, &engine->flow, &engine->connections);
    return 0;
}

void stepper_deinit(struct stepper *stepper)
{
    mem_free(stepper->parts);
    stepper->parts = NULL;
}

// -- the parts --

static struct waker *waker_of(const struct part *part)
{
    return part->lane ? part->lane->waker : &part->driver->own_waker;
}

static bool is_woken(const struct part *part)
{
    return !waker_dozes(waker_of(part));
}

uint32_t engine_part_count(const struct engine *engine)
{
    return engine->stepper.count;
}

enum part_state engine_part_state(const struct engine *engine, uint32_t index)
{
    const struct part *part = &engine->stepper.parts[index];
    bool first = index == 0;
    if (engine->stepper.phase != STEPPER_RUNNING)
        return first && engine->stepper.phase != STEPPER_OVER ? PART_AWAKE : PART_OVER;
    if (part->over)
        return PART_OVER;
    if (part->busy || !part->armed || is_woken(part) ||
        (first && engine->stepper.told != chief_stopping(engine->stepper.chief)))
        return PART_AWAKE;
    return part->until_ns > clock_mono_ns(engine->config.clock) ? PART_ASLEEP : PART_AWAKE;
}

int64_t engine_part_until_ns(const struct engine *engine, uint32_t index)
{
    return engine->stepper.parts[index].until_ns;
}

// -- stepping --

static void disarm(struct part *part)
{
    if (part->armed)
        waker_rise(waker_of(part));
    part->armed = false;
}

static void arm(struct part *part)
{
    waker_doze(waker_of(part));
    part->armed = part->busy = true; // busy: it looks once more
}

// A lane without work arms its waker, steps once more, and only then it sleeps.
static void step_lane(struct part *part, int64_t now_ns)
{
    struct wait wait = {.until_ns = INT64_MAX, .fd = -1};
    int fds[FDS_MAX];
    uint32_t count;
    if (part->armed && (!part->busy || is_woken(part)))
        disarm(part);
    part->over = !lane_step(part->lane, &wait, fds, FDS_MAX, &count);
    if (count && now_ns + AGAIN_NS < wait.until_ns)
        wait.until_ns = now_ns + AGAIN_NS; // descriptors are not waited for
    part->busy = wait.busy;
    part->until_ns = wait.until_ns;
    if (wait.busy || part->over)
        disarm(part);
    else if (!part->armed)
        arm(part);
}

// A driver only asks whether it has work.
static void step_driver(struct part *part, int64_t now_ns)
{
    bool looks = part->armed && part->busy;
    if (looks && !driver_work_waits(part->driver)) {
        part->busy = false;
        return;
    }
    disarm(part);
    if (looks)
        return;
    struct wait wait = {.until_ns = INT64_MAX, .fd = -1};
    driver_step(part->driver, &wait);
    if (wait.fd >= 0 && now_ns + AGAIN_NS < wait.until_ns)
        wait.until_ns = now_ns + AGAIN_NS;
    part->over = part->driver->state == DRIVER_CLOSED;
    part->busy = wait.busy;
    part->until_ns = wait.until_ns;
    if (!wait.busy && !part->over)
        arm(part);
}

static void step_part(struct part *part, struct clock *clock)
{
    int64_t now_ns = clock_mono_ns(clock);
    if (part->lane)
        step_lane(part, now_ns);
    else
        step_driver(part, now_ns);
}

// -- before and after --

static void open_all(struct stepper *stepper)
{
    struct chief *chief = stepper->chief;
    struct error why = ERROR_INIT;
    if (chief_stopping(chief)) {
        stepper->phase = STEPPER_CLOSING;
        return;
    }
    tide_result rc = connections_open(chief->connections, &why);
    if (rc == TIDE_AGAIN || rc == TIDE_RETRY)
        return;
    if (rc != TIDE_OK)
        flow_fail(chief->flow, &why);
    bool goes = rc == TIDE_OK && chief_start_lanes(chief, true);
    stepper->phase = goes ? STEPPER_RUNNING : STEPPER_CLOSING;
}

static bool lanes_are_over(const struct stepper *stepper)
{
    for (uint32_t i = 0; i < stepper->chief->flow->lane_count; i++)
        if (!stepper->parts[i].over)
            return false;
    return true;
}

static void run(struct stepper *stepper, uint32_t index)
{
    struct chief *chief = stepper->chief;
    if (index == 0 && !stepper->told && chief_stopping(chief)) {
        stepper->told = true;
        flow_stop(chief->flow);
    }
    if (!stepper->parts[index].over)
        step_part(&stepper->parts[index], chief->clock);
    if (lanes_are_over(stepper))
        stepper->phase = STEPPER_CLOSING;
}

static void close_all(struct stepper *stepper)
{
    if (!chief_close(stepper->chief))
        return;
    stepper->phase = STEPPER_OVER;
    chief_end(stepper->chief);
}

void engine_step(struct engine *engine, uint32_t part)
{
    struct stepper *stepper = &engine->stepper;
    if (stepper->phase == STEPPER_RUNNING)
        run(stepper, part);
    else if (part == 0 && stepper->phase == STEPPER_OPENING)
        open_all(stepper);
    else if (part == 0 && stepper->phase == STEPPER_CLOSING)
        close_all(stepper);
}
