// SPDX-License-Identifier: MIT
#include "cli/why_json.h"
#include "cli/data.h"
#include "config/text.h"
#include "engine/why.h"
#include "time/timestamp.h"
#include "time/watermark.h"

#include <string.h>

enum { LINE_MAX_BYTES = 4096, NS_PER_MS = 1000000 };

struct window { // that was asked about
    bool given;
    int64_t end_ms;
};

// -- sentences --

static void add_line(json_t *lines, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add_line(json_t *lines, const char *fmt, ...)
{
    char line[LINE_MAX_BYTES];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    size_t used = len < 0 ? 0 : (size_t)len < sizeof line ? (size_t)len : sizeof line - 1;
    (void)text_clean(line, used, sizeof line - 1);
    json_array_append_new(lines, json_string(line));
}

enum { PHRASE = 96 };

static const char *phrase_of_time(int64_t watermark, char out[PHRASE])
{
    if (watermark == WATERMARK_NONE)
        return "no event time yet";
    if (watermark == WATERMARK_END)
        return "the end";
    timestamp_format(watermark, out);
    return out;
}

static const char *phrase_of_span(int64_t ns, char out[PHRASE])
{
    char span[TEXT_UNIT_MAX];
    if (ns < 0)
        return "never";
    text_format_duration(ns / NS_PER_MS, span);
    (void)snprintf(out, PHRASE, "%s ago", span);
    return out;
}

static void say_step(json_t *lines, const struct why_step *step, bool first)
{
    char time[PHRASE], moved[PHRASE], lane[PHRASE] = "";
    if (step->lanes > 1)
        (void)snprintf(lane, sizeof lane, ", lane %u of %u", step->lane + 1, step->lanes);
    add_line(lines, "%s%s (%s%s): %s, moved %s%s", first ? "" : "  waits for ", step->node,
             step->type, lane, phrase_of_time(step->watermark, time),
             phrase_of_span(step->still_ns, moved), step->idle ? ", idle" : "");
}

static void say_window(json_t *lines, const struct why *why, const struct window *window)
{
    char end[PHRASE], lacks[TEXT_UNIT_MAX];
    int64_t now = why->steps[0].watermark, missing;
    phrase_of_time(window->end_ms, end);
    if (now != WATERMARK_NONE && now >= window->end_ms - 1) {
        add_line(lines, "the window that ends at %s has closed", end);
    } else if (now == WATERMARK_NONE || __builtin_sub_overflow(window->end_ms - 1, now, &missing)) {
        add_line(lines, "the window that ends at %s is open", end);
    } else {
        text_format_duration(missing, lacks);
        add_line(lines, "the window that ends at %s is open: %s of event time are missing", end,
                 lacks);
    }
}

static void say_split(json_t *lines, json_t *release, const struct why *why, const char *source)
{
    char time[PHRASE], came[PHRASE], span[TEXT_UNIT_MAX];
    const struct why_split *split = &why->split;
    add_line(lines, "held by the split %s of %s: %s; its last record came %s%s", split->name,
             source, phrase_of_time(split->watermark, time), phrase_of_span(split->silent_ns, came),
             split->held ? "; it is not read now, as it is far ahead of others (align)" : "");
    if (strcmp(why->kind, "none") == 0)
        add_line(release, "the end of %s: `watermark: none` says nothing before", source);
    else if (strcmp(why->kind, "marker") == 0)
        add_line(release, "a marker of that split with a later time");
    else
        add_line(release, "a record of that split with a later time");
    if (!why->idle_after_ms) {
        add_line(release,
                 "`watermark: { idle_after }` of %s, which is not set: a silent split "
                 "would no longer hold the others",
                 source);
        return;
    }
    text_format_duration(why->idle_after_ms, span);
    add_line(release, "idle_after: %s without a record of that split, if others have come further",
             span);
}

static void say_idle(json_t *lines, json_t *release, const struct why *why, const char *source)
{
    char span[TEXT_UNIT_MAX];
    add_line(lines, "all splits of %s are idle: nobody knows how far time has come", source);
    add_line(release, "a record of any of them");
    if (!why->close_after_ms) {
        add_line(release,
                 "`close_after` of the window, which is not set: the clock would close it");
        return;
    }
    text_format_duration(why->close_after_ms, span);
    add_line(release, "close_after: the clock, %s after the last record", span);
}

static void say_cause(json_t *lines, json_t *release, const struct why *why)
{
    const struct why_step *last = &why->steps[why->count - 1];
    switch (why->cause) {
    case WHY_SPLIT:
        say_split(lines, release, why, last->node);
        break;
    case WHY_IDLE:
        say_idle(lines, release, why, last->node);
        break;
    case WHY_NO_SPLIT:
        add_line(lines, "%s has nothing to read yet: no split was found, or all have gone",
                 last->node);
        add_line(release, "a split: a file, a partition, a device");
        break;
    case WHY_QUEUE:
        add_line(lines, "%s has %llu records to do first: what it waits for is further", last->node,
                 (unsigned long long)why->queued);
        add_line(release, "time: it is busy, or a node behind it holds it back");
        break;
    case WHY_NO_TIME:
        add_line(lines, "%s has no `event_time`: it says nothing about time before its end",
                 last->node);
        add_line(release, "`event_time` of %s", last->node);
        break;
    case WHY_ENDED:
        add_line(lines, "nothing: all records have come");
        return;
    }
    if (!why->open)
        add_line(lines, "%s is not open%s%s", last->node, why->fault[0] ? ": " : "", why->fault);
    if (why->cause != WHY_QUEUE)
        add_line(release, "the end of %s", last->node);
}

// -- the object --

static json_t *time_json(int64_t watermark)
{
    if (watermark == WATERMARK_NONE || watermark == WATERMARK_END)
        return json_null();
    return json_integer((json_int_t)watermark);
}

static json_t *span_json(int64_t ns)
{
    return ns < 0 ? json_null() : json_integer((json_int_t)(ns / NS_PER_MS));
}

static json_t *step_json(const struct why_step *step)
{
    return json_pack("{s:s, s:s, s:i, s:i, s:o, s:b, s:o, s:b}", "node", step->node, "type",
                     step->type, "lane", (int)step->lane, "lanes", (int)step->lanes, "watermark_ms",
                     time_json(step->watermark), "ended", step->watermark == WATERMARK_END,
                     "still_ms", span_json(step->still_ns), "idle", step->idle);
}

static json_t *split_json(const struct why *why)
{
    const struct why_split *split = &why->split;
    if (why->cause != WHY_SPLIT)
        return json_null();
    char name[WHY_NAME_MAX];
    memcpy(name, split->name, sizeof name);
    (void)text_clean(name, strlen(name), sizeof name - 1);
    return json_pack("{s:s, s:o, s:o, s:o, s:b}", "name", name, "watermark_ms",
                     time_json(split->watermark), "still_ms", span_json(split->still_ns),
                     "silent_ms", span_json(split->silent_ns), "held", split->held);
}

static json_t *window_json(const struct why *why, const struct window *window)
{
    int64_t now = why->steps[0].watermark;
    if (!window->given)
        return json_null();
    return json_pack("{s:I, s:b}", "end_ms", (json_int_t)window->end_ms, "closed",
                     now != WATERMARK_NONE && now >= window->end_ms - 1);
}

static json_t *object_of(const struct why *why, const struct window *window)
{
    static const char *const causes[] = {
        [WHY_SPLIT] = "split", [WHY_IDLE] = "idle",       [WHY_NO_SPLIT] = "no_split",
        [WHY_QUEUE] = "queue", [WHY_NO_TIME] = "no_time", [WHY_ENDED] = "end"};
    json_t *lines = json_array(), *release = json_array(), *chain = json_array();
    for (uint32_t i = 0; i < why->count; i++) {
        say_step(lines, &why->steps[i], i == 0);
        json_array_append_new(chain, step_json(&why->steps[i]));
    }
    if (window->given)
        say_window(lines, why, window);
    say_cause(lines, release, why);
    return json_pack("{s:s, s:o, s:s, s:o, s:o, s:I, s:o, s:o}", "node", why->steps[0].node,
                     "window", window_json(why, window), "cause", causes[why->cause], "chain",
                     chain, "split", split_json(why), "queued", (json_int_t)why->queued, "release",
                     release, "lines", lines);
}

static int read_end(const char *text, struct window *out, struct error *err)
{
    *out = (struct window){.given = text != NULL};
    if (!text || text_parse_int(text, &out->end_ms) ||
        timestamp_parse(text, strlen(text), &out->end_ms, NULL) == 0)
        return 0;
    return error_set(err, ERR_INPUT, "'%s' is no time: expected ms since 1970, or RFC 3339", text);
}

int why_json(const struct engine *engine, const char *node, const char *end, struct buf *out,
             struct error *err)
{
    struct window window;
    struct why why;
    int code = read_end(end, &window, err);
    if (!code)
        code = engine_why(engine, node, &why, err);
    if (code)
        return code;
    json_t *object = object_of(&why, &window);
    code = object ? data_print(object, out) : ERR_NOMEM;
    json_decref(object);
    code = code ? code : buf_putc(out, '\n');
    return code ? error_nomem(err) : 0;
}
