// SPDX-License-Identifier: MIT
#pragma once
#include "pipeline.h"

enum { WHY_MAX = 1024 };

// Whether the sinks got what they had to, and each key's rows in their order. `whole`: all of it;
// else (the run was stopped) nothing else and nothing twice. False: why.
bool verdict_of_sinks(const struct pipeline_plan *plan, bool whole, char why[WHY_MAX]);
