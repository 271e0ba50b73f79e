// SPDX-License-Identifier: MIT
#include "operators/aggregate_gap.h"
#include "base/alloc.h"
#include "config/text.h"
#include "operators/scripted.h"
#include <stdio.h>
#include <string.h>

static const int64_t GAP_MAX_MS = 1000000000000000;

struct agg_gap {
    struct script *script;
    uint32_t from, count; // records of the batch whose gaps are known
    struct error *err;    // NULL: errors are left for later
    int64_t ms[AGG_ROWS]; // 0: there is none; worked out again for the error
};

int gap_new(struct agg_gap **out, const struct operator_spec *spec,
            const struct tide_config *setting, struct error *err)
{
    struct agg_gap *gap = mem_zalloc(sizeof *gap);
    if (!gap)
        return error_nomem(err);
    int rc = scripted_condition(&gap->script, spec, setting, err);
    if (!rc) {
        *out = gap;
        return 0;
    }
    mem_free(gap);
    return error_prefix(err, "window: session.gap is neither a duration such as 30s nor an "
                             "expression over the record's fields");
}

void gap_free(struct agg_gap *gap)
{
    if (!gap)
        return;
    script_free(gap->script);
    mem_free(gap);
}

void gap_forget(struct agg_gap *gap)
{
    gap->from = gap->count = 0;
}

static bool from_text(struct value value, int64_t *ms)
{
    char text[TEXT_UNIT_MAX];
    if (value.len >= sizeof text)
        return false;
    memcpy(text, value.bytes, value.len);
    text[value.len] = 0;
    return text_parse_duration(text, ms);
}

static bool read_value(struct value value, int64_t *ms)
{
    if (value.type == VALUE_INT)
        *ms = value.i;
    else if (value.type == VALUE_FLOAT && value.f >= 1 && value.f <= (double)GAP_MAX_MS)
        *ms = (int64_t)value.f;
    else if (value.type != VALUE_STRING || !from_text(value, ms))
        return false;
    return *ms >= 1 && *ms <= GAP_MAX_MS;
}

static void say(struct error *err, struct value value)
{
    static const char wanted[] = "the session's gap has to be milliseconds, more than 0, or a "
                                 "duration such as \"30s\"; found";
    if (value.type == VALUE_INT)
        error_set(err, ERR_DATA, "%s %lld", wanted, (long long)value.i);
    else if (value.type == VALUE_FLOAT)
        error_set(err, ERR_DATA, "%s %g", wanted, value.f);
    else if (value.type == VALUE_STRING)
        error_set(err, ERR_DATA, "%s \"%.*s\"", wanted, (int)value.len, value.bytes);
    else
        error_set(err, ERR_DATA, "%s %s", wanted,
                  value.type == VALUE_ABSENT ? "nil"
                                             : value_type_name((enum value_type)value.type));
}

static enum script_verdict valued(void *arg, uint32_t index, struct value value)
{
    struct agg_gap *gap = arg;
    int64_t ms = 0;
    bool good = read_value(value, &ms);
    (void)index;
    if (!good && gap->err)
        say(gap->err, value);
    gap->ms[gap->count++] = good ? ms : 0;
    return gap->err || gap->count == AGG_ROWS ? SCRIPT_PAUSE : SCRIPT_NEXT;
}

static enum script_verdict failed(void *arg, uint32_t index, const struct error *err)
{
    struct agg_gap *gap = arg;
    (void)index;
    if (gap->err)
        *gap->err = *err;
    gap->ms[gap->count++] = 0;
    return gap->err || gap->count == AGG_ROWS ? SCRIPT_PAUSE : SCRIPT_NEXT;
}

static bool traces(void *arg)
{
    return ((const struct agg_gap *)arg)->err != NULL;
}

// From the cursor on, which stays; with `err` for that record alone.
static int work_out(struct agg_gap *gap, struct batch *batch, struct error *said, struct error *err)
{
    struct script_sink sink = {.arg = gap, .valued = valued, .failed = failed, .traces = traces};
    uint32_t cursor = batch->cursor;
    gap->from = cursor;
    gap->count = 0;
    gap->err = said;
    int rc = script_run(gap->script, SCRIPT_CALL_VALUE, batch, &sink, err);
    batch->cursor = cursor;
    return rc;
}

int gap_read(struct agg_gap *gap, struct batch *batch, int64_t *ms, struct error *err)
{
    int rc = 0;
    if (batch->cursor - gap->from >= gap->count)
        rc = work_out(gap, batch, NULL, err);
    if (rc)
        return rc;
    *ms = gap->ms[batch->cursor - gap->from];
    if (*ms)
        return 0;
    struct error said = ERROR_INIT;
    rc = work_out(gap, batch, &said, err);
    *ms = rc ? 0 : gap->ms[0];
    if (rc || *ms)
        return rc; // this time there was one
    if (err)
        *err = said;
    return said.code ? said.code : ERR_DATA;
}
