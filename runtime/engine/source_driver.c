// SPDX-License-Identifier: MIT
#include "engine/source_driver.h"
#include "base/alloc.h"
#include <string.h>

enum { PARCEL_RING = 8, ACK_RING = 4, POSITION_MAX = 64 * 1024, LAG_EVERY_NS = 1000000000 };

static struct source_driver *of(struct driver *driver)
{
    return (struct source_driver *)(void *)driver;
}

static void out_of_memory(struct source_driver *source)
{
    struct error err = ERROR_INIT;
    error_nomem(&err);
    error_prefix(&err, "%s", source->driver.ctx.node);
    driver_fail(&source->driver, &err);
}

// Moves what is ready into the ring; false when something had to stay.
static bool deliver(struct source_driver *source)
{
    bool any = false;
    while (source->ready) {
        struct parcel *next = source->ready->next; // once pushed it is the lane's
        if (!ring_push(&source->parcels, source->ready))
            break;
        source->ready = next;
        source->ready_count--;
        any = true;
    }
    if (!source->ready)
        source->ready_tail = &source->ready;
    if (any)
        waker_wake(source->driver.lane_waker);
    return !source->ready;
}

static void add_ready(struct source_driver *source, struct parcel *parcel)
{
    if (!parcel) {
        out_of_memory(source);
        return;
    }
    parcel->next = NULL;
    *source->ready_tail = parcel;
    source->ready_tail = &parcel->next;
    source->ready_count++;
}

static int fill_split(const struct split *split, uint32_t id, tide_split *out)
{
    *out = (tide_split){.struct_size = sizeof *out,
                        .id = id,
                        .name = {split->name, split->name_len},
                        .position = {NULL, 0}};
    return 0;
}

// Hands the splits that came up since the last time to the instance.
static void assign_new(struct source_driver *source)
{
    while (source->assigned < source->split_count && source->driver.state == DRIVER_RUNNING) {
        tide_split batch[64];
        uint32_t n = 0;
        while (n < 64 && source->assigned + n < source->split_count) {
            fill_split(&source->splits[source->assigned + n], (uint32_t)(source->assigned + n),
                       &batch[n]);
            n++;
        }
        source->assigned += n;
        tide_result rc = source->source->assign(source->driver.self, batch, n, sizeof batch[0]);
        if (rc < 0)
            driver_result(&source->driver, rc);
    }
}

static void put_position(struct source_driver *source, struct parcel *parcel, uint32_t split)
{
    struct buf position;
    buf_init(&position, POSITION_MAX);
    tide_result rc =
        source->source->position(source->driver.self, split, (tide_buf *)(void *)&position);
    uint32_t head[2] = {split, (uint32_t)position.len};
    if (rc < 0)
        driver_result(&source->driver, rc);
    else if (rc == TIDE_OK && (buf_append(&parcel->part, head, sizeof head) ||
                               buf_append(&parcel->part, position.data, position.len)))
        out_of_memory(source);
    buf_deinit(&position);
}

// The positions after all that was handed over, as {split, length, bytes} in `part`.
static void make_barrier(struct source_driver *source, uint64_t epoch)
{
    struct parcel *parcel = parcel_new(PARCEL_BARRIER, 0);
    if (parcel) {
        parcel->epoch = epoch;
        for (uint32_t i = 0; source->source->position && i < source->assigned; i++)
            if (!source->splits[i].lost && source->driver.state == DRIVER_RUNNING)
                put_position(source, parcel, i);
    }
    source->barrier_done = epoch;
    add_ready(source, parcel);
}

static uint32_t read_positions(const struct parcel *parcel, tide_position *out, uint32_t max)
{
    uint32_t n = 0;
    for (size_t at = 0; at + 8 <= parcel->part.len && n < max;) {
        uint32_t head[2];
        memcpy(head, parcel->part.data + at, sizeof head);
        out[n++] = (tide_position){.struct_size = sizeof *out,
                                   .split = head[0],
                                   .position = {parcel->part.data + at + 8, head[1]}};
        at += 8 + (size_t)head[1];
    }
    return n;
}

static void acknowledge(struct driver *driver)
{
    struct source_driver *source = of(driver);
    struct parcel *parcel;
    while ((parcel = ring_pop(&source->acks))) {
        uint32_t max = (uint32_t)(parcel->part.len / 8) + 1;
        tide_position *positions = mem_array(max, sizeof *positions);
        if (!positions) {
            out_of_memory(source);
        } else if (source->source->ack && driver->state == DRIVER_RUNNING) {
            uint32_t n = read_positions(parcel, positions, max);
            tide_result rc =
                source->source->ack(driver->self, parcel->epoch, positions, n, sizeof *positions);
            if (rc < 0)
                driver_result(driver, rc);
        }
        mem_free(positions);
        parcel_free(parcel);
    }
}

static void finish_reading(struct source_driver *source, bool stopped)
{
    struct parcel *parcel = parcel_new(PARCEL_EOF, 0);
    if (parcel)
        parcel->stopped = stopped;
    source->sent_eof = true;
    add_ready(source, parcel);
    deliver(source);
}

static void end_chunks(struct source_driver *source)
{
    if (source->copies && source->copies->cap - source->copies->len < 4096) {
        chunk_unref(source->copies);
        source->copies = NULL;
    }
}

