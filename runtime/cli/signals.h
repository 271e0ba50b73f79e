// SPDX-License-Identifier: MIT
#pragma once
#include <stdbool.h>

// SIGINT and SIGTERM: the first asks for an orderly end, the second exits at once (status 1).
void signals_catch(void);
bool signals_stop(void); // the first has come
