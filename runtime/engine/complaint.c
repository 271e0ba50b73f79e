// SPDX-License-Identifier: MIT
#include "engine/complaint.h"
#include "base/log.h"
#include <inttypes.h>

enum { SAY_EVERY_NS = 1000000000 };

const char *const trouble_names[TROUBLES] = {
    [TROUBLE_DATA] = "data",     [TROUBLE_LIMIT] = "limit", [TROUBLE_REFUSED] = "refused",
    [TROUBLE_UNREAD] = "unread", [TROUBLE_OTHER] = "other",
};

void complaints_hold(struct complaints *complaints, enum trouble trouble)
{
    complaints->of[trouble].held++;
    complaints->any_held = true;
}

static void said(struct complaints *complaints, enum trouble trouble)
{
    struct complaint *one = &complaints->of[trouble];
    one->said_ns = complaints->now_ns;
    one->held = 0;
    complaints->quiet |= 1u << trouble;
}

void complaints_say(struct complaints *complaints, enum trouble trouble, const struct error *err)
{
    struct complaint *one = &complaints->of[trouble];
    struct log_event event = {
        .level = LOG_WARN, .place = complaints->node, .reason = error_reason(err)};
    if (one->held)
        log_say(&event, "%s (and %" PRIu64 " more since)", err->text, one->held);
    else
        log_say(&event, "%s", err->text);
    said(complaints, trouble);
}

static void say_held(struct complaints *complaints, enum trouble trouble)
{
    struct complaint *one = &complaints->of[trouble];
    if (!one->held)
        return;
    log_line(LOG_WARN, complaints->node, "%" PRIu64 " more records failed since (%s)", one->held,
             trouble_names[trouble]);
    said(complaints, trouble);
}

void complaints_tick(struct complaints *complaints, int64_t now_ns)
{
    complaints->now_ns = now_ns;
    if (!complaints->quiet && !complaints->any_held)
        return;
    complaints->any_held = false;
    for (int i = 0; i < TROUBLES; i++) {
        const struct complaint *one = &complaints->of[i];
        if (now_ns - one->said_ns >= SAY_EVERY_NS)
            complaints->quiet &= ~(1u << i);
        // A second more: the next record that fails may bring the count itself.
        if (one->held && now_ns - one->said_ns >= 2LL * SAY_EVERY_NS)
            say_held(complaints, (enum trouble)i);
        complaints->any_held |= one->held > 0;
    }
}

void complaints_end(struct complaints *complaints)
{
    for (int i = 0; i < TROUBLES; i++)
        say_held(complaints, (enum trouble)i);
    complaints->any_held = false;
}
