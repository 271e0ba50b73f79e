// SPDX-License-Identifier: MIT
#pragma once
#include <stdarg.h>
#include <stdbool.h>

// Lines for the operator of the process, on standard error: time, level, place, text. Any thread.
// Libraries below the engine do not log; they return errors.

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
// `place` is a node, a plugin or a module.
void log_line(enum log_level level, const char *place, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void log_linev(enum log_level level, const char *place, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));
// Where lines go instead of standard error (tests, the status line); NULL: back to standard error.
void log_set_sink(void (*sink)(void *arg, enum log_level level, const char *line), void *arg);

// Says at most one line a second per limiter; the next one tells how many were held back.
struct log_limit {
    long long last_ns;
    unsigned long long held;
};
void log_limited(struct log_limit *limit, enum log_level level, const char *place, const char *fmt,
                 ...) __attribute__((format(printf, 4, 5)));
