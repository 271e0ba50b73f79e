// SPDX-License-Identifier: MIT
#include "cli/signals.h"

#include "base/clock.h"
#include "cli/command.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

// A supervisor that signals the process and then its group sends the same wish twice at once; only
// one that comes later is a second wish.
enum { SAME_WISH_NS = 300000000 };

static volatile sig_atomic_t asked;
static int64_t asked_at_ns;

static void on_signal(int number)
{
    (void)number;
    int64_t now = clock_mono_ns(clock_system()); // async-signal-safe: one clock_gettime
    if (!asked)
        asked_at_ns = now;
    else if (now - asked_at_ns > SAME_WISH_NS)
        _exit(EXIT_FAILED);
    asked = 1;
}

void signals_catch(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool signals_stop(void)
{
    return asked;
}
