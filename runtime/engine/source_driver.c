// SPDX-License-Identifier: MIT
#include "engine/source_buffer.h"
#include "base/crash_point.h"
#include "engine/source_keep.h"
#include "base/alloc.h"
#include "config/setting.h"
#include "engine/memory_limit.h"
#include <inttypes.h>
#include <string.h>

enum { PARCEL_RING = 8, ACK_RING = 4, MEMORY_WAIT_NS = 10000000 };

static struct source_driver *of(struct driver *driver)
{
    return (struct source_driver *)(void *)driver;
}

void source_out_of_memory(struct source_driver *source)
{
    struct error err = ERROR_INIT;
    error_nomem(&err);
    error_prefix(&err, "%s", source->driver.ctx.node);
    driver_fail(&source->driver, &err);
}

// Moves what is ready into the rings; false when something had to stay.
static bool deliver(struct source_driver *source)
{
    if (source->buffer)
        return source_buffer_pass(source);
    while (source->ready) {
        struct parcel *parcel = source->ready, *next = parcel->next; // pushed, it is the lane's
        struct source_ring *ring = &source->rings[parcel->lane];
        bool newest = ring->newest == parcel;
        if (!ring_push(&ring->parcels, parcel))
            break;
        ring->newest = newest ? NULL : ring->newest;
        source->ready = next;
        source->ready_count--;
        waker_wake(ring->waker);
    }
    if (!source->ready)
        source->ready_tail = &source->ready;
    return !source->ready;
}

struct parcel *source_add_parcel_for(struct source_driver *source, enum parcel_kind kind,
                                     uint32_t lane)
{
    struct parcel *parcel = parcel_new(kind, 0);
    if (!parcel) {
        source_out_of_memory(source);
        return NULL;
    }
    parcel->next = NULL;
    parcel->lane = lane;
    if (source->buffer && (kind == PARCEL_BARRIER || kind == PARCEL_EOF)) {
        source_buffer_add(source->buffer, parcel); // not from the plugin: behind what was read
        return parcel;
    }
    source->rings[lane].newest = parcel;
    *source->ready_tail = parcel;
    source->ready_tail = &parcel->next;
    source->ready_count++;
    return parcel;
}

struct parcel *source_add_parcel(struct source_driver *source, enum parcel_kind kind,
                                 uint32_t split)
{
    struct parcel *parcel = source_add_parcel_for(source, kind, split % source->lane_count);
    if (parcel)
        parcel->split = split;
    return parcel;
}

// Behind the last record: where the next run is to read on, when all of it has been written.
static void finish_reading(struct source_driver *source, bool stopped)
{
    if ((source->ack && source->driver.state == DRIVER_RUNNING) || source->keeps)
        source_barrier(source, source->barrier_done + 1, true);
    for (uint32_t i = 0; i < source->lane_count; i++) {
        struct parcel *parcel = source_add_parcel_for(source, PARCEL_EOF, i);
        if (parcel)
            parcel->stopped = stopped;
    }
    source->sent_eof = true;
}

static void end_chunks(struct source_driver *source)
{
    if (source->copies && source->copies->cap - source->copies->len < 4096) {
        chunk_unref(source->copies);
        source->copies = NULL;
    }
}

static void read_once(struct source_driver *source, struct wait *wait)
{
    struct driver *driver = &source->driver;
    struct tide_out out = {.driver = source};
    crash_point("source.read.before");
    tide_result rc = source->source->read(driver->self, &out, source->read_max);
    crash_point("source.read.after");
    end_chunks(source);
    if (rc < 0)
        driver_result(driver, rc);
    else
        source_assign(source);
    if (driver->state == DRIVER_RUNNING && rc == TIDE_EOF && source->buffer) {
        source->buffer->ended = true; // the lanes have not come so far
    } else if (driver->state == DRIVER_RUNNING && rc == TIDE_EOF) {
        source_ask_lag(source); // so that the last word is where it ended
        finish_reading(source, false);
    } else if (driver->state == DRIVER_RUNNING) {
        if (rc == TIDE_OK)
            wait->busy = true;
        else
            driver_again(driver, wait);
        if (clock_mono_ns(driver->ctx.clock) >= source->lag_at_ns)
            source_ask_lag(source);
    }
    deliver(source);
}

static bool stop_waits(const struct source_driver *source)
{
    return !source->sent_eof && driver_stopping(&source->driver);
}

static bool barrier_waits(const struct source_driver *source)
{
    return !source->sent_eof && atomic_load_explicit(&source->barrier_wanted,
                                                     memory_order_acquire) > source->barrier_done;
}

