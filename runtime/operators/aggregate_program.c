// SPDX-License-Identifier: MIT
#include "operators/aggregate_program.h"
#include "operators/sketch.h"
#include "record/record_inline.h"
#include <math.h>

// -- from columns to operations --

static bool can_overflow(enum agg_function function)
{
    return function == AGG_SUM || function == AGG_AVG;
}

// What is kept for a column.
static enum agg_function kept_as(const struct agg_column *column)
{
    if (column->function != AGG_RATE)
        return column->function;
    return column->field ? AGG_SUM : AGG_COUNT;
}

static enum agg_need need_of(enum agg_function function)
{
    switch (function) {
    case AGG_COUNT:
    case AGG_FIRST:
    case AGG_LAST:
    case AGG_COLLECT:
        return NEED_ANY;
    case AGG_DISTINCT:
    case AGG_TOPK:
        return NEED_SCALAR;
    default:
        return NEED_NUMBER;
    }
}

// The input for a field: several columns over the same field share one.
static int find_input(struct agg_program *program, const struct agg_column *column, uint8_t *out,
                      struct error *err)
{
    *out = AGG_NO_INPUT;
    if (!column->field)
        return 0;
    uint32_t i = 0;
    while (i < program->input_count && strcmp(program->inputs[i].path.text, column->field) != 0)
        i++;
    struct agg_input *input = &program->inputs[i];
    if (i == program->input_count) {
        int rc = path_compile(&input->path, column->field, err);
        if (rc)
            return error_prefix(err, "%s", column->name);
        program->input_count++;
        program->all_inputs |= UINT64_C(1) << i;
    }
    if (need_of(column->function) > input->need) {
        input->need = need_of(column->function);
        input->function = column->function;
    }
    *out = (uint8_t)i;
    return 0;
}

// Quantiles of one field are read from the same sketch.
static bool share_op(struct agg_program *program, const struct agg_op *op, uint32_t number)
{
    for (uint32_t i = 0; op->function == AGG_QUANTILE && i < program->op_count; i++)
        if (program->ops[i].function == AGG_QUANTILE && program->ops[i].input == op->input) {
            program->op_of[number] = (uint8_t)i;
            return true;
        }
    return false;
}

static int add_op(struct agg_program *program, const struct agg_column *column, uint32_t number,
                  struct error *err)
{
    struct agg_op *op = &program->ops[program->op_count];
    int rc = find_input(program, column, &op->input, err);
    if (rc)
        return rc;
    enum agg_function function = kept_as(column);
    op->function = (uint8_t)function;
    if (share_op(program, op, number))
        return 0;
    op->bit = UINT64_C(1) << program->op_count;
    op->flags = (uint16_t)(program->op_count / AGG_FLAG_OPS);
    op->saw = UINT64_C(1) << program->op_count % AGG_FLAG_OPS;
    op->is_float = op->saw << AGG_FLAG_OPS;
    op->at = (uint16_t)program->slot_words;
    op->parameter = column->parameter;
    op->sketch = sketch_of(function);
    program->slot_words += cell_words(function);
    program->all_ops |= op->bit;
    program->op_of[number] = (uint8_t)program->op_count++;
    if (can_overflow(function))
        program->sums++;
    return 0;
}

static int add_ops(struct agg_program *program, const struct agg_column *columns, uint32_t count,
                   bool sums, struct error *err)
{
    for (uint32_t i = 0; i < count; i++) {
        if (can_overflow(kept_as(&columns[i])) != sums)
            continue;
        int rc = add_op(program, &columns[i], i, err);
        if (rc)
            return rc;
    }
    return 0;
}

static bool only_plain(const struct agg_program *program)
{
    for (uint32_t i = 0; i < program->op_count; i++)
        if (program->ops[i].function > AGG_MAX)
            return false;
    return true;
}

int program_init(struct agg_program *program, const struct agg_column *columns, uint32_t count,
                 struct state_budget *budget, struct error *err)
{
    *program = (struct agg_program){.budget = budget, .columns = columns};
    program->slot_words = count > AGG_FLAG_OPS ? 2 : 1;
    buf_init(&program->key, UINT32_MAX);
    buf_init(&program->text, UINT32_MAX);
    if (count > AGG_COLUMNS_MAX)
        return error_set(err, ERR_INPUT, "%u columns: an aggregate has at most %d", count,
                         AGG_COLUMNS_MAX);
    int rc = add_ops(program, columns, count, true, err);
    if (!rc)
        rc = add_ops(program, columns, count, false, err);
    if (rc) {
        program_deinit(program);
        return rc;
    }
    program->plain = only_plain(program);
    program->top_level = true;
    for (uint32_t i = 0; i < program->input_count; i++)
        program->top_level &= program->inputs[i].path.count == 1;
    return 0;
}

void program_deinit(struct agg_program *program)
{
    for (uint32_t i = 0; i < program->input_count; i++)
        path_deinit(&program->inputs[i].path);
    program->input_count = program->op_count = 0;
    if (program->budget)
        pairs_deinit(program);
    buf_deinit(&program->key);
    buf_deinit(&program->text);
}

struct sketch_env program_env(struct agg_program *program, const struct agg_op *op)
{
    return (struct sketch_env){program->budget, &program->key, op->parameter};
}

// -- reading a record --

static int wrong_type(const struct agg_input *input, struct value value, struct error *err)
{
    return error_set(err, ERR_DATA, "field '%s': %s needs a %s, found %s", input->path.text,
                     agg_function_name(input->function),
                     input->need == NEED_NUMBER ? "number" : "string, number or boolean",
                     value_type_name((enum value_type)value.type));
}

