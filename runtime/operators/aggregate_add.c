// SPDX-License-Identifier: MIT
#include "operators/sketch.h"

// Values into slots, and slots into slots: first all that can fail, then all that changes.

static int overflow(const struct agg_program *program, const struct agg_op *op, struct error *err)
{
    return error_set(err, ERR_DATA, "field '%s': %s overflows",
                     program->inputs[op->input].path.text,
                     agg_function_name((enum agg_function)op->function));
}

// Undoes the sums up to and with `failed`, whose total has wrapped.
static void take_back(struct agg_program *program, struct agg_slot *slot,
                      const struct agg_values *in, const struct agg_op *failed)
{
    for (const struct agg_op *op = program->ops; op <= failed; op++) {
        union agg_word *cell = slot_word(slot, op->at);
        cell->u -= (uint64_t)in->values[op->input].i;
        if (op->function == AGG_AVG && op != failed)
            cell[1].i--;
    }
}

// All values are integers and so are all cells: no value is looked at twice. An overflow takes back
// the sums before it; nothing behind the sums can fail.
static int add_ints(struct agg_program *program, struct agg_slot *slot, const struct agg_values *in,
                    struct error *err)
{
    const struct agg_op *op = program->ops, *sums_end = op + program->sums;
    for (; op < sums_end; op++) {
        union agg_word *cell = slot_word(slot, op->at);
        if (__builtin_add_overflow(cell->i, in->values[op->input].i, &cell->i)) {
            take_back(program, slot, in, op);
            return overflow(program, op, err);
        }
        if (op->function == AGG_AVG)
            cell[1].i++;
    }
    for (const struct agg_op *end = program->ops + program->op_count; op < end; op++) {
        union agg_word *cell = slot_word(slot, op->at);
        if (op->function == AGG_COUNT) {
            cell->i++;
            continue;
        }
        int64_t number = in->values[op->input].i;
        bool better = op->function == AGG_MIN ? number < cell->i : number > cell->i;
        if (better || !slot_saw(slot, op))
            cell->i = number;
    }
    slot->words[0] |= (uint32_t)program->all_ops;
    if (program->op_count > AGG_FLAG_OPS)
        slot->words[1] |= program->all_ops >> AGG_FLAG_OPS;
    return 0;
}

static bool op_has_value(const struct agg_op *op, const struct agg_values *in)
{
    return op->input == AGG_NO_INPUT || in->present >> op->input & 1;
}

static bool pick_wins(const struct agg_slot *slot, const struct agg_op *op,
                      const struct agg_pick *held, const struct agg_pick *pick)
{
    if (!slot_saw(slot, op))
        return true;
    return op->function == AGG_FIRST ? pick_before(pick, held) : !pick_before(pick, held);
}

// What is to be put into first and last cells, copied before anything is changed.
struct picks {
    uint64_t ops; // bits of those that win
    struct agg_pick picks[AGG_COLUMNS_MAX];
};

static void drop_picks(struct agg_program *program, struct picks *picks)
{
    for (uint32_t i = 0; i < program->op_count; i++)
        if (picks->ops >> i & 1)
            value_disown(program->budget, &picks->picks[i].value);
}

static int prepare_pick(struct agg_program *program, struct agg_slot *slot, uint32_t number,
                        const struct agg_pick *pick, struct picks *picks)
{
    const struct agg_op *op = &program->ops[number];
    if (!pick_wins(slot, op, slot_pick(slot, op->at), pick))
        return 0;
    picks->picks[number] = *pick;
    int rc = value_own(program->budget, pick->value, &picks->picks[number].value);
    if (!rc)
        picks->ops |= op->bit;
    return rc;
}

static void put_pick(struct agg_program *program, struct agg_slot *slot, uint32_t number,
                     const struct picks *picks)
{
    const struct agg_op *op = &program->ops[number];
    if (!(picks->ops & op->bit))
        return;
    value_disown(program->budget, &slot_pick(slot, op->at)->value);
    *slot_pick(slot, op->at) = picks->picks[number];
}

