// SPDX-License-Identifier: MIT
#pragma once
#include "cli/command.h"
#include "engine/engine.h"

// From the command line to an engine that is ready to start: plugins, YAML, topology, scripts.
// What is wrong is printed on standard error, all at once.

struct pipeline {
    struct registry *registry;
    struct catalogue *catalogue;
    struct topology *topology;
    struct engine *engine; // NULL between two
    struct engine_config config;
    const char **losses; // nodes whose state may be lost
};

// The options that every command on pipelines has.
#define PIPELINE_OPTIONS                                                                           \
    {"with", 'w', "FILE", "merge this YAML file over the pipeline; may be repeated"},              \
        {"set", 's', "PATH=VALUE", "set one value: sources.a.rate=100; may be repeated"},          \
    {                                                                                              \
        "plugins", 'p', "DIR", "load plugins from here as well; may be repeated"                   \
    }

// Loads `file` with --with, --set and --plugins of `args`. EXIT_DONE, or the exit status after the
// problems were printed (then nothing needs freeing). Connects nothing.
enum exit_status pipeline_load(struct pipeline *pipeline, const char *file,
                               const struct args *args);
// `crew`: that shall step its lanes; NULL: one of its own.
enum exit_status pipeline_load_with(struct pipeline *pipeline, const char *file,
                                    const struct args *args, struct crew *crew);
// The same without printing: what is wrong is in `problems` (the caller's), or else in *err. A
// code.
int pipeline_try(struct pipeline *pipeline, const char *file, const struct args *args,
                 struct problems *problems, struct error *err);
// Prints them as all commands do, or logs them.
void pipeline_say(const struct problems *problems);
void pipeline_free(struct pipeline *pipeline);
// Another engine of the same topology and plugins, that goes on from the last checkpoint: what was
// said about the beginning (--fresh, --from-checkpoint) is over. The one before was freed.
int pipeline_again(struct pipeline *pipeline, struct error *err);

// The plugins of the usual directories and of --plugins. Broken files are kept with their error.
int pipeline_registry(struct registry **out, const struct args *args, struct error *err);
