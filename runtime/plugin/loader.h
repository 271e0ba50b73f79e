// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include "tidemill/plugin.h"

// Loads one shared object and shakes hands: ownership of the file, symbol, ABI major, sizes, name,
// option tables. ERR_INPUT names the file, what was found and what was wanted.
int loader_open(const char *path, const tide_plugin **out, struct error *err);
