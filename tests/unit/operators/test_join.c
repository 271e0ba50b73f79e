// SPDX-License-Identifier: MIT
#include "operators/join.h"
#include "base/alloc.h"
#include "operator_test.h"
#include "time/watermark.h"

static void give(struct one_operator *one, uint32_t side, const char *json, int64_t time)
{
    one->input = side;
    CU_ASSERT_PTR_NOT_NULL_FATAL(one_send(one, json, time));
    CU_ASSERT_EQUAL(one_process(one), OP_DONE);
}

static void check_sorted(struct one_operator *one, const char *wanted)
{
    char *text = one_take(one, PORT_OUT);
    CHECK_TEXT(text, wanted);
    free(text);
}

// -- what a result looks like --

struct names_case {
    const char *name, *options, *left, *right, *wanted;
};

static const struct names_case names_cases[] = {
    {"the key once, then both", "", "{\"k\":1,\"a\":2}", "{\"b\":[1,2],\"k\":1}",
     "5 {\"k\":1,\"a\":2,\"b\":[1,2]}\n"},
    {"a name of both", "", "{\"k\":1,\"v\":2}", "{\"k\":1,\"v\":\"x\\n\",\"w\":null}",
     "5 {\"k\":1,\"v\":2,\"right_v\":\"x\\n\",\"w\":null}\n"},
    {"a name that is taken as well", "", "{\"k\":1,\"v\":2,\"right_v\":3}", "{\"k\":1,\"v\":4}",
     "5 {\"k\":1,\"v\":2,\"right_v\":3,\"right_right_v\":4}\n"},
    {"digits and escapes of the left as they came", "",
     "{ \"k\" : 1, \"v\":1.50, \"w\":\"\\u0041\" }", "{\"k\":1}",
     "5 { \"k\" : 1, \"v\":1.50, \"w\":\"\\u0041\" }\n"},
    {"a prefix", "prefix: r_", "{\"k\":1,\"v\":2}", "{\"k\":1,\"v\":3,\"w\":4}",
     "5 {\"k\":1,\"v\":2,\"r_v\":3,\"r_w\":4}\n"},
    {"two prefixes", "prefix: { left: l., right: r. }", "{\"k\":1,\"v\":2}", "{\"k\":1,\"v\":3}",
     "5 {\"k\":1,\"l.v\":2,\"r.v\":3}\n"},
    {"selected", "select: { a: left.v, b: right.w.0.x, c: right.no, d: left.k }",
     "{\"k\":1,\"v\":{\"y\":2}}", "{\"k\":1,\"w\":[{\"x\":\"z\"}]}",
     "5 {\"a\":{\"y\":2},\"b\":\"z\",\"d\":1}\n"},
    {"a member twice", "", "{\"k\":1,\"v\":2}", "{\"k\":1,\"w\":3,\"w\":4}",
     "5 {\"k\":1,\"v\":2,\"w\":4}\n"},
};

static void names(void)
{
    for (size_t i = 0; i < sizeof names_cases / sizeof *names_cases; i++) {
        const struct names_case *c = &names_cases[i];
        struct one_operator one;
        char options[256];
        (void)snprintf(options, sizeof options, "on: k\nttl: 10ms\n%s", c->options);
        build(&one, &join_class, options);
        give(&one, JOIN_LEFT, c->left, 5);
        give(&one, JOIN_RIGHT, c->right, 1);
        check_sorted(&one, c->wanted);
        one_deinit(&one);
    }
}

static void big_numbers(void)
{
    struct one_operator one;
    build(&one, &join_class, "on: k\nttl: 10ms\n");
    give(&one, JOIN_LEFT, "{\"k\":1,\"v\":123456789012345678901234567890}", 5);
    give(&one, JOIN_RIGHT, "{\"k\":1,\"w\":9007199254740993,\"x\":0.1}", 1);
    check_sorted(&one, "5 {\"k\":1,\"v\":123456789012345678901234567890,\"w\":9007199254740993,"
                       "\"x\":0.1}\n");
    one_deinit(&one);
}

// -- full outputs --

static const char *const kinds[] = {"interval: { before: 20ms, after: 20ms }",
                                    "ttl: 20ms",
                                    "window: { tumbling: 100ms }",
                                    "window: { sliding: 100ms, every: 50ms }",
                                    "window: { session: 10ms }",
                                    "table: right"};

