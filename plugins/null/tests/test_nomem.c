// SPDX-License-Identifier: MIT
#include "support/nomem_test.h"

static tide_result life(char why[1024])
{
    struct subject s;
    nomem_subject(&s);
    tide_record record = {.struct_size = sizeof record, .value = FAKE_BYTES("abc")};
    tide_result result = sink_open(&s);
    if (result >= 0)
        result = fake_write(&s.host, s.plugin->sink, s.self, &record, 1);
    if (result >= 0) {
        result = s.plugin->sink->flush(s.self);
        CU_ASSERT_EQUAL(fake_metric(&s.host, "null_bytes"), 3);
    }
    nomem_end(&s.host, result, why);
    sink_close(&s);
    return result;
}

static void test_sink(void)
{
    nomem_each(life);
}

static CU_TestInfo cases[] = {{"sink", test_sink}, CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("null without memory", cases))
