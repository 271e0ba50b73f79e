// SPDX-License-Identifier: MIT
#include "base/crash_point.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>

_Atomic(const char *) crash_point_chosen;

static struct {
    size_t len; // of the name
    _Atomic long left;
} chosen;

int crash_point_choose(const char *text, struct error *err)
{
    atomic_store(&crash_point_chosen, NULL);
    if (!text)
        return 0;
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    long n = colon ? strtol(colon + 1, &end, 10) : 0;
    if (!colon || colon == text || *end || n < 1)
        return error_set(err, ERR_INPUT, "TIDEMILL_CRASH=%s: expected NAME:N", text);
    chosen.len = (size_t)(colon - text);
    atomic_store(&chosen.left, n);
    atomic_store(&crash_point_chosen, text);
    return 0;
}

void crash_point_pass(const char *name)
{
    const char *wanted = atomic_load_explicit(&crash_point_chosen, memory_order_relaxed);
    if (strlen(name) == chosen.len && !memcmp(name, wanted, chosen.len) &&
        atomic_fetch_sub(&chosen.left, 1) == 1)
        raise(SIGKILL);
}
