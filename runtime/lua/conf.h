// SPDX-License-Identifier: MIT
#pragma once
#include "config/setting.h"
#include <lua.h>

// Defines the global `conf`: a node's params, read-only. What was written without quotes and looks
// like a number or a boolean is one. `params` NULL: an empty table. May raise. [-0, +0]
void conf_define(lua_State *L, const struct tide_config *params);
