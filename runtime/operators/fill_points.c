// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "operators/fill.h"
#include "operators/saved_value.h"
#include "time/window.h"

static size_t size_of(const struct fill *fill)
{
    return sizeof(struct fill_point) + fill->field_count * sizeof(struct value);
}

static void point_free(struct fill *fill, struct fill_point *point)
{
    struct state_budget *budget = &fill->sieve.native.budget;
    if (!point)
        return;
    for (uint32_t i = 0; i < fill->field_count; i++)
        value_disown(budget, &point->values[i]);
    mem_free(point);
    budget_give(budget, size_of(fill));
}

static int point_new(struct fill *fill, int64_t time, struct fill_point **out)
{
    int rc = budget_take(&fill->sieve.native.budget, size_of(fill));
    if (rc)
        return rc;
    *out = mem_zalloc(size_of(fill));
    if (!*out) {
        budget_give(&fill->sieve.native.budget, size_of(fill));
        return ERR_NOMEM;
    }
    (*out)->time = time;
    (*out)->place = window_start(time, 0, fill->every_ms);
    return 0;
}

static int read_point(struct fill *fill, struct batch *batch, struct record *record, int64_t time,
                      struct fill_point **out)
{
    int rc = point_new(fill, time, out);
    for (uint32_t i = 0; !rc && i < fill->field_count; i++) {
        struct value value = path_read(batch, record, &fill->fields[i]), own;
        rc = value_own(&fill->sieve.native.budget, value, &own);
        if (!rc)
            (*out)->values[i] = own;
        else
            point_free(fill, *out);
    }
    return rc;
}

static int room(struct fill *fill, struct fill_key *state)
{
    if (state->count < state->cap)
        return 0;
    uint32_t cap = state->cap ? state->cap * 2 : 2;
    size_t more = (cap - state->cap) * sizeof *state->points;
    int rc = budget_take(&fill->sieve.native.budget, more);
    if (rc)
        return rc;
    struct fill_point **points = mem_realloc(state->points, cap * sizeof *points);
    if (!points) {
        budget_give(&fill->sieve.native.budget, more);
        return ERR_NOMEM;
    }
    state->points = points;
    state->cap = cap;
    return 0;
}

// Takes the point; there is room. Of two of one place the later one stays.
static void insert(struct fill *fill, struct fill_key *state, struct fill_point *point)
{
    uint32_t at = state->count;
    while (at > 0 && state->points[at - 1]->place > point->place)
        at--;
    if (at > 0 && state->points[at - 1]->place == point->place) {
        struct fill_point *held = state->points[at - 1];
        bool later = point->time >= held->time;
        state->points[at - 1] = later ? point : held;
        point_free(fill, later ? held : point);
        return;
    }
    memmove(&state->points[at + 1], &state->points[at],
            (state->count - at) * sizeof *state->points);
    state->points[at] = point;
    state->count++;
}

int fill_put(struct fill *fill, struct fill_key *state, struct batch *batch, struct record *record,
             int64_t time)
{
    struct fill_point *point;
    int rc = room(fill, state);
    if (!rc)
        rc = read_point(fill, batch, record, time, &point);
    if (!rc)
        insert(fill, state, point);
    return rc;
}

void fill_next(struct fill *fill, struct fill_key *state)
{
    point_free(fill, state->last);
    state->last = state->points[0];
    state->filled = 0;
    state->count--;
    memmove(state->points, state->points + 1, state->count * sizeof *state->points);
}

void fill_key_free(struct native *native, void *key)
{
    struct fill *fill = (struct fill *)native;
    struct fill_key *state = key;
    point_free(fill, state->last);
    for (uint32_t i = 0; i < state->count; i++)
        point_free(fill, state->points[i]);
    budget_give(&native->budget, state->cap * sizeof *state->points);
    mem_free(state->points);
}

// -- as bytes: each point an entry --

static void save_point(const struct fill *fill, const struct fill_point *point, struct image *image)
{
    image_i64(image, point->time);
    for (uint32_t i = 0; i < fill->field_count; i++)
        value_save(image, point->values[i]);
}

void fill_save_key(const struct fill *fill, const struct fill_key *state, struct image *image,
                   uint32_t section)
{
    uint32_t len;
    const char *key = native_key_bytes(&fill->sieve.native, state, &len);
    image_u64(image, state->last != NULL);
    image_u64(image, state->filled);
    image_u64(image, state->count);
    if (state->last)
        save_point(fill, state->last, image);
    for (uint32_t i = 0; i < state->count; i++)
        save_point(fill, state->points[i], image);
    image_end(image, section, key, len);
}

static int load_point(struct fill *fill, struct image_entry *entry, struct fill_point **out)
{
    int rc = point_new(fill, entry_i64(entry), out);
    for (uint32_t i = 0; !rc && i < fill->field_count; i++) {
        struct value value = value_load(entry), own;
        rc = entry->bad ? 0 : value_own(&fill->sieve.native.budget, value, &own);
        if (rc)
            point_free(fill, *out);
        else if (!entry->bad)
            (*out)->values[i] = own;
    }
    return rc;
}

int fill_load_key(struct fill *fill, struct image_entry *entry, struct fill_key *state,
                  struct error *err)
{
    bool has_last = entry_u64(entry) != 0;
    uint64_t filled = entry_u64(entry), count = entry_u64(entry);
    int rc = 0;
    if (state->last || state->count || filled > fill->limit)
        entry->bad = true;
    state->filled = (uint32_t)filled;
    if (has_last && !entry->bad)
        rc = load_point(fill, entry, &state->last);
    for (uint64_t i = 0; !rc && i < count && !entry->bad; i++) {
        struct fill_point *point;
        rc = room(fill, state);
        if (!rc)
            rc = load_point(fill, entry, &point);
        if (!rc)
            insert(fill, state, point);
    }
    return rc ? native_explain(&fill->sieve.native, rc, err) : entry_done(entry, err);
}
