// SPDX-License-Identifier: MIT
#include "kit/checks.h"
#include "kit/child.h"
#include "kit/leftovers.h"
#include "kit/reading.h"
#include "kit/writing.h"

#include <inttypes.h>
#include <stdio.h>

// What holds for sources, sinks and connections alike: they open and close, leave nothing behind,
// and say so when options or memory do not do.

enum { WARM_UP = 3, TIMES = 10, FAILURES_MAX = 400, READ = 16, EPOCH = 7 };

void life_of(const struct subject *s, const struct part *part)
{
    if (part == &s->source) {
        struct reading r;
        reading_open(&r, s, NULL, 0);
        for (int i = 0; i < 3 && reading_step(&r, READ, READ); i++)
            ;
        reading_close(&r);
    } else if (part == &s->sink) {
        struct writing w;
        writing_open(&w, s);
        writing_put(&w, EPOCH, 0, 3, 3);
        writing_flush(&w);
        writing_close(&w);
    } else {
        struct instance instance;
        instance_open(&instance, s, part);
        instance_close(&instance);
    }
}

void check_open_close(const struct subject *s, const struct part *part)
{
    struct instance instance;
    instance_open(&instance, s, part);
    instance_close(&instance);
    for (int i = 0; i < TIMES; i++)
        life_of(s, part);
}

void check_leftovers(const struct subject *s, const struct part *part)
{
    struct leftovers before;
    char after[64];
    for (int i = 0; i < WARM_UP; i++) // what is made once and kept is no leak
        life_of(s, part);
    leftovers_note(&before);
    for (int i = 0; i < TIMES; i++)
        life_of(s, part);
    (void)snprintf(after, sizeof after, "%d times open, %s, close", TIMES,
                   part == &s->source ? "read"
                   : part == &s->sink ? "write, flush"
                                      : "nothing");
    leftovers_compare(&before, "source.h, sink.h: close", after);
}

// Opened with one more setting; a refusal with a reason is fine, a crash or silence is not.
static void try_with(const struct subject *s, const struct part *part, const char *name,
                     const char *value)
{
    char extra[256];
    struct instance instance;
    tide_result result;
    (void)snprintf(extra, sizeof extra, "%s=%s", name, value);
    if (instance_try(&instance, s, part, extra, &result))
        instance_close(&instance);
}

static void try_number(const struct subject *s, const struct part *part, const tide_option *o,
                       double value)
{
    char text[64];
    const char *unit = o->type == TIDE_DURATION ? "ms" : "";
    if (value < -9.2e18 || value > 9.2e18 || (value == 0 && o->type == TIDE_NUMBER))
        return;
    if (o->type == TIDE_NUMBER)
        (void)snprintf(text, sizeof text, "%.17g", value);
    else
        (void)snprintf(text, sizeof text, "%" PRId64 "%s", (int64_t)value, unit);
    try_with(s, part, o->name, text);
}

static void try_choices(const struct subject *s, const struct part *part, const tide_option *o)
{
    for (const char *at = o->choices; at && *at;) {
        char word[64];
        size_t len = 0;
        while (at[len] && at[len] != '|')
            len++;
        (void)snprintf(word, sizeof word, "%.*s", (int)len, at);
        try_with(s, part, o->name, word);
        at += len + (at[len] == '|');
    }
}

static void try_option(const struct subject *s, const struct part *part, const tide_option *o)
{
    switch (o->type) {
    case TIDE_TEXT:
        try_with(s, part, o->name, "\"\"");
        try_with(s, part, o->name, "no/such/thing");
        break;
    case TIDE_LIST:
        try_with(s, part, o->name, "[]");
        try_with(s, part, o->name, "[no/such/thing]");
        break;
    case TIDE_BOOL:
        try_with(s, part, o->name, "true");
        try_with(s, part, o->name, "false");
        break;
    case TIDE_INT:
    case TIDE_NUMBER:
    case TIDE_SIZE:
    case TIDE_DURATION:
        if (o->min < o->max) {
            try_number(s, part, o, o->min);
            try_number(s, part, o, o->max);
        }
        break;
    case TIDE_CHOICE:
        try_choices(s, part, o);
        break;
    case TIDE_FREE_MAP:
    case TIDE_DATA_MAP:
        try_with(s, part, o->name, "{}");
        break;
    default:
        break;
    }
}

void check_odd_options(const struct subject *s, const struct part *part)
{
    uint32_t count = 0;
    for (const tide_option *o = part->options; o && o->name; o++, count++)
        try_option(s, part, o);
    if (!count)
        child_skip("it has no options");
}

void check_no_memory(const struct subject *s, const struct part *part)
{
    bool failed = true;
    struct leftovers before;
    struct instance instance;
    tide_result result;
    for (int i = 0; i < WARM_UP; i++)
        life_of(s, part);
    leftovers_note(&before);
    for (uint64_t n = 1; failed && n < FAILURES_MAX; n++) {
        instance_fail_at(n);
        bool tried = instance_try(&instance, s, part, NULL, &result);
        failed = ledger_failed();
        instance_fail_at(0);
        ledger_fail_at(0);
        if (tried)
            instance_close(&instance);
    }
    leftovers_compare(&before, "source.h, sink.h: open, close",
                      "opens in which one allocation failed");
}
