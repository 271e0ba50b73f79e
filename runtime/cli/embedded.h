// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>

// Files of the source tree that are in the program, so that `tidemill demo`, `tidemill new` and
// `tidemill explain` need nothing else.

struct embedded_file {
    const char *name; // as in the source tree: "configs/traffic.yaml"; NULL ends the table
    const unsigned char *bytes;
    size_t len;
};

extern const struct embedded_file embedded_files[]; // the demo's
extern const struct embedded_file project_files[];  // of a new project
extern const struct embedded_file plugin_files[];   // of a new plugin
extern const struct embedded_file error_texts[];    // one: docs/errors.md