// Integers as they came on the wire, at once for all inputs of a record: the common case. False:
// one of them is something else.
static inline bool read_wire_ints(struct agg_program *program, const struct record *record,
                                  struct agg_values *out)
{
    if (record->cells || !program->top_level)
        return false;
    if (__builtin_expect(record->shape->id != program->shape_id, 0)) {
        for (uint32_t i = 0; i < program->input_count; i++)
            program->slots[i] = field_slot(&program->inputs[i].path.field, record->shape);
        program->shape_id = record->shape->id;
    }
    for (uint32_t i = 0; i < program->input_count; i++) {
        if ((uint32_t)program->slots[i] >= record->wire)
            return false;
        struct span span = record->spans[program->slots[i]];
        uint32_t end = span.at + span.len;
        int64_t number;
        if (span.kind != SPAN_INT || !parse_int_fast(record->raw + end, span.len, end, &number))
            return false;
        out->values[i] = value_int(number);
    }
    out->present = out->ints = program->all_inputs;
    return true;
}

static int read_any(struct agg_program *program, struct batch *batch, struct record *record,
                    struct agg_values *out, struct error *err)
{
    uint64_t present = 0, ints = 0;
    for (uint32_t i = 0; i < program->input_count; i++) {
        struct agg_input *input = &program->inputs[i];
        struct value value = record_read_field(batch, record, &input->path.field);
        if (input->path.count > 1)
            value = path_walk(batch, record, &input->path, value);
        out->values[i] = value;
        uint64_t bit = UINT64_C(1) << i;
        if (value.type == VALUE_INT) {
            present |= bit;
            ints |= bit;
        } else if (value.type != VALUE_ABSENT && value.type != VALUE_NULL) {
            if ((input->need == NEED_NUMBER && value.type != VALUE_FLOAT) ||
                (input->need == NEED_SCALAR && value.type > VALUE_STRING))
                return wrong_type(input, value, err);
            present |= bit;
        }
    }
    out->present = present;
    out->ints = ints;
    return 0;
}

int program_read(struct agg_program *program, struct batch *batch, struct record *record,
                 struct agg_values *out, struct error *err)
{
    out->time = record->time;
    out->offset = record->offset;
    out->split = record->split;
    return read_wire_ints(program, record, out) ? 0 : read_any(program, batch, record, out, err);
}

// -- results --

static struct value or_null(double number)
{
    return isfinite(number) ? value_float(number) : value_null();
}

static struct value of_nothing(enum agg_function function)
{
    if (function == AGG_DISTINCT)
        return value_int(0);
    if (function == AGG_TOPK || function == AGG_COLLECT)
        return (struct value){.type = VALUE_ARRAY, .len = 2, .bytes = "[]"};
    return value_null();
}

static struct value cell_value(const struct agg_program *program, const struct agg_slot *slot,
                               const struct agg_op *op)
{
    const union agg_word *cell = slot_word_const(slot, op->at);
    switch ((enum agg_function)op->function) {
    case AGG_AVG:
        return or_null(sum_value(program, slot, op) / (double)cell[1].i);
    case AGG_SUM:
        return slot_is_float(slot, op) ? or_null(sum_value(program, slot, op)) : value_int(cell->i);
    case AGG_STDDEV: {
        const struct agg_spread *spread = (const void *)cell;
        return spread->n < 2 ? value_null() : or_null(sqrt(spread->m2 / (double)(spread->n - 1)));
    }
    case AGG_EWMA:
        return or_null(ewma_value((const void *)cell, op->parameter));
    case AGG_FIRST:
    case AGG_LAST:
        return ((const struct agg_pick *)(const void *)cell)->value;
    default: // min, max
        return slot_is_float(slot, op) ? value_float(cell->f) : value_int(cell->i);
    }
}

static struct value per_second(struct value value, double seconds)
{
    if (value.type == VALUE_NULL || seconds <= 0)
        return value_null();
    return or_null((value.type == VALUE_INT ? (double)value.i : value.f) / seconds);
}

int program_result(struct agg_program *program, const struct agg_slot *slot, uint32_t column,
                   double seconds, struct value *out)
{
    const struct agg_op *op = &program->ops[program->op_of[column]];
    enum agg_function function = (enum agg_function)op->function;
    if (function == AGG_COUNT) {
        *out = value_int(slot_word_const(slot, op->at)->i);
    } else if (!slot_saw(slot, op)) {
        *out = of_nothing(function);
    } else if (op->sketch) {
        struct sketch_env env = program_env(program, op);
        env.parameter = program->columns[column].parameter;
        int rc = op->sketch->result(&env, slot_sketch_const(slot, op->at), &program->text, out);
        if (rc)
            return rc;
        if (out->type == VALUE_FLOAT)
            *out = or_null(out->f);
    } else {
        *out = cell_value(program, slot, op);
    }
    if (program->columns[column].function == AGG_RATE)
        *out = per_second(*out, seconds);
    return 0;
}

void program_release(struct agg_program *program, struct agg_slot *slot)
{
    for (uint32_t i = 0; i < program->sums; i++)
        if (slot_is_float(slot, &program->ops[i]))
            pair_give(program, (uint32_t)slot_word(slot, program->ops[i].at)->u);
    for (uint32_t i = program->sums; i < program->op_count; i++) {
        const struct agg_op *op = &program->ops[i];
        if ((op->function == AGG_FIRST || op->function == AGG_LAST) && slot_saw(slot, op))
            value_disown(program->budget, &slot_pick(slot, op->at)->value);
        struct sketch_env env = program_env(program, op);
        if (op->sketch)
            op->sketch->release(&env, slot_sketch(slot, op->at));
    }
}
