// SPDX-License-Identifier: MIT
#include "engine/source_driver.h"
#include <string.h>

enum { LAG_EVERY_NS = 1000000000 };

// The name of a split that is longer than there is room for keeps its end: paths begin alike.
static void note(struct lag_board *lags, const struct split *split, int64_t records, int64_t bytes)
{
    if (lags->count == LAGS_MAX)
        return;
    struct split_lag *lag = &lags->of[lags->count++];
    size_t len = split->name_len < LAG_NAME_MAX ? split->name_len : LAG_NAME_MAX - 1;
    memcpy(lag->name, split->name + split->name_len - len, len);
    lag->name[len] = '\0';
    lag->records = records;
    lag->bytes = bytes;
}

static int64_t plus(int64_t sum, int64_t lag)
{
    if (lag < 0)
        return sum;
    return sum < 0 ? lag : sum + lag;
}

void source_ask_lag(struct source_driver *source)
{
    int64_t records = -1, bytes = -1;
    if (!source->lag_of && !source->lag_bytes_of)
        return;
    source->lag_at_ns = clock_mono_ns(source->driver.ctx.clock) + LAG_EVERY_NS;
    pthread_mutex_lock(&source->lags.lock);
    source->lags.count = 0;
    for (uint32_t i = 0; i < source->split_count; i++) {
        if (!source->splits[i].assigned)
            continue;
        void *self = source->driver.self;
        int64_t some = source->lag_of ? source->lag_of(self, i) : -1;
        int64_t size = source->lag_bytes_of ? source->lag_bytes_of(self, i) : -1;
        records = plus(records, some);
        bytes = plus(bytes, size);
        if (some >= 0 || size >= 0)
            note(&source->lags, &source->splits[i], some, size);
    }
    pthread_mutex_unlock(&source->lags.lock);
    atomic_store_explicit(&source->lag_records, records, memory_order_relaxed);
    atomic_store_explicit(&source->lag_bytes, bytes, memory_order_relaxed);
}
