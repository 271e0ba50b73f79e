// SPDX-License-Identifier: MIT
#include "base/log.h"
#include "base/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { MESSAGE_MAX = 4000 }; // bytes; cut when longer

static _Atomic int level_now = LOG_INFO;
static atomic_bool as_json, names_pipelines;
static __thread const char *pipeline_now;
static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER; // sink_fn, sink_arg, and the output
static void (*sink_fn)(void *arg, enum log_level level, const char *line);
static void *sink_arg;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&level_now, (int)level, memory_order_relaxed);
}

void log_set_json(bool json)
{
    atomic_store_explicit(&as_json, json, memory_order_relaxed);
}

bool log_is_json(void)
{
    return atomic_load_explicit(&as_json, memory_order_relaxed);
}

const char *log_set_pipeline(const char *pipeline)
{
    const char *before = pipeline_now;
    pipeline_now = pipeline;
    return before;
}

void log_name_pipelines(bool on)
{
    atomic_store_explicit(&names_pipelines, on, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&level_now, memory_order_relaxed);
}

void log_set_sink(void (*sink)(void *arg, enum log_level level, const char *line), void *arg)
{
    pthread_mutex_lock(&sink_lock);
    sink_fn = sink;
    sink_arg = arg;
    pthread_mutex_unlock(&sink_lock);
}

static void deliver(enum log_level level, char *line, size_t len)
{
    pthread_mutex_lock(&sink_lock);
    if (sink_fn) {
        line[len] = 0;
        sink_fn(sink_arg, level, line);
    } else {
        line[len] = '\n';
        // One write a line. Where standard error cannot be written there is nobody left to tell.
        ssize_t done = write(STDERR_FILENO, line, len + 1);
        (void)done;
    }
    pthread_mutex_unlock(&sink_lock);
}

void log_sayv(const struct log_event *event, const char *fmt, va_list args)
{
    if (!log_enabled(event->level))
        return;
    char message[MESSAGE_MAX], line[LOG_LINE_MAX + 1];
    if (vsnprintf(message, sizeof message, fmt, args) < 0)
        message[0] = 0;
    int64_t ms = clock_wall_ms(clock_system());
    bool names = atomic_load_explicit(&names_pipelines, memory_order_relaxed);
    size_t len = log_is_json()
                     ? log_format_json(event, pipeline_now, ms, message, line)
                     : log_format_text(event, names ? pipeline_now : NULL, ms, message, line);
    deliver(event->level, line, len);
}

void log_say(const struct log_event *event, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    log_sayv(event, fmt, args);
    va_end(args);
}

void log_linev(enum log_level level, const char *place, const char *fmt, va_list args)
{
    const struct log_event event = {.level = level, .place = place};
    log_sayv(&event, fmt, args);
}

void log_line(enum log_level level, const char *place, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    log_linev(level, place, fmt, args);
    va_end(args);
}

// Fields of the limiter are touched by any thread; who wins the exchange of last_ns says the line.
static bool may_speak(struct log_limit *limit, unsigned long long *held)
{
    const long long second = 1000000000;
    long long now = clock_mono_ns(clock_system());
    long long last = __atomic_load_n(&limit->last_ns, __ATOMIC_RELAXED);
    bool due = last == 0 || now - last >= second;
    if (!due || !__atomic_compare_exchange_n(&limit->last_ns, &last, now, false, __ATOMIC_RELAXED,
                                             __ATOMIC_RELAXED)) {
        __atomic_add_fetch(&limit->held, 1, __ATOMIC_RELAXED);
        return false;
    }
    *held = __atomic_exchange_n(&limit->held, 0, __ATOMIC_RELAXED);
    return true;
}

void log_limited(struct log_limit *limit, enum log_level level, const char *place, const char *fmt,
                 ...)
{
    unsigned long long held = 0;
    if (!log_enabled(level) || !may_speak(limit, &held))
        return;
    char text[MESSAGE_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    const struct log_field fields[] = {{"held_back", (long long)held}};
    const struct log_event event = {
        .level = level, .place = place, .fields = fields, .field_count = held != 0};
    if (held)
        log_say(&event, "%s (%llu more like this were held back)", text, held);
    else
        log_say(&event, "%s", text);
}
