// SPDX-License-Identifier: MIT
#include "support/nomem_test.h"

static tide_result life(char why[1024])
{
    struct subject s;
    nomem_subject(&s);
    tide_result result = source_open(&s);
    if (result >= 0)
        result = fake_read_until(&s.host, s.plugin->source, s.self, 1, 5000);
    if (result >= 0 && s.host.message_count == 1)
        CU_ASSERT_STRING_EQUAL(s.host.messages[0].value.data, "{\"ping\":1}");
    CU_ASSERT_EQUAL(s.host.message_count, result >= 0);
    nomem_end(&s.host, result, why);
    source_close(&s);
    return result;
}

static void test_source(void)
{
    nomem_each(life);
}

static CU_TestInfo cases[] = {{"source", test_source}, CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("pings without memory", cases))
