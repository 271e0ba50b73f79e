// SPDX-License-Identifier: MIT
#include "operators/aggregate_state.h"
#include "base/alloc.h"
#include "operators/aggregate_cell.h"
#include "operators/saved_value.h"
#include "operators/sketch.h"

enum { PROGRAM_TEXT_MAX = 1 << 16 };

// -- slots --

static bool picks(const struct agg_op *op)
{
    return op->function == AGG_FIRST || op->function == AGG_LAST;
}

static void save_op(const struct agg_program *program, struct image *image,
                    const struct agg_slot *slot, const struct agg_op *op)
{
    enum agg_function function = (enum agg_function)op->function;
    if (picks(op)) {
        pick_save(image, (const void *)slot_word_const(slot, op->at));
        return;
    }
    if (op->sketch) {
        op->sketch->save(slot_sketch_const(slot, op->at), image);
        return;
    }
    bool sum = function == AGG_SUM || function == AGG_AVG;
    struct agg_pair pair = {.lost = 0};
    if (sum && slot_is_float(slot, op))
        pair = *slot_pair(program, slot, op);
    for (uint32_t i = 0; i < cell_words(function); i++) {
        union agg_word word = *slot_word_const(slot, op->at + i);
        if (i == 0 && sum && slot_is_float(slot, op))
            word.f = pair.total;
        image_u64(image, word.u);
    }
    if (sum)
        image_u64(image, (union agg_word){.f = pair.lost}.u);
}

// What the sum has lost; a float moves into a pair.
static int load_lost(struct agg_program *program, struct image_entry *entry, struct agg_slot *slot,
                     const struct agg_op *op)
{
    union agg_word lost = {.u = entry_u64(entry)}, *cell = slot_word(slot, op->at);
    if (!slot_is_float(slot, op))
        return 0;
    double total = cell->f;
    slot->words[op->flags] &= ~op->is_float; // not before it has a pair
    int rc = pairs_room(program, 1);
    if (rc)
        return rc;
    cell->u = pair_take(program);
    slot->words[op->flags] |= op->is_float;
    slot_pair(program, slot, op)->total = total;
    slot_pair(program, slot, op)->lost = lost.f;
    return 0;
}

static int load_op(struct agg_program *program, struct image_entry *entry, struct agg_slot *slot,
                   const struct agg_op *op, bool is_float)
{
    enum agg_function function = (enum agg_function)op->function;
    if (picks(op)) {
        return pick_load(program->budget, entry, slot_pick(slot, op->at));
    }
    if (op->sketch) {
        struct sketch_env env = program_env(program, op);
        int rc = op->sketch->load(&env, slot_sketch(slot, op->at), entry);
        if (rc || entry->bad)
            op->sketch->release(&env, slot_sketch(slot, op->at));
        return rc;
    }
    for (uint32_t i = 0; i < cell_words(function); i++)
        slot_word(slot, op->at + i)->u = entry_u64(entry);
    if (is_float)
        slot->words[op->flags] |= op->is_float;
    return function == AGG_SUM || function == AGG_AVG ? load_lost(program, entry, slot, op) : 0;
}

// Operations that have seen nothing are left out.
static void save_program(struct aggregate *agg, struct image *image, const struct agg_slot *slot)
{
    const struct agg_program *program = &agg->program;
    uint64_t seen = 0, floats = 0;
    for (uint32_t i = 0; i < program->op_count; i++) {
        seen |= slot_saw(slot, &program->ops[i]) ? program->ops[i].bit : 0;
        floats |= slot_is_float(slot, &program->ops[i]) ? program->ops[i].bit : 0;
    }
    image_u64(image, seen);
    image_u64(image, floats);
    for (uint32_t i = 0; i < program->op_count; i++)
        if (seen & program->ops[i].bit)
            save_op(program, image, slot, &program->ops[i]);
}

static int load_program(struct aggregate *agg, struct image_entry *entry, struct agg_slot *slot)
{
    struct agg_program *program = &agg->program;
    uint64_t seen = entry_u64(entry), floats = entry_u64(entry);
    if ((seen | floats) & ~program->all_ops)
        entry->bad = true;
    for (uint32_t i = 0; i < program->op_count && !entry->bad; i++) {
        const struct agg_op *op = &program->ops[i];
        if (!(seen & op->bit))
            continue;
        int rc = load_op(program, entry, slot, op, floats & op->bit);
        if (rc)
            return rc;
        slot->words[op->flags] |= op->saw;
    }
    return 0;
}

