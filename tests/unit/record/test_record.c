// SPDX-License-Identifier: MIT
#include "support/unit.h"
#include "unit/record/lane.h"
#include "base/alloc.h"
#include <math.h>

static struct value get(struct lane *lane, struct record *record, const char *name)
{
    return record_name(lane->batch, record, name, (uint32_t)strlen(name));
}

static void set(struct lane *lane, struct record *record, const char *name, struct value value)
{
    CU_ASSERT_EQUAL(record_set_name(lane->batch, record, name, (uint32_t)strlen(name), value), 0);
}

static bool is_text(struct value value, const char *text)
{
    return value.type == VALUE_STRING && value.len == strlen(text) &&
           memcmp(value.bytes, text, value.len) == 0;
}

static void test_reads(void)
{
    struct lane lane;
    lane_init(&lane);
    struct record *r = lane_record(
        &lane, "{\"s\":\"text\",\"e\":\"a\\u00e9\\ud83d\\ude00\\n\",\"i\":-42,\"max\":"
               "9223372036854775807,\"min\":-9223372036854775808,\"big\":9223372036854775808,"
               "\"f\":1.5,\"mz\":-0,\"t\":true,\"n\":null,\"o\":{\"x\":1},\"a\":[],"
               "\"i16\":1234567890123456,\"i17\":-12345678901234567,\"i9\":123456789}");
    CU_ASSERT(is_text(get(&lane, r, "s"), "text"));
    CU_ASSERT(is_text(get(&lane, r, "e"), "a\xc3\xa9\xf0\x9f\x98\x80\n"));
    CU_ASSERT_EQUAL(get(&lane, r, "i").i, -42);
    CU_ASSERT_EQUAL(get(&lane, r, "max").i, INT64_MAX);
    CU_ASSERT_EQUAL(get(&lane, r, "min").i, INT64_MIN);
    CU_ASSERT_EQUAL(get(&lane, r, "min").type, VALUE_INT);
    CU_ASSERT_EQUAL(get(&lane, r, "big").type, VALUE_FLOAT);
    CU_ASSERT(get(&lane, r, "big").f == 9223372036854775808.0);
    CU_ASSERT(get(&lane, r, "f").f == 1.5);
    CU_ASSERT(get(&lane, r, "mz").type == VALUE_FLOAT && signbit(get(&lane, r, "mz").f));
    CU_ASSERT(get(&lane, r, "t").type == VALUE_BOOL && get(&lane, r, "t").b);
    CU_ASSERT_EQUAL(get(&lane, r, "n").type, VALUE_NULL);
    CU_ASSERT_EQUAL(get(&lane, r, "o").type, VALUE_OBJECT);
    CU_ASSERT_EQUAL(get(&lane, r, "a").type, VALUE_ARRAY);
    CU_ASSERT_EQUAL(get(&lane, r, "gone").type, VALUE_ABSENT);
    CU_ASSERT_EQUAL(get(&lane, r, "i16").i, 1234567890123456);
    CU_ASSERT_EQUAL(get(&lane, r, "i17").i, -12345678901234567);
    CU_ASSERT_EQUAL(get(&lane, r, "i9").i, 123456789);
    CU_ASSERT_EQUAL(record_members(r), 15);
    CU_ASSERT(record_untouched(r));
    lane_deinit(&lane);
}

// Integers of every length at every distance from the front, where nothing may be read before it.
static void test_int_lengths(void)
{
    struct lane lane;
    lane_init(&lane);
    for (int digits = 1; digits <= 20; digits++)
        for (int name = 0; name < 20; name++)
            for (int minus = 0; minus < 2; minus++) {
                char text[80], number[24] = "-";
                int at = minus;
                for (int i = 0; i < digits; i++)
                    number[at++] = (char)('0' + (i * 7 + 1) % 10);
                number[at] = '\0';
                int len = snprintf(text, sizeof text, "{\"%.*s\":%s}", name,
                                   "abcdefghijklmnopqrstuvwxyz", number);
                struct record *r;
                CU_ASSERT_EQUAL(lane_read(&lane, text, (size_t)len, name % 2 ? CHUNK_PAD : 0, &r),
                                0);
                struct value value = record_get(lane.batch, r, 0);
                if (digits < 20) {
                    CU_ASSERT_EQUAL(value.type, VALUE_INT);
                    CU_ASSERT_EQUAL(value.i, strtoll(number, NULL, 10));
                } else {
                    CU_ASSERT(value.type == VALUE_FLOAT && value.f == strtod(number, NULL));
                }
            }
    lane_deinit(&lane);
}

