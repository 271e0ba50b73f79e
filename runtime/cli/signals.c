// SPDX-License-Identifier: MIT
#include "cli/signals.h"
#include "cli/command.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static volatile sig_atomic_t asked;

static void on_signal(int number)
{
    (void)number;
    if (asked)
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