static void save_one(struct aggregate *agg, struct image *image, struct agg_head *head)
{
    const struct buf *json = &agg_acc(head)->json;
    if (agg->by_hand)
        image_bytes(image, json->data, json->len);
    else
        save_program(agg, image, agg_slot(head));
}

static int load_acc(struct aggregate *agg, struct image_entry *entry, struct agg_acc *acc)
{
    size_t len;
    const char *json = entry_bytes(entry, &len);
    if (acc->json.max == 0)
        buf_init(&acc->json, AGG_ACC_MAX);
    int rc = json ? buf_append(&acc->json, json, len) : 0;
    fold_count(agg, acc);
    return rc;
}

static int load_one(struct aggregate *agg, struct image_entry *entry, struct agg_head *head)
{
    return agg->by_hand ? load_acc(agg, entry, agg_acc(head))
                        : load_program(agg, entry, agg_slot(head));
}

void save_slot(struct aggregate *agg, struct image *image, enum agg_section section,
               const struct agg_target *target)
{
    const struct window *told = target->told ? target->told : &target->window;
    struct agg_head *head = target->head;
    uint32_t len;
    const char *key = table_key_bytes(target->key, &len);
    image_i64(image, target->window.start);
    image_identify(image);
    image_i64(image, target->window.end);
    image_i64(image, told->start);
    image_i64(image, told->end);
    image_u64(image, head->panes);
    image_u64(image, head->since);
    save_one(agg, image, head);
    if (agg->last_at)
        save_one(agg, image, agg_last(agg, head));
    if (agg->times_at) {
        const struct agg_times *times = agg_times(agg, head);
        image_i64(image, times->min);
        image_i64(image, times->max);
        image_u64(image, times->seen);
    }
    image_end(image, section, key, len);
}

void save_table(struct aggregate *agg, struct image *image, enum agg_section section,
                const struct table *table, struct window window, bool changed)
{
    for (uint32_t i = 0; i < table->count; i++) {
        if (changed && !table_next_dirty(table, &i))
            break;
        struct table_entry *entry = table_at(table, i);
        struct agg_target target = {window, &entry->key, agg_head(entry), NULL};
        save_slot(agg, image, section, &target);
    }
}

void save_gone(struct aggregate *agg, const struct table_key *key, int64_t start)
{
    uint32_t len;
    const char *bytes = table_key_bytes(key, &len);
    image_i64(&agg->gone, start);
    image_gone(&agg->gone, AGG_SLOT, bytes, len);
}

void load_where(struct image_entry *entry, struct saved_slot *saved)
{
    saved->window.start = entry_i64(entry);
    saved->window.end = entry_i64(entry);
    saved->told.start = entry_i64(entry);
    saved->told.end = entry_i64(entry);
    saved->head.panes = (uint32_t)entry_u64(entry);
    saved->head.since = (uint32_t)entry_u64(entry);
}

int load_slot(struct aggregate *agg, struct image_entry *entry, const struct saved_slot *saved,
              struct agg_head *head, struct error *err)
{
    *head = saved->head;
    int rc = load_one(agg, entry, head);
    if (!rc && agg->last_at)
        rc = load_one(agg, entry, agg_last(agg, head));
    if (rc) {
        explain_state_error(agg, rc, err);
        return rc;
    }
    if (agg->times_at) {
        struct agg_times *times = agg_times(agg, head);
        times->min = entry_i64(entry);
        times->max = entry_i64(entry);
        times->seen = entry_u64(entry);
    }
    return entry_done(entry, err);
}

// -- all --

// Windows and keys. A gap that each record has of its own is no part of it.
static int describe_windows(const struct aggregate *agg, struct buf *out)
{
    static const char *const kinds[] = {
        [WINDOW_TUMBLING] = "tumbling", [WINDOW_SLIDING] = "sliding", [WINDOW_DAYS] = "days",
        [WINDOW_MONTHS] = "months",     [WINDOW_SESSION] = "session", [WINDOW_COUNT] = "count",
        [WINDOW_GLOBAL] = "global"};
    const struct window_assigner *windows = &agg->windows;
    int rc = buf_printf(out, "%s(%lld every %lld from %lld) ", kinds[windows->kind],
                        (long long)(agg->gap ? 0 : windows->size), (long long)windows->every,
                        (long long)windows->offset_ms);
    for (uint32_t i = 0; !rc && i < agg->key_count; i++)
        rc = buf_printf(out, "by %s ", agg->keys[i].text);
    return rc;
}

