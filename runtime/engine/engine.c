// SPDX-License-Identifier: MIT
#include "engine/source_buffer.h"
#include "engine/engine.h"
#include "base/alloc.h"
#include "engine/engine_parts.h"
#include "engine/memory_limit.h"
#include "engine/unheeded.h"
#include <poll.h>
#include <string.h>

enum { ACK_DEFAULT_MS = 1000, DRAIN_DEFAULT_MS = 10000, LINK_SLOTS_LEAST = 2 };

static int say(struct problems *problems, int rc, const struct error *err)
{
    if (rc)
        problem_add(problems, (struct place){0}, error_reason(err), "%s", err->text);
    return rc;
}

// The lanes' places in the crew, and the wakers that ring there.
static int make_wakers(struct engine *engine, struct error *err)
{
    const struct engine_config *config = &engine->config;
    uint32_t lanes = engine->plan->lanes;
    int rc = config->crew ? 0 : crew_new(&engine->own_crew, config->clock, config->workers, err);
    if (rc)
        return rc;
    engine->wakers = mem_array(lanes, sizeof *engine->wakers);
    if (!engine->wakers)
        return error_nomem(err);
    struct crew *crew = config->crew ? config->crew : engine->own_crew;
    rc = share_init(&engine->share, crew, lanes, engine->wakers, err);
    if (rc)
        return rc;
    engine->share.pipeline = config->topology->pipeline;
    engine->share.weight = (uint32_t)setting_int(config->topology->top, "priority", 1);
    return chief_init(&engine->chief, config->clock, &engine->share, err);
}

static int make_lanes(struct engine *engine, struct problems *problems)
{
    struct lane_config config = {.plan = engine->plan,
                                 .flow = &engine->flow,
                                 .clock = engine->config.clock,
                                 .wakers = engine->wakers,
                                 .connections = &engine->connections,
                                 .saver = engine->coordinator ? &engine->coordinator->waker : NULL,
                                 .has_plugins = engine->config.has_plugins};
    engine->lanes = mem_zalloc(sizeof(struct lane *) * engine->plan->lanes);
    if (!engine->lanes)
        return ERR_NOMEM;
    for (; config.index < engine->plan->lanes; config.index++) {
        int rc = lane_new(&engine->lanes[config.index], &config, problems);
        engine->lane_count += engine->lanes[config.index] != NULL;
        if (rc)
            return rc;
        config.first = engine->lanes[0];
    }
    return 0;
}

// Links may hold so many batches; fewer only make it slower.
static size_t link_slots(const struct engine_config *config)
{
    if (!config->link_slots)
        return LINK_SLOTS;
    return config->link_slots < LINK_SLOTS_LEAST ? LINK_SLOTS_LEAST : config->link_slots;
}

static int connect_lanes(struct engine *engine, struct problems *problems)
{
    struct error err = ERROR_INIT;
    engine->wiring.slots = link_slots(&engine->config);
    int rc = wiring_connect(&engine->wiring, engine->plan, engine->lanes, &err);
    engine->flow.lanes = engine->lanes;
    engine->flow.lane_count = engine->lane_count;
    return rc == ERR_NOMEM ? rc : say(problems, rc, &err);
}

static int make_coordinator(struct engine *engine, struct problems *problems)
{
    struct error err = ERROR_INIT;
    struct place place = {0};
    const struct engine_config *config = &engine->config;
    const struct coordinator_config wanted = {.plan = engine->plan,
                                              .flow = &engine->flow,
                                              .clock = config->clock,
                                              .connections = &engine->connections,
                                              .fresh = config->fresh,
                                              .from = config->from_checkpoint,
                                              .losses = config->losses,
                                              .stop = &engine->chief.stop_wanted};
    if (!config->has_plugins || problems->errors)
        return 0;
    int rc = coordinator_new(&engine->coordinator, &wanted, &place, &err);
    engine->chief.coordinator = engine->coordinator;
    if (rc && rc != ERR_NOMEM)
        problem_add(problems, place, error_reason(&err), "%s", err.text);
    return rc;
}

static int build(struct engine *engine, struct problems *problems)
{
    const struct engine_config *config = &engine->config;
    struct error err = ERROR_INIT;
    int rc = plan_new(&engine->plan, config->topology, config->registry,
                      config->has_plugins || config->lanes ? config->lanes : 1, problems);
    if (rc)
        return rc;
    rc = make_wakers(engine, &err);
    if (rc)
        return rc == ERR_NOMEM ? rc : say(problems, rc, &err);
    rc = connections_init(&engine->connections, config->topology, config->registry, config->clock,
                          engine->wakers, problems);
    if (!rc && config->has_plugins)
        source_buffers_check(engine->plan, problems);
    rc = rc ? rc : make_coordinator(engine, problems);
    rc = rc ? rc : make_lanes(engine, problems);
    rc = rc ? rc : problems->errors ? ERR_INPUT : 0;
    return rc ? rc : connect_lanes(engine, problems);
}

