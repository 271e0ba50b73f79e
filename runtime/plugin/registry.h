// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include "tidemill/plugin.h"
#include <stdbool.h>

// The plugins that are there: every *.so of the plugin directories, loaded with RTLD_NOW |
// RTLD_LOCAL and never unloaded. A file that cannot be used is not fatal by itself: its error is
// kept and shown when a pipeline wants a plugin of that name, and by `tidemill plugins`.
//
// A file is loaded only when it and its directory belong to root or to the user of the process and
// are not writable by others. Main thread only.

struct registry;

struct registry_item {
    const char *path;
    const tide_plugin *plugin; // NULL: not usable, see error
    const char *error;
};

int registry_new(struct registry **out, struct error *err);
void registry_free(struct registry *registry); // the plugins stay mapped
// All *.so in a directory. A missing directory is ERR_INPUT.
int registry_add_dir(struct registry *registry, const char *dir, struct error *err);
// One file; ERR_INPUT with file, found and wanted when it cannot be used.
int registry_add_file(struct registry *registry, const char *path, struct error *err);
// One that is part of the program (tests); `plugin` lives as long as the process.
int registry_add_plugin(struct registry *registry, const tide_plugin *plugin, struct error *err);
// The usual directories: TIDEMILL_PLUGINS (colon-separated), or `plugins` beside the executable,
// or the installed one.
int registry_add_defaults(struct registry *registry, struct error *err);

const tide_plugin *registry_find(const struct registry *registry, const char *name);
// Why there is no usable plugin of that name, if a file of that name was refused; or NULL.
const char *registry_refusal(const struct registry *registry, const char *name);
uint32_t registry_count(const struct registry *registry);
const struct registry_item *registry_at(const struct registry *registry, uint32_t index);
