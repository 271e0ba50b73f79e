// SPDX-License-Identifier: MIT
#include "operators/fill.h"
#include "base/alloc.h"
#include "time/watermark.h"
#include "time/window.h"

enum { SECTION_KEY };

// -- what is due --

// The end of a place has passed: nothing can come for it any more.
static bool passed(const struct fill *fill, int64_t place)
{
    return native_add(place, fill->every_ms - 1) <= fill->sieve.native.progress;
}

// The n-th place behind the last reading, from 1.
static int64_t place_behind(const struct fill *fill, const struct fill_key *state, uint32_t n)
{
    int64_t ahead;
    if (__builtin_mul_overflow(fill->every_ms, (int64_t)n, &ahead))
        ahead = INT64_MAX;
    return native_add(state->last->place, ahead);
}

// True when place `filled + 1` behind the last reading is to be filled now.
static bool fill_due(const struct fill *fill, const struct fill_key *state)
{
    const struct fill_point *next = state->count ? state->points[0] : NULL;
    if (!state->last || state->filled >= fill->limit)
        return false;
    int64_t place = place_behind(fill, state, state->filled + 1);
    if (next && place >= next->place)
        return false;
    if (fill->with == FILL_LINEAR)
        return next && passed(fill, next->place) &&
               place_behind(fill, state, fill->limit + 1) >= next->place;
    // Behind the last reading of all there is no gap.
    return passed(fill, place) && (next || fill->sieve.native.progress != WATERMARK_END);
}

// True when no reading that may come could make a difference.
static bool forgotten(const struct fill *fill, const struct fill_key *state)
{
    if (state->count)
        return false;
    if (fill->sieve.native.progress == WATERMARK_END || !state->last)
        return true;
    return passed(fill, place_behind(fill, state, fill->limit + (fill->with == FILL_LINEAR)));
}

static int64_t next_due(const struct fill *fill, const struct fill_key *state)
{
    int64_t at = INT64_MAX;
    if (state->count)
        at = state->points[0]->place;
    if (state->last && (fill->with != FILL_LINEAR || !state->count)) {
        uint32_t n = fill->with == FILL_LINEAR ? fill->limit + 1 : state->filled + 1;
        int64_t place = place_behind(fill, state, n);
        if (n <= fill->limit + (fill->with == FILL_LINEAR) && place < at)
            at = place;
    }
    return native_add(at, fill->every_ms - 1);
}

// -- results --

static struct value between(const struct value *a, const struct value *b, double share)
{
    bool numbers = (a->type == VALUE_INT || a->type == VALUE_FLOAT) &&
                   (b->type == VALUE_INT || b->type == VALUE_FLOAT);
    if (!numbers)
        return value_null();
    double from = a->type == VALUE_INT ? (double)a->i : a->f;
    double to = b->type == VALUE_INT ? (double)b->i : b->f;
    return value_float(from * (1 - share) + to * share);
}

static struct value made_up(const struct fill *fill, const struct fill_key *state, uint32_t field,
                            int64_t place)
{
    const struct fill_point *last = state->last;
    struct value value = last->values[field];
    if (fill->with == FILL_LINEAR) {
        const struct fill_point *next = state->points[0];
        double share = (double)(place - last->place) / (double)(next->place - last->place);
        return between(&value, &next->values[field], share);
    }
    return fill->with == FILL_NULL || value.type == VALUE_ABSENT ? value_null() : value;
}

static int fill_cells(const struct fill *fill, const struct fill_key *state, struct batch *out,
                      int64_t place, struct value *cells)
{
    uint32_t len;
    const char *bytes = native_key_bytes(&fill->sieve.native, state, &len);
    const char *key = batch_copy(out, bytes, len);
    int fields = key ? key_decode(key, len, cells, KEY_FIELDS_MAX) : ERR_NOMEM;
    if (fields < 0)
        return ERR_NOMEM;
    cells += fill->sieve.native.key_count;
    if (fill->has_at)
        *cells++ = value_int(place);
    for (uint32_t i = 0; i < fill->field_count; i++, cells++) {
        *cells = made_up(fill, state, i, place);
        if (cells->type < VALUE_STRING)
            continue;
        cells->bytes = batch_copy(out, cells->bytes, cells->len);
        if (!cells->bytes)
            return ERR_NOMEM;
    }
    *cells = value_bool(true);
    return 0;
}

