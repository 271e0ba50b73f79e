// SPDX-License-Identifier: MIT
#include "base/reason.h"
#include "unit/config/fixture.h"

// Which code a problem carries. What each means, with examples that are run, is docs/errors.md.

#define HEAD "pipeline: p\n"
#define SOURCE "sources:\n  a: { type: generator }\n"
#define SINK "sinks:\n  z: { type: null, inputs: a }\n"
#define FINE HEAD SOURCE SINK
#define TCP(options) HEAD "sources:\n  a: { type: tcp_poll, targets: x, " options " }\n" SINK

static const struct {
    const char *yaml;
    enum reason reason; // the first problem's; REASON_NONE: there is none
} cases[] = {
    {FINE, REASON_NONE},
    {"a: [", REASON_YAML_SYNTAX},
    {"a: b\n---\nc: d\n", REASON_YAML_SYNTAX},
    {"? [a]\n: b\n", REASON_YAML_SYNTAX},
    {FINE "x-a: !t b\n", REASON_YAML_TAG},
    {"a: \xff\n", REASON_NOT_TEXT},
    {FINE "x-a: \"\\0\"\n", REASON_NOT_TEXT},
    {FINE "pipeline: q\n", REASON_DUPLICATE_KEY},
    {FINE "x-a: *b\n", REASON_UNKNOWN_ANCHOR},
    {FINE "x-a: &b [*b]\n", REASON_UNKNOWN_ANCHOR},
    {FINE "x-a: { <<: 1 }\n", REASON_MERGE_KEY},
    {FINE "include: absent.yaml\n", REASON_UNREADABLE_FILE},
    {FINE "include: {}\n", REASON_INCLUDE},
    {FINE "x-a: ${TIDEMILL_TEST_ABSENT}\n", REASON_NONE}, // a home for anchors, nothing more
    {TCP("interval: \"${TIDEMILL_TEST_ABSENT}\""), REASON_NOT_SET},
    {TCP("interval: \"${TIDEMILL_TEST_ABSENT:?why}\""), REASON_NOT_SET},
    {TCP("interval: \"${1}\""), REASON_INTERPOLATION},
    {TCP("interval: \"${A\""), REASON_INTERPOLATION},
    {FINE "draim: 1s\n", REASON_UNKNOWN_KEY},
    {FINE "defaults: { sorces: {} }\n", REASON_UNKNOWN_KEY},
    {TCP("window: 1s"), REASON_UNKNOWN_KEY},
    {HEAD "sources:\n  a: {}\n" SINK, REASON_MISSING_KEY},
    {TCP("backoff: { from: 1s }"), REASON_MISSING_KEY},
    {TCP("interval: 30"), REASON_WRONG_VALUE},
    {TCP("backoff: 5s..1s"), REASON_WRONG_VALUE},
    {TCP("on_error: ignore"), REASON_UNKNOWN_CHOICE},
    {TCP("on_error: {}"), REASON_WRONG_VALUE},
    {TCP("interval: 2h"), REASON_OUT_OF_RANGE},
    {TCP("port: 65536"), REASON_OUT_OF_RANGE},
    {TCP("decode: jsn"), REASON_UNKNOWN_CHOICE},
    {TCP("wait: 5s"), REASON_DEPRECATED},
    {HEAD SOURCE "sinks:\n  z: { type: null, inputs: a, key: \"{a\" }\n", REASON_TEMPLATE},
    {FINE "operators:\n  m: { type: watch, inputs: a, script: x, lua: y }\n", REASON_CONFLICT},
    {"pipeline: \"a b\"\n" SOURCE SINK, REASON_BAD_NAME},
    {HEAD "sources:\n  a.b: { type: generator }\n" SINK, REASON_BAD_NAME},
    {HEAD SOURCE "sinks:\n  a: { type: null, inputs: a }\n", REASON_NAME_TAKEN},
    {HEAD SINK, REASON_NO_SOURCE},
    {HEAD SOURCE, REASON_NO_SINK},
    {HEAD "sources:\n  a: { type: generatr }\n" SINK, REASON_UNKNOWN_TYPE},
    {FINE "connections: { c: { type: log, dir: d } }\n", REASON_UNUSED_CONNECTION},
    {FINE "  y: { type: null }\n", REASON_MISSING_INPUTS},
    {FINE "  y: { type: null, inputs: b }\n", REASON_UNKNOWN_NODE},
    {FINE "  y: { type: null, inputs: a.late }\n", REASON_UNKNOWN_PORT},
    {FINE "  y: { type: null, inputs: z }\n", REASON_SINK_AS_INPUT},
    {HEAD SOURCE "sinks:\n  z: { type: null, inputs: [a, a] }\n", REASON_REPEATED_INPUT},
    {FINE "operators:\n  m: { type: map, inputs: a }\n", REASON_UNREAD_OUTPUT},
    {HEAD SOURCE "operators:\n  m: { type: map, inputs: m }\n" SINK, REASON_CIRCLE},
    {TCP("on_error: { dlq: a }"), REASON_DEAD_LETTERS},
};

static void each_problem_has_its_code(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct loaded loaded = load_text(cases[i].yaml, NULL, 0);
        enum reason found = loaded.problems.count ? loaded.problems.items[0].reason : REASON_NONE;
        if (found != cases[i].reason)
            printf("\n%s\n  found %s, not %s\n", cases[i].yaml, reason_code(found),
                   reason_code(cases[i].reason));
        CU_ASSERT_EQUAL(found, cases[i].reason);
        for (size_t k = 0; k < loaded.problems.count; k++)
            CU_ASSERT_NOT_EQUAL(loaded.problems.items[k].reason, REASON_NONE);
        unload(&loaded);
    }
}

static void codes_are_words_of_their_own(void)
{
    size_t count = 0;
    for (const char *const *code = reason_codes(); *code; code++, count++) {
        CU_ASSERT_EQUAL(strspn(*code, "abcdefghijklmnopqrstuvwxyz-"), strlen(*code));
        for (const char *const *other = reason_codes(); other < code; other++)
            CU_ASSERT_STRING_NOT_EQUAL(*code, *other);
    }
    CU_ASSERT_EQUAL(count, REASON_COUNT - 1);
}

static CU_TestInfo tests[] = {{"each problem has its code", each_problem_has_its_code},
                              {"codes are words of their own", codes_are_words_of_their_own},
                              CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("reasons", tests))
