// SPDX-License-Identifier: MIT
#include "cli/plugin.h"

#include <string.h>

// tidemill plugin: for authors of plugins. `new` and `check` are words of it; both share a table of
// options, of which each takes its own.

static const struct args_option options[] = {
    {"set", 's', "NAME=VALUE", "check: an option of the plugin; may be repeated"},
    {"only", 'o', "PART", "check: the source, the sink or the connection alone"},
    {"feed", 'f', NULL, "check: its sink writes what its source is to read"},
    {"timeout", 't', "DURATION", "check: how long one check may take (20s)"},
    {"json", 'j', NULL, "check: as JSON"},
    {"source", 0, NULL, "new: a source (the default is both)"},
    {"sink", 0, NULL, "new: a sink"},
    {"dir", 'd', "DIR", "new: where to make it (NAME)"},
    {0},
};

static enum exit_status run(const struct args *args)
{
    const char *what = args->operand_count ? args->operands[0] : "";
    if (args->operand_count == 2 && !strcmp(what, "new"))
        return plugin_new(args, args->operands[1]);
    if (args->operand_count == 2 && !strcmp(what, "check"))
        return plugin_check(args, args->operands[1]);
    return command_misused(&command_plugin, "new NAME, or check FILE.so");
}

const struct command command_plugin = {
    .name = "plugin",
    .help = "start a plugin of your own, or check one against the rules of the ABI",
    .operands = "new NAME|check FILE.so",
    .options = options,
    .details =
        "new: a directory with C, CMake, a README and a test pipeline, that builds and passes\n"
        "its own check. An existing directory is refused.\n"
        "check: runs the plugin through the rules of the public headers, each check in a process\n"
        "of its own and in an empty directory: input files are named by their whole paths, and\n"
        "what a sink writes to relative paths is looked at. --set path=x is for each part that\n"
        "has such an option, --set sink.path=x for one. Exit status: 0 all well, 1 findings, 2\n"
        "wrong input.\n",
    .example =
        "  tidemill plugin new beat && tidemill plugin check build/beat.so --set every=1ms\n",
    .run = run,
};
