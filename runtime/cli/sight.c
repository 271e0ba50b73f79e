// SPDX-License-Identifier: MIT
#include "cli/sight.h"

#include "base/alloc.h"
#include "base/log.h"
#include "cli/why_json.h"
#include "observe/health.h"
#include "observe/http.h"
#include "time/watermark.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

struct shown {
    struct engine *engine; // NULL between two
    const char *pipeline;
    enum snapshot_phase phase;
    uint64_t restarts;
};

struct sight {
    pthread_mutex_t lock; // of what is shown: the server's thread looks, the main thread changes it
    struct shown *shown;
    uint32_t count;
    int64_t made_ns;
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
    const struct engine_checkpoints *made = &status.checkpoints;
    out->checkpoints = (struct snapshot_checkpoints){.kept = made->kept,
                                                     .number = made->number,
                                                     .made = made->made,
                                                     .failed = made->failed,
                                                     .wall_ms = made->wall_ms,
                                                     .took_us = made->took_us,
                                                     .bytes = made->bytes};
    out->stuck_ns = status.stuck_ns;
    out->stuck_node = status.stuck_node;
    engine_status_free(&status);
    return out->nodes ? 0 : ERR_NOMEM;
}

// Its engine may be asked: it was started.
static bool has_begun(const struct shown *shown)
{
    return shown->engine && shown->phase != SNAPSHOT_STARTING;
}

static int show_pipeline(const struct sight *sight, const struct shown *shown, struct snapshot *out)
{
    *out = (struct snapshot){
        .pipeline = shown->pipeline,
        .version = TIDEMILL_VERSION,
        .now_ms = clock_wall_ms(clock_system()),
        .uptime_ns = clock_mono_ns(clock_system()) - sight->made_ns,
        .phase = shown->phase,
        .restarts = shown->restarts,
    };
    return has_begun(shown) ? show_nodes(shown->engine, out) : 0;
}

// By the server's thread.
static int take(void *arg, struct snapshots *out)
{
    struct sight *sight = arg;
    int code = 0;
    out->items = mem_zalloc(sight->count * sizeof *out->items);
    if (!out->items)
        return ERR_NOMEM;
    pthread_mutex_lock(&sight->lock);
    for (; out->count < sight->count && !code; out->count++)
        code = show_pipeline(sight, &sight->shown[out->count], &out->items[out->count]);
    pthread_mutex_unlock(&sight->lock);
    return code;
}

static bool has_node(const struct shown *shown, const char *node)
{
    struct engine_status status;
    bool has = false;
    if (engine_status(shown->engine, &status))
        return false;
    for (uint32_t i = 0; i < status.node_count; i++)
        has |= strcmp(status.nodes[i].name, node) == 0;
    engine_status_free(&status);
    return has;
}

// The pipeline that is meant: the one that is named, or the only one, or the only one that has the
// node (NULL: none is asked for). NULL: *err says what is wrong.
static const struct shown *find_meant(const struct sight *sight, const char *name, const char *node,
                                      struct error *err)
{
    const struct shown *found = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < sight->count; i++) {
        const struct shown *shown = &sight->shown[i];
        bool meant = name
                         ? strcmp(name, shown->pipeline) == 0
                         : sight->count == 1 || (node && has_begun(shown) && has_node(shown, node));
        found = meant ? shown : found;
        count += meant;
    }
    if (count == 1)
        return found;
    if (name)
        error_set(err, ERR_INPUT, "there is no pipeline '%s'", name);
    else if (!node)
        error_set(err, ERR_INPUT, "several pipelines run: which one?");
    else if (count)
        error_set(err, ERR_INPUT, "several pipelines have a node '%s': which pipeline?", node);
    else
        error_set(err, ERR_INPUT, "no pipeline has a node '%s'", node);
    return NULL;
}

static int find_why(const struct sight *sight, const struct http_why *what, struct buf *out,
                    struct error *err)
{
    const struct shown *shown = find_meant(sight, what->pipeline, what->node, err);
    if (!shown)
        return err->code;
    if (!has_begun(shown))
        return error_set(err, ERR_RETRY, "%s %s", shown->pipeline,
                         shown->engine ? "is starting" : "waits for its restart");
    return why_json(shown->engine, what->node, what->end, out, err);
}