// What the lane wants and needs no read for.
static void serve_lane(struct source_driver *source)
{
    if (stop_waits(source))
        finish_reading(source, true);
    else if (barrier_waits(source))
        source_barrier(source, atomic_load(&source->barrier_wanted), false);
    else if (source->buffer && !source->sent_eof && source_buffer_is_over(source))
        finish_reading(source, false);
}

// Splits that were revoked are let go of when their time is over, acknowledged or not.
static void revoke_late(struct source_driver *source, struct wait *wait)
{
    if (!source->revoke_by_ns)
        return;
    if (clock_mono_ns(source->driver.ctx.clock) >= source->revoke_by_ns)
        source_revoke(source, UINT64_MAX);
    else if (source->revoke_by_ns < wait->until_ns)
        wait->until_ns = source->revoke_by_ns;
}

// False: nothing may be read now, as memory is short.
static bool has_memory(struct source_driver *source, struct wait *wait)
{
    struct driver *driver = &source->driver;
    enum memory_state state = memory_state(driver->ctx.clock);
    struct error err = ERROR_INIT;
    if (state == MEMORY_FREE)
        return true;
    int64_t at = clock_mono_ns(driver->ctx.clock) + MEMORY_WAIT_NS;
    wait->until_ns = at < wait->until_ns ? at : wait->until_ns;
    if (state == MEMORY_STUCK) {
        error_set(&err, ERR_LIMIT,
                  "%s: `limits.memory: %" PRIu64 "` is used up, and nothing gets less while "
                  "nothing is read: what windows and keys hold needs more",
                  driver->ctx.node, memory_limit());
        driver_fail(driver, &err);
    }
    return false;
}

static void run(struct driver *driver, struct wait *wait)
{
    struct source_driver *source = of(driver);
    source_acknowledge(source);
    bool room = deliver(source);
    if (!room && !source->buffer)
        return; // the lane is behind; it wakes us when it takes one
    serve_lane(source);
    revoke_late(source, wait);
    source_align(source);
    bool reads = room && !source->sent_eof && driver->state == DRIVER_RUNNING;
    if (reads && has_memory(source, wait))
        read_once(source, wait);
    else
        deliver(source);
    if (source->buffer)
        source_buffer_wait(source, wait);
}

static bool has_work(struct driver *driver)
{
    struct source_driver *source = of(driver);
    if (driver->state == DRIVER_FAILED)
        return false;
    if (driver->state == DRIVER_RUNNING && ring_count(&source->acks))
        return true;
    const struct parcel *first = source->buffer ? source->buffer->out : source->ready;
    if (first)
        return ring_count(&source->rings[first->lane].parcels) < PARCEL_RING;
    if (source->buffer && !source->sent_eof && buffer_unread(source->buffer))
        return true;
    return stop_waits(source) || barrier_waits(source) ||
           (driver->state == DRIVER_RUNNING && source_align_waits(source));
}

// Before it is opened, or while it is closed for a while, there is nothing to drain.
static bool give_up(struct driver *driver)
{
    struct source_driver *source = of(driver);
    if (driver->state == DRIVER_FAILED)
        return false;
    serve_lane(source);
    deliver(source);
    return source->sent_eof;
}

static int opened(struct driver *driver)
{
    source_assign(of(driver));
    return 0;
}

static tide_result open_next(const tide_host *host, tide_ctx *ctx, void **self)
{
    struct source_driver *source = ctx->source;
    if (!*self) {
        source->life++; // else: open said AGAIN
        source->unassigned = false;
    }
    return source->source->open(host, ctx, self);
}

static void drop_chunks(struct source_driver *source)
{
    chunk_unref(source->stream);
    chunk_unref(source->copies);
    source->stream = source->copies = NULL;
}

static void lost(struct driver *driver)
{
    source_keep_positions(of(driver));
    drop_chunks(of(driver));
}

static void last(struct driver *driver)
{
    source_acknowledge(of(driver));
    if (of(driver)->buffer)
        source_buffer_finish(of(driver));
}

static void read_table(struct source_driver *source, const tide_source *table)
{
    source->source = table;
    source->driver.open = open_next;
    source->driver.close = table->close;
    source->driver.poll_fd = TIDE_HAS(table, poll_fd) ? table->poll_fd : NULL;
    source->position = TIDE_HAS(table, position) ? table->position : NULL;
    source->ack = TIDE_HAS(table, ack) ? table->ack : NULL;
    source->revoke = TIDE_HAS(table, revoke) ? table->revoke : NULL;
    source->lag_of = TIDE_HAS(table, lag) ? table->lag : NULL;
    source->lag_bytes_of = TIDE_HAS(table, lag_bytes) ? table->lag_bytes : NULL;
    source->pause = TIDE_HAS(table, pause) ? table->pause : NULL;
}

