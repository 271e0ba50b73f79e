// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include <stdbool.h>

// Which files `tidemill test` runs: of a directory and those in it, each *.yaml with `tests:` and
// each *_test.lua, in the order of the alphabet, files before directories. What begins with a dot,
// and what a symbolic link to a directory leads to, is left out. Anything else is a file itself.

typedef void test_file_fn(void *arg, const char *path);

int test_files(const char *path, test_file_fn *each, void *arg, struct error *err);
bool test_file_is_script(const char *path);
