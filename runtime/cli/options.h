// SPDX-License-Identifier: MIT
#pragma once
#include "tidemill/option.h"

#include <jansson.h>

// Option tables, for people and as JSON.

const char *options_type_name(int32_t type); // "duration"
void options_print(const tide_option *table, unsigned indent);
json_t *options_json(const tide_option *table); // a list; owned by the caller
