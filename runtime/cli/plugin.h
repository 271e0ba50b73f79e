// SPDX-License-Identifier: MIT
#pragma once
#include "cli/command.h"

// The two halves of `tidemill plugin`.
enum exit_status plugin_new(const struct args *args, const char *name);
enum exit_status plugin_check(const struct args *args, const char *file);
