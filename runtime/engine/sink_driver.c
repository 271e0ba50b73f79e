// SPDX-License-Identifier: MIT
#include "engine/sink_driver.h"
#include "base/crash_point.h"
#include "base/alloc.h"
#include "engine/codec_settings.h"
#include "engine/encode.h"

enum {
    SINK_RING = 4,
    QUIET_NS = 100000000,
    UNSEEN_NS = 1000000000,
    NOTHING_NS = 1000000,
    PREAMBLE_MAX = 1 << 20
};

static struct sink_driver *of(struct driver *driver)
{
    return (struct sink_driver *)(void *)driver;
}

static void stop_for(struct sink_driver *sink, const char *what)
{
    struct error err = ERROR_INIT;
    error_set(&err, ERR_NOMEM, "%s: out of memory %s", sink->driver.ctx.node, what);
    driver_fail(&sink->driver, &err);
}

static bool take(struct sink_driver *sink)
{
    if (!sink->current) {
        sink->current = ring_pop(&sink->to_write);
        if (!sink->current)
            return false;
        outgoing_begin(sink->current);
        sink->driver.ctx.outgoing = sink->current;
    }
    return true;
}

static void give_back(struct sink_driver *sink)
{
    // The lane keeps no more batches under way than the ring has room for.
    ring_push(&sink->written, sink->current);
    sink->current = NULL;
    sink->driver.ctx.outgoing = NULL;
    waker_wake(sink->driver.lane_waker);
}

// The part of the batch that was not accepted yet.
static bool offer(struct sink_driver *sink, struct wait *wait)
{
    struct outgoing *outgoing = sink->current;
    uint32_t count = outgoing->head.count, accepted = 0;
    outgoing->head.records = outgoing->records + outgoing->accepted;
    outgoing->head.count = count - outgoing->accepted;
    crash_point("sink.write.before");
    tide_result rc = sink->sink->write(sink->driver.self, &outgoing->head, &accepted);
    crash_point("sink.write.after");
    outgoing->head.count = count;
    if (accepted > count - outgoing->accepted)
        accepted = count - outgoing->accepted; // a plugin that counts wrongly
    outgoing->accepted += accepted;
    if (accepted) {
        sink->dirty = sink->phases.wrote = true;
        if (!atomic_load_explicit(&sink->first_ns, memory_order_relaxed))
            atomic_store_explicit(&sink->first_ns, clock_mono_ns(sink->driver.ctx.clock),
                                  memory_order_relaxed);
    }
    if (outgoing->lost_refusal)
        stop_for(sink, "while a record was refused");
    else if (rc < 0)
        driver_result(&sink->driver, rc);
    else if (rc == TIDE_AGAIN)
        driver_again(&sink->driver, wait);
    else if (outgoing->accepted < count && !accepted) // OK, but nothing taken: not at once again
        wait->until_ns = clock_mono_ns(sink->driver.ctx.clock) + NOTHING_NS;
    else
        wait->busy = true;
    return outgoing->accepted == count && sink->driver.state == DRIVER_RUNNING;
}

bool sink_flush(struct sink_driver *sink, struct wait *wait)
{
    if (!sink->dirty)
        return true;
    tide_result rc = sink->sink->flush(sink->driver.self);
    if (rc == TIDE_OK) {
        sink->dirty = false;
        sink->flush_by_ns = 0;
        return true;
    }
    if (rc < 0)
        driver_result(&sink->driver, rc);
    else
        driver_again(&sink->driver, wait);
    return false;
}

static bool write_current(struct sink_driver *sink, struct wait *wait)
{
    struct outgoing *outgoing = sink->current;
    if (!outgoing->prepared) {
        if (encode_batch(sink, outgoing) || outgoing->lost_refusal) {
            stop_for(sink, "while encoding a batch");
            return false;
        }
        outgoing->prepared = true;
    }
    if (outgoing->accepted < outgoing->head.count && !offer(sink, wait))
        return false;
    if ((outgoing->marks & (BATCH_BARRIER | BATCH_END)) &&
        !(sink->phases.on ? sink_phases_prepare(sink, outgoing, wait) : sink_flush(sink, wait)))
        return false;
    give_back(sink);
    return true;
}

// Nothing to write: what was accepted becomes durable after a moment, also where something comes
// again and again before that is over.
static void rest(struct sink_driver *sink, struct wait *wait)
{
    if (!sink->dirty) {
        sink->flush_by_ns = 0;
        driver_again(&sink->driver, wait); // a wake or deadline that it asked for
        wait->fd = -1; // may be ready all the time: there is nothing that it could go on with
        return;
    }
    int64_t now = clock_mono_ns(sink->driver.ctx.clock);
    if (!sink->flush_by_ns)
        sink->flush_by_ns = now + UNSEEN_NS;
    if (!sink->quiet_at_ns)
        sink->quiet_at_ns = now + QUIET_NS;
    int64_t at = sink->quiet_at_ns < sink->flush_by_ns ? sink->quiet_at_ns : sink->flush_by_ns;
    if (now < at) {
        wait->until_ns = at;
        return;
    }
    if (sink_flush(sink, wait))
        sink->quiet_at_ns = 0;
}

static void run(struct driver *driver, struct wait *wait)
{
    struct sink_driver *sink = of(driver);
    if (sink->phases.on && !sink_phases_open(sink, wait))
        return;
    if (!take(sink)) {
        rest(sink, wait);
        return;
    }
    sink->quiet_at_ns = 0;
    if (write_current(sink, wait))
        wait->busy = true;
}