// Likewise.
static int answer_why(void *arg, const struct http_why *what, struct buf *out, struct error *err)
{
    struct sight *sight = arg;
    pthread_mutex_lock(&sight->lock);
    int code = find_why(sight, what, out, err);
    pthread_mutex_unlock(&sight->lock);
    return code;
}

static const struct shown *find_running(const struct sight *sight, const char *pipeline,
                                        struct error *err)
{
    const struct shown *found = find_meant(sight, pipeline, NULL, err);
    if (!found || found->phase == SNAPSHOT_RUNNING)
        return found;
    error_set(err, ERR_RETRY, "%s does not run", found->pipeline);
    return NULL;
}

static int answer_checkpoint(void *arg, const char *pipeline, struct buf *out, struct error *err)
{
    struct sight *sight = arg;
    uint64_t after = 0;
    pthread_mutex_lock(&sight->lock);
    const struct shown *shown = find_running(sight, pipeline, err);
    int code = shown ? engine_checkpoint(shown->engine, &after, err) : err->code;
    pthread_mutex_unlock(&sight->lock);
    if (!code)
        code = buf_puts(out, "{\"pipeline\": ");
    if (!code && shown)
        code = health_quote(shown->pipeline, out);
    if (!code)
        code = buf_printf(out, ", \"after\": %" PRIu64 "}\n", after);
    return code;
}

static void say_where(const struct http_server *server)
{
    log_line(LOG_INFO, "http", "metrics: %s://%s/metrics",
             http_server_is_secure(server) ? "https" : "http", http_server_address(server));
}

static int serve(struct sight *sight, const struct args *args, struct error *err)
{
    struct http_config config = {.address = args_text(args, "http"),
                                 .certificate = args_text(args, "http-cert"),
                                 .key = args_text(args, "http-key"),
                                 .token = args_text(args, "http-token-file"),
                                 .snapshots = take,
                                 .why = answer_why,
                                 .checkpoint = answer_checkpoint,
                                 .arg = sight};
    int code = http_server_new(&sight->server, &config, err);
    if (code)
        error_prefix(err, "--http");
    else
        say_where(sight->server);
    return code;
}

int sight_new(struct sight **out, const struct pipeline *const *pipelines, uint32_t count,
              const struct args *args, struct error *err)
{
    *out = NULL;
    struct sight *sight = mem_zalloc(sizeof *sight);
    if (!sight)
        return error_nomem(err);
    pthread_mutex_init(&sight->lock, NULL);
    sight->made_ns = clock_mono_ns(clock_system());
    sight->shown = mem_zalloc(count * sizeof *sight->shown);
    sight->count = sight->shown ? count : 0;
    for (uint32_t i = 0; i < sight->count; i++) {
        sight->shown[i].engine = pipelines[i]->engine;
        sight->shown[i].pipeline = pipelines[i]->topology->pipeline;
    }
    int code = sight->shown ? serve(sight, args, err) : error_nomem(err);
    if (code)
        sight_free(sight);
    else
        *out = sight;
    return code;
}

void sight_phase(struct sight *sight, uint32_t pipeline, enum snapshot_phase phase)
{
    if (!sight)
        return;
    pthread_mutex_lock(&sight->lock);
    sight->shown[pipeline].phase = phase;
    pthread_mutex_unlock(&sight->lock);
}

void sight_engine(struct sight *sight, uint32_t pipeline, struct engine *engine)
{
    if (!sight)
        return;
    pthread_mutex_lock(&sight->lock);
    struct shown *shown = &sight->shown[pipeline];
    shown->engine = engine;
    shown->phase = engine ? SNAPSHOT_STARTING : SNAPSHOT_RESTARTING;
    shown->restarts += engine != NULL;
    pthread_mutex_unlock(&sight->lock);
}

void sight_free(struct sight *sight)
{
    if (!sight)
        return;
    http_server_free(sight->server);
    pthread_mutex_destroy(&sight->lock);
    mem_free(sight->shown);
    mem_free(sight);
}
