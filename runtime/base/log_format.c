// SPDX-License-Identifier: MIT
#include "base/log.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

// A line being written; what does not fit is left out, with room kept for what closes it.
struct line {
    char *out;
    size_t len, max;
};

static const char *const level_names[] = {"error", "warn", "info", "debug"};

enum { TIME_MAX = 40, CLOSING = 16 };

static void put_bytes(struct line *line, const char *bytes, size_t len)
{
    if (len > line->max - line->len)
        return;
    memcpy(line->out + line->len, bytes, len);
    line->len += len;
}

static void put(struct line *line, const char *text)
{
    put_bytes(line, text, strlen(text));
}

// RFC 3339, UTC.
static void put_time(struct line *line, long long ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    char text[TIME_MAX], all[TIME_MAX + 16];
    gmtime_r(&seconds, &utc);
    text[strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc)] = 0;
    snprintf(all, sizeof all, "%s.%03dZ", text, (int)(ms % 1000));
    put(line, all);
}

size_t log_format_text(const struct log_event *event, const char *pipeline, long long ms,
                       const char *message, char out[LOG_LINE_MAX])
{
    struct line line = {.out = out, .max = LOG_LINE_MAX - CLOSING};
    char level[16];
    put_time(&line, ms);
    snprintf(level, sizeof level, " %-5s ", level_names[event->level & 3]);
    put(&line, level);
    size_t from = line.len;
    bool place = event->place && event->place[0];
    if (pipeline)
        put(&line, pipeline);
    if (pipeline && place)
        put(&line, "/");
    if (place)
        put(&line, event->place);
    if (pipeline || place)
        put(&line, ": ");
    put(&line, message);
    for (size_t i = from; i < line.len; i++)
        if (out[i] == '\n' || out[i] == '\r')
            out[i] = ' ';
    utf8_clean(out + from, line.len - from);
    if (event->reason != REASON_NONE) {
        put(&line, " [");
        put(&line, reason_code(event->reason));
        put(&line, "]");
    }
    return line.len;
}

// One character of JSON text; what is no UTF-8 becomes U+FFFD.
static size_t put_char(struct line *line, const char *text, size_t left)
{
    uint32_t point = 0;
    size_t count = utf8_char(text, left, &point);
    char escaped[16] = {'\\', *text};
    if (!count)
        put(line, "\xef\xbf\xbd");
    else if (point == '"' || point == '\\')
        put(line, escaped);
    else if (point < ' ' || (point >= 0x7f && point < 0xa0)) {
        snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)point);
        put(line, escaped);
    } else
        put_bytes(line, text, count);
    return count ? count : 1;
}

static void put_string(struct line *line, const char *text)
{
    size_t len = strlen(text);
    put(line, "\"");
    for (size_t i = 0; i < len;)
        i += put_char(line, text + i, len - i);
    put(line, "\"");
}

static void put_member(struct line *line, const char *name, const char *text)
{
    put(line, ",\"");
    put(line, name);
    put(line, "\":");
    if (text && *text)
        put_string(line, text);
    else
        put(line, "null");
}

size_t log_format_json(const struct log_event *event, const char *pipeline, long long ms,
                       const char *message, char out[LOG_LINE_MAX])
{
    struct line line = {.out = out, .max = LOG_LINE_MAX - CLOSING};
    put(&line, "{\"time\":\"");
    put_time(&line, ms);
    put(&line, "\"");
    put_member(&line, "level", level_names[event->level & 3]);
    put_member(&line, "pipeline", pipeline);
    put_member(&line, "node", event->place);
    put_member(&line, "code", event->reason ? reason_code(event->reason) : NULL);
    put(&line, ",\"message\":");
    put_string(&line, message);
    put(&line, ",\"fields\":{");
    for (size_t i = 0; i < event->field_count; i++) {
        char value[32];
        snprintf(value, sizeof value, ":%lld", event->fields[i].value);
        put(&line, i ? "," : "");
        put_string(&line, event->fields[i].name);
        put(&line, value);
    }
    line.max = LOG_LINE_MAX;
    put(&line, "}}");
    return line.len;
}
