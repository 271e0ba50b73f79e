// SPDX-License-Identifier: MIT
#include "engine/engine.h"
#include "base/alloc.h"
#include "engine/engine_parts.h"
#include "engine/unheeded.h"
#include <poll.h>
#include <string.h>

static int build(struct engine *engine, struct problems *problems)
{
    const struct engine_config *config = &engine->config;
    struct error err = ERROR_INIT;
    int rc = worker_init(&engine->worker, config->clock, &err);
    if (rc) {
        problem_add(problems, (struct place){0}, error_reason(&err), "%s", err.text);
        return rc;
    }
    rc = plan_new(&engine->plan, config->topology, config->registry, problems);
    if (!rc)
        rc = connections_init(&engine->connections, config->topology, config->registry,
                              config->clock, &engine->worker.waker, problems);
    if (rc)
        return rc;
    struct lane_config lane = {.plan = engine->plan,
                               .clock = config->clock,
                               .waker = &engine->worker.waker,
                               .connections = &engine->connections,
                               .has_plugins = config->has_plugins,
                               .index = 0,
                               .count = 1};
    rc = lane_new(&engine->lane, &lane, problems);
    return rc ? rc : problems->errors ? ERR_INPUT : 0;
}

int engine_new(struct engine **out, const struct engine_config *config, struct problems *problems)
{
    struct engine *engine = mem_zalloc(sizeof *engine);
    if (!engine)
        return ERR_NOMEM;
    engine->config = *config;
    warn_unheeded(config->topology, problems);
    engine->worker.done_fd = engine->worker.waker.fd = -1;
    int rc = build(engine, problems);
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
    if (engine->worker.started)
        worker_stop(&engine->worker);
    worker_deinit(&engine->worker);
    lane_free(engine->lane);
    if (engine->connections.items)
        connections_deinit(&engine->connections);
    plan_free(engine->plan);
    mem_free(engine);
}

int engine_start(struct engine *engine, struct error *err)
{
    engine->started_ns = clock_mono_ns(engine->config.clock);
    return worker_start(&engine->worker, engine->lane, &engine->connections, err);
}

void engine_stop(struct engine *engine)
{
    worker_stop(&engine->worker);
}

enum engine_state engine_wait(struct engine *engine, int timeout_ms)
{
    struct pollfd done = {.fd = engine->worker.done_fd, .events = POLLIN};
    poll(&done, 1, timeout_ms); // a signal ends it early, which is as good
    return (enum engine_state)atomic_load_explicit(&engine->worker.state, memory_order_acquire);
}

const struct error *engine_error(const struct engine *engine)
{
    return &engine->worker.error;
}

void engine_profile(struct engine *engine, bool on)
{
    engine->lane->profile = on;
}
