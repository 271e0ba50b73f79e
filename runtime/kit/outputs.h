// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>

// What a sink has written, as far as it stands in files of the working directory.

// How often the text stands in them.
size_t outputs_count(const char *text);