static void send_many(struct one_operator *one)
{
    char json[64];
    for (int i = 0; i < 60; i++) {
        (void)snprintf(json, sizeof json, "{\"k\":%d,\"%c\":%d}", i % 3, i % 2 ? 'r' : 'l', i);
        // Some stand apart, and are bridged later.
        give(one, i % 2 ? JOIN_RIGHT : JOIN_LEFT, json, i % 7 ? i / 5 * 5 : 500 + i * 15);
        if (i == 30)
            CU_ASSERT_EQUAL(one_watermark(one, 3), OP_DONE);
    }
    CU_ASSERT_EQUAL(one_watermark(one, WATERMARK_END), OP_DONE);
}

static void build_kind(struct one_operator *one, const char *kind)
{
    char options[128];
    (void)snprintf(options, sizeof options, "on: k\n%s\nkind: %s\n", kind,
                   strstr(kind, "table") ? "left" : "outer");
    build(one, &join_class, options);
}

static void full_outputs(void)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct one_operator one, tight;
        build_kind(&one, kinds[i]);
        send_many(&one);
        check_accounts(&one, 60);
        build_kind(&tight, kinds[i]);
        tight.outputs.room = 1;
        tight.outputs.late = true;
        send_many(&tight);
        check_accounts(&tight, 60);
        CU_ASSERT(tight.agains > 20);
        char *wanted = one_take(&one, PORT_OUT), *got = one_take(&tight, PORT_OUT);
        CU_ASSERT(strlen(wanted) > 100);
        CHECK_TEXT(got, wanted);
        free(wanted);
        free(got);
        struct operator_state state;
        tight.op->measure(tight.op, &state);
        CU_ASSERT_EQUAL(state.windows, 0);
        if (!strstr(kinds[i], "table"))
            CU_ASSERT_EQUAL(state.keys, 0);
        one_deinit(&tight);
        one_deinit(&one);
    }
}

// -- limits and memory --

static void limit(void)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct one_operator one;
        char options[128], json[64];
        (void)snprintf(options, sizeof options, "on: k\n%s\nlimits: { state: 16KiB }\n", kinds[i]);
        build(&one, &join_class, options);
        for (int k = 0; k < 500; k++) {
            (void)snprintf(json, sizeof json, "{\"k\":%d}", k);
            give(&one, JOIN_LEFT, json, k);
        }
        CU_ASSERT(one.outputs.error_count > 100);
        CHECK_HAS(one.outputs.errors[0], "the state has reached its limit of 16384 bytes (");
        check_accounts(&one, 500);
        struct operator_state state;
        one.op->measure(one.op, &state);
        CU_ASSERT(state.bytes <= 16384 && state.keys > 20);
        CU_ASSERT_EQUAL(one_watermark(&one, WATERMARK_END), OP_DONE);
        one.op->measure(one.op, &state);
        CU_ASSERT(state.bytes < 16384); // tables keep their room
        one_deinit(&one);
    }
}

// Each allocation fails in turn: an error of the record, or of the result, and nothing else.
static void memory(void)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        for (uint64_t n = 1; n < 40; n++) {
            struct one_operator one;
            build_kind(&one, kinds[i]);
            give(&one, JOIN_LEFT, "{\"k\":1,\"a\":2}", 5);
            mem_fail_at(n, false);
            one.input = JOIN_RIGHT;
            if (one_send(&one, "{\"k\":1,\"b\":2}", 6))
                (void)one_process(&one);
            one.input = JOIN_LEFT;
            if (one_send(&one, "{\"k\":\"far longer than it fits into an entry\",\"c\":3}", 7))
                (void)one_process(&one);
            mem_fail_at(0, false);
            CU_ASSERT_EQUAL(one_watermark(&one, WATERMARK_END), OP_DONE);
            one_deinit(&one);
        }
    }
}

// -- records that do not fit --