static void ask_lag(struct source_driver *source)
{
    int64_t now = clock_mono_ns(source->driver.ctx.clock), sum = -1;
    if (!TIDE_HAS(source->source, lag) || !source->source->lag || now < source->lag_at_ns)
        return;
    source->lag_at_ns = now + LAG_EVERY_NS;
    for (uint32_t i = 0; i < source->assigned; i++) {
        int64_t lag = source->splits[i].lost ? -1 : source->source->lag(source->driver.self, i);
        if (lag >= 0)
            sum = lag + (sum < 0 ? 0 : sum);
    }
    atomic_store_explicit(&source->lag, sum, memory_order_relaxed);
}

static void read_once(struct source_driver *source, struct wait *wait)
{
    struct tide_out out = {.driver = source};
    source->driver.ctx.source = source;
    tide_result rc = source->source->read(source->driver.self, &out, BATCH_RECORDS);
    end_chunks(source);
    if (source->driver.state != DRIVER_RUNNING)
        return; // memory was out inside
    assign_new(source);
    if (rc == TIDE_OK)
        wait->busy = true;
    else if (rc == TIDE_AGAIN)
        driver_again(&source->driver, wait);
    else if (rc == TIDE_EOF)
        finish_reading(source, false);
    else
        driver_result(&source->driver, rc);
    if (source->driver.state == DRIVER_RUNNING)
        ask_lag(source);
    deliver(source);
}

static void run(struct driver *driver, struct wait *wait)
{
    struct source_driver *source = of(driver);
    acknowledge(driver);
    if (!deliver(source))
        return; // the lane is behind; it wakes us when it takes one
    if (source->sent_eof || driver->state != DRIVER_RUNNING)
        return;
    uint64_t epoch = atomic_load_explicit(&source->barrier_wanted, memory_order_acquire);
    if (epoch != source->barrier_done)
        make_barrier(source, epoch);
    if (atomic_load_explicit(&source->stop_wanted, memory_order_acquire))
        finish_reading(source, true);
    else if (driver->state == DRIVER_RUNNING)
        read_once(source, wait);
}

static bool stop_waits(struct source_driver *source)
{
    return !source->sent_eof && atomic_load_explicit(&source->stop_wanted, memory_order_acquire);
}

static bool has_work(struct driver *driver)
{
    struct source_driver *source = of(driver);
    if (driver->state != DRIVER_RUNNING)
        return stop_waits(source);
    if (ring_count(&source->acks))
        return true;
    if (source->ready)
        return ring_count(&source->parcels) < PARCEL_RING;
    return stop_waits(source) ||
           (!source->sent_eof && atomic_load(&source->barrier_wanted) != source->barrier_done);
}

// Before it is opened, or while it is closed for a while, there is nothing to drain.
static bool give_up(struct driver *driver)
{
    struct source_driver *source = of(driver);
    if (stop_waits(source))
        finish_reading(source, true);
    deliver(source);
    return source->sent_eof;
}

static int opened(struct driver *driver)
{
    of(driver)->assigned = 0;
    assign_new(of(driver));
    return 0;
}

static void drop_chunks(struct source_driver *source)
{
    chunk_unref(source->stream);
    chunk_unref(source->copies);
    source->stream = source->copies = NULL;
}

static void lost(struct driver *driver)
{
    drop_chunks(of(driver));
}

struct parcel *source_driver_take(struct source_driver *source)
{
    struct parcel *parcel = ring_pop(&source->parcels);
    if (parcel)
        driver_wake(&source->driver);
    return parcel;
}

int source_driver_new(struct source_driver **out, const struct plan_node *node,
                      const char *pipeline, struct clock *clock, struct waker *lane_waker,
                      struct error *err)
{
    struct source_driver *source = mem_zalloc(sizeof *source);
    if (!source)
        return error_nomem(err);
    const tide_source *vtable = node->plugin->source;
    source->source = vtable;
    source->ready_tail = &source->ready;
    atomic_init(&source->lag, -1);
    source->driver.open = vtable->open;
    source->driver.close = vtable->close;
    source->driver.poll_fd = vtable->poll_fd;
    source->driver.run = run;
    source->driver.opened = opened;
    source->driver.lost = lost;
    source->driver.last = acknowledge;
    source->driver.give_up = give_up;
    source->driver.has_work = has_work;
    source->driver.ctx.source = source;
    bool threaded = vtable->capabilities & TIDE_SOURCE_BLOCKING;
    int rc = driver_init(&source->driver, node, pipeline, clock, lane_waker, threaded, err);
    source->driver.ctx.source = source;
    if (!rc && (ring_init(&source->parcels, PARCEL_RING) || ring_init(&source->acks, ACK_RING)))
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
    while (source->parcels.slots && (parcel = ring_pop(&source->parcels)))
        parcel_free(parcel);
    while (source->acks.slots && (parcel = ring_pop(&source->acks)))
        parcel_free(parcel);
    while ((parcel = source->ready)) {
        source->ready = parcel->next;
        parcel_free(parcel);
    }
    drop_chunks(source);
    for (size_t i = 0; i < source->split_count; i++)
        mem_free(source->splits[i].name);
    mem_free(source->splits);
    ring_deinit(&source->parcels);
    ring_deinit(&source->acks);
    driver_deinit(&source->driver);
    mem_free(source);
}
