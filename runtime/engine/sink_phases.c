// SPDX-License-Identifier: MIT
#include "base/log.h"
#include "base/crash_point.h"
#include "engine/sink_driver.h"
#include <string.h>

// A sink in a checkpoint. At its barrier it prepares: what it has written is durable, and can be
// kept or cut back by what it gives. Then it waits: output of the next epoch stays with the lane
// until the checkpoint is decided and committed here. A sink whose connection decides has nothing
// to prepare but to flush, and waits as well.

bool sink_is_two_phase(const tide_sink *table)
{
    return (table->capabilities & TIDE_SINK_TWO_PHASE) && TIDE_HAS(table, abort) &&
           table->prepare && table->commit;
}

void sink_phases_attach(struct sink_driver *sink, _Atomic uint64_t *decided, bool exact,
                        bool by_connection)
{
    struct sink_phases *phases = &sink->phases;
    phases->decided = decided;
    phases->own = exact && !by_connection && sink_is_two_phase(sink->sink);
    phases->on = exact && (by_connection || phases->own);
}

int sink_phases_restore(struct sink_driver *sink, const char *data, size_t len)
{
    buf_clear(&sink->phases.data);
    sink->phases.restored = sink->phases.restored || (sink->phases.own && len);
    return len ? buf_append(&sink->phases.data, data, len) : 0;
}

int sink_phases_inherit(struct sink_driver *sink, const char *data, size_t len)
{
    struct buf *inherited = &sink->phases.inherited;
    sink->phases.restored = sink->phases.restored || (sink->phases.own && len);
    return buf_append(inherited, &len, sizeof len) || buf_append(inherited, data, len);
}

bool sink_phases_waiting(const struct sink_driver *sink)
{
    const struct sink_phases *phases = &sink->phases;
    if (!phases->held)
        return false;
    uint64_t held = phases->held;
    if (held == HELD_AT_END)
        held = atomic_load_explicit(&phases->ended_in, memory_order_acquire);
    return !held || atomic_load_explicit(phases->decided, memory_order_acquire) < held;
}

bool sink_phases_owes(const struct sink_driver *sink)
{
    const struct sink_phases *phases = &sink->phases;
    return phases->own && (phases->restored || (phases->held && !sink_phases_waiting(sink)));
}

static bool settle(struct sink_driver *sink, tide_result rc, struct wait *wait)
{
    if (rc == TIDE_OK)
        return true;
    if (rc < 0)
        driver_result(&sink->driver, rc);
    else
        driver_again(&sink->driver, wait);
    return false;
}

static bool prepare(struct sink_driver *sink, struct outgoing *outgoing, struct wait *wait)
{
    uint64_t id = outgoing->marks & BATCH_BARRIER ? outgoing->epoch : outgoing->epoch + 1;
    buf_clear(&outgoing->two_phase);
    crash_point("sink.prepare.before");
    tide_result rc =
        sink->sink->prepare(sink->driver.self, id, (tide_buf *)(void *)&outgoing->two_phase);
    crash_point("sink.prepare.after");
    if (!settle(sink, rc, wait))
        return false;
    buf_clear(&sink->phases.data);
    if (outgoing->two_phase.len &&
        buf_append(&sink->phases.data, outgoing->two_phase.data, outgoing->two_phase.len)) {
        struct error err = ERROR_INIT;
        error_nomem(&err);
        driver_fail(&sink->driver, &err);
        return false;
    }
    sink->dirty = false;
    return true;
}

bool sink_phases_prepare(struct sink_driver *sink, struct outgoing *outgoing, struct wait *wait)
{
    struct sink_phases *phases = &sink->phases;
    if (phases->own ? !prepare(sink, outgoing, wait) : !sink_flush(sink, wait))
        return false;
    phases->held = outgoing->marks & BATCH_END ? HELD_AT_END : outgoing->epoch;
    phases->wrote = false;
    return true;
}

static bool commit_one(struct sink_driver *sink, tide_bytes data, struct wait *wait)
{
    crash_point("sink.commit.before");
    tide_result rc = sink->sink->commit(sink->driver.self, data);
    crash_point("sink.commit.after");
    sink->phases.asked = rc == TIDE_AGAIN;
    if (rc != TIDE_FATAL || sink->phases.held)
        return settle(sink, rc, wait);
    // What is there is not what the checkpoint was made with.
    struct error err = ERROR_INIT;
    ctx_take_failure(&sink->driver.ctx, rc, &err);
    error_prefix(&err, "%s", sink->driver.ctx.node);
    err.code = ERR_REFUSED;
    driver_fail(&sink->driver, &err);
    return false;
}

// First what lanes have left that are no more.
static bool commit_inherited(struct sink_driver *sink, struct wait *wait)
{
    struct buf *left = &sink->phases.inherited;
    while (left->len) {
        size_t len;
        memcpy(&len, left->data, sizeof len);
        if (!commit_one(sink, (tide_bytes){left->data + sizeof len, len}, wait))
            return false;
        left->len -= sizeof len + len;
        memmove(left->data, left->data + sizeof len + len, left->len);
    }
    return true;
}

static bool commit(struct sink_driver *sink, struct wait *wait)
{
    const struct buf *data = &sink->phases.data;
    if (!sink->phases.own)
        return true;
    return commit_inherited(sink, wait) &&
           (!data->len || commit_one(sink, (tide_bytes){data->data, data->len}, wait));
}

bool sink_phases_open(struct sink_driver *sink, struct wait *wait)
{
    struct sink_phases *phases = &sink->phases;
    if (!phases->held && !phases->restored)
        return true;
    if (sink_phases_waiting(sink) || !commit(sink, wait))
        return false;
    phases->held = 0;
    phases->restored = false;
    return true;
}

void sink_phases_opened(struct sink_driver *sink)
{
    struct sink_phases *phases = &sink->phases;
    struct error err = ERROR_INIT;
    if (!phases->on || phases->held)
        return;
    if (!phases->wrote) {
        phases->restored = phases->own && (phases->data.len || phases->inherited.len);
        return;
    }
    error_set(&err, ERR_RETRY,
              "%s: what it wrote since the last checkpoint is uncertain, as it had to be opened "
              "again: going back to that checkpoint",
              sink->driver.ctx.node);
    driver_fail(&sink->driver, &err);
}

bool sink_phases_skips(const struct sink_driver *sink)
{
    const struct sink_phases *phases = &sink->phases;
    return !phases->on || (!phases->wrote && !phases->held && !phases->inherited.len);
}

bool sink_phases_skip(struct sink_driver *sink)
{
    struct buf *out = &sink->current->two_phase;
    const struct buf *data = &sink->phases.data;
    if (!sink_phases_skips(sink))
        return false;
    buf_clear(out);
    return !sink->phases.own || !data->len || !buf_append(out, data->data, data->len);
}

void sink_phases_last(struct sink_driver *sink)
{
    struct wait wait = {.until_ns = INT64_MAX, .fd = -1};
    if (!sink_phases_owes(sink))
        return;
    if (!sink_phases_open(sink, &wait))
        log_line(LOG_WARN, sink->driver.ctx.node,
                 "could not commit its last output; the next start does");
}
