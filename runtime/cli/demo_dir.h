// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include <stddef.h>

// Where the demo lives: the pipelines and scripts that it runs, and its data. A person may look in.

// A new temporary directory, or `wanted`, which is made when it is not there; the embedded files
// are written into it. Its path goes to `path`.
int demo_dir_make(char *path, size_t cap, const char *wanted, struct error *err);
void demo_dir_remove(const char *path); // with all that is in it
