// SPDX-License-Identifier: MIT
#include "cli/steps.h"

#include "cli/data.h"
#include "cli/expect.h"
#include "config/problems.h"
#include "config/text.h"

#include <inttypes.h>
#include <string.h>

enum { TEXT_MAX = 64 << 20 };

struct step {
    struct trial *trial;
    const struct tide_config *body;
    struct buf *report;
    struct error *err;
};

static int wrong(const struct step *step, const char *what)
{
    return error_set(step->err, ERR_INPUT, "%s: %s", step->body->name, what);
}

static const char *text_of(const struct step *step, const char *name)
{
    return step->body->is_map ? setting_text(step->body, name) : NULL;
}

// A whole number; `absent` when it is not there.
static int integer_of(const struct step *step, const char *name, int64_t absent, int64_t *out)
{
    const char *text = text_of(step, name);
    *out = absent;
    if (text && !text_parse_int(text, out))
        return error_set(step->err, ERR_INPUT, "%s.%s: expected a whole number, found '%s'",
                         step->body->name, name, text);
    return 0;
}

// ms, or a duration such as 2m; INT64_MAX for `end`.
static int time_of(const struct step *step, const char *text, int64_t *out)
{
    *out = 0;
    if (text && strcmp(text, "end") == 0)
        *out = INT64_MAX;
    else if (!text || (!text_parse_int(text, out) && !text_parse_duration(text, out)))
        return wrong(step, "expected ms, a duration such as 2m, or end");
    return 0;
}

// -- send --

static int fill_record(const struct step *step, struct trial_record *record, struct buf *json)
{
    int64_t split;
    int code = integer_of(step, "time", INT64_MIN, &record->time);
    if (!code)
        code = integer_of(step, "split", 0, &split);
    if (code)
        return code;
    record->split = (uint32_t)split;
    record->key = text_of(step, "key");
    const struct tide_config *value = setting_at(step->body, "value");
    if (!value)
        return wrong(step, "what `value`?");
    if (value->plain && value->look == LOOKS_NULL)
        return 0; // no value at all: a tombstone
    json_t *data = data_json(value);
    code = data ? data_print(data, json) : ERR_NOMEM;
    json_decref(data);
    if (code)
        return error_nomem(step->err);
    record->json = json->data;
    record->json_len = json->len;
    return 0;
}

static int run_send(const struct step *step)
{
    const char *to = text_of(step, "to");
    if (!to)
        return wrong(step, "expected { to: NODE, value: { ... } }");
    struct buf json;
    buf_init(&json, TEXT_MAX);
    struct trial_record record = {0};
    int code = fill_record(step, &record, &json);
    if (!code)
        code = trial_send(step->trial, to, text_of(step, "input"), &record, step->err);
    buf_deinit(&json);
    return code;
}

// -- time --

static int run_watermark(const struct step *step)
{
    int64_t time, split = -1;
    bool map = step->body->is_map;
    int code = time_of(step, map ? text_of(step, "time") : step->body->text, &time);
    if (!code)
        code = integer_of(step, "split", -1, &split);
    if (code)
        return code;
    return trial_watermark(step->trial, text_of(step, "to"), text_of(step, "input"), split, time,
                           step->err);
}

static int run_idle(const struct step *step)
{
    int64_t split;
    const char *to = text_of(step, "to");
    if (!to)
        return wrong(step, "expected { to: NODE, input: NODE, split: N }");
    int code = integer_of(step, "split", -1, &split);
    if (code)
        return code;
    return trial_idle(step->trial, to, text_of(step, "input"), split,
                      strcmp(step->body->name, "idle") == 0, step->err);
}

static int run_advance(const struct step *step)
{
    int64_t ms;
    int code = time_of(step, step->body->text, &ms);
    return code ? code : trial_advance(step->trial, ms, step->err);
}

static int run_clock(const struct step *step)
{
    int64_t ms;
    int code = time_of(step, step->body->text, &ms);
    return code ? code : trial_clock(step->trial, ms, step->err);
}

static int run_restart(const struct step *step)
{
    if (!step->body->text || strcmp(step->body->text, "true") != 0)
        return wrong(step, "expected true");
    return trial_restart(step->trial, step->err);
}

