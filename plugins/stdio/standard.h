// SPDX-License-Identifier: MIT
#pragma once
#include "tidemill/plugin.h"

// The process's own input and output. Their descriptors are shared with whoever started the process
// (a shell, a pipe's other end), so they are never switched to O_NONBLOCK: before each call poll(2)
// says whether it would wait, and no call asks for more than can be done at once.

extern const tide_source stdio_source;
extern const tide_sink stdio_sink;