static const struct {
    const char *text;
    const char *set[4]; // names; a leading '-' deletes, else the value is 7
    const char *wanted;
} writes[] = {
    {"{\"a\":1,\"b\":2,\"c\":3}", {NULL}, "{\"a\":1,\"b\":2,\"c\":3}"},
    {"{\"a\":1,\"b\":2,\"c\":3}", {"a"}, "{\"a\":7,\"b\":2,\"c\":3}"},
    {"{\"a\":1,\"b\":2,\"c\":3}", {"b"}, "{\"a\":1,\"b\":7,\"c\":3}"},
    {"{\"a\":1,\"b\":2,\"c\":3}", {"c"}, "{\"a\":1,\"b\":2,\"c\":7}"},
    {"{\"a\":1,\"b\":2,\"c\":3}", {"-a"}, "{\"b\":2,\"c\":3}"},
    {"{\"a\":1,\"b\":2,\"c\":3}", {"-b"}, "{\"a\":1,\"c\":3}"},
    {"{\"a\":1,\"b\":2,\"c\":3}", {"-c"}, "{\"a\":1,\"b\":2}"},
    {"{\"a\":1,\"b\":2,\"c\":3}", {"-a", "-b", "-c"}, "{}"},
    {"{\"a\":1,\"b\":2,\"c\":3}", {"-a", "c", "d"}, "{\"b\":2,\"c\":7,\"d\":7}"},
    {"{\"a\":1}", {"-a", "a"}, "{\"a\":7}"},
    {"{\"a\":1}", {"b", "-b"}, "{\"a\":1}"},
    {"{\"a\":1}", {"-b"}, "{\"a\":1}"},
    {"{}", {"a", "b", "-a"}, "{\"b\":7}"},
    {" { \"a\" : \"x\" , \"b\" : [ 1 , 2 ] } ",
     {"c"},
     "{\"a\" : \"x\" , \"b\" : [ 1 , 2 ],\"c\":7}"},
    {" { \"a\" : \"x\" , \"b\" : 2 } ", {"-a"}, "{\"b\" : 2}"},
    {" { \"a\" : \"x\" , \"b\" : 2 } ", {"a"}, "{\"a\" : 7,\"b\" : 2}"},
    {"{\n \"a\" : \"x y\",\n \"b\" : [ 1 ]\n}\n", {"c"}, "{\"a\":\"x y\",\"b\":[1],\"c\":7}"},
    {"{\"a\":1,\"b\":2,\"a\":3}", {"a"}, "{\"b\":2,\"a\":7}"},
    {"{\"a\":1,\"b\":2,\"a\":3}", {"-a"}, "{\"b\":2}"},
    {"{\"a\":1,\"b\":2,\"a\":3}", {"b"}, "{\"a\":1,\"b\":7,\"a\":3}"},
    {"{\"\\u0061\\\"\":\"\\u0061\",\"n\":1e2}",
     {"b"},
     "{\"\\u0061\\\"\":\"\\u0061\",\"n\":1e2,\"b\":7}"},
    {"{\"a\":123456789012345678901234567890,\"b\":1.0}",
     {"c"},
     "{\"a\":123456789012345678901234567890,\"b\":1.0,\"c\":7}"},
    {"{\"a\":1}", {"q\"\n"}, "{\"a\":1,\"q\\\"\\n\":7}"},
    {"[1,2]", {"value"}, "7"},
    {"[1, 2]", {"x"}, "{\"value\":[1, 2],\"x\":7}"},
    {"\"s\"", {"x"}, "{\"value\":\"s\",\"x\":7}"},
    {"\"s\"", {"x", "-value"}, "{\"x\":7}"},
    {"12345678901234567890", {"x"}, "{\"value\":12345678901234567890,\"x\":7}"},
    {"null", {"-value"}, "{}"},
};

static void test_writes(void)
{
    struct lane lane;
    lane_init(&lane);
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++) {
        struct record *r = lane_record(&lane, writes[i].text);
        for (int k = 0; k < 4 && writes[i].set[k]; k++) {
            const char *name = writes[i].set[k];
            if (*name == '-')
                set(&lane, r, name + 1, value_absent());
            else
                set(&lane, r, name, value_int(7));
        }
        CHECK_TEXT(lane_json(&lane, r), writes[i].wanted);
    }
    lane_deinit(&lane);
}

static void test_value_kinds_are_written(void)
{
    struct lane lane;
    lane_init(&lane);
    struct record *r = batch_add(lane.batch);
    set(&lane, r, "n", value_null());
    set(&lane, r, "b", value_bool(false));
    set(&lane, r, "i", value_int(INT64_MIN));
    set(&lane, r, "f", value_float(50));
    set(&lane, r, "z", value_float(-0.0));
    set(&lane, r, "s", value_string("a\"\\\b\f\n\r\t\x01\x1f/\x7f\xc3\xa9 and more text", 28));
    set(&lane, r, "o", (struct value){.type = VALUE_OBJECT, .len = 2, .bytes = "{}"});
    CHECK_TEXT(
        lane_json(&lane, r),
        "{\"n\":null,\"b\":false,\"i\":-9223372036854775808,\"f\":50.0,\"z\":-0.0,"
        "\"s\":\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f/\x7f\xc3\xa9 and more text\",\"o\":{}}");
    CU_ASSERT_EQUAL(record_members(r), 7);
    set(&lane, r, "bad", value_float(NAN));
    size_t before = lane.out.len;
    CU_ASSERT_EQUAL(json_write(lane.batch, r, &lane.out, &lane.err), ERR_DATA);
    CU_ASSERT_EQUAL(lane.out.len, before);
    CHECK_TEXT(lane.err.text, "member 'bad': a number that JSON cannot hold (NaN or infinity)");
    lane_deinit(&lane);
}