static void bad_records(void)
{
    static const struct {
        const char *json, *error;
        int64_t time;
    } cases[] = {
        {"{\"x\":1}", "field 'k' (on, right) is absent", 1},
        {"{\"k\":[1]}", "field 'k' (on, right): array is no key", 1},
        {"{\"k\":\"1\"}",
         "field 'k' (on, right) is a string, but 'k' of the left side has only "
         "been numbers: they never match",
         1},
        {"{\"k\":1}", "the record has no event time", TIME_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct one_operator one;
        build(&one, &join_class, "on: k\nttl: 10ms\n");
        give(&one, JOIN_LEFT, "{\"k\":1}", 1);
        give(&one, JOIN_RIGHT, cases[i].json, cases[i].time);
        CU_ASSERT_EQUAL_FATAL(one.outputs.error_count, 1);
        CHECK_HAS(one.outputs.errors[0], cases[i].error);
        check_accounts(&one, 2);
        one_deinit(&one);
    }
}

// Once both sides have had a common type, others may be among them.
static void mixed_types(void)
{
    struct one_operator one;
    build(&one, &join_class, "on: k\nttl: 10ms\n");
    give(&one, JOIN_LEFT, "{\"k\":1}", 1);
    give(&one, JOIN_RIGHT, "{\"k\":2.5}", 1);
    give(&one, JOIN_RIGHT, "{\"k\":\"1\"}", 1);
    give(&one, JOIN_LEFT, "{\"k\":\"1\",\"l\":1}", 1);
    CU_ASSERT_EQUAL(one.outputs.error_count, 0);
    check_sorted(&one, "1 {\"k\":\"1\",\"l\":1}\n");
    one_deinit(&one);
}

static void wrong_options(void)
{
    static const struct {
        const char *options, *error;
    } cases[] = {
        {"on: k\n", "how long may a record wait for its match? one of `window:"},
        {"on: k\nttl: 1s\ntable: true\n", "how long may a record wait"},
        {"on: [a, b]\nttl: 1s\nwindow: { tumbling: 1s }\n", "how long may a record wait"},
        {"on: { left: a }\nttl: 1s\n", "on: expected a field, a list of fields, or"},
        {"on: { left: a, right: [b, c] }\nttl: 1s\n", "on: 1 fields on the left, 2 on the right"},
        {"on: []\nttl: 1s\n", "on: no field"},
        {"on: k\nwindow: { sliding: 1s }\n", "a sliding window needs `every:`"},
        {"on: k\nwindow: { tumbling: 1s, session: 1s }\n", "window: what kind?"},
        {"on: k\nwindow: { tumbling: 1s, offset: 2s }\n", "offset"},
        {"on: k\nwindow: { sliding: 1h, every: 1ms }\n", "a record would be in 3600000 windows"},
        {"on: k\ninterval: { before: -5s, after: 2s }\n", "interval: it is empty"},
        {"on: k\ntable: right\nkind: outer\n", "use `kind: inner` or `kind: left`"},
        {"on: k\ntable: left\nlateness: 1s\n", "a record of the stream waits for the watermark"},
        {"on: k\nttl: 1s\nselect: { a: b }\n", "select.a: expected left.field or right.field"},
        {"on: k\nttl: 1s\nbounds: true\n", "bounds: there is no window"},
        {"on: k\nwindow: { session: 1s }\nbounds: true\n", "before the end of their session"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        build_fails(&join_class, cases[i].options, cases[i].error);
    struct one_operator one = {.no_event_time = true};
    CU_ASSERT_EQUAL(one_init(&one, &join_class, "on: k\nttl: 1s\n"), ERR_INPUT);
    CHECK_HAS(one.err.text, "a join needs event time");
    one_deinit(&one);
}

// -- what is kept --

static void refused_state(void)
{
    struct one_operator one, other;
    struct image image;
    image_init(&image, 1 << 20);
    build(&one, &join_class, "on: k\nttl: 10ms\n");
    give(&one, JOIN_LEFT, "{\"k\":1}", 1);
    CU_ASSERT_EQUAL(one.op->save(one.op, &image), 0);
    build(&other, &join_class, "on: id\nttl: 10ms\n");
    struct image_reader reader = {image.bytes.data, image.bytes.data + image.bytes.len};
    struct image_entry entry;
    struct error err = ERROR_INIT;
    int rc;
    CU_ASSERT(image_next(&reader, &entry, &rc));
    CU_ASSERT_EQUAL(other.op->load(other.op, &entry, &err), ERR_REFUSED);
    CHECK_HAS(err.text, "the state is of a timed join on k = k; this is a timed join on id = id");
    CU_ASSERT(image_next(&reader, &entry, &rc));
    entry.end--;
    CU_ASSERT_EQUAL(other.op->load(other.op, &entry, &err), ERR_CORRUPT);
    one_deinit(&other);
    one_deinit(&one);
    image_deinit(&image);
}

static CU_TestInfo cases[] = {{"names of a result", names},
                              {"numbers keep their digits", big_numbers},
                              {"full outputs", full_outputs},
                              {"the limit of state", limit},
                              {"allocations that fail", memory},
                              {"bad records", bad_records},
                              {"keys of several types", mixed_types},
                              {"wrong options", wrong_options},
                              {"state of another join", refused_state},
                              CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("operators/join", cases))
