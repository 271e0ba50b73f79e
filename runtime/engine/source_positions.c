// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "engine/source_buffer.h"
#include "base/crash_point.h"
#include "engine/source_keep.h"
#include <string.h>

// Where a source has come to: at barriers, for acknowledgements, and when its instance goes away
// for a while. A barrier's parcel holds {split, length, bytes} for each split in `part`.

enum { POSITIONS_MAX = 64 * 1024 * 1024 };

#define REVOKE_WITHIN_NS 10000000000LL

static tide_result ask(struct source_driver *source, uint32_t split, struct buf *out)
{
    return source->position(source->driver.self, split, (tide_buf *)(void *)out);
}

static void put_position(struct source_driver *source, struct parcel *parcel, uint32_t split)
{
    struct buf position;
    buf_init(&position, source->splits[split].position.max);
    tide_result rc = ask(source, split, &position);
    uint32_t head[2] = {split, (uint32_t)position.len};
    if (rc < 0)
        driver_result(&source->driver, rc);
    else if (rc == TIDE_OK && (buf_append(&parcel->part, head, sizeof head) ||
                               buf_append(&parcel->part, position.data, position.len)))
        source_out_of_memory(source);
    buf_deinit(&position);
}

static bool is_placed(const struct split *split)
{
    return split->assigned || split->revoked;
}

// Also made while no instance is open: the other inputs of a node wait for this one's barrier.
void source_barrier(struct source_driver *source, uint64_t epoch, bool final)
{
    source->barrier_done = epoch;
    struct parcel *parcel = NULL;
    // The positions go with the first lane's. What holds behind the end needs no barrier.
    for (uint32_t i = final ? 1 : source->lane_count; i-- > 0;) {
        if (!(parcel = source_add_parcel_for(source, PARCEL_BARRIER, i)))
            return;
        parcel->epoch = epoch;
        parcel->final = final;
        parcel->place = source->buffer ? source->buffer->at : 0;
        parcel->part.max = POSITIONS_MAX;
    }
    parcel->text.max = POSITIONS_MAX;
    if (source->keeps && source_keep_save(source, &parcel->text))
        source_out_of_memory(source);
    for (uint32_t i = 0; source->ack && source->position && i < source->split_count; i++)
        if (is_placed(&source->splits[i]) && source->driver.state == DRIVER_RUNNING) {
            put_position(source, parcel, i);
            if (source->splits[i].revoked && !source->splits[i].revoke_epoch)
                source->splits[i].revoke_epoch = epoch;
        }
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

static void acknowledge_one(struct source_driver *source, const struct parcel *parcel)
{
    uint32_t max = (uint32_t)(parcel->part.len / 8) + 1;
    tide_position *positions = mem_array(max, sizeof *positions);
    if (!positions) {
        source_out_of_memory(source);
        return;
    }
    uint32_t n = read_positions(parcel, positions, max);
    crash_point("source.ack.before");
    tide_result rc =
        source->ack(source->driver.self, parcel->epoch, positions, n, sizeof *positions);
    crash_point("source.ack.after");
    mem_free(positions);
    if (rc < 0)
        driver_result(&source->driver, rc);
}

void source_acknowledge(struct source_driver *source)
{
    struct parcel *parcel;
    while ((parcel = ring_pop(&source->acks))) {
        if (source->ack && source->driver.state == DRIVER_RUNNING)
            acknowledge_one(source, parcel);
        if (source->buffer)
            source_buffer_settle(source, parcel->place);
        if (source->revoke_by_ns)
            source_revoke(source, parcel->epoch);
        parcel_free(parcel);
    }
}

// -- splits that are taken back --

void source_ask_barrier(struct source_driver *source)
{
    if (!source->revoke)
        return;
    source->revoke_by_ns = clock_mono_ns(source->driver.ctx.clock) + REVOKE_WITHIN_NS;
    if (source->ack && source->position) {
        atomic_store_explicit(&source->barrier_asked, true, memory_order_release);
        waker_wake(source->driver.lane_waker);
    } else {
        source_revoke(source, UINT64_MAX); // nothing is to be acknowledged
    }
}

void source_revoke(struct source_driver *source, uint64_t epoch)
{
    bool left = false;
    for (uint32_t i = 0; i < source->split_count; i++) {
        struct split *split = &source->splits[i];
        bool settled = epoch == UINT64_MAX || (split->revoke_epoch && split->revoke_epoch <= epoch);
        left |= split->revoked && !settled;
        if (!split->revoked || !settled)
            continue;
        split->revoked = false;
        tide_result rc = source->driver.state == DRIVER_RUNNING
                             ? source->revoke(source->driver.self, &i, 1)
                             : TIDE_OK;
        if (rc < 0)
            driver_result(&source->driver, rc);
    }
    if (!left)
        source->revoke_by_ns = 0;
}

static bool is_replayable(const struct source_driver *source)
{
    return source->source->capabilities & TIDE_SOURCE_REPLAYABLE;
}

// A stream that cannot be read again has no other half for its unfinished frame.
static void end_stream(struct source_driver *source, uint32_t id)
{
    struct split *split = &source->splits[id];
    if (!split->ended && (source->source->capabilities & TIDE_SOURCE_STREAM) &&
        source_add_parcel(source, PARCEL_END, id))
        split->ended = true;
}

void source_keep_positions(struct source_driver *source)
{
    source->aligned = UINT64_MAX; // the next one is told anew
    for (uint32_t i = 0; i < source->split_count; i++) {
        struct split *split = &source->splits[i];
        if (!split->assigned)
            continue;
        split->assigned = split->paused = false;
        split->skip = split->past;
        if (!is_replayable(source)) {
            split->past = split->skip = 0;
            split->placed = false;
            end_stream(source, i);
        } else if (source->position && !split->past && source->driver.state == DRIVER_RUNNING) {
            buf_clear(&split->position);
            split->placed = ask(source, i, &split->position) == TIDE_OK && split->position.len;
        }
    }
}