// What is computed, so that state is not read by another program than made it.
static int describe(const struct aggregate *agg, struct buf *out)
{
    int code = describe_windows(agg, out);
    if (code || agg->by_hand)
        return code ? code : buf_puts(out, "by hand");
    for (uint32_t i = 0; i < agg->columns.count; i++) {
        const struct agg_column *column = &agg->columns.items[i];
        int rc = buf_printf(out, "%s=%s(%s", column->name, agg_function_name(column->function),
                            column->field ? column->field : "");
        if (!rc && agg_parameter(column->function))
            rc = buf_printf(out, ", %.17g", column->parameter);
        if (!rc)
            rc = buf_puts(out, ") ");
        if (rc)
            return rc;
    }
    return 0;
}

static int save_meta(struct aggregate *agg, struct image *image)
{
    struct buf program;
    buf_init(&program, PROGRAM_TEXT_MAX);
    int rc = describe(agg, &program);
    image_bytes(image, program.data, program.len);
    buf_deinit(&program);
    image_i64(image, agg->progress);
    image_i64(image, agg->max_time);
    image_i64(image, agg->kind->mark ? *agg->kind->mark(agg) : 0);
    image_end(image, AGG_META, NULL, 0);
    return rc;
}

int aggregate_save(struct op *op, struct image *image)
{
    struct aggregate *agg = (struct aggregate *)op;
    int rc = save_meta(agg, image);
    agg->kind->save(agg, image);
    return rc ? rc : image->rc;
}

int aggregate_track(struct op *op)
{
    struct aggregate *agg = (struct aggregate *)op;
    image_collect(&agg->gone);
    agg->tracks = true;
    return agg->kind->track(agg);
}

int aggregate_save_changes(struct op *op, struct image *image)
{
    struct aggregate *agg = (struct aggregate *)op;
    image_whole(image, AGG_META);
    int rc = save_meta(agg, image);
    rc = rc ? rc : agg->kind->save_changes(agg, image);
    image_add(image, &agg->gone);
    image_collect(&agg->gone);
    return rc ? rc : image->rc;
}

static int check_program(const struct aggregate *agg, const char *saved, size_t len,
                         struct error *err)
{
    struct buf program;
    buf_init(&program, PROGRAM_TEXT_MAX);
    int rc = describe(agg, &program);
    if (rc)
        error_nomem(err);
    else if (len != program.len || (len && memcmp(saved, program.data, len) != 0))
        rc = error_set(err, ERR_REFUSED,
                       "the state is of an aggregate that computes %.*s; this one computes %s",
                       (int)len, saved ? saved : "", buf_cstr(&program));
    buf_deinit(&program);
    return rc;
}

// INT64_MIN: that lane had come to nothing.
static void load_mark(int64_t *mine, int64_t mark)
{
    if (*mine == INT64_MIN || (mark != INT64_MIN && mark < *mine))
        *mine = mark;
}

// Of several lanes the least progress counts: nothing that one of them has to tell is taken for
// over, and what another has told of its keys is not told again, as nothing came for it since.
static int load_meta(struct aggregate *agg, struct image_entry *entry, struct error *err)
{
    size_t len;
    const char *program = entry_bytes(entry, &len);
    int64_t progress = entry_i64(entry), max_time = entry_i64(entry), mark = entry_i64(entry);
    int rc = entry_done(entry, err);
    if (!rc)
        rc = check_program(agg, program, len, err);
    if (rc)
        return rc;
    bool back = agg->loaded && progress < agg->progress;
    if (!agg->loaded || back)
        agg->progress = progress;
    if (max_time > agg->max_time)
        agg->max_time = max_time;
    if (agg->kind->mark)
        load_mark(agg->kind->mark(agg), mark);
    if (back && agg->kind->rewind)
        agg->kind->rewind(agg);
    agg->loaded = true;
    return 0;
}

int aggregate_load(struct op *op, struct image_entry *entry, struct error *err)
{
    struct aggregate *agg = (struct aggregate *)op;
    struct table_key key;
    if (entry->section == AGG_META)
        return load_meta(agg, entry, err);
    if (!entry->key || entry->section > AGG_STAGE)
        return error_set(err, ERR_CORRUPT, "an aggregate has no state of section %u",
                         entry->section);
    table_key_set(&key, entry->key, entry->key_len);
    return agg->kind->load(agg, entry, &key, err);
}
