// SPDX-License-Identifier: MIT
#include "engine/saved.h"
#include "base/crash_point.h"
#include "record/batch.h"

static const size_t IMAGE_MAX = (size_t)1 << 36;

static void init(struct saved *saved)
{
    atomic_init(&saved->epoch, 0);
    image_init(&saved->image, IMAGE_MAX);
}

void saves_init(struct saves *saves, uint32_t lane, struct waker *waker)
{
    saves->waker = waker;
    saves->lane = lane;
    init(&saves->barrier);
    init(&saves->end);
}

void saves_deinit(struct saves *saves)
{
    image_deinit(&saves->barrier.image);
    image_deinit(&saves->end.image);
}

// Those that count, in an order that stored checkpoints rely on: new ones come behind.
static _Atomic uint64_t *counter(const struct node_stats *stats, uint32_t index)
{
    struct node_stats *of = (struct node_stats *)(uintptr_t)stats;
    _Atomic uint64_t *const named[] = {&of->in,       &of->out,    &of->in_bytes, &of->out_bytes,
                                       &of->filtered, &of->failed, &of->late,     &of->absorbed,
                                       &of->created,  &of->retried};
    enum { NAMED = sizeof named / sizeof *named };
    _Static_assert(NAMED + TROUBLES == SAVED_COUNTERS, "all of them");
    return index < NAMED ? named[index] : &of->failed_by[index - NAMED];
}

struct saved *saves_begin(struct saves *saves, uint32_t marks, const struct node_stats *stats)
{
    struct saved *saved = marks & BATCH_END ? &saves->end : &saves->barrier;
    buf_clear(&saved->image.bytes);
    saved->image.rc = 0;
    saved->changes = false;
    saved->watermark = atomic_load_explicit(&stats->watermark, memory_order_relaxed);
    for (uint32_t i = 0; i < SAVED_COUNTERS; i++)
        saved->counters[i] = stat_get(counter(stats, i));
    return saved;
}

void saves_publish(struct saves *saves, struct saved *saved, uint64_t epoch)
{
    crash_point("node.save.before");
    atomic_store_explicit(&saved->epoch, saved == &saves->end ? SAVED_AT_END : epoch,
                          memory_order_release);
    waker_wake(saves->waker);
    crash_point("node.save.after");
}

struct saved *saves_of(struct saves *saves, uint64_t epoch)
{
    if (atomic_load_explicit(&saves->barrier.epoch, memory_order_acquire) == epoch)
        return &saves->barrier;
    return atomic_load_explicit(&saves->end.epoch, memory_order_acquire) ? &saves->end : NULL;
}

void counters_add(struct node_stats *stats, const uint64_t *counters, uint32_t count)
{
    for (uint32_t i = 0; i < count && i < SAVED_COUNTERS; i++)
        stat_add(counter(stats, i), counters[i]);
}
