// SPDX-License-Identifier: MIT
#include "cli/sight.h"

#include "base/alloc.h"
#include "base/log.h"
#include "cli/why_json.h"
#include "observe/http.h"
#include "time/watermark.h"

#include <stdatomic.h>
#include <string.h>

struct sight {
    struct engine *engine;
    const char *pipeline;
    int64_t made_ns;
    _Atomic int phase; // released with what engine_start has written
    struct http_server *server;
};

static const char *const kinds[] = {
    [NODE_SOURCE] = "source",
    [NODE_OPERATOR] = "operator",
    [NODE_SINK] = "sink",
};

static int64_t watermark_of(int64_t watermark)
{
    if (watermark == WATERMARK_NONE)
        return SNAPSHOT_NO_TIME;
    return watermark == WATERMARK_END ? SNAPSHOT_END : watermark;
}

// The lists change hands: they are the same on both sides, as plain data.
static void take_lists(struct node_status *from, struct snapshot_node *to)
{
    _Static_assert(sizeof *to->lags == sizeof *from->lags, "one layout");
    _Static_assert(sizeof *to->metrics == sizeof *from->metrics, "one layout");
    _Static_assert(sizeof to->errors == sizeof from->errors, "one layout");
    to->lags = (struct snapshot_lag *)from->lags;
    to->metrics = (struct snapshot_metric *)from->metrics;
    memcpy(to->errors, from->errors, sizeof to->errors);
    to->lag_count = from->lag_count;
    to->metric_count = from->metric_count;
    to->error_kinds = from->error_kinds;
    from->lags = NULL;
    from->metrics = NULL;
}

static void show_node(struct node_status *from, struct snapshot_node *to)
{
    *to = (struct snapshot_node){
        .name = from->name,
        .kind = kinds[from->kind],
        .type = from->type,
        .in = from->in,
        .out = from->out,
        .in_bytes = from->in_bytes,
        .out_bytes = from->out_bytes,
        .filtered = from->filtered,
        .failed = from->failed,
        .late = from->late,
        .absorbed = from->absorbed,
        .created = from->created,
        .retried = from->retried,
        .in_flight = from->in_flight,
        .busy_ns = from->busy_ns,
        .watermark_ms = watermark_of(from->watermark),
        .lag = from->lag,
        .lag_bytes = from->lag_bytes,
        .splits = from->splits,
        .open = from->open,
        .ready = from->ready,
        .queue_capacity = from->queue_capacity,
        .has_state = from->has_state,
        .state_bytes = from->state_bytes,
        .state_keys = from->state_keys,
        .state_windows = from->state_windows,
    };
    take_lists(from, to);
    _Static_assert(sizeof to->why == sizeof from->last_fault, "one text");
    memcpy(to->why, from->last_fault, sizeof to->why);
}

static int show_nodes(struct engine *engine, struct snapshot *out)
{
    struct engine_status status;
    if (engine_status(engine, &status))
        return ERR_NOMEM;
    out->nodes = mem_array(status.node_count + 1, sizeof *out->nodes);
    for (uint32_t i = 0; i < status.node_count && out->nodes; i++)
        show_node(&status.nodes[i], &out->nodes[i]);
    out->node_count = out->nodes ? status.node_count : 0;
    out->stuck_ns = status.stuck_ns;
    out->stuck_node = status.stuck_node;
    engine_status_free(&status);
    return out->nodes ? 0 : ERR_NOMEM;
}

// By the server's thread.
static int take(void *arg, struct snapshot *out)
{
    struct sight *sight = arg;
    int phase = atomic_load_explicit(&sight->phase, memory_order_acquire);
    *out = (struct snapshot){
        .pipeline = sight->pipeline,
        .version = TIDEMILL_VERSION,
        .now_ms = clock_wall_ms(clock_system()),
        .uptime_ns = clock_mono_ns(clock_system()) - sight->made_ns,
        .phase = (enum snapshot_phase)phase,
    };
    return phase == SNAPSHOT_STARTING ? 0 : show_nodes(sight->engine, out);
}

// Likewise.
static int answer_why(void *arg, const char *node, const char *end, struct buf *out,
                      struct error *err)
{
    struct sight *sight = arg;
    if (atomic_load_explicit(&sight->phase, memory_order_acquire) == SNAPSHOT_STARTING)
        return error_set(err, ERR_RETRY, "the pipeline is starting");
    return why_json(sight->engine, node, end, out, err);
}

static void say_where(const struct http_server *server)
{
    log_line(LOG_INFO, "http", "metrics: %s://%s/metrics",
             http_server_is_secure(server) ? "https" : "http", http_server_address(server));
}

int sight_new(struct sight **out, const struct pipeline *pipeline, const struct args *args,
              struct error *err)
{
    *out = NULL;
    struct sight *sight = mem_zalloc(sizeof *sight);
    if (!sight)
        return error_nomem(err);
    sight->engine = pipeline->engine;
    sight->pipeline = pipeline->topology->pipeline;
    sight->made_ns = clock_mono_ns(clock_system());
    struct http_config config = {.address = args_text(args, "http"),
                                 .certificate = args_text(args, "http-cert"),
                                 .key = args_text(args, "http-key"),
                                 .token = args_text(args, "http-token-file"),
                                 .snapshot = take,
                                 .why = answer_why,
                                 .arg = sight};
    int code = http_server_new(&sight->server, &config, err);
    if (code) {
        error_prefix(err, "--http");
        mem_free(sight);
        return code;
    }
    say_where(sight->server);
    *out = sight;
    return 0;
}

void sight_phase(struct sight *sight, enum snapshot_phase phase)
{
    if (sight)
        atomic_store_explicit(&sight->phase, (int)phase, memory_order_release);
}

void sight_free(struct sight *sight)
{
    if (!sight)
        return;
    http_server_free(sight->server);
    mem_free(sight);
}
