// SPDX-License-Identifier: MIT
#include "record/text_records.h"

static const struct shape *find_shape(struct collector *collector, struct batch *batch)
{
    if (collector->guessed && collector->count == collector->guess->count)
        return collector->guess;
    const struct shape *shape =
        shape_intern(collector->shapes, &batch->arena, collector->names, collector->count);
    collector->guess = shape && (shape->flags & SHAPE_INTERNED) ? shape : NULL;
    return shape;
}

int collect_end(struct collector *collector, struct batch *batch, struct record *record)
{
    uint32_t count = collector->count;
    if (!count)
        return 0;
    const struct shape *shape = find_shape(collector, batch);
    struct span *spans = ARENA_ARRAY(&batch->arena, struct span, count);
    if (!shape || !spans)
        return ERR_NOMEM;
    memcpy(spans, collector->spans, count * sizeof *spans);
    if (collector->cells) {
        record->cells = ARENA_ARRAY(&batch->arena, struct value, count);
        if (!record->cells)
            return ERR_NOMEM;
        memcpy(record->cells, collector->values, count * sizeof *record->cells);
        record->cell_cap = (uint16_t)count;
    }
    record->shape = shape;
    record->spans = spans;
    record->wire = (uint16_t)count;
    return 0;
}
