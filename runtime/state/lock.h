// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include <stdint.h>

// A directory that one process at a time may write to: <dir>/lock is held (flock) as long as the
// descriptor is open, and says the process's id.

// Waits up to `wait_ms` for another one to let go. ERR_REFUSED: it does not; the text is "<dir>:
// <state> by process <id>". *fd is -1 unless all went well.
int dir_lock(int *fd, const char *dir, uint32_t wait_ms, const char *state, struct error *err);
