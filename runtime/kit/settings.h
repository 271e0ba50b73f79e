// SPDX-License-Identifier: MIT
#pragma once
#include "config/setting.h"
#include "kit/kit.h"
#include "tidemill/plugin.h"

// The options of one part, checked as those of a pipeline are. They live until the process ends.

// From the --set values that are for this part ("source.path=x", or "path=x" when the table has
// it) and `extra` (may be NULL). NULL: `why` says what is wrong.
const struct tide_config *settings_make(const struct kit_options *options, const char *part,
                                        const tide_option *table, const char *extra, char *why,
                                        size_t cap);
// What is wrong with the row's default; false: nothing.
bool settings_default_fault(const tide_option *row, char *why, size_t cap);
// The value of --set that no part of the plugin knows, or NULL.
const char *settings_stray(const struct kit_options *options, const tide_plugin *plugin);
