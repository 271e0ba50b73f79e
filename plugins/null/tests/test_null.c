// SPDX-License-Identifier: MIT
#include "support/plugin_test.h"

static void test_counts(void)
{
    struct subject s;
    subject_init(&s);
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    tide_record records[3] = {{.struct_size = sizeof *records, .value = {"abc", 3}},
                              {.struct_size = sizeof *records},
                              {.struct_size = sizeof *records, .value = {"de", 2}}};
    CU_ASSERT_EQUAL(fake_write(&s.host, s.plugin->sink, s.self, records, 3), TIDE_OK);
    CU_ASSERT_EQUAL(fake_flush(&s.host, s.plugin->sink, s.self, 0), TIDE_OK);
    CU_ASSERT_EQUAL(fake_metric(&s.host, "null_records"), 3);
    CU_ASSERT_EQUAL(fake_metric(&s.host, "null_bytes"), 5);
    sink_close(&s);
}

static CU_TestInfo cases[] = {{"counts and forgets", test_counts}, CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("null", cases))
