// SPDX-License-Identifier: MIT
#include "operators/aggregate.h"

// Adds the record under the cursor to its slot. The slot is made only when its values can be used.
static int add_record(struct aggregate *agg, struct batch *batch, const struct agg_row *row,
                      struct table_entry **entry, struct error *err)
{
    struct agg_values values;
    bool made;
    int rc = program_read(&agg->program, batch, &batch->records[batch->cursor], &values, err);
    if (rc)
        return rc;
    rc = table_take(&row->window->table, &row->key, entry, &made);
    if (!rc)
        rc = program_add(&agg->program, agg_slot(agg_head(*entry)), &values, err);
    if (rc)
        explain_state_error(agg, rc, err);
    else
        slot_added(agg, agg_head(*entry), values.time);
    return rc;
}

// `err` is scratch: clearing one for each record would cost more than the record.
static enum op_status take_row(struct aggregate *agg, struct batch *batch,
                               const struct agg_row *row, struct outputs *outputs,
                               struct error *err)
{
    struct table_entry *entry;
    if (__builtin_expect(add_record(agg, batch, row, &entry, err) != 0, 0))
        return cursor_failed(batch, outputs, err);
    agg->op.stats.absorbed++;
    batch->cursor++;
    struct window window = agg_bounds(row->window);
    if (__builtin_expect(!fires_again(agg, window, agg_head(entry)), 1))
        return OP_DONE;
    fire_later(agg, &(struct agg_target){window, &entry->key, agg_head(entry), NULL});
    return fire_again(agg, outputs);
}

enum op_status native_rows(struct aggregate *agg, struct batch *batch, uint32_t count,
                           struct outputs *outputs)
{
    struct error err = ERROR_INIT;
    for (uint32_t i = 0; i < count; i++) {
        const struct agg_row *row = &agg->rows[i];
        enum op_status status = row->fate == FATE_TAKE ? take_row(agg, batch, row, outputs, &err)
                                                       : row_leaves(agg, batch, row, outputs);
        if (status != OP_DONE)
            return status;
    }
    return OP_DONE;
}
