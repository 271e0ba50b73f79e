// SPDX-License-Identifier: MIT
#include "cli/signals.h"
#include "cli/command.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

// A supervisor that signals the process and then its group sends the same wish twice at once; only
// one that comes later is a second wish.
enum { SAME_WISH_NS = 300000000 };

static volatile sig_atomic_t asked;
static struct timespec asked_at;

static void on_signal(int number)
{
    (void)number;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now); // async-signal-safe
    if (!asked)
        asked_at = now;
    else if ((now.tv_sec - asked_at.tv_sec) * 1000000000L + (now.tv_nsec - asked_at.tv_nsec) >
             SAME_WISH_NS)
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
