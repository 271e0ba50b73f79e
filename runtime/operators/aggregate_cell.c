// SPDX-License-Identifier: MIT
#include "operators/aggregate_cell.h"
#include "base/alloc.h"
#include "record/json.h"
#include <math.h>

uint32_t cell_words(enum agg_function function)
{
    switch (function) {
    case AGG_AVG:
        return 2;
    case AGG_EWMA:
        return sizeof(struct agg_ewma) / 8;
    case AGG_STDDEV:
        return sizeof(struct agg_spread) / 8;
    case AGG_FIRST:
    case AGG_LAST:
        return sizeof(struct agg_pick) / 8;
    default:
        return 1;
    }
}

// An integer and a float, without rounding either.
static int compare_mixed(int64_t i, double f)
{
    if (f >= 0x1p63)
        return -1;
    if (f < -0x1p63)
        return 1;
    int64_t whole = (int64_t)f;
    if (i != whole)
        return i < whole ? -1 : 1;
    double rest = f - (double)whole;
    return rest > 0 ? -1 : rest < 0;
}

int number_compare(struct value a, struct value b)
{
    if (a.type == VALUE_INT && b.type == VALUE_INT)
        return a.i < b.i ? -1 : a.i > b.i;
    if (a.type == VALUE_INT)
        return compare_mixed(a.i, b.f);
    if (b.type == VALUE_INT)
        return -compare_mixed(b.i, a.f);
    return a.f < b.f ? -1 : a.f > b.f;
}

bool pick_before(const struct agg_pick *a, const struct agg_pick *b)
{
    if (a->time != b->time)
        return a->time < b->time;
    if (a->split != b->split)
        return a->split < b->split;
    return a->offset < b->offset;
}

static double as_double(struct value number)
{
    return number.type == VALUE_INT ? (double)number.i : number.f;
}

bool sum_fits(const struct agg_program *program, const struct agg_slot *slot,
              const struct agg_op *op, struct value number)
{
    int64_t sum;
    if (slot_is_float(slot, op))
        return isfinite(slot_pair(program, slot, op)->total + as_double(number));
    int64_t total = slot_word_const(slot, op->at)->i;
    if (number.type == VALUE_INT)
        return !__builtin_add_overflow(total, number.i, &sum);
    return isfinite((double)total + number.f);
}

// Neumaier: what the addition loses is kept.
static void add_double(struct agg_pair *pair, double number)
{
    double sum = pair->total + number;
    if (fabs(pair->total) >= fabs(number))
        pair->lost += (pair->total - sum) + number;
    else
        pair->lost += (number - sum) + pair->total;
    pair->total = sum;
}

static void widen(struct agg_program *program, struct agg_slot *slot, const struct agg_op *op)
{
    union agg_word *cell = slot_word(slot, op->at);
    int64_t whole = cell->i;
    slot->words[op->flags] |= op->is_float;
    cell->u = pair_take(program);
    struct agg_pair *pair = slot_pair(program, slot, op);
    pair->total = (double)whole;
    // What the conversion rounded off (beyond 2^53); 2^63 itself is not an int64.
    if (pair->total < 0x1p63)
        pair->lost = (double)(whole - (int64_t)pair->total);
    else
        pair->lost = (double)(whole - INT64_MAX) - 1;
}

void sum_add(struct agg_program *program, struct agg_slot *slot, const struct agg_op *op,
             struct value number)
{
    if (!slot_is_float(slot, op)) {
        if (number.type == VALUE_INT) {
            slot_word(slot, op->at)->i += number.i;
            return;
        }
        widen(program, slot, op);
    }
    add_double(slot_pair(program, slot, op), as_double(number));
}

double sum_value(const struct agg_program *program, const struct agg_slot *slot,
                 const struct agg_op *op)
{
    if (!slot_is_float(slot, op))
        return (double)slot_word_const(slot, op->at)->i;
    const struct agg_pair *pair = slot_pair(program, slot, op);
    return pair->total + pair->lost;
}

void extreme_add(struct agg_slot *slot, const struct agg_op *op, struct value number)
{
    union agg_word *cell = slot_word(slot, op->at);
    if (slot_saw(slot, op)) {
        struct value held = slot_is_float(slot, op) ? value_float(cell->f) : value_int(cell->i);
        int order = number_compare(number, held);
        if (op->function == AGG_MIN ? order >= 0 : order <= 0)
            return;
    }
    uint64_t *flags = &slot->words[op->flags];
    *flags = number.type == VALUE_FLOAT ? *flags | op->is_float : *flags & ~op->is_float;
    cell->u = (union agg_word){.i = number.i}.u;
    if (number.type == VALUE_FLOAT)
        cell->f = number.f;
}

void spread_add(struct agg_spread *spread, double number)
{
    spread->n++;
    double delta = number - spread->mean;
    spread->mean += delta / (double)spread->n;
    spread->m2 += delta * (number - spread->mean);
}

// Chan, Golub and LeVeque.
void spread_merge(struct agg_spread *into, const struct agg_spread *from)
{
    if (from->n == 0)
        return;
    double a = (double)into->n, b = (double)from->n, delta = from->mean - into->mean;
    into->n += from->n;
    into->mean += delta * b / (a + b);
    into->m2 += from->m2 + delta * delta * a * b / (a + b);
}

void ewma_add(struct agg_ewma *ewma, double alpha, double number)
{
    ewma->sum = (1 - alpha) * ewma->sum + alpha * number;
    ewma->n++;
}

void ewma_merge(struct agg_ewma *into, double alpha, const struct agg_ewma *from)
{
    into->sum = into->sum * pow(1 - alpha, (double)from->n) + from->sum;
    into->n += from->n;
}

double ewma_value(const struct agg_ewma *ewma, double alpha)
{
    return ewma->sum / (1 - pow(1 - alpha, (double)ewma->n));
}

static int own_bytes(struct state_budget *budget, struct value value, struct value *out)
{
    int rc = budget_take(budget, value.len);
    if (rc)
        return rc;
    char *bytes = mem_alloc(value.len);
    if (!bytes) {
        budget_give(budget, value.len);
        return ERR_NOMEM;
    }
    if (value.len)
        memcpy(bytes, value.bytes, value.len);
    *out = (struct value){.type = value.type, .len = value.len, .bytes = bytes};
    return 0;
}

int value_own(struct state_budget *budget, struct value value, struct value *out)
{
    *out = value;
    if (value.type < VALUE_STRING)
        return 0;
    if (!(value.flags & VALUE_IS_NODE))
        return own_bytes(budget, value, out);
    struct buf text;
    buf_init(&text, UINT32_MAX);
    int rc = json_write_value(value, &text, NULL);
    if (!rc) {
        struct value flat = {.type = value.type, .len = (uint32_t)text.len, .bytes = text.data};
        rc = own_bytes(budget, flat, out);
    }
    buf_deinit(&text);
    return rc;
}

void value_disown(struct state_budget *budget, struct value *value)
{
    if (value->type >= VALUE_STRING) {
        mem_free((void *)(uintptr_t)value->bytes);
        budget_give(budget, value->len);
    }
    *value = value_absent();
}
