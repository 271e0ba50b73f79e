// SPDX-License-Identifier: MIT
#include "operators/pattern.h"
#include "base/alloc.h"
#include <stddef.h>
#include <stdio.h>

enum { SECTION_RECORD, SECTION_MATCH };
enum { NAME_MAX_LEN = 256, LOOK_EVERY = 64 };

// -- records --

static int take(struct pattern *pattern, struct batch *batch, struct record *record, uint64_t mask,
                struct error *err)
{
    struct table_key key;
    int rc = native_read_key(&pattern->native, batch, record, &key, err);
    if (!rc && (mask || pattern->strict))
        rc = buffer_add(&pattern->buffer, &key, batch, record, mask, err);
    return rc ? native_explain(&pattern->native, rc, err) : 0;
}

// The conditions that record `index` meets are known.
static enum script_verdict routed(void *arg, uint32_t index, uint64_t matches)
{
    struct scripted *conditions = arg;
    struct pattern *pattern =
        (struct pattern *)(void *)((char *)arg - offsetof(struct pattern, conditions));
    struct record *record = &conditions->batch->records[index];
    struct outputs *outputs = conditions->outputs;
    struct error err;
    error_clear(&err);
    int64_t time;
    int rc = native_read_time(&pattern->native, record, &time, &err);
    if (!rc && time <= pattern->native.progress) {
        if (outputs_wanted(outputs, PATTERN_LATE) &&
            !outputs_share(outputs, PATTERN_LATE, conditions->batch, record))
            return SCRIPT_PAUSE;
        pattern->native.op.stats.late++;
        return SCRIPT_NEXT;
    }
    if (!rc)
        rc = take(pattern, conditions->batch, record, matches, &err);
    if (rc)
        return scripted_failed(arg, index, &err);
    pattern->native.op.stats.absorbed++;
    return SCRIPT_NEXT;
}

static enum op_status process(struct op *op, uint32_t input, struct batch *batch,
                              struct outputs *outputs)
{
    struct pattern *pattern = (struct pattern *)op;
    (void)input;
    struct script_sink sink = {.arg = &pattern->conditions,
                               .routed = routed,
                               .failed = scripted_failed,
                               .traces = scripted_traces};
    return scripted_run(&pattern->conditions, SCRIPT_CALL_ROUTE, batch, outputs, &sink);
}

// -- time --

// The buffered record moves on the matches of its key, and is let go of.
static enum op_status advance(struct pattern *pattern, struct buffered *item,
                              struct outputs *outputs)
{
    struct error err;
    error_clear(&err);
    if (pattern_advance(pattern, item, false, &err)) {
        switch (outputs_error_free(outputs, &err)) {
        case ERROR_SKIP:
            (void)pattern_advance(pattern, item, true, &err); // cannot fail
            break;
        case ERROR_RETRY:
            return OP_AGAIN;
        case ERROR_STOP:
            return OP_STOP;
        }
    }
    buffer_drop(&pattern->buffer, item);
    return OP_DONE;
}

// Records first, then matches that no record can complete any more.
static enum op_status watermark(struct op *op, int64_t at, struct outputs *outputs)
{
    struct pattern *pattern = (struct pattern *)op;
    if (at > pattern->native.progress)
        pattern->native.progress = at;
    int64_t progress = pattern->native.progress;
    enum op_status status = pattern_tell(pattern, outputs);
    for (uint32_t n = 1; status == OP_DONE; n++) {
        struct buffered *item = buffer_first(&pattern->buffer, progress);
        struct pattern_key *state = native_first(&pattern->native);
        if (item)
            status = advance(pattern, item, outputs);
        else if (state && state->key.due.at <= progress)
            pattern_expire(pattern, state);
        else
            return OP_DONE;
        if (status == OP_DONE)
            status = pattern_tell(pattern, outputs);
        if (status == OP_DONE && n % LOOK_EVERY == 0 && outputs_late(outputs))
            status = OP_AGAIN;
    }
    return status;
}

// -- as bytes --

static int save(struct op *op, struct image *image)
{
    struct pattern *pattern = (struct pattern *)op;
    native_save_progress(&pattern->native, image);
    buffer_save(&pattern->buffer, image, SECTION_RECORD);
    pattern_save(pattern, image, SECTION_MATCH);
    return image->rc;
}

static int load(struct op *op, struct image_entry *entry, struct error *err)
{
    struct pattern *pattern = (struct pattern *)op;
    struct table_key key;
    int rc = native_load_progress(&pattern->native, entry, err);
    if (rc)
        return rc < 0 ? rc : 0;
    bool match = entry->section == SECTION_MATCH;
    rc = native_load_key(&pattern->native, entry, match ? SECTION_MATCH : SECTION_RECORD, &key,
                         "pattern", err);
    if (rc)
        return rc;
    return match ? pattern_load(pattern, entry, err) : buffer_load(&pattern->buffer, entry, err);
}

