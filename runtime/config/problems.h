// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/reason.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

// All that is wrong with a configuration, found in one go: each with its place, in the form
//
//   traffic.yaml:38:5: error: unknown key 'keyby' in operators.average; did you mean 'key_by'?
//   [unknown-key]         (in the same line; base/reason.h has the codes)
//         keyby: device
//         ^
//
// Problems own copies of what they name, so that they outlive the configuration. Control characters
// of quoted input are replaced: what is printed cannot steer a terminal.

struct place {
    const char *file;   // borrowed; NULL: none. Without a line it is shown alone ("--set a.b")
    uint32_t line, col; // from 1, col in characters; 0: unknown
};

struct problem {
    struct place place; // file is owned by the problems
    uint32_t file;      // its index in files; UINT32_MAX: none
    uint32_t number;    // order of finding
    bool warning;
    enum reason reason;
    const char *text;
};

struct problem_file {
    char *name;
    char *text; // the source when it is no file that can be read again; NULL
};

struct problems {
    struct problem *items;
    size_t count, cap;
    size_t errors; // those that are no warnings
    struct problem_file *files;
    size_t file_count, file_cap;
    char **hidden; // texts that must not be shown
    size_t hidden_count, hidden_cap;
};

enum { PROBLEMS_MAX = 200 }; // kept; more are only counted

void problems_init(struct problems *problems);
void problems_deinit(struct problems *problems);
// Adds one; the same one twice counts once. Out of memory counts as an error as well (errors goes
// up, the text is lost).
void problem_add(struct problems *problems, struct place place, enum reason reason, const char *fmt,
                 ...) __attribute__((format(printf, 4, 5)));
void problem_warn(struct problems *problems, struct place place, enum reason reason,
                  const char *fmt, ...) __attribute__((format(printf, 4, 5)));
// Files are printed in the order in which they were named here first. `text` (may be NULL) is its
// content when there is no such file on disk. 0 or ERR_NOMEM.
int problems_file(struct problems *problems, const char *name, const char *text);
// A secret written in a file: source lines are shown without it. 0 or ERR_NOMEM.
int problems_hide(struct problems *problems, const char *secret);
// Sorted by place, with source line and caret (read from the files again); colours when asked.
int problems_print(const struct problems *problems, struct buf *out, bool colours);
// As a JSON array of {file, line, column, severity, code, message}.
int problems_json(const struct problems *problems, struct buf *out);
// The name from a NULL-terminated list that is nearest to `name` and near enough, or NULL.
const char *nearest_name(const char *name, const char *const *names);
