// SPDX-License-Identifier: MIT
#pragma once
#include "engine/lane.h"

// Every operator is saved, thrown away, built anew and loaded, as after a crash right behind a
// checkpoint, and splits are active anew; what is under way in edges and drivers stays. Between two
// steps. For tests.
int lane_restart(struct lane *lane, struct error *err);
