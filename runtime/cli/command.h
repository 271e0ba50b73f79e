// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include "cli/args.h"
#include <stdio.h>

// The command line: one file a command, each with a row of the table in commands.c. Only this
// folder prints and ends the process.

enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,      // failed while running
    EXIT_WRONG_INPUT = 2, // usage, pipeline, script, plugin
    EXIT_REFUSED = 3,     // would lose or overwrite state
};

struct command {
    const char *name;
    const char *help;     // one line
    const char *operands; // as in the usage line: "FILE..."; NULL: none
    const struct args_option *options;
    const char *details; // what else there is to say, in whole lines; NULL: nothing
    const char *example; // lines to type
    enum exit_status (*run)(const struct args *args);
};

// Of those that run something: heeded by main.
#define LOG_OPTION                                                                                 \
    {                                                                                              \
        "log", 0, "FORMAT", "what is said on standard error: text (default) or json, a line each"  \
    }

extern const struct command command_demo, command_run, command_check, command_test, command_plugins,
    command_plugin, command_graph, command_schema, command_new, command_bench, command_explain,
    command_why, command_checkpoint, command_state;

extern const struct command *const commands[]; // NULL-terminated, in the order of the help

// Prints the error on standard error, as all commands do, and gives the exit status it means.
enum exit_status command_fail(const struct error *err);
// Wrong usage: says so, and where the help is.
enum exit_status command_misused(const struct command *command, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

enum exit_status help_command(const struct command *command); // --help, on standard output
enum exit_status help_all(FILE *out);