// Everything that can fail, without changing the slot.
static int check_any(struct agg_program *program, struct agg_slot *slot,
                     const struct agg_values *in, struct picks *picks, struct error *err)
{
    uint32_t widen = 0;
    for (uint32_t i = 0; i < program->op_count; i++) {
        const struct agg_op *op = &program->ops[i];
        if (!op_has_value(op, in))
            continue;
        int rc = 0;
        if (i < program->sums) {
            rc =
                sum_fits(program, slot, op, in->values[op->input]) ? 0 : overflow(program, op, err);
            widen += sum_widens(slot, op, in->values[op->input]);
        } else if (op->function == AGG_FIRST || op->function == AGG_LAST) {
            struct agg_pick pick = {in->values[op->input], in->time, in->offset, in->split};
            rc = prepare_pick(program, slot, i, &pick, picks);
        } else if (op->sketch) {
            struct agg_pick pick = {in->values[op->input], in->time, in->offset, in->split};
            struct sketch_env env = program_env(program, op);
            rc = op->sketch->reserve(&env, slot_sketch(slot, op->at), &pick);
        }
        if (rc)
            return rc;
    }
    return widen ? pairs_room(program, widen) : 0;
}

static void add_to_sketch(struct agg_program *program, struct agg_slot *slot,
                          const struct agg_op *op, const struct agg_values *in)
{
    struct agg_pick pick = {in->values[op->input], in->time, in->offset, in->split};
    struct sketch_env env = program_env(program, op);
    op->sketch->add(&env, slot_sketch(slot, op->at), &pick);
}

static double as_double(struct value number)
{
    return number.type == VALUE_INT ? (double)number.i : number.f;
}

static void add_any(struct agg_program *program, struct agg_slot *slot, uint32_t number,
                    const struct agg_values *in, const struct picks *picks)
{
    const struct agg_op *op = &program->ops[number];
    struct value value = op->input == AGG_NO_INPUT ? value_null() : in->values[op->input];
    switch ((enum agg_function)op->function) {
    case AGG_COUNT:
        slot_word(slot, op->at)->i++;
        break;
    case AGG_AVG:
        slot_word(slot, op->at + 1u)->i++;
        sum_add(program, slot, op, value);
        break;
    case AGG_SUM:
        sum_add(program, slot, op, value);
        break;
    case AGG_MIN:
    case AGG_MAX:
        extreme_add(slot, op, value);
        break;
    case AGG_STDDEV:
        spread_add(slot_spread(slot, op->at), as_double(value));
        break;
    case AGG_EWMA:
        ewma_add(slot_ewma(slot, op->at), op->parameter, as_double(value));
        break;
    case AGG_FIRST:
    case AGG_LAST:
        put_pick(program, slot, number, picks);
        break;
    default:
        add_to_sketch(program, slot, op, in);
        break;
    }
    slot->words[op->flags] |= op->saw;
}

static bool has_floats(const struct agg_program *program, const struct agg_slot *slot)
{
    return slot->words[0] >> AGG_FLAG_OPS ||
           (program->op_count > AGG_FLAG_OPS && slot->words[1] >> AGG_FLAG_OPS);
}

int program_add(struct agg_program *program, struct agg_slot *slot, const struct agg_values *in,
                struct error *err)
{
    if (program->plain && in->ints == program->all_inputs && !has_floats(program, slot))
        return add_ints(program, slot, in, err);
    struct picks picks;
    picks.ops = 0;
    int rc = check_any(program, slot, in, &picks, err);
    if (rc) {
        drop_picks(program, &picks);
        return rc;
    }
    for (uint32_t i = 0; i < program->op_count; i++)
        if (op_has_value(&program->ops[i], in))
            add_any(program, slot, i, in, &picks);
    return 0;
}

