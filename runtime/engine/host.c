// SPDX-License-Identifier: MIT
#include "engine/host.h"
#include "base/buf.h"
#include "base/log.h"
#include "config/setting.h"
#include "config/setting_walk.h"
#include "plugin/host_journal.h"
#include <stdio.h>
#include <string.h>

static int opt_given(tide_ctx *ctx, const char *path)
{
    return setting_at(ctx->options, path) != NULL;
}

static const char *opt_text(tide_ctx *ctx, const char *path)
{
    return setting_text(ctx->options, path);
}

static int64_t opt_int(tide_ctx *ctx, const char *path)
{
    return setting_int(ctx->options, path, 0);
}

static double opt_number(tide_ctx *ctx, const char *path)
{
    return setting_number(ctx->options, path, 0);
}

static int opt_bool(tide_ctx *ctx, const char *path)
{
    return setting_bool(ctx->options, path, false);
}

static const tide_config *config(tide_ctx *ctx, const char *path)
{
    return path[0] ? setting_at(ctx->options, path) : ctx->options;
}

static const char *pipeline(tide_ctx *ctx)
{
    return ctx->pipeline;
}

static const char *node(tide_ctx *ctx)
{
    return ctx->node;
}

static void *connection(tide_ctx *ctx)
{
    return ctx->connection;
}

static void log_text(tide_ctx *ctx, int level, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (level >= TIDE_LOG_ERROR && level <= TIDE_LOG_DEBUG) {
        const char *before = log_set_pipeline(ctx->pipeline); // it may be a plugin's thread
        log_linev((enum log_level)level, ctx->node, fmt, args);
        log_set_pipeline(before);
    }
    va_end(args);
}

static tide_result fail(tide_ctx *ctx, tide_result result, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    error_setv(&ctx->failure, ERR_FATAL, fmt, args);
    va_end(args);
    return result;
}

// What Prometheus takes as a name, and one line of help.
static void keep_metric(struct ctx_metric *metric, const char *name, const char *help, int kind)
{
    snprintf(metric->name, sizeof metric->name, "%s", name);
    for (char *c = metric->name; *c; c++)
        if (!(*c >= 'a' && *c <= 'z') && !(*c >= 'A' && *c <= 'Z') && !(*c >= '0' && *c <= '9'))
            *c = '_';
    snprintf(metric->help, sizeof metric->help, "%s", help ? help : "");
    for (char *c = metric->help; *c; c++)
        if (*c < ' ' || *c == '\\')
            *c = ' ';
    metric->kind = kind;
}

// An instance that is opened anew goes on with the metrics that it had.
static int32_t metric(tide_ctx *ctx, const char *name, const char *help, int kind)
{
    struct ctx_metric made;
    keep_metric(&made, name, help, kind);
    uint32_t count = atomic_load_explicit(&ctx->metric_count, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(ctx->metrics[i].name, made.name) == 0)
            return (int32_t)i;
    if (count == CTX_METRICS || !made.name[0])
        return -1;
    keep_metric(&ctx->metrics[count], name, help, kind);
    atomic_store_explicit(&ctx->metric_count, count + 1, memory_order_release);
    return (int32_t)count;
}

static bool metric_exists(const tide_ctx *ctx, int32_t number)
{
    return number >= 0 &&
           (uint32_t)number < atomic_load_explicit(&ctx->metric_count, memory_order_relaxed);
}

static void metric_set(tide_ctx *ctx, int32_t number, double value)
{
    if (metric_exists(ctx, number))
        atomic_store_explicit(&ctx->metrics[number].value, value, memory_order_relaxed);
}

static void metric_add(tide_ctx *ctx, int32_t number, double value)
{
    if (metric_exists(ctx, number))
        metric_set(ctx, number,
                   atomic_load_explicit(&ctx->metrics[number].value, memory_order_relaxed) + value);
}

static int64_t wall_ms(tide_ctx *ctx)
{
    return clock_wall_ms(ctx->clock);
}

static int64_t mono_ns(tide_ctx *ctx)
{
    return clock_mono_ns(ctx->clock);
}

static void wait_until(tide_ctx *ctx, int64_t at_ns)
{
    ctx->wait_until_ns = at_ns;
}

static void wake(tide_ctx *ctx)
{
    atomic_store_explicit(&ctx->poked, true, memory_order_release);
    waker_wake(ctx->waker);
}

static void waits_for(tide_ctx *ctx, const char *what)
{
    said_write(&ctx->missing, what ? what : "", what ? strlen(what) : 0);
}

int host_put(tide_buf *out, const void *bytes, size_t len)
{
    return buf_append((struct buf *)(void *)out, bytes, len) ? -1 : 0;
}

const tide_host host_table = {
    .struct_size = sizeof(tide_host),
    .abi_major = TIDE_ABI_MAJOR,
    .abi_minor = TIDE_ABI_MINOR,
    .opt_given = opt_given,
    .opt_text = opt_text,
    .opt_int = opt_int,
    .opt_number = opt_number,
    .opt_bool = opt_bool,
    .config = config,
    .config_len = walk_len,
    .config_item = walk_item,
    .config_name = walk_name,
    .config_at = walk_at,
    .config_text = walk_text,
    .config_int = walk_int,
    .config_number = walk_number,
    .pipeline = pipeline,
    .node = node,
    .connection = connection,
    .log = log_text,
    .fail = fail,
    .metric = metric,
    .metric_add = metric_add,
    .metric_set = metric_set,
    .wall_ms = wall_ms,
    .mono_ns = mono_ns,
    .wait_until = wait_until,
    .wake = wake,
    .put = host_put,
    .splits_added = host_splits_added,
    .splits_lost = host_splits_lost,
    .emit = host_emit,
    .lend = host_lend,
    .reserve = host_reserve,
    .commit = host_commit,
    .split_end = host_split_end,
    .bad = host_bad,
    .template_of = host_template_of,
    .field_of = host_field_of,
    .expand = host_expand,
    .field = host_field,
    .refuse = host_refuse,
    .journal = &host_journal,
    .preamble = host_preamble,
    .waits_for = waits_for,
};

void ctx_init(struct tide_ctx *ctx, const char *pipeline_name, const char *node_name,
              const struct tide_config *options, struct clock *clock, struct waker *waker)
{
    *ctx = (struct tide_ctx){.pipeline = pipeline_name,
                             .node = node_name,
                             .options = options,
                             .clock = clock,
                             .waker = waker};
}

void ctx_deinit(struct tide_ctx *ctx)
{
    for (uint32_t i = 0; i < ctx->template_count; i++)
        template_free(ctx->templates[i]);
    for (uint32_t i = 0; i < ctx->field_count; i++)
        path_deinit(&ctx->fields[i]);
    ctx->template_count = ctx->field_count = 0;
}

void ctx_take_failure(struct tide_ctx *ctx, tide_result result, struct error *err)
{
    int code = result == TIDE_RETRY ? ERR_RETRY : result == TIDE_DATA ? ERR_DATA : ERR_FATAL;
    error_set(err, code, "%s",
              ctx->failure.len ? ctx->failure.text : "the plugin failed and gave no reason");
    if (result == TIDE_FENCED)
        error_as(err, REASON_FENCED);
    error_clear(&ctx->failure);
}
