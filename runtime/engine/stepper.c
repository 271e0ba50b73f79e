// SPDX-License-Identifier: MIT
#include "engine/stepper.h"
#include "base/alloc.h"
#include "engine/engine_parts.h"

enum { FDS_MAX = 64, AGAIN_NS = 10000000, CLOSE_POLL_NS = 5000000 };

static void add_part(struct stepper *stepper, struct part part)
{
    part.busy = true;
    part.until_ns = INT64_MAX;
    stepper->parts[stepper->count++] = part;
}

static void add_drivers(struct stepper *stepper, struct lane *lane)
{
    for (uint32_t i = 0; i < lane->plan->node_count; i++) {
        struct driver *driver = lane_driver(&lane->nodes[i]);
        if (driver && driver->threaded)
            add_part(stepper, (struct part){.driver = driver});
    }
}

int stepper_begin(struct stepper *stepper, struct engine *engine, struct error *err)
{
    const struct flow *flow = &engine->flow;
    uint32_t most = flow->lane_count * (engine->plan->node_count + 1) + 1;
    stepper->parts = mem_array(most, sizeof *stepper->parts);
    if (!stepper->parts)
        return error_nomem(err);
    for (uint32_t i = 0; i < flow->lane_count; i++)
        add_part(stepper, (struct part){.lane = flow->lanes[i]});
    for (uint32_t i = 0; i < flow->lane_count; i++)
        add_drivers(stepper, flow->lanes[i]);
    if (engine->coordinator)
        add_part(stepper, (struct part){.coordinator = engine->coordinator});
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
    if (part->coordinator)
        return &part->coordinator->waker;
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
    enum stepper_phase phase = engine->stepper.phase;
    bool first = index == 0;
    if (phase == STEPPER_OPENING || phase == STEPPER_CLOSING)
        return !first                                                           ? PART_OVER
               : engine->stepper.until_ns > clock_mono_ns(engine->config.clock) ? PART_ASLEEP
                                                                                : PART_AWAKE;
    if (part->over || phase == STEPPER_OVER || (phase == STEPPER_FINISHING && !part->coordinator))
        return PART_OVER;
    if (part->busy || !part->armed || is_woken(part) ||
        (first && phase == STEPPER_RUNNING &&
         engine->stepper.told != chief_stopping(engine->stepper.chief)))
        return PART_AWAKE;
    return part->until_ns > clock_mono_ns(engine->config.clock) ? PART_ASLEEP : PART_AWAKE;
}

int64_t engine_part_until_ns(const struct engine *engine, uint32_t index)
{
    enum stepper_phase phase = engine->stepper.phase;
    if (phase == STEPPER_OPENING || phase == STEPPER_CLOSING)
        return engine->stepper.until_ns;
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

// True: it has more to do.
static bool step_once(const struct part *part, struct wait *wait, int64_t now_ns)
{
    int fds[FDS_MAX];
    uint32_t count;
    if (part->coordinator)
        return coordinator_step(part->coordinator, wait);
    bool goes_on = lane_step(part->lane, wait, fds, FDS_MAX, &count);
    if (count && now_ns + AGAIN_NS < wait->until_ns)
        wait->until_ns = now_ns + AGAIN_NS; // descriptors are not waited for
    return goes_on;
}

// A lane without work arms its waker, steps once more, and only then it sleeps. So does the
// coordinator.
static void step_stepped(struct part *part, int64_t now_ns)
{
    struct wait wait = {.until_ns = INT64_MAX, .fd = -1};
    if (part->armed && (!part->busy || is_woken(part)))
        disarm(part);
    part->over = !step_once(part, &wait, now_ns);
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
    if (part->driver)
        step_driver(part, now_ns);
    else
        step_stepped(part, now_ns);
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
    bool goes = rc == TIDE_OK && chief_restore(chief, true) && chief_start_lanes(chief, true);
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
    if (!lanes_are_over(stepper))
        return;
    bool checkpoints = chief->coordinator && !stepper->parts[stepper->count - 1].over;
    stepper->phase = checkpoints ? STEPPER_FINISHING : STEPPER_CLOSING;
    if (checkpoints)
        coordinator_want_end(chief->coordinator);
}

static void finish(struct stepper *stepper, struct part *part)
{
    if (part->coordinator && !part->over)
        step_part(part, stepper->chief->clock);
    if (part->coordinator && part->over)
        stepper->phase = STEPPER_CLOSING;
}

static void close_all(struct stepper *stepper)
{
    stepper->until_ns = clock_mono_ns(stepper->chief->clock) + CLOSE_POLL_NS;
    if (!chief_close(stepper->chief))
        return;
    struct error err = ERROR_INIT;
    if (stepper->chief->coordinator && coordinator_end(stepper->chief->coordinator, &err))
        flow_fail(stepper->chief->flow, &err);
    stepper->phase = STEPPER_OVER;
    chief_end(stepper->chief);
}

void engine_step(struct engine *engine, uint32_t part)
{
    struct stepper *stepper = &engine->stepper;
    if (stepper->phase == STEPPER_RUNNING)
        run(stepper, part);
    else if (stepper->phase == STEPPER_FINISHING)
        finish(stepper, &stepper->parts[part]);
    else if (part == 0 && stepper->phase == STEPPER_OPENING)
        open_all(stepper);
    else if (part == 0 && stepper->phase == STEPPER_CLOSING)
        close_all(stepper);
}