static enum op_status tell(struct fill *fill, struct fill_key *state, struct outputs *outputs)
{
    struct batch *out = outputs_batch(outputs, PORT_OUT);
    struct value cells[KEY_FIELDS_MAX + FILL_FIELDS_MAX + 2];
    int64_t place = place_behind(fill, state, state->filled + 1);
    if (!out || fill_cells(fill, state, out, place, cells))
        return OP_AGAIN;
    struct value *own = ARENA_ARRAY(&out->arena, struct value, fill->shape->count);
    struct record *record = own ? batch_add(out) : NULL;
    if (!record)
        return OP_AGAIN;
    memcpy(own, cells, fill->shape->count * sizeof *own);
    record->shape = fill->shape;
    record->cells = own;
    record->cell_cap = (uint16_t)fill->shape->count;
    record->time = place;
    record->offset = -1;
    state->filled++;
    fill->sieve.native.op.stats.created++;
    return OP_DONE;
}

static enum op_status catch_up(struct fill *fill, struct fill_key *state, struct outputs *outputs)
{
    for (;;) {
        if (fill_due(fill, state)) {
            enum op_status status = tell(fill, state, outputs);
            if (status != OP_DONE || outputs_late(outputs))
                return OP_AGAIN;
        } else if (state->count && passed(fill, state->points[0]->place)) {
            fill_next(fill, state);
        } else {
            break;
        }
    }
    if (forgotten(fill, state))
        native_drop(&fill->sieve.native, state);
    else
        native_move(&fill->sieve.native, state, next_due(fill, state));
    return OP_DONE;
}

static enum op_status watermark(struct op *op, int64_t at, struct outputs *outputs)
{
    struct fill *fill = (struct fill *)op;
    struct native *native = &fill->sieve.native;
    struct fill_key *first;
    if (at > native->progress)
        native->progress = at;
    while ((first = native_first(native)) &&
           (first->key.due.at <= native->progress || native->progress == WATERMARK_END)) {
        enum op_status status = catch_up(fill, first, outputs);
        if (status != OP_DONE)
            return status;
    }
    return OP_DONE;
}

// -- readings --

static int judge(struct sieve *sieve, struct batch *batch, struct record *record, bool *pass,
                 struct error *err)
{
    struct fill *fill = (struct fill *)sieve;
    struct table_key key;
    void *found = NULL;
    int64_t time;
    bool made = false;
    *pass = true;
    int rc = native_read_time(&sieve->native, record, &time, err);
    if (!rc)
        rc = native_read_key(&sieve->native, batch, record, &key, err);
    if (rc || passed(fill, window_start(time, 0, fill->every_ms)))
        return rc;
    rc = native_take(&sieve->native, &key, &found, &made);
    if (!rc)
        rc = fill_put(fill, found, batch, record, time);
    if (!rc)
        native_move(&sieve->native, found, next_due(fill, found));
    else if (made && found)
        native_drop(&sieve->native, found);
    return rc;
}

// -- as bytes --

static void save_key(const struct native *native, const void *key, struct image *image)
{
    fill_save_key((const struct fill *)native, key, image, SECTION_KEY);
}

static int load(struct op *op, struct image_entry *entry, struct error *err)
{
    struct fill *fill = (struct fill *)op;
    struct native *native = &fill->sieve.native;
    struct table_key key;
    void *found;
    bool made;
    int rc = native_load_progress(native, entry, err);
    if (rc)
        return rc < 0 ? rc : 0;
    rc = native_load_key(native, entry, SECTION_KEY, &key, "fill", err);
    if (rc)
        return rc;
    rc = native_take(native, &key, &found, &made);
    if (rc)
        return native_explain(native, rc, err);
    rc = fill_load_key(fill, entry, found, err);
    if (!rc)
        native_move(native, found, next_due(fill, found));
    return rc;
}

// -- building --

static void fill_free(struct op *op)
{
    struct fill *fill = (struct fill *)op;
    native_deinit(&fill->sieve.native);
    for (uint32_t i = 0; i < fill->field_count; i++)
        path_deinit(&fill->fields[i]);
    mem_free(fill);
}

static int read_fields(struct fill *fill, const struct tide_config *fields, struct error *err)
{
    if (fields->count == 0 || fields->count > FILL_FIELDS_MAX)
        return error_set(err, ERR_INPUT, "fields: %u of them; there are 1 to %d", fields->count,
                         FILL_FIELDS_MAX);
    for (uint32_t i = 0; i < fields->count; i++) {
        if (path_compile(&fill->fields[i], fields->items[i].text, err))
            return error_prefix(err, "fields");
        fill->field_count++;
    }
    return 0;
}

