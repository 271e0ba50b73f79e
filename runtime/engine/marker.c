// SPDX-License-Identifier: MIT
#include "engine/marker.h"
#include "base/alloc.h"
#include "operators/scripted.h"

enum { NAME_SIZE = 512, LUA_MEMORY = 16 << 20, LUA_TIME_MS = 200 };

struct marker {
    struct script *when;
    struct path field;
    bool has_field; // else: the record's own time
    bool passes;
    enum time_unit unit;
    // While a record is looked at:
    bool is;
    int code;
    struct error *err;
};

static enum script_verdict done(void *arg, uint32_t index, bool kept)
{
    struct marker *marker = arg;
    (void)index;
    marker->is = kept;
    return SCRIPT_NEXT;
}

static enum script_verdict failed(void *arg, uint32_t index, const struct error *err)
{
    struct marker *marker = arg;
    (void)index;
    marker->code = err->code ? err->code : ERR_DATA;
    if (marker->err)
        *marker->err = *err;
    return SCRIPT_NEXT;
}

static bool unread(void *arg)
{
    return ((const struct marker *)arg)->err != NULL;
}

static int run(struct marker *marker, struct batch *batch, struct error *err)
{
    struct script_sink sink = {
        .arg = marker, .done = done, .failed = failed, .traces = unread, .reads = unread};
    uint32_t cursor = batch->cursor;
    marker->is = false;
    marker->code = 0;
    marker->err = err;
    batch->cursor = batch->count - 1;
    int code = script_run(marker->when, SCRIPT_CALL_FILTER, batch, &sink, err);
    batch->cursor = cursor;
    marker->err = NULL;
    if (!code && marker->code && err)
        error_prefix(err, "watermark.marker.when");
    return code ? code : marker->code;
}

static int read_field(struct marker *marker, struct batch *batch, struct record *record,
                      int64_t *watermark, struct error *err)
{
    if (!marker->has_field && record->time == TIME_NONE)
        return error_set(err, ERR_DATA, "the marker has no time stamp to be the watermark");
    *watermark = record->time;
    if (!marker->has_field)
        return 0;
    struct value value = path_read(batch, record, &marker->field);
    int code = timestamp_read(value, marker->unit, watermark, err);
    if (code && err)
        error_prefix(err, "watermark.marker.field '%s'", marker->field.text);
    return code;
}

int marker_look(struct marker *marker, struct batch *batch, bool *is, int64_t *watermark,
                struct error *err)
{
    int code = run(marker, batch, err);
    *is = marker->is;
    if (code || !marker->is)
        return code;
    return read_field(marker, batch, &batch->records[batch->count - 1], watermark, err);
}

bool marker_passes(const struct marker *marker)
{
    return marker->passes;
}

static int read_where(struct marker *marker, const struct source_node *node,
                      const struct tide_config *setting, struct error *err)
{
    const struct tide_config *common = node->plan->spec->common;
    const char *field = setting_text(setting, "field"), *unit = setting_text(setting, "unit");
    marker->unit = TIME_MS;
    if (node->has_time && !node->time_of_record)
        marker->unit = node->time_unit;
    if (unit && time_unit_parse(unit, &marker->unit))
        return error_set(err, ERR_INPUT, "unknown time unit '%s'", unit);
    if (!field)
        field = setting_text(common, "event_time.field");
    marker->has_field = field != NULL;
    return field ? path_compile(&marker->field, field, err) : 0;
}

static int compile(struct marker *marker, const struct node_place *place,
                   const struct tide_config *when, struct error *err)
{
    char name[NAME_SIZE];
    scripted_place(name, sizeof name, when->place, place->plan->spec->name);
    const struct script_source source = {
        .name = name,
        .clock = place->clock,
        .node = place->plan->spec->name,
        .shapes = place->shapes,
        .limits = {.memory_bytes = LUA_MEMORY, .time_ms = LUA_TIME_MS}};
    return script_condition(&marker->when, &source, when->text, err);
}

int marker_new(struct marker **out, const struct source_node *node, const struct node_place *place,
               const struct tide_config *setting, struct error *err)
{
    struct marker *marker = mem_zalloc(sizeof *marker);
    if (!marker)
        return error_nomem(err);
    marker->passes = setting_bool(setting, "pass", false);
    int code = read_where(marker, node, setting, err);
    if (!code)
        code = compile(marker, place, setting_at(setting, "when"), err);
    if (code)
        marker_free(marker);
    else
        *out = marker;
    return code;
}

void marker_free(struct marker *marker)
{
    if (!marker)
        return;
    if (marker->has_field)
        path_deinit(&marker->field);
    script_free(marker->when);
    mem_free(marker);
}
