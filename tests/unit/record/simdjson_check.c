// SPDX-License-Identifier: MIT
#include "simdjson_shim.h"
#include "support/unit.h"
#include "unit/record/mutate.h"
#include "unit/record/paths.h"

enum { MUTANTS = 60000 };

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

static void test_agrees(void)
{
    struct lane lane;
    struct mutator mutator = {.state = 424242};
    lane_init(&lane);
    for (int i = 0; i < MUTANTS; i++) {
        struct record *record;
        mutator_next(&mutator, 3);
        int theirs = simdjson_accepts(mutator.text, mutator.len);
        if (theirs < 0 && has_long_number(mutator.text, mutator.len))
            continue;
        const struct reading *reading = &readings[(size_t)i % READINGS];
        if (!use_reading(&lane, reading))
            continue;
        size_t pad = reading->padded ? CHUNK_PAD : 0;
        int code = lane_read(&lane, mutator.text, mutator.len, pad, &record);
        CU_ASSERT_EQUAL(code == 0, theirs > 0);
        if ((code == 0) != (theirs > 0))
            fprintf(stderr, "\n  %s: <<%.*s>>\n", code ? lane.err.text : "accepted",
                    (int)mutator.len, mutator.text);
    }
    lane_deinit(&lane);
}

static CU_TestInfo cases[] = {
    {"accepts and refuses as simdjson does", test_agrees},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("simdjson", cases))
