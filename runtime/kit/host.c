// SPDX-License-Identifier: MIT
#include "kit/host.h"
#include "base/clock.h"
#include "kit/child.h"
#include "kit/leftovers.h"
#include "config/setting_walk.h"
#include "plugin/host_journal.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { METRICS_MAX = 32, NODE_PUT_MAX = 1 << 20 };

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
    (void)ctx;
    return "kit";
}

static const char *node(tide_ctx *ctx)
{
    return ctx->node;
}

static void *connection(tide_ctx *ctx)
{
    return ctx->connection;
}

// Said by the plugin about its own affairs: not looked at, but it has to be printable.
static void log_text(tide_ctx *ctx, int level, const char *fmt, ...)
{
    char line[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (level < TIDE_LOG_ERROR || level > TIDE_LOG_DEBUG)
        child_fail("host.h: TIDE_LOG_...", "a level from TIDE_LOG_ERROR to TIDE_LOG_DEBUG",
                   "the %s logs with level %d", ctx->part, level);
}

static tide_result fail(tide_ctx *ctx, tide_result result, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(ctx->reason, sizeof ctx->reason, fmt, args);
    va_end(args);
    ctx->failed = true;
    return result;
}

static int32_t metric(tide_ctx *ctx, const char *name, const char *help, int kind)
{
    (void)help;
    if (!ctx->opening)
        child_fail("host.h: metric", "metrics are made in open", "metric '%s' is made in %s", name,
                   child_call());
    if (kind != TIDE_METRIC_COUNTER && kind != TIDE_METRIC_GAUGE)
        child_fail("host.h: metric", "TIDE_METRIC_COUNTER or TIDE_METRIC_GAUGE",
                   "metric '%s' is of kind %d", name, kind);
    return ctx->metrics < METRICS_MAX ? ctx->metrics++ : -1;
}

static void metric_set(tide_ctx *ctx, int32_t number, double value)
{
    (void)value;
    if (number < -1 || number >= ctx->metrics)
        child_fail("host.h: metric_add, metric_set", "a number that metric gave, or -1",
                   "metric %" PRId32 " of %" PRId32, number, ctx->metrics);
}

static int64_t wall_ms(tide_ctx *ctx)
{
    (void)ctx;
    return clock_wall_ms(clock_system());
}

static int64_t mono_ns(tide_ctx *ctx)
{
    (void)ctx;
    return clock_mono_ns(clock_system());
}

static void wait_until(tide_ctx *ctx, int64_t at_ns)
{
    ctx->wait_until_ns = at_ns;
}

static void wake(tide_ctx *ctx)
{
    if (!atomic_load(&ctx->open))
        child_fail("host.h: wake", "wake is called between open and close only",
                   "the %s calls wake after its close", ctx->part);
    const uint64_t one = 1;
    atomic_store(&ctx->poked, true);
    (void)!write(ctx->wake_fd, &one, sizeof one); // full: it wakes all the same
}

static void waits_for(tide_ctx *ctx, const char *what)
{
    (void)ctx;
    if (what && (!what[0] || strchr(what, '\n')))
        child_fail("host.h: waits_for", "one line of text, or NULL", "\"%s\"", what);
}

static int put(tide_buf *buf, const void *bytes, size_t len)
{
    return buf_append((struct buf *)(void *)buf, bytes, len) ? -1 : 0;
}

const tide_host kit_host = {
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
    .metric_add = metric_set,
    .metric_set = metric_set,
    .wall_ms = wall_ms,
    .mono_ns = mono_ns,
    .wait_until = wait_until,
    .wake = wake,
    .put = put,
    .splits_added = kit_splits_added,
    .splits_lost = kit_splits_lost,
    .emit = kit_emit,
    .lend = kit_lend,
    .reserve = kit_reserve,
    .commit = kit_commit,
    .split_end = kit_split_end,
    .bad = kit_bad,
    .template_of = kit_template_of,
    .field_of = kit_field_of,
    .expand = kit_expand,
    .field = kit_field,
    .refuse = kit_refuse,
    .journal = &host_journal,
    .preamble = kit_preamble,
    .waits_for = waits_for,
};

void ctx_begin(struct tide_ctx *ctx, const char *part, const struct tide_config *options,
               void *with)
{
    *ctx = (struct tide_ctx){.part = part, .node = "kit", .options = options, .connection = with};
    static int wake_fd = -1; // one for all, so that none of them is taken for the plugin's
    if (wake_fd < 0)
        wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0)
        child_wrong("eventfd: %s", strerror(errno));
    ctx->wake_fd = wake_fd;
    ctx->reserve_size = 64 * 1024;
    ctx->limit = ctx->room = UINT32_MAX;
    ctx->opening = true;
    atomic_store(&ctx->open, true);
    for (size_t i = 0; i < sizeof ctx->expanded / sizeof *ctx->expanded; i++)
        buf_init(&ctx->expanded[i], NODE_PUT_MAX);
}

tide_result ctx_answer(struct tide_ctx *ctx, tide_result result, int eof_allowed)
{
    bool known = result >= TIDE_FENCED && result <= TIDE_EOF;
    if (!known || (result == TIDE_EOF && !eof_allowed))
        child_fail("abi.h: tide_result",
                   eof_allowed ? "TIDE_OK, AGAIN, EOF, RETRY, DATA, FATAL or FENCED"
                               : "TIDE_OK, AGAIN, RETRY, DATA, FATAL or FENCED",
                   "%s answers %" PRId32, child_call(), result);
    if (result < 0 && !ctx->failed)
        child_fail("abi.h: with a negative result, say why by host->fail first",
                   "a reason in words", "%s answers %" PRId32 " without a reason", child_call(),
                   result);
    return result;
}

bool ctx_wait(struct tide_ctx *ctx, int poll_fd, int most_ms)
{
    struct pollfd fds[2] = {{.fd = ctx->wake_fd, .events = POLLIN},
                            {.fd = poll_fd, .events = POLLIN}};
    bool deadline = ctx->wait_until_ns != 0;
    int64_t ms = most_ms;
    if (deadline) {
        int64_t left = (ctx->wait_until_ns - clock_mono_ns(clock_system()) + 999999) / 1000000;
        ms = left < 0 ? 0 : left < most_ms ? left : most_ms;
    }
    ctx->wait_until_ns = 0;
    bool called = atomic_exchange(&ctx->poked, false);
    int n = called ? 1 : poll(fds, poll_fd >= 0 ? 2 : 1, (int)ms);
    uint64_t drained;
    if (fds[0].revents || called)
        (void)!read(ctx->wake_fd, &drained, sizeof drained);
    atomic_store(&ctx->poked, false);
    return n > 0 || deadline || poll_fd >= 0 || leftovers_threads() > 1;
}
