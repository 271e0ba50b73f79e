// SPDX-License-Identifier: MIT
#include "base/error.h"
#include "record/batch.h"
#include "record/node_copy.h"
#include "record/record_cells.h"

enum { SPARE_CELLS = 3 }; // room for fields to come, so that few writes move the cells

static void take_node(struct value *cell)
{
    if (cell->flags & VALUE_IS_NODE)
        cell->node->cell = cell;
}

// Cells of its own with room for `need`.
static int move_cells(struct batch *batch, struct record *record, uint32_t need)
{
    uint32_t cap = need + SPARE_CELLS;
    struct value *cells = ARENA_ARRAY(&batch->arena, struct value, cap);
    if (!cells)
        return ERR_NOMEM;
    uint32_t old = 0;
    if (record->cells)
        old = record->shape->count < need ? record->shape->count : need;
    bool shared = record->flags & RECORD_SHARED_CELLS;
    for (uint32_t i = 0; i < old; i++) {
        cells[i] = record->cells[i];
        if (!(cells[i].flags & VALUE_IS_NODE))
            continue;
        int code = shared ? node_detach(batch, &cells[i]) : 0;
        if (code)
            return code;
        take_node(&cells[i]);
    }
    memset(cells + old, 0, (cap - old) * sizeof *cells);
    record->cells = cells;
    record->cell_cap = (uint16_t)cap;
    record->flags &= (uint16_t)~RECORD_SHARED_CELLS;
    return 0;
}

int record_own_cells(struct batch *batch, struct record *record, uint32_t need)
{
    if (__builtin_expect(
            record->cells && record->cell_cap >= need && !(record->flags & RECORD_SHARED_CELLS), 1))
        return 0;
    return move_cells(batch, record, need);
}

static void put(struct record *record, uint32_t slot, struct value value)
{
    struct value *cell = &record->cells[slot];
    if (cell->flags & VALUE_IS_NODE)
        cell->node->cell = NULL;
    *cell = value;
    take_node(cell);
}

// Of a member that came several times only the last is left when it is written.
static void drop_duplicates(struct record *record, uint32_t slot)
{
    const struct shape_name *names = record->shape->names;
    for (uint32_t i = 0; i < record->shape->count; i++)
        if (i != slot && names[i].len == names[slot].len && names[i].hash == names[slot].hash &&
            memcmp(names[i].bytes, names[slot].bytes, names[i].len) == 0)
            put(record, i, value_absent());
}

int record_set(struct batch *batch, struct record *record, int32_t slot, struct value value)
{
    if (slot < 0)
        return value.type == VALUE_ABSENT ? 0 : ERR_INPUT;
    int code = record_own_cells(batch, record, record->shape->count);
    if (code)
        return code;
    put(record, (uint32_t)slot, value);
    if (__builtin_expect(record->shape->flags & SHAPE_DUPLICATES, 0))
        drop_duplicates(record, (uint32_t)slot);
    return 0;
}

static int set_new(struct batch *batch, struct record *record, const char *name, uint32_t len,
                   struct value value)
{
    if (value.type == VALUE_ABSENT)
        return 0;
    uint32_t count = record->shape->count;
    if (count >= SHAPE_MEMBERS_MAX)
        return ERR_LIMIT;
    const struct shape *shape =
        shape_extend(batch->shapes, &batch->arena, record->shape, name, len);
    if (!shape)
        return ERR_NOMEM;
    int code = record_own_cells(batch, record, count + 1);
    if (code)
        return code;
    record->shape = shape;
    put(record, count, value);
    return 0;
}

int record_set_field(struct batch *batch, struct record *record, struct field *field,
                     struct value value)
{
    int32_t slot = field_slot(field, record->shape);
    if (slot >= 0)
        return record_set(batch, record, slot, value);
    return set_new(batch, record, field->name, field->len, value);
}

int record_set_name(struct batch *batch, struct record *record, const char *name, uint32_t len,
                    struct value value)
{
    int32_t slot = shape_find(record->shape, name, len);
    if (slot >= 0)
        return record_set(batch, record, slot, value);
    return set_new(batch, record, name, len, value);
}

int record_mark(struct batch *batch, struct record *record, struct record_mark *mark)
{
    (void)batch;
    *mark = (struct record_mark){.shape = record->shape,
                                 .cells = record->cells,
                                 .cell_cap = record->cell_cap,
                                 .flags = record->flags};
    if (record->cells) {
        record->flags |= RECORD_SHARED_CELLS; // the next write makes its own
        mark->flags = record->flags;
    }
    return 0;
}

void record_rollback(struct record *record, const struct record_mark *mark)
{
    record->shape = mark->shape;
    record->cells = mark->cells;
    record->cell_cap = mark->cell_cap;
    record->flags = mark->flags;
}