static struct shape_name last_name(const struct path *path)
{
    const struct path_step *step = &path->steps[path->count - 1];
    return (struct shape_name){.bytes = step->name, .len = step->len};
}

static int make_shape(struct fill *fill, const struct operator_spec *spec, struct error *err)
{
    struct shape_name names[KEY_FIELDS_MAX + FILL_FIELDS_MAX + 2] = {{0}};
    const char *at = setting_text(spec->node->options, "at");
    const char *mark = setting_text(spec->node->options, "mark");
    uint32_t count = 0;
    for (uint32_t i = 0; i < fill->sieve.native.key_count; i++)
        names[count++] = last_name(&fill->sieve.native.keys[i]);
    fill->has_at = at != NULL;
    if (at)
        names[count++] = (struct shape_name){.bytes = at, .len = (uint32_t)strlen(at)};
    for (uint32_t i = 0; i < fill->field_count; i++)
        names[count++] = last_name(&fill->fields[i]);
    names[count++] = (struct shape_name){.bytes = mark, .len = (uint32_t)strlen(mark)};
    fill->shape = shape_intern(spec->shapes, NULL, names, count);
    if (!fill->shape)
        return error_nomem(err);
    if (fill->shape->flags & SHAPE_DUPLICATES)
        return error_set(err, ERR_INPUT,
                         "what is made up would have a member twice (it has the key fields, `at`, "
                         "the fields and '%s')",
                         mark);
    return 0;
}

static int configure(struct fill *fill, const struct operator_spec *spec, struct error *err)
{
    const struct tide_config *options = spec->node->options;
    const char *with = setting_text(options, "with");
    fill->with = strcmp(with, "linear") == 0 ? FILL_LINEAR
                 : strcmp(with, "null") == 0 ? FILL_NULL
                                             : FILL_PREVIOUS;
    fill->every_ms = setting_int(options, "every", 1);
    fill->limit = (uint32_t)setting_int(options, "limit", 1);
    int rc = native_init(&fill->sieve.native, spec, "event", sizeof(struct fill_key), err);
    if (!rc)
        rc = read_fields(fill, setting_at(options, "fields"), err);
    return rc ? rc : make_shape(fill, spec, err);
}

static int build(struct op **out, const struct operator_spec *spec, struct error *err)
{
    struct fill *fill = mem_zalloc(sizeof *fill);
    if (!fill)
        return error_nomem(err);
    struct op *op = &fill->sieve.native.op;
    sieve_init(&fill->sieve, &fill_class);
    fill->sieve.judge = judge;
    fill->sieve.native.key_free = fill_key_free;
    op->watermark = watermark;
    native_saves(&fill->sieve.native, SECTION_KEY, save_key);
    op->load = load;
    op->free = fill_free;
    int rc = configure(fill, spec, err);
    if (rc) {
        fill_free(op);
        return rc;
    }
    *out = op;
    return 0;
}

static const tide_option options[] = {
    {.name = "key_by",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .help = "the field, or fields, that make a series"},
    {.name = "every",
     .type = TIDE_DURATION,
     .flags = TIDE_OPTION_REQUIRED,
     .min = 1,
     .max = 1e12,
     .help = "how far readings are apart"},
    {.name = "fields",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .flags = TIDE_OPTION_REQUIRED,
     .help = "the fields that are filled"},
    {.name = "with",
     .type = TIDE_CHOICE,
     .choices = "previous|linear|null",
     .default_text = "previous",
     .help = "the value before, one on the line between two readings, or null"},
    {.name = "limit",
     .type = TIDE_INT,
     .default_text = "100",
     .min = 1,
     .max = 1e6,
     .help = "missing readings in a row that are filled at most"},
    {.name = "at",
     .type = TIDE_TEXT,
     .help = "the field that is given the time (ms) of what is filled in"},
    {.name = "mark",
     .type = TIDE_TEXT,
     .default_text = "filled",
     .help = "the field that is true in what is filled in"},
    {.name = NULL},
};

const struct operator_class fill_class = {
    .type = "fill",
    .help = "fills gaps of regular series",
    .entry = {.options = options, .has_out = true},
    .stateful = true,
    .build = build,
};
