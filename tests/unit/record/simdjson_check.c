// SPDX-License-Identifier: MIT
#include "simdjson_shim.h"
#include "support/unit.h"
#include "unit/record/mutate.h"
#include "unit/record/paths.h"

// What we and simdjson make of mutated documents, as texts that are compared: types, integers, the
// bits of doubles, decoded strings, names, nesting and order.

enum { MUTANTS = 40000 };

static void put_word(void *arg, char kind)
{
    CU_ASSERT_EQUAL_FATAL(buf_append(arg, &kind, 1), 0);
}

static void put_integer(void *arg, long long value)
{
    buf_printf(arg, "i%lld,", value);
}

// Zero is zero: simdjson reads -0 as the integer 0.
static void put_number(void *arg, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (value == 0)
        put_integer(arg, 0);
    else
        buf_printf(arg, "d%016llx,", (unsigned long long)bits);
}

static void put_string(void *arg, char kind, const char *text, size_t len)
{
    buf_printf(arg, "%c%zu:", kind, len);
    CU_ASSERT_EQUAL_FATAL(buf_append(arg, text, len), 0);
}

static void put_value(struct batch *batch, struct buf *out, struct value value);

static void put_node(struct batch *batch, struct buf *out, struct value value)
{
    struct node *around = node_new(batch, true);
    CU_ASSERT_FATAL(around && node_set_at(batch, around, 0, value) == 0);
    struct node *node = node_enter_member(batch, around, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(node);
    put_word(out, node->is_array ? '[' : '{');
    for (uint32_t i = 0; i < node->count; i++) {
        if (!node->is_array)
            put_string(out, 'k', node->members[i].name, node->members[i].name_len);
        put_value(batch, out, node->members[i].value);
    }
    put_word(out, node->is_array ? ']' : '}');
}

static void put_value(struct batch *batch, struct buf *out, struct value value)
{
    switch ((enum value_type)value.type) {
    case VALUE_NULL:
        put_word(out, 'n');
        break;
    case VALUE_BOOL:
        put_word(out, value.b ? 't' : 'f');
        break;
    case VALUE_INT:
        if (value.i == 0)
            put_number(out, 0);
        else
            put_integer(out, value.i);
        break;
    case VALUE_FLOAT:
        put_number(out, value.f);
        break;
    case VALUE_STRING:
        put_string(out, 's', value.bytes, value.len);
        break;
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        put_node(batch, out, value);
        break;
    case VALUE_UNSET:
    case VALUE_ABSENT:
        CU_FAIL("a value that is not there");
        break;
    }
}

static void put_record(struct batch *batch, struct buf *out, struct record *record)
{
    bool whole = record->flags & RECORD_WHOLE;
    if (!whole)
        put_word(out, '{');
    for (uint32_t i = 0; i < record->wire; i++) {
        const struct shape_name *name = &record->shape->names[i];
        if (!whole)
            put_string(out, 'k', name->bytes, name->len);
        put_value(batch, out, record_get(batch, record, (int32_t)i));
    }
    if (!whole)
        put_word(out, '}');
}

static bool has_long_number(const char *text, size_t len)
{
    size_t digits = 0;
    for (size_t i = 0; i < len; i++) {
        digits = text[i] >= '0' && text[i] <= '9' ? digits + 1 : 0;
        if (digits >= 19)
            return true;
    }
    return false;
}

static void check_reading(struct lane *lane, const struct reading *reading,
                          const struct mutator *mutant, int theirs, const struct buf *told)
{
    struct record *record;
    if (!use_reading(lane, reading))
        return;
    buf_clear(&lane->out);
    size_t pad = reading->padded ? CHUNK_PAD : 0;
    int code = lane_read(lane, mutant->text, mutant->len, pad, &record);
    if (code == 0)
        put_record(lane->batch, &lane->out, record);
    bool same = (code == 0) == (theirs > 0);
    if (same && code == 0)
        same = lane->out.len == told->len && memcmp(lane->out.data, told->data, told->len) == 0;
    CU_ASSERT(same);
    if (!same)
        fprintf(stderr, "\n  %s (path %d) %s: <<%.*s>>\n  ours   %.*s\n  theirs %.*s\n",
                reading->name, (int)reading->path, code ? lane->err.text : "accepted",
                (int)mutant->len, mutant->text, (int)lane->out.len, lane->out.data, (int)told->len,
                told->data);
}

static void test_agrees(void)
{
    struct buf told;
    struct lane lane;
    size_t taken = 0;
    struct mutator mutator = {.state = 424242};
    const struct simdjson_teller teller = {.arg = &told,
                                           .word = put_word,
                                           .integer = put_integer,
                                           .number = put_number,
                                           .string = put_string};
    buf_init(&told, 1 << 20);
    lane_init(&lane);
    for (int i = 0; i < MUTANTS; i++) {
        mutator_next(&mutator, 3);
        buf_clear(&told);
        int theirs = simdjson_tell(mutator.text, mutator.len, &teller);
        if (theirs < 0 && has_long_number(mutator.text, mutator.len))
            continue;
        taken += theirs > 0;
        for (size_t r = 0; r < READINGS; r++)
            check_reading(&lane, &readings[r], &mutator, theirs, &told);
    }
    CU_ASSERT(taken > MUTANTS / 5); // both sorts were there
    CU_ASSERT(taken < MUTANTS * 4 / 5);
    buf_deinit(&told);
    lane_deinit(&lane);
}

static CU_TestInfo cases[] = {
    {"takes and refuses as simdjson does, and reads the same values", test_agrees},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("simdjson", cases))
