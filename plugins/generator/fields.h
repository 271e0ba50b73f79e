// SPDX-License-Identifier: MIT
#pragma once
#include "program.h"
#include "tidemill/host.h"

// Turns `fields:` into a program. What it takes is documented in the README. An error names the
// field. `time_field`: the field that gives the record's time; NULL: none.
tide_result fields_compile(const tide_host *host, tide_ctx *ctx, const tide_config *fields,
                           const char *time_field, struct program *program);
