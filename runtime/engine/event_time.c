// SPDX-License-Identifier: MIT
#include "engine/event_time.h"
#include "engine/marker.h"
#include "base/log.h"
#include <string.h>

#define LIKELY_FROM_MS INT64_C(946684800000) // 2000
#define LIKELY_TO_MS INT64_C(4102444800000)  // 2100

static int read_event_time(struct source_node *node, const struct tide_config *common,
                           struct error *err)
{
    const struct tide_config *setting = setting_at(common, "event_time");
    node->has_time = setting != NULL;
    node->max_ahead_ms = setting_int(setting, "max_ahead", -1);
    node->latest_ms = INT64_MAX;
    if (!setting)
        return 0;
    const char *field = setting_text(setting, "field");
    node->time_of_record = !field;
    if (!field)
        return 0;
    const char *unit = setting_text(setting, "unit");
    if (time_unit_parse(unit ? unit : "ms", &node->time_unit))
        return error_set(err, ERR_INPUT, "unknown time unit '%s'", unit);
    return path_compile(&node->time_path, field, err);
}

// One of bounded, ascending, none and by marker.
static int conflict(const char *kind, const struct tide_config *marker, bool bound,
                    struct error *err)
{
    int rc = 0;
    if (marker && kind)
        rc = error_set(err, ERR_INPUT, "watermark: %s and marker exclude each other", kind);
    else if (marker && bound)
        rc = error_set(err, ERR_INPUT,
                       "watermark: a marker says how far time has come, "
                       "out_of_order has nothing to say besides");
    else if (kind && strcmp(kind, "bounded") != 0 && bound)
        rc = error_set(err, ERR_INPUT, "watermark: %s and out_of_order exclude each other", kind);
    if (rc)
        (void)error_as(err, REASON_CONFLICT);
    return rc;
}

static int read_kind(struct source_node *node, const struct node_place *place,
                     const struct tide_config *common, struct error *err)
{
    const char *kind = setting_text(common, "watermark.kind");
    const struct tide_config *marker = setting_at(common, "watermark.marker");
    const struct tide_config *bound = setting_at(common, "watermark.out_of_order");
    int rc = conflict(kind, marker, bound && bound->given, err);
    if (rc)
        return rc;
    if (marker && !node->has_time)
        return error_set(err, ERR_INPUT,
                         "watermark: a marker needs `event_time`: what is it the time of?");
    if (kind && strcmp(kind, "none") == 0)
        node->watermark_kind = GENERATOR_NONE;
    if (!marker)
        return 0;
    node->watermark_kind = GENERATOR_MARKED;
    return marker_new(&node->marker, node, place, marker, err);
}

static int read_align(struct source_node *node, const struct tide_config *common,
                      const struct source_node *first, struct error *err)
{
    int64_t limit_ms = setting_int(common, "watermark.align", 0);
    if (!limit_ms || !node->has_time)
        return 0;
    node->alignment = first ? first->alignment : NULL;
    node->waits_for_silent = node->idle_after_ms || plan_source_ends(node->plan);
    if (node->alignment)
        return 0;
    node->owns_alignment = alignment_new(&node->alignment, limit_ms) == 0;
    return node->owns_alignment ? 0 : error_nomem(err);
}

int event_time_configure(struct source_node *node, const struct node_place *place,
                         const struct source_node *first, struct error *err)
{
    const struct tide_config *common = node->plan->spec->common;
    node->out_of_order_ms = setting_int(common, "watermark.out_of_order", 0);
    node->idle_after_ms = setting_int(common, "watermark.idle_after", 0);
    int rc = read_event_time(node, common, err);
    if (!rc)
        rc = read_kind(node, place, common, err);
    return rc ? rc : read_align(node, common, first, err);
}

void event_time_deinit(struct source_node *node)
{
    if (node->has_time && !node->time_of_record)
        path_deinit(&node->time_path);
    marker_free(node->marker);
    if (node->owns_alignment)
        alignment_free(node->alignment);
}

// -- times that are read well, and yet are wrong --

void event_time_begin(struct source_node *node)
{
    int64_t now = node->max_ahead_ms < 0 ? 0 : clock_wall_ms(node->outputs.clock);
    if (node->max_ahead_ms < 0 || __builtin_add_overflow(now, node->max_ahead_ms, &node->latest_ms))
        node->latest_ms = INT64_MAX;
}

int event_time_ahead(const struct source_node *node, int64_t time_ms, struct error *err)
{
    char time[TIMESTAMP_TEXT_MAX], latest[TIMESTAMP_TEXT_MAX];
    timestamp_format(time_ms, time);
    timestamp_format(node->latest_ms, latest);
    return error_set(err, ERR_DATA,
                     "event time %s is further ahead of the clock than max_ahead allows (%s)", time,
                     latest);
}

static bool is_likely(int64_t ms, int64_t times, int64_t *as_ms)
{
    return !__builtin_mul_overflow(ms, times, as_ms) && *as_ms >= LIKELY_FROM_MS &&
           *as_ms < LIKELY_TO_MS;
}

void event_time_doubt(struct source_node *node, const char *split, int64_t time_ms)
{
    int64_t times = 1, as_ms;
    if (node->doubted || node->time_of_record || node->time_unit == TIME_RFC3339)
        return;
    for (int unit = (int)node->time_unit - 1; unit >= TIME_S; unit--) {
        times *= 1000;
        if (!is_likely(time_ms, times, &as_ms))
            continue;
        char is[TIMESTAMP_TEXT_MAX], likely[TIMESTAMP_TEXT_MAX];
        timestamp_format(time_ms, is);
        timestamp_format(as_ms, likely);
        log_line(LOG_WARN, node->plan->spec->name,
                 "the first event time of split %s is %s; with `event_time: { unit: %s }` it would "
                 "be %s: is `unit: %s` right?",
                 split, is, time_unit_name((enum time_unit)unit), likely,
                 time_unit_name(node->time_unit));
        node->doubted = true;
        return;
    }
}