static void test_mark_and_rollback(void)
{
    struct lane lane;
    struct record_mark mark;
    lane_init(&lane);
    struct record *r = lane_record(&lane, "{\"a\":1,\"o\":{\"x\":[1]}}");
    record_mark(lane.batch, r, &mark);
    set(&lane, r, "a", value_int(2));
    set(&lane, r, "new", value_int(3));
    struct node *node = node_enter(lane.batch, r, 1);
    CU_ASSERT_EQUAL(node_set(lane.batch, node, "x", 1, value_null()), 0);
    CHECK_TEXT(lane_json(&lane, r), "{\"a\":2,\"o\":{\"x\":null},\"new\":3}");
    record_rollback(r, &mark);
    CHECK_TEXT(lane_json(&lane, r), "{\"a\":1,\"o\":{\"x\":[1]}}");
    CU_ASSERT(record_untouched(r));
    // The same with cells and a changed node already there.
    set(&lane, r, "a", value_int(5));
    node = node_enter(lane.batch, r, 1);
    CU_ASSERT_EQUAL(node_set(lane.batch, node, "y", 1, value_int(1)), 0);
    record_mark(lane.batch, r, &mark);
    set(&lane, r, "b", value_int(6));
    node = node_enter(lane.batch, r, 1);
    struct node *inner = node_enter_member(lane.batch, node, 0);
    CU_ASSERT_EQUAL(node_set_at(lane.batch, inner, 1, value_int(2)), 0);
    CHECK_TEXT(lane_json(&lane, r), "{\"a\":5,\"o\":{\"x\":[1,2],\"y\":1},\"b\":6}");
    record_rollback(r, &mark);
    CHECK_TEXT(lane_json(&lane, r), "{\"a\":5,\"o\":{\"x\":[1],\"y\":1}}");
    set(&lane, r, "a", value_int(8));
    CHECK_TEXT(lane_json(&lane, r), "{\"a\":8,\"o\":{\"x\":[1],\"y\":1}}");
    lane_deinit(&lane);
}

static void test_thousands_of_members(void)
{
    struct lane lane;
    lane_init(&lane);
    struct record *r = batch_add(lane.batch);
    char name[16];
    for (int i = 0; i < 1500; i++) {
        snprintf(name, sizeof name, "field%d", i);
        const char *kept = batch_copy(lane.batch, name, strlen(name));
        CU_ASSERT_EQUAL(record_set_name(lane.batch, r, kept, (uint32_t)strlen(name), value_int(i)),
                        0);
    }
    for (int i = 0; i < 1500; i++) {
        snprintf(name, sizeof name, "field%d", i);
        CU_ASSERT_EQUAL(get(&lane, r, name).i, i);
    }
    CU_ASSERT_EQUAL(record_members(r), 1500);
    lane_deinit(&lane);
}

// Every allocation on the way fails once: an error, and nothing lost or changed by half.
static void test_out_of_memory(void)
{
    for (uint64_t n = 1; n < 200; n++) {
        mem_fail_at(n, false);
        struct shape_table *shapes = shape_table_new();
        struct batch_pool *pool = shapes ? batch_pool_new(shapes) : NULL;
        struct json_reader *reader = pool ? json_reader_new(shapes, NULL) : NULL;
        struct batch *batch = pool ? batch_new(pool) : NULL;
        struct buf out;
        static char text[256] = "{\"a\":\"\\n\",\"\\t\":{\"x\":[1,{\"y\":2}]},\"c\":3}";
        buf_init(&out, 4096);
        struct record *r = batch ? batch_add(batch) : NULL;
        if (reader && r) {
            int code = json_read(reader, batch, text, strlen(text), CHUNK_PAD, r, NULL);
            if (!code) {
                struct node *node = node_enter(batch, r, 1);
                if (node)
                    code = node_set(batch, node, "z", 1, value_int(1));
                code = code ? code : record_set_name(batch, r, "new", 3, value_int(1));
                code = code ? code : json_write(batch, r, &out, NULL);
            }
            CU_ASSERT(code == 0 || code == ERR_NOMEM);
        }
        bool failed = mem_fail_count() > 0;
        mem_fail_at(0, false);
        buf_deinit(&out);
        batch_unref(batch);
        json_reader_free(reader);
        batch_pool_free(pool);
        shape_table_free(shapes);
        if (!failed)
            return; // all of them were met
    }
    CU_FAIL("the walk over the allocations did not end");
}

static CU_TestInfo cases[] = {
    {"members read as what they are", test_reads},
    {"integers of every length", test_int_lengths},
    {"writes copy what is untouched", test_writes},
    {"every kind of value is written", test_value_kinds_are_written},
    {"a mark takes everything back", test_mark_and_rollback},
    {"thousands of members", test_thousands_of_members},
    {"running out of memory", test_out_of_memory},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("record", cases))