int program_fits(struct agg_program *program, const struct agg_slot *slot,
                 const struct agg_values *values, struct error *err)
{
    for (uint32_t i = 0; i < program->sums; i++) {
        const struct agg_op *op = &program->ops[i];
        if (op_has_value(op, values) && !sum_fits(program, slot, op, values->values[op->input]))
            return overflow(program, op, err);
    }
    return 0;
}

// -- merging --

// A sum without what it has lost.
static struct value sum_number(const struct agg_program *program, const struct agg_slot *slot,
                               const struct agg_op *op)
{
    return slot_is_float(slot, op) ? value_float(slot_pair(program, slot, op)->total)
                                   : value_int(slot_word_const(slot, op->at)->i);
}

static struct value extreme_number(const struct agg_slot *slot, const struct agg_op *op)
{
    const union agg_word *cell = slot_word_const(slot, op->at);
    return slot_is_float(slot, op) ? value_float(cell->f) : value_int(cell->i);
}

static int check_merge(struct agg_program *program, struct agg_slot *into,
                       const struct agg_slot *from, struct picks *picks, struct error *err)
{
    uint32_t widen = 0;
    for (uint32_t i = 0; i < program->op_count; i++) {
        const struct agg_op *op = &program->ops[i];
        if (!slot_saw(from, op))
            continue;
        int rc = 0;
        if (i < program->sums) {
            struct value number = sum_number(program, from, op);
            rc = sum_fits(program, into, op, number) ? 0 : overflow(program, op, err);
            widen += sum_widens(into, op, number);
        } else if (op->function == AGG_FIRST || op->function == AGG_LAST) {
            const void *pick = slot_word_const(from, op->at);
            rc = prepare_pick(program, into, i, pick, picks);
        } else if (op->sketch) {
            struct sketch_env env = program_env(program, op);
            rc = op->sketch->reserve_all(&env, slot_sketch(into, op->at),
                                         slot_sketch_const(from, op->at));
        }
        if (rc)
            return rc;
    }
    return widen ? pairs_room(program, widen) : 0;
}

static void merge_op(struct agg_program *program, struct agg_slot *into,
                     const struct agg_slot *from, uint32_t number, const struct picks *picks)
{
    const struct agg_op *op = &program->ops[number];
    const union agg_word *cell = slot_word_const(from, op->at);
    switch ((enum agg_function)op->function) {
    case AGG_COUNT:
        slot_word(into, op->at)->i += cell->i;
        break;
    case AGG_AVG:
        slot_word(into, op->at + 1u)->i += cell[1].i;
        // fall through
    case AGG_SUM:
        sum_add(program, into, op, sum_number(program, from, op));
        if (slot_is_float(from, op))
            slot_pair(program, into, op)->lost += slot_pair(program, from, op)->lost;
        break;
    case AGG_MIN:
    case AGG_MAX:
        extreme_add(into, op, extreme_number(from, op));
        break;
    case AGG_STDDEV:
        spread_merge(slot_spread(into, op->at), (const void *)cell);
        break;
    case AGG_EWMA:
        ewma_merge(slot_ewma(into, op->at), op->parameter, (const void *)cell);
        break;
    case AGG_FIRST:
    case AGG_LAST:
        put_pick(program, into, number, picks);
        break;
    default: {
        struct sketch_env env = program_env(program, op);
        op->sketch->add_all(&env, slot_sketch(into, op->at), slot_sketch_const(from, op->at));
        break;
    }
    }
    into->words[op->flags] |= op->saw;
}

int program_merge(struct agg_program *program, struct agg_slot *into, const struct agg_slot *from,
                  struct error *err)
{
    struct picks picks;
    picks.ops = 0;
    int rc = check_merge(program, into, from, &picks, err);
    if (rc) {
        drop_picks(program, &picks);
        return rc;
    }
    for (uint32_t i = 0; i < program->op_count; i++)
        if (slot_saw(from, &program->ops[i]))
            merge_op(program, into, from, i, &picks);
    return 0;
}