// -- building --

static const char *const port_names[] = {"late", "timeout", NULL};

static void key_free(struct native *native, void *key)
{
    matches_free((struct pattern *)native, &((struct pattern_key *)key)->partial);
}

static void pattern_free(struct op *op)
{
    struct pattern *pattern = (struct pattern *)op;
    matches_free(pattern, &pattern->tell);
    buffer_deinit(&pattern->buffer);
    native_deinit(&pattern->native);
    keeper_deinit(&pattern->keeper);
    script_free(pattern->conditions.script);
    mem_free(pattern);
}

static int read_steps(struct pattern *pattern, const struct operator_spec *spec, struct error *err)
{
    const struct tide_config *steps = setting_at(spec->node->options, "steps");
    struct script_expression expressions[PATTERN_STEPS_MAX];
    char names[PATTERN_STEPS_MAX][NAME_MAX_LEN];
    if (!steps->is_map || steps->count == 0)
        return error_set(err, ERR_INPUT, "steps: wants a map of name: condition");
    if (steps->count > PATTERN_STEPS_MAX)
        return error_set(err, ERR_INPUT, "steps: more than %d", PATTERN_STEPS_MAX);
    for (uint32_t i = 0; i < steps->count; i++) {
        const struct tide_config *item = &steps->items[i];
        if (!item->text)
            return error_set(err, ERR_INPUT, "steps: '%s' is no condition", item->name);
        scripted_place(names[i], NAME_MAX_LEN, item->place, spec->node->name);
        expressions[i] = (struct script_expression){.text = item->text, .name = names[i]};
        pattern->names[i] = item->name;
    }
    pattern->steps = steps->count;
    return scripted_routes(&pattern->conditions.script, spec, expressions, steps->count, true, err);
}

static int configure(struct pattern *pattern, const struct operator_spec *spec, struct error *err)
{
    const struct tide_config *options = spec->node->options;
    pattern->within_ms = setting_int(options, "within", 1);
    pattern->partials_max = (uint32_t)setting_int(options, "partials", 1);
    pattern->strict = strcmp(setting_text(options, "contiguity"), "strict") == 0;
    pattern->native.key_free = key_free;
    pattern->buffer.keeper = &pattern->keeper;
    int rc = native_init(&pattern->native, spec, "event", sizeof(struct pattern_key), err);
    if (!rc)
        rc = keeper_init(&pattern->keeper, &pattern->native, spec->shapes, err);
    if (!rc)
        rc = read_steps(pattern, spec, err);
    return rc ? rc : pattern_make_shape(pattern, spec->shapes, err);
}

static int build(struct op **out, const struct operator_spec *spec, struct error *err)
{
    struct pattern *pattern = mem_zalloc(sizeof *pattern);
    if (!pattern)
        return error_nomem(err);
    pattern->native.op = (struct op){.class = &pattern_class,
                                     .ports = port_names,
                                     .process = process,
                                     .watermark = watermark,
                                     .save = save,
                                     .load = load,
                                     .measure = native_measure,
                                     .free = pattern_free};
    int rc = configure(pattern, spec, err);
    if (rc) {
        pattern_free(&pattern->native.op);
        return rc;
    }
    *out = &pattern->native.op;
    return 0;
}

static const tide_option options[] = {
    {.name = "key_by",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .help = "the field, or fields, that all records of a match have the same values of"},
    {.name = "steps",
     .type = TIDE_DATA_MAP,
     .flags = TIDE_OPTION_REQUIRED,
     .help = "name: condition over a record's fields, one after the other"},
    {.name = "within",
     .type = TIDE_DURATION,
     .flags = TIDE_OPTION_REQUIRED,
     .min = 1,
     .max = 1e15,
     .help = "the last record comes less than this after the first"},
    {.name = "contiguity",
     .type = TIDE_CHOICE,
     .choices = "relaxed|strict",
     .default_text = "relaxed",
     .help = "whether other records of the key may come in between"},
    {.name = "partials",
     .type = TIDE_INT,
     .default_text = "1000",
     .min = 1,
     .max = 1e6,
     .help = "matches of a key that may be under way; more are an error"},
    {.name = NULL},
};

const struct operator_class pattern_class = {
    .type = "pattern",
    .help = "finds sequences of records that meet conditions, within a time",
    .entry = {.options = options, .ports = port_names, .has_out = true},
    .stateful = true,
    .build = build,
};
