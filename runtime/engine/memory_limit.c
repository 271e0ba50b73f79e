// SPDX-License-Identifier: MIT
#include "engine/memory_limit.h"
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

// TIGHT and FREE: parts of the limit, in percent, at which reading stops and goes on.
enum { TIGHT = 95, FREE = 90, LOOK_NS = 5000000 };

#define STUCK_NS 10000000000LL

static _Atomic uint64_t limit;
static _Atomic int64_t looked_ns, tight_since_ns; // 0: it is not

void memory_limit_set(uint64_t bytes)
{
    uint64_t now = atomic_load(&limit);
    while (bytes && (!now || bytes < now) && !atomic_compare_exchange_weak(&limit, &now, bytes))
        ;
}

uint64_t memory_limit(void)
{
    return atomic_load_explicit(&limit, memory_order_relaxed);
}

// 0 where the system does not tell.
static uint64_t resident(void)
{
    char text[128];
    unsigned long long all, pages;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t len = read(fd, text, sizeof text - 1);
    close(fd);
    text[len > 0 ? len : 0] = '\0';
    return sscanf(text, "%llu %llu", &all, &pages) == 2 ? pages * (uint64_t)sysconf(_SC_PAGESIZE)
                                                        : 0;
}

static void look(uint64_t most, int64_t now)
{
    uint64_t used = resident();
    int64_t since = atomic_load_explicit(&tight_since_ns, memory_order_relaxed);
    if (!since && used > most / 100 * TIGHT)
        atomic_store_explicit(&tight_since_ns, now, memory_order_relaxed);
    else if (since && used < most / 100 * FREE)
        atomic_store_explicit(&tight_since_ns, 0, memory_order_relaxed);
}

enum memory_state memory_state(struct clock *clock)
{
    uint64_t most = memory_limit();
    if (!most)
        return MEMORY_FREE;
    int64_t now = clock_mono_ns(clock);
    int64_t looked = atomic_load_explicit(&looked_ns, memory_order_relaxed);
    if (now - looked >= LOOK_NS && atomic_compare_exchange_strong(&looked_ns, &looked, now))
        look(most, now);
    int64_t since = atomic_load_explicit(&tight_since_ns, memory_order_relaxed);
    if (!since)
        return MEMORY_FREE;
    return now - since > STUCK_NS ? MEMORY_STUCK : MEMORY_TIGHT;
}