// A brake takes little at a time, so that marks do not wait behind much.
static uint32_t read_max(const struct plan_node *node)
{
    double rate = setting_number(node->spec->common, "rate", 0);
    double most = rate > 0 ? rate / 10 : BATCH_RECORDS;
    return most < 1 ? 1 : most > BATCH_RECORDS ? BATCH_RECORDS : (uint32_t)most;
}

struct parcel *source_driver_take(struct source_driver *source, uint32_t lane)
{
    struct parcel *parcel = ring_pop(&source->rings[lane].parcels);
    if (parcel && source->driver.threaded)
        driver_wake(&source->driver);
    else if (parcel && lane)
        waker_wake(source->driver.lane_waker); // of the lane that steps it
    return parcel;
}

static int init_rings(struct source_driver *source, const struct source_lanes *lanes)
{
    source->share = lanes->share;
    source->shares = lanes->shares;
    source->rings = mem_zalloc(sizeof *source->rings * lanes->count);
    if (!source->rings)
        return ERR_NOMEM;
    for (; source->lane_count < lanes->count; source->lane_count++) {
        struct source_ring *ring = &source->rings[source->lane_count];
        ring->waker = &lanes->wakers[source->lane_count];
        if (ring_init(&ring->parcels, PARCEL_RING))
            return ERR_NOMEM;
    }
    return ring_init(&source->acks, ACK_RING);
}

static int join_alignment(struct source_driver *source)
{
    struct driver *driver = &source->driver;
    return source->alignment
               ? alignment_join(source->alignment,
                                driver->threaded ? &driver->own_waker : driver->lane_waker)
               : 0;
}

int source_driver_new(struct source_driver **out, const struct plan_node *node,
                      const char *pipeline, struct clock *clock, const struct source_lanes *lanes,
                      struct error *err)
{
    struct source_driver *source = mem_zalloc(sizeof *source);
    if (!source)
        return error_nomem(err);
    pthread_mutex_init(&source->lags.lock, NULL);
    pthread_mutex_init(&source->brake.lock, NULL);
    read_table(source, node->plugin->source);
    source->read_max = read_max(node);
    source->ready_tail = &source->ready;
    atomic_init(&source->lag_records, -1);
    atomic_init(&source->lag_bytes, -1);
    source->driver.run = run;
    source->driver.opened = opened;
    source->driver.lost = lost;
    source->driver.last = last;
    source->driver.give_up = give_up;
    source->driver.has_work = has_work;
    bool buffered = source_is_buffered(node);
    bool threaded = buffered || (source->source->capabilities & TIDE_SOURCE_BLOCKING);
    int rc = driver_init(&source->driver, node, pipeline, clock, lanes->wakers, threaded, err);
    source->driver.ctx.source = source;
    source->alignment = source->pause && !buffered ? lanes->alignment : NULL;
    rc = !rc && buffered ? source_buffer_new(source, err) : rc;
    if (!rc && (init_rings(source, lanes) || join_alignment(source)))
        rc = error_nomem(err);
    if (rc)
        source_driver_free(source);
    else
        *out = source;
    return rc;
}

void source_driver_free(struct source_driver *source)
{
    if (!source)
        return;
    struct parcel *parcel;
    for (uint32_t i = 0; i < source->lane_count; i++) {
        while ((parcel = ring_pop(&source->rings[i].parcels)))
            parcel_free(parcel);
        ring_deinit(&source->rings[i].parcels);
    }
    mem_free(source->rings);
    while (source->acks.slots && (parcel = ring_pop(&source->acks)))
        parcel_free(parcel);
    while ((parcel = source->ready)) {
        source->ready = parcel->next;
        parcel_free(parcel);
    }
    drop_chunks(source);
    source_buffer_free(source);
    source_keep_free(source);
    for (size_t i = 0; i < source->split_count; i++) {
        mem_free(source->splits[i].name);
        buf_deinit(&source->splits[i].position);
    }
    mem_free(source->splits);
    ring_deinit(&source->acks);
    pthread_mutex_destroy(&source->lags.lock);
    pthread_mutex_destroy(&source->brake.lock);
    driver_deinit(&source->driver);
    mem_free(source);
}