// -- expect --

static int expect_watermark(const struct step *step, const char *from)
{
    int64_t wanted, found = 0;
    int code = time_of(step, text_of(step, "watermark"), &wanted);
    if (!code)
        code = trial_watermark_of(step->trial, from, &found, step->err);
    if (!code && found != wanted)
        return error_set(step->err, ERR_DATA, "%s: expected watermark %" PRId64 ", found %" PRId64,
                         from, wanted, found);
    return code;
}

static int expect_output(const struct step *step, const char *from,
                         const struct tide_config *values)
{
    const char *match = text_of(step, "match"), *order = text_of(step, "order");
    bool plain = order && (strcmp(order, "true") == 0 || strcmp(order, "false") == 0);
    struct expectation expectation = {
        .order = order && strcmp(order, "false") != 0,
        .by = plain ? NULL : order,
        .subset = match && strcmp(match, "subset") == 0,
        .values = values->is_list ? data_json(values) : NULL,
    };
    if (!expectation.values)
        return wrong(step, "values: expected a list");
    struct buf lines;
    buf_init(&lines, TEXT_MAX);
    int code = trial_take(step->trial, from, &lines, step->err);
    if (!code)
        code = expect_values(&expectation, from, &lines, step->report, step->err);
    buf_deinit(&lines);
    json_decref(expectation.values);
    return code;
}

static int run_expect(const struct step *step)
{
    const char *from = text_of(step, "from");
    const struct tide_config *values = from ? setting_at(step->body, "values") : NULL;
    if (!from || (!values && !text_of(step, "watermark")))
        return wrong(step, "expected { from: NODE, values: [ ... ] } or { from, watermark }");
    int code = values ? expect_output(step, from, values) : 0;
    if (!code && text_of(step, "watermark"))
        code = expect_watermark(step, from);
    return code;
}

enum { KEYS_MAX = 8 };

static const struct kind {
    const char *name;
    int (*run)(const struct step *step);
    const char *keys[KEYS_MAX]; // that its map may have
} kinds[] = {
    {"send", run_send, {"to", "input", "split", "time", "key", "value"}},
    {"watermark", run_watermark, {"to", "input", "split", "time"}},
    {"idle", run_idle, {"to", "input", "split"}},
    {"active", run_idle, {"to", "input", "split"}},
    {"advance", run_advance, {NULL}},
    {"clock", run_clock, {NULL}},
    {"restart", run_restart, {NULL}},
    {"expect", run_expect, {"from", "values", "order", "match", "watermark"}},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static int unknown(struct error *err, const char *what, const char *name, const char *const *names)
{
    const char *near = nearest_name(name, names);
    if (near)
        return error_set(err, ERR_INPUT, "unknown %s '%s'; did you mean '%s'?", what, name, near);
    return error_set(err, ERR_INPUT, "unknown %s '%s'", what, name);
}

static int check_keys(const struct step *step, const struct kind *kind)
{
    for (uint32_t i = 0; step->body->is_map && i < step->body->count; i++) {
        const char *name = step->body->items[i].name;
        size_t at = 0;
        while (kind->keys[at] && strcmp(kind->keys[at], name) != 0)
            at++;
        if (!kind->keys[at])
            return unknown(step->err, "key", name, kind->keys);
    }
    return 0;
}

int step_run(struct trial *trial, const struct tide_config *step, struct buf *report,
             struct error *err)
{
    const char *names[KINDS + 1] = {NULL};
    if (!step->is_map || step->count != 1)
        return error_set(err, ERR_INPUT, "a step is a map of one: `- send: { ... }`");
    const struct tide_config *body = &step->items[0];
    struct step run = {.trial = trial, .body = body, .report = report, .err = err};
    for (size_t i = 0; i < KINDS; i++) {
        names[i] = kinds[i].name;
        if (strcmp(kinds[i].name, body->name) != 0)
            continue;
        int code = check_keys(&run, &kinds[i]);
        return code ? code : kinds[i].run(&run);
    }
    return unknown(err, "step", body->name, names);
}