struct requirement {
    const struct tide_config *wanted;
    struct problems *problems;
};

static int check_path(void *arg, const struct engine_path *path)
{
    const struct requirement *required = arg;
    const char *wanted = required->wanted->text;
    bool exactly = !strcmp(wanted, "exactly_once");
    if (path->guarantee < (exactly ? GUARANTEE_EXACTLY_ONCE : GUARANTEE_AT_LEAST_ONCE))
        problem_add(required->problems, required->wanted->place, REASON_GUARANTEE,
                    "%s -> %s: less than `require: %s`: %s", path->from, path->to, wanted,
                    path->why);
    return 0;
}

static int check_required(struct engine *engine, struct problems *problems)
{
    struct requirement required = {setting_at(engine->config.topology->top, "require"), problems};
    if (!required.wanted || !required.wanted->given || !engine->config.has_plugins)
        return 0;
    int rc = engine_paths(engine, check_path, &required);
    return rc ? rc : problems->errors ? ERR_INPUT : 0;
}

int engine_new(struct engine **out, const struct engine_config *config, struct problems *problems)
{
    struct engine *engine = mem_zalloc(sizeof *engine);
    if (!engine)
        return ERR_NOMEM;
    const struct tide_config *top = config->topology->top;
    engine->config = *config;
    flow_init(&engine->flow, config->clock, setting_int(top, "drain", DRAIN_DEFAULT_MS),
              setting_int(top, "checkpoint.every", ACK_DEFAULT_MS));
    memory_limit_set((uint64_t)setting_int(top, "limits.memory", 0));
    warn_unheeded(config->topology, problems);
    engine->chief.done_fd = engine->chief.waker.fd = -1;
    int rc = build(engine, problems);
    rc = rc ? rc : check_required(engine, problems);
    if (rc == ERR_NOMEM)
        problem_add(problems, (struct place){0}, REASON_NOMEM,
                    "out of memory while building the pipeline");
    if (rc)
        engine_free(engine);
    else
        *out = engine;
    return rc;
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    if (engine->chief.started)
        chief_stop(&engine->chief);
    chief_deinit(&engine->chief);
    stepper_deinit(&engine->stepper);
    crew_free(engine->own_crew);
    for (uint32_t i = 0; i < engine->lane_count; i++)
        lane_empty(engine->lanes[i]);
    wiring_deinit(&engine->wiring);
    for (uint32_t i = 0; i < engine->lane_count; i++)
        lane_free(engine->lanes[i]);
    mem_free(engine->lanes);
    if (engine->connections.items)
        connections_deinit(&engine->connections);
    coordinator_free(engine->coordinator);
    share_deinit(&engine->share);
    mem_free(engine->wakers);
    plan_free(engine->plan);
    flow_deinit(&engine->flow);
    mem_free(engine);
}

int engine_start(struct engine *engine, struct error *err)
{
    engine->started_ns = clock_mono_ns(engine->config.clock);
    if (engine->config.stepped)
        return stepper_begin(&engine->stepper, engine, err);
    return chief_start(&engine->chief, &engine->flow, &engine->connections, err);
}

void engine_stop(struct engine *engine)
{
    chief_stop(&engine->chief);
}

enum engine_state engine_wait(struct engine *engine, int timeout_ms)
{
    struct pollfd done = {.fd = engine->chief.done_fd, .events = POLLIN};
    poll(&done, 1, timeout_ms); // a signal ends it early, which is as good
    return (enum engine_state)atomic_load_explicit(&engine->chief.state, memory_order_acquire);
}

const struct error *engine_error(const struct engine *engine)
{
    return &engine->chief.error;
}

bool engine_connection_decides(const struct engine *engine)
{
    return engine->coordinator && engine->coordinator->decider >= 0;
}

int engine_checkpoint(struct engine *engine, uint64_t *after, struct error *err)
{
    if (!engine->coordinator)
        return error_set(err, ERR_INPUT, "%s makes no checkpoints: it has no `checkpoint:`",
                         engine->config.topology->pipeline);
    *after = coordinator_ask(engine->coordinator);
    return 0;
}

bool engine_can_mend(const struct engine *engine, bool first)
{
    const struct coordinator *coordinator = engine->coordinator;
    const struct error *why = engine_error(engine);
    bool outside = why->code == ERR_RETRY || why->code == ERR_IO || why->code == ERR_NOMEM ||
                   why->code == ERR_FATAL;
    if (!coordinator || !outside || engine->flow.by_record || why->reason == REASON_FENCED)
        return false;
    return !first || atomic_load_explicit(&coordinator->done, memory_order_relaxed);
}

void engine_profile(struct engine *engine, bool on)
{
    for (uint32_t i = 0; i < engine->lane_count; i++)
        engine->lanes[i]->profile = on;
}
