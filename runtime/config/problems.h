// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

// All that is wrong with a configuration, found in one go: each with its place, in the form
//
//   traffic.yaml:38:5: error: unknown key 'keyby' in operators.average; did you mean 'key_by'?
//         keyby: device
//         ^

struct place {
    const char *file; // interned in the configuration; NULL: none (command line)
    uint32_t line, col; // from 1; 0: unknown
};

struct problem {
    struct place place;
    bool warning;
    const char *text;
};

struct problems {
    struct problem *items;
    size_t count, cap;
    size_t errors; // those that are no warnings
};

void problems_init(struct problems *problems);
void problems_deinit(struct problems *problems);
// Adds one. Out of memory counts as an error as well (errors goes up, the text is lost).
void problem_add(struct problems *problems, struct place place, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void problem_warn(struct problems *problems, struct place place, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// Sorted by place, with source line and caret (read from the files again); colours when asked.
int problems_print(const struct problems *problems, struct buf *out, bool colours);
// As a JSON array of {file, line, column, severity, message}.
int problems_json(const struct problems *problems, struct buf *out);
// The name from a NULL-terminated list that is nearest to `name` and near enough, or NULL.
const char *nearest_name(const char *name, const char *const *names);
