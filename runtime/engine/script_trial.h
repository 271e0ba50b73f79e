// SPDX-License-Identifier: MIT
#pragma once
#include "lua/testing.h"
#include "plugin/registry.h"

// What runs the operators of a script's test file (lua/testing.h): each in a trial of its own, a
// pipeline of a source, the operator and a sink. The registry has to know `stdio` and `null`.

struct script_test_host script_trial_host(struct registry *registry);
