// SPDX-License-Identifier: MIT
#include "engine/brake.h"
#include "record/batch.h"

static double most(double rate)
{
    return rate > 10 ? rate / 10 : 1;
}

uint32_t brake_take(struct brake *brake, int64_t now_ns, double rate)
{
    pthread_mutex_lock(&brake->lock);
    if (brake->filled_ns && now_ns > brake->filled_ns)
        brake->allowance += (double)(now_ns - brake->filled_ns) * rate / 1e9;
    brake->allowance = brake->allowance > most(rate) ? most(rate) : brake->allowance;
    brake->filled_ns = now_ns > brake->filled_ns ? now_ns : brake->filled_ns;
    double whole = brake->allowance < BATCH_RECORDS ? brake->allowance : BATCH_RECORDS;
    uint32_t taken = whole < 1 ? 0 : (uint32_t)whole;
    brake->allowance -= taken;
    pthread_mutex_unlock(&brake->lock);
    return taken;
}

void brake_return(struct brake *brake, uint32_t records, double rate)
{
    pthread_mutex_lock(&brake->lock);
    brake->allowance += records;
    brake->allowance = brake->allowance > most(rate) ? most(rate) : brake->allowance;
    pthread_mutex_unlock(&brake->lock);
}

int64_t brake_next(struct brake *brake, double rate)
{
    pthread_mutex_lock(&brake->lock);
    double missing = brake->allowance < 1 ? 1 - brake->allowance : 0;
    int64_t at = brake->filled_ns + (int64_t)(missing / rate * 1e9) + 1000;
    pthread_mutex_unlock(&brake->lock);
    return at;
}
