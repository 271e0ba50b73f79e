// SPDX-License-Identifier: MIT
#pragma once
#include "cli/command.h"

// `tidemill test` on a script's test file, x_test.lua. Prints its cases and adds to the counts.
enum exit_status test_script(const char *path, const struct args *args, unsigned *passed,
                             unsigned *failed);