// A fresh instance may have something to make durable before any record (an emptied file).
static int opened(struct driver *driver)
{
    of(driver)->dirty = true;
    sink_phases_opened(of(driver));
    return 0;
}

// Draining, but not open: what holds no records needs no instance.
static bool give_up(struct driver *driver)
{
    struct sink_driver *sink = of(driver);
    if (driver->state != DRIVER_FAILED && driver_stopping(driver))
        while (take(sink) && !sink->current->batch->count && sink_phases_skip(sink))
            give_back(sink);
    return false; // it may be needed yet
}

static bool has_work(struct driver *driver)
{
    const struct sink_driver *sink = of(driver);
    if (driver->state == DRIVER_RUNNING && sink->phases.held)
        return !sink_phases_waiting(sink) && !sink->phases.asked;
    if (driver->state == DRIVER_RUNNING)
        return !sink->current && ring_count(&sink->to_write);
    if (driver->state == DRIVER_FAILED || !driver_stopping(driver))
        return false;
    if (!sink_phases_skips(sink))
        return false;
    return sink->current ? !sink->current->batch->count : ring_count(&sink->to_write) > 0;
}

static void last(struct driver *driver)
{
    sink_phases_last(of(driver));
}

static bool owes(const struct driver *driver)
{
    return driver->state != DRIVER_FAILED &&
           sink_phases_owes((const struct sink_driver *)(const void *)driver);
}

static int make_headers(struct sink_driver *sink, const struct tide_config *headers,
                        struct error *err)
{
    if (!headers || !headers->count)
        return 0;
    sink->header_names = mem_array(headers->count, sizeof *sink->header_names);
    sink->header_values = mem_array(headers->count, sizeof *sink->header_values);
    if (!sink->header_names || !sink->header_values)
        return error_nomem(err);
    for (uint32_t i = 0; i < headers->count; i++) {
        sink->header_names[i] = headers->items[i].name;
        int rc = template_new(&sink->header_values[i], headers->items[i].text, err);
        if (rc)
            return error_prefix(err, "headers.%s", headers->items[i].name);
        sink->header_count++;
    }
    return 0;
}

static int read_common(struct sink_driver *sink, const struct tide_config *common,
                       struct error *err)
{
    const char *key = setting_text(common, "key");
    const struct tide_config *framing = setting_at(common, "framing");
    bool stream = sink->sink->capabilities & TIDE_SINK_STREAM;
    buf_init(&sink->preamble, PREAMBLE_MAX);
    buf_init(&sink->phases.data, PREPARED_MAX);
    buf_init(&sink->phases.inherited, INHERITED_MAX);
    int rc = framing_of_sink(&sink->framing, framing, setting_at(common, "encode"), err);
    if (!rc && framing && !stream)
        rc = error_set(err, ERR_INPUT, "framing is for sinks that write a stream");
    if (!rc)
        rc = encoder_from_setting(&sink->encoder, setting_at(common, "encode"), err);
    if (!rc)
        sink->encoder->apart = sink->sink->capabilities & TIDE_SINK_PREAMBLE;
    if (!rc && key) {
        rc = template_new(&sink->key, key, err);
        if (rc)
            error_prefix(err, "key");
    }
    return rc ? rc : make_headers(sink, setting_at(common, "headers"), err);
}

int sink_driver_new(struct sink_driver **out, const struct plan_node *node, const char *pipeline,
                    struct clock *clock, struct waker *lane_waker, struct error *err)
{
    struct sink_driver *sink = mem_zalloc(sizeof *sink);
    if (!sink)
        return error_nomem(err);
    const tide_sink *vtable = node->plugin->sink;
    sink->sink = vtable;
    sink->driver.open = vtable->open;
    sink->driver.close = vtable->close;
    sink->driver.poll_fd = TIDE_HAS(vtable, poll_fd) ? vtable->poll_fd : NULL;
    sink->driver.run = run;
    sink->driver.opened = opened;
    sink->driver.give_up = give_up;
    sink->driver.has_work = has_work;
    sink->driver.last = last;
    sink->driver.owes = owes;
    bool threaded = vtable->capabilities & TIDE_SINK_BLOCKING;
    int rc = driver_init(&sink->driver, node, pipeline, clock, lane_waker, threaded, err);
    sink->driver.ctx.sink = sink;
    if (!rc && (ring_init(&sink->to_write, SINK_RING) || ring_init(&sink->written, SINK_RING * 2)))
        rc = error_nomem(err);
    if (!rc)
        rc = read_common(sink, node->spec->common, err);
    if (rc)
        sink_driver_free(sink);
    else
        *out = sink;
    return rc;
}

void sink_driver_free(struct sink_driver *sink)
{
    if (!sink)
        return;
    struct outgoing *outgoing;
    while (sink->to_write.slots && (outgoing = ring_pop(&sink->to_write)))
        outgoing_free(outgoing);
    while (sink->written.slots && (outgoing = ring_pop(&sink->written)))
        outgoing_free(outgoing);
    outgoing_free(sink->current);
    ring_deinit(&sink->to_write);
    ring_deinit(&sink->written);
    if (sink->encoder)
        sink->encoder->free(sink->encoder);
    buf_deinit(&sink->preamble);
    buf_deinit(&sink->phases.data);
    buf_deinit(&sink->phases.inherited);
    template_free(sink->key);
    for (uint32_t i = 0; i < sink->header_count; i++)
        template_free(sink->header_values[i]);
    mem_free(sink->header_names);
    mem_free(sink->header_values);
    driver_deinit(&sink->driver);
    mem_free(sink);
}
