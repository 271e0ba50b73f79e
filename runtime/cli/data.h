// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "config/setting.h"

#include <jansson.h>

// Between YAML data, JSON values and JSON text.

// The JSON value of a node of free data: what is written plain becomes null, true, false, a whole
// number or a number where it looks like one; all else is a string. NULL: out of memory.
json_t *data_json(const struct tide_config *data);
int data_print(const json_t *value, struct buf *out); // compact; 0 or a code
