// SPDX-License-Identifier: MIT
#include "base/log.h"
#include "base/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096 };

static _Atomic int level_now = LOG_INFO;
static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER; // sink_fn, sink_arg, and the output
static void (*sink_fn)(void *arg, enum log_level level, const char *line);
static void *sink_arg;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&level_now, (int)level, memory_order_relaxed);
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

static void add(size_t *len, int wanted)
{
    if (wanted > 0)
        *len += (size_t)wanted;
    if (*len > LINE_MAX_BYTES - 2)
        *len = LINE_MAX_BYTES - 2; // room for newline and NUL
}

static size_t put_head(char *line, enum log_level level, const char *place)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    int64_t ms = clock_wall_ms(clock_system());
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t len = strftime(line, LINE_MAX_BYTES, "%Y-%m-%dT%H:%M:%S", &utc);
    add(&len, snprintf(line + len, LINE_MAX_BYTES - len, ".%03dZ %-5s ", (int)(ms % 1000),
                       names[level & 3]));
    if (place && place[0])
        add(&len, snprintf(line + len, LINE_MAX_BYTES - len, "%s: ", place));
    return len;
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

void log_linev(enum log_level level, const char *place, const char *fmt, va_list args)
{
    if (!log_enabled(level))
        return;
    char line[LINE_MAX_BYTES];
    size_t len = put_head(line, level, place);
    size_t head = len;
    add(&len, vsnprintf(line + len, LINE_MAX_BYTES - len, fmt, args));
    for (size_t i = head; i < len; i++) {
        if ((unsigned char)line[i] < ' ' && line[i] != '\t')
            line[i] = ' '; // one line, and nothing that steers a terminal
    }
    deliver(level, line, len);
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
    char text[LINE_MAX_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (held)
        log_line(level, place, "%s (%llu more like this were held back)", text, held);
    else
        log_line(level, place, "%s", text);
}
