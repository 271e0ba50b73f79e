// SPDX-License-Identifier: MIT
#include "config/on_error.h"
#include "base/error.h"

#include <string.h>

enum { BACKOFF_FROM_MS = 200, BACKOFF_TO_MS = 30000 };

static const tide_option retry_members[] = {
    {.name = "max",
     .type = TIDE_INT,
     .min = 1,
     .max = 1000000000,
     .help = "how often; without it: until it works"},
    {.name = "backoff",
     .type = TIDE_RANGE,
     .default_text = "200ms..30s",
     .help = "first and longest pause; doubled each time"},
    {.name = NULL},
};

static const tide_option then_members[] = {
    {.name = "action", .type = TIDE_CHOICE, .choices = "stop|skip", .help = "stop or skip"},
    {.name = "dlq", .type = TIDE_TEXT, .help = "the sink that takes the original record"},
    {.name = NULL},
};

const tide_option on_error_members[] = {
    {.name = "action",
     .type = TIDE_CHOICE,
     .choices = "stop|skip",
     .help = "stop the pipeline, or leave the record out"},
    {.name = "dlq", .type = TIDE_TEXT, .help = "the sink that takes the original record"},
    {.name = "retry", .type = TIDE_MAP, .members = retry_members, .help = "try again"},
    {.name = "then",
     .type = TIDE_MAP,
     .flags = TIDE_OPTION_SHORT,
     .members = then_members,
     .help = "after the last retry: stop (default), skip or { dlq: SINK }"},
    {.name = NULL},
};

static int say(struct problems *problems, struct place place, const char *where, const char *what)
{
    if (problems)
        problem_add(problems, place, REASON_WRONG_VALUE, "%s.on_error: %s", where, what);
    return ERR_INPUT;
}

// stop, skip or { dlq } into *kind.
static void read_end(const struct tide_config *map, enum on_error_kind *kind,
                     struct on_error_spec *out)
{
    const char *action = setting_text(map, "action");
    const struct tide_config *dlq = setting_at(map, "dlq");
    *kind = dlq                                     ? ON_ERROR_DLQ
            : action && strcmp(action, "skip") == 0 ? ON_ERROR_SKIP
                                                    : ON_ERROR_STOP;
    if (dlq) {
        out->dlq_sink = dlq->text;
        out->place = dlq->place;
    }
}

static int ends(const struct tide_config *map)
{
    return (setting_at(map, "action") != NULL) + (setting_at(map, "dlq") != NULL);
}

int on_error_read(struct on_error_spec *out, const struct tide_config *common, const char *where,
                  struct problems *problems)
{
    *out = (struct on_error_spec){.kind = ON_ERROR_STOP};
    const struct tide_config *setting = setting_at(common, "on_error");
    if (!setting)
        return 0;
    out->place = setting->place;
    const struct tide_config *retry = setting_at(setting, "retry");
    const struct tide_config *then = setting_at(setting, "then");
    if (ends(setting) + (retry != NULL) != 1)
        return say(problems, setting->place, where,
                   "expected one of stop, skip, { dlq: SINK } and { retry: ... }");
    if (then && !retry)
        return say(problems, then->place, where, "'then' goes with 'retry'");
    if (then && ends(then) != 1)
        return say(problems, then->place, where, "then: expected stop, skip or { dlq: SINK }");
    if (!retry) {
        read_end(setting, &out->kind, out);
        return 0;
    }
    out->kind = ON_ERROR_RETRY;
    out->retry_max = (uint32_t)setting_int(retry, "max", 0);
    out->backoff_from_ms = setting_int(retry, "backoff.from", BACKOFF_FROM_MS);
    out->backoff_to_ms = setting_int(retry, "backoff.to", BACKOFF_TO_MS);
    read_end(then, &out->then, out);
    return 0;
}
