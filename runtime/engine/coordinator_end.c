// SPDX-License-Identifier: MIT
#include "base/crash_point.h"
#include "base/io.h"
#include "engine/coordinator.h"
#include "engine/lane.h"
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// The last checkpoint of a run that came to its end is decided before sinks commit it. A crash in
// between, or a commit that fails, leaves output that nobody sees yet, and no record will come to
// bring the sinks on: the next start lets them commit, and nothing else. `ended` in the store's
// directory says that it is done: later starts leave the output alone, which may be somebody
// else's to write by then. The file is a saving, not a promise: one that is lost or damaged means
// one commit more.

enum { ENDED_BYTES = 64 };

static int ended_path(const struct coordinator *coordinator, char out[PATH_MAX], struct error *err)
{
    if (snprintf(out, PATH_MAX, "%s/ended", coordinator->dir) < PATH_MAX)
        return 0;
    return error_set(err, ERR_INPUT, "%.64s...: the path is too long", coordinator->dir);
}

static size_t ended_text(const struct coordinator *coordinator, char out[ENDED_BYTES])
{
    return (size_t)snprintf(out, ENDED_BYTES, "%" PRIu64 " %" PRIu64 "\n", coordinator->head.number,
                            coordinator->head.attempt);
}

bool coordinator_has_ended(const struct coordinator *coordinator)
{
    char path[PATH_MAX], text[ENDED_BYTES], wanted[ENDED_BYTES];
    size_t got, len = ended_text(coordinator, wanted);
    int fd;
    if (ended_path(coordinator, path, NULL) || io_open(&fd, path, O_RDONLY, 0, NULL))
        return false;
    int rc = io_pread(fd, path, text, sizeof text, 0, &got, NULL);
    close(fd);
    return !rc && got == len && !memcmp(text, wanted, len);
}

static int mark(const struct coordinator *coordinator, struct error *err)
{
    char path[PATH_MAX], text[ENDED_BYTES];
    size_t len = ended_text(coordinator, text);
    int fd, rc = ended_path(coordinator, path, err);
    rc = rc ? rc : io_open(&fd, path, O_WRONLY | O_CREAT | O_TRUNC, 0644, err);
    if (rc)
        return rc;
    rc = io_write_all(fd, path, text, len, err);
    close(fd);
    return rc;
}

static struct sink_driver *sink_at(const struct coordinator *coordinator, uint32_t k, uint32_t i)
{
    struct lane_node *node = coordinator_node(coordinator, k, i);
    return node && node->kind == NODE_SINK ? node->sink.driver : NULL;
}

static bool is_uncommitted(const struct sink_driver *sink)
{
    return sink && sink->phases.own && (sink->phases.held || sink->phases.restored);
}

// -- when all is closed --

static int complain(struct sink_driver *sink, struct error *err)
{
    char why[sizeof sink->driver.last_fault];
    if (atomic_load_explicit(&sink->driver.failed, memory_order_acquire)) {
        *err = sink->driver.error;
        return err->code;
    }
    said_read(&sink->driver.last_fault, why);
    return error_set(err, ERR_RETRY,
                     "%s: could not commit its last output, the next start does%s%s",
                     sink->driver.ctx.node, why[0] ? ": " : "", why);
}

int coordinator_end(struct coordinator *coordinator, struct error *err)
{
    const struct flow *flow = coordinator->config.flow;
    int rc = 0;
    if (!coordinator->head.finished)
        return 0;
    for (uint32_t k = 0; k < flow->lane_count; k++)
        for (uint32_t i = 0; !rc && i < coordinator->config.plan->node_count; i++) {
            struct sink_driver *sink = sink_at(coordinator, k, i);
            rc = is_uncommitted(sink) ? complain(sink, err) : 0;
        }
    crash_point("end.mark.before");
    return rc || coordinator_has_ended(coordinator) ? rc : mark(coordinator, err);
}

// -- at the next start --

// Its thread has not been started, so it is stepped here.
static int commit(struct sink_driver *sink, const _Atomic bool *stop)
{
    struct driver *driver = &sink->driver;
    while (is_uncommitted(sink) && driver->state != DRIVER_FAILED &&
           !atomic_load_explicit(stop, memory_order_acquire)) {
        struct wait wait = {.until_ns = INT64_MAX, .fd = -1};
        driver_step(driver, &wait);
        if (is_uncommitted(sink) && !wait.busy)
            coordinator_pause();
    }
    return is_uncommitted(sink);
}

void coordinator_commit_end(struct coordinator *coordinator, const _Atomic bool *stop)
{
    const struct flow *flow = coordinator->config.flow;
    const struct plan *plan = coordinator->config.plan;
    for (uint32_t k = 0; k < flow->lane_count; k++)
        for (uint32_t i = 0; i < plan->node_count; i++) {
            struct sink_driver *sink = sink_at(coordinator, k, i);
            if (!is_uncommitted(sink))
                continue;
            int32_t connection = plan->nodes[i].spec->connection;
            if (connection >= 0)
                sink->driver.ctx.connection =
                    coordinator->config.connections->items[connection].self;
            if (commit(sink, stop))
                return; // coordinator_end tells why
        }
}
