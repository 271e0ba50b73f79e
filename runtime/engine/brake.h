// SPDX-License-Identifier: MIT
#pragma once
#include <pthread.h>
#include <stdint.h>

// The brake of a source (`rate`): records that may come in, over all its lanes together. What was
// allowed and is not used within 100 ms is lost. All zero at first, but for the lock.

struct brake {
    pthread_mutex_t lock;
    double allowance;
    int64_t filled_ns;
};

// So many records may come in now, at most a batch; they are taken off.
uint32_t brake_take(struct brake *brake, int64_t now_ns, double rate);
// Of which so many did not come.
void brake_return(struct brake *brake, uint32_t records, double rate);
// When one more may come.
int64_t brake_next(struct brake *brake, double rate);
