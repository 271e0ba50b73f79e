// SPDX-License-Identifier: MIT
#include "engine/alignment.h"
#include "base/alloc.h"
#include "engine/waker.h"
#include "time/watermark.h"
#include <pthread.h>

struct aligned_split {
    int64_t watermark;
    bool counts; // active: others wait for it, and it may be held
    bool held;
};

struct alignment {
    pthread_mutex_t lock; // all but `changes`
    int64_t limit_ms;
    struct aligned_split *splits;
    size_t count, cap;
    struct waker **wakers;
    size_t waker_count, waker_cap;
    _Atomic uint64_t changes; // release: the splits are as they are to be
};

int alignment_new(struct alignment **out, int64_t limit_ms)
{
    struct alignment *alignment = mem_zalloc(sizeof *alignment);
    if (!alignment)
        return ERR_NOMEM;
    alignment->limit_ms = limit_ms;
    pthread_mutex_init(&alignment->lock, NULL);
    *out = alignment;
    return 0;
}

void alignment_free(struct alignment *alignment)
{
    if (!alignment)
        return;
    pthread_mutex_destroy(&alignment->lock);
    mem_free(alignment->splits);
    mem_free(alignment->wakers);
    mem_free(alignment);
}

int alignment_join(struct alignment *alignment, struct waker *waker)
{
    if (mem_grow(&alignment->wakers, &alignment->waker_cap, alignment->waker_count + 1,
                 sizeof(struct waker *)))
        return ERR_NOMEM;
    alignment->wakers[alignment->waker_count++] = waker;
    return 0;
}

void alignment_lock(struct alignment *alignment)
{
    pthread_mutex_lock(&alignment->lock);
}

bool alignment_put(struct alignment *alignment, uint32_t split, int64_t watermark, bool counts)
{
    if (mem_grow(&alignment->splits, &alignment->cap, (size_t)split + 1, sizeof *alignment->splits))
        return false;
    while (alignment->count <= split)
        alignment->splits[alignment->count++] = (struct aligned_split){.counts = false};
    alignment->splits[split].watermark = watermark;
    alignment->splits[split].counts = counts;
    return true;
}

// The latest time that a split may have come to.
static int64_t furthest(const struct alignment *alignment)
{
    int64_t min = INT64_MAX, limit;
    for (size_t i = 0; i < alignment->count; i++)
        if (alignment->splits[i].counts && alignment->splits[i].watermark < min)
            min = alignment->splits[i].watermark;
    return __builtin_add_overflow(min, alignment->limit_ms, &limit) ? INT64_MAX : limit;
}

void alignment_unlock(struct alignment *alignment)
{
    int64_t limit = furthest(alignment);
    bool changed = false;
    for (size_t i = 0; i < alignment->count; i++) {
        struct aligned_split *split = &alignment->splits[i];
        bool held = split->counts && split->watermark > limit;
        changed |= held != split->held;
        split->held = held;
    }
    if (changed)
        atomic_fetch_add_explicit(&alignment->changes, 1, memory_order_release);
    pthread_mutex_unlock(&alignment->lock);
    for (size_t i = 0; changed && i < alignment->waker_count; i++)
        waker_wake(alignment->wakers[i]);
}

bool alignment_holds(struct alignment *alignment, uint32_t split)
{
    pthread_mutex_lock(&alignment->lock);
    bool held = split < alignment->count && alignment->splits[split].held;
    pthread_mutex_unlock(&alignment->lock);
    return held;
}

uint64_t alignment_changes(const struct alignment *alignment)
{
    return atomic_load_explicit(&alignment->changes, memory_order_acquire);
}
