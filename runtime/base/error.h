// SPDX-License-Identifier: MIT
#pragma once
#include "base/reason.h"
#include <stdarg.h>
#include <stddef.h>

// Errors are values with a story. A function that can fail returns 0 or a negative code from the
// list below and takes a caller-owned `struct error *` (may be NULL) in which it leaves one line of
// text. Callers on the way out put their place in front of it (`error_prefix`), so that the text
// read at the top names file, node, script:line, what was found and what was expected. Libraries
// return; only the command line prints.

// X(name, value, what it means)
#define ERROR_CODES(X)                                                                             \
    X(NOMEM, -1, "out of memory")                                                                  \
    X(IO, -2, "input/output error")                                                                \
    X(INPUT, -3, "wrong input: usage, YAML, script or plugin")                                     \
    X(DATA, -4, "a record that cannot be used")                                                    \
    X(LIMIT, -5, "a limit was reached")                                                            \
    X(CORRUPT, -6, "stored bytes that do not check")                                               \
    X(REFUSED, -7, "refused: it would lose or overwrite state")                                    \
    X(RETRY, -8, "a passing fault: try again later")                                               \
    X(FATAL, -9, "cannot go on")                                                                   \
    X(BUG, -10, "a broken promise inside the program")

enum error_code {
    ERR_OK = 0,
#define X(name, value, text) ERR_##name = (value),
    ERROR_CODES(X)
#undef X
};

struct error {
    int code;
    enum reason reason; // finer than the code; REASON_NONE: nothing finer is known
    size_t len;
    char text[2048]; // one line, no trailing newline, cut with "..." when longer
};

#define ERROR_INIT                                                                                 \
    {                                                                                              \
        .code = 0, .reason = REASON_NONE, .len = 0, .text = { 0 }                                  \
    }

// Each sets *err (when given) and returns the code, so that `return error_set(...)` reads well.
int error_set(struct error *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int error_setv(struct error *err, int code, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));
// The same without formats, for errors that come in storms: begin, then add. What has no room is
// cut.
void error_begin(struct error *err, int code);
void error_add(struct error *err, const char *text, size_t len);
// As error_set, followed by ": " and the text of `errnum`.
int error_errno(struct error *err, int code, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
// Puts "<fmt>: " in front of the text; returns the code that is in there (err NULL: ERR_FATAL, as
// the code is then nowhere to be found).
int error_prefix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int error_nomem(struct error *err);
// Says what it is more closely than its code does; returns the code (err NULL: ERR_FATAL). A text
// that is set afterwards starts anew, a prefix keeps it.
int error_as(struct error *err, enum reason reason);
// What it is: as error_as was told, or else what its code means. Never REASON_NONE.
enum reason error_reason(const struct error *err);
enum reason error_code_reason(int code);
void error_clear(struct error *err);
// "NOMEM", and "out of memory".
const char *error_name(int code);
const char *error_meaning(int code);
