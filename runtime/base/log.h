// SPDX-License-Identifier: MIT
#pragma once
#include "base/reason.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

// Lines for the operator of the process, on standard error. Any thread. Libraries below the engine
// do not log; they return errors. As text:
//
//   2026-11-22T18:04:01.123Z warn  devices: 127.0.0.3:9: no route; trying again in 200 ms
//   [unavailable]
//
// or, for machines, as one JSON object a line, in which all members are always there:
//
//   {"time":"2026-11-22T18:04:01.123Z","level":"warn","pipeline":"traffic","node":"devices",
//    "code":"unavailable","message":"127.0.0.3:9: no route; trying again in 200 ms",
//    "fields":{"retry_ms":200}}
//
// Of which pipeline a line speaks is known from the thread that says it: who works for a pipeline
// says so first. Text names it where several run: "traffic/devices: ...".
//
// Whatever bytes a message has, a line is one line, valid UTF-8, and steers no terminal.

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

// A number that a message tells, for who does not want to read messages.
struct log_field {
    const char *name; // letters, digits and _
    long long value;
};

struct log_event {
    enum log_level level;
    const char *place;  // a node, a plugin or a module; NULL: none
    enum reason reason; // REASON_NONE: it is no error
    const struct log_field *fields;
    size_t field_count;
};

// What the calling thread says from here on is about this pipeline; NULL: about none. The name is
// kept, not copied. The one before.
const char *log_set_pipeline(const char *pipeline);
void log_name_pipelines(bool on); // also in text

enum { LOG_LINE_MAX = 32768 };

void log_set_level(enum log_level level);
void log_set_json(bool json);
bool log_is_json(void);
bool log_enabled(enum log_level level);
void log_say(const struct log_event *event, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void log_sayv(const struct log_event *event, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));
// Without reason and fields.
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

// -- shared by log*.c --

// One line without its newline into `out`; its length. `ms` is wall time; `pipeline` NULL: none.
size_t log_format_text(const struct log_event *event, const char *pipeline, long long ms,
                       const char *message, char out[LOG_LINE_MAX]);
size_t log_format_json(const struct log_event *event, const char *pipeline, long long ms,
                       const char *message, char out[LOG_LINE_MAX]);
