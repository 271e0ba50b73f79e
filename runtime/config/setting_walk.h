// SPDX-License-Identifier: MIT
#pragma once
#include "config/setting.h"

// How a plugin walks its checked configuration (host->config_...), the same for every host. What is
// handed out is borrowed from the configuration. Any thread.

uint32_t walk_len(const tide_config *node);
const tide_config *walk_item(const tide_config *node,
                             uint32_t index); // NULL: behind the end
const char *walk_name(const tide_config *node, uint32_t index);
const tide_config *walk_at(const tide_config *map, const char *name); // NULL: is not there
const char *walk_text(const tide_config *node);
int64_t walk_int(const tide_config *node);
double walk_number(const tide_config *node);
