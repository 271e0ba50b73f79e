// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The arguments of one command, read by its option table. Long options may be shortened as long as
// they stay unique; options and operands may stand in any order; `--` ends the options.

struct args_option {
    const char *name;  // long; NULL ends a table
    char letter;       // short, or 0
    const char *value; // what the value is called in the help ("FILE"); NULL: it takes none
    const char *help;  // one line
};

struct args_given {
    const struct args_option *option;
    const char *value; // NULL for a flag
};

struct args {
    char *const *operands; // borrowed from argv
    size_t operand_count;
    struct args_given *given; // in the order given
    size_t given_count;
    bool help; // --help or -h stood somewhere
};

// argv[0] is the command's name. The array is reordered. ERR_INPUT: what is wrong with which
// argument, with the near name.
int args_parse(struct args *args, const struct args_option *options, int argc, char **argv,
               struct error *err);
void args_free(struct args *args);

bool args_flag(const struct args *args, const char *name);
const char *args_text(const struct args *args, const char *name); // the last; NULL: not given
// Each value in turn: start with *cursor = 0; NULL at the end.
const char *args_next(const struct args *args, const char *name, size_t *cursor);
// Whole numbers within min..max, and durations ("20s", "1m30s") in ms. `absent` when not given.
int args_count(const struct args *args, const char *name, int64_t min, int64_t max, int64_t absent,
               int64_t *out, struct error *err);
int args_duration(const struct args *args, const char *name, int64_t absent, int64_t *ms,
                  struct error *err);
