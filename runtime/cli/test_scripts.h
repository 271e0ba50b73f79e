// SPDX-License-Identifier: MIT
#pragma once
#include "cli/command.h"
#include "cli/test_report.h"

// The cases of one x_test.lua.
enum exit_status test_script(const char *path, const struct args *args, struct test_report *report);
