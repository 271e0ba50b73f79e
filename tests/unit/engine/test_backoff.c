// SPDX-License-Identifier: MIT
#include "engine/backoff.h"
#include "support/unit.h"

static void doubles_with_jitter(void)
{
    static const struct {
        int64_t from_ms, to_ms;
        uint32_t attempt;
        int64_t most_ms;
    } rows[] = {
        {200, 30000, 0, 200},
        {200, 30000, 1, 400},
        {200, 30000, 5, 6400},
        {200, 30000, 8, 30000},
        {200, 30000, 1000000, 30000},
        {5, 5, 3, 5},
        {0, 0, 0, 1},
        {100, 10, 0, 10},
    };
    uint64_t random = 7;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t most = rows[i].most_ms * 1000000, low = INT64_MAX, high = 0;
        for (int n = 0; n < 200; n++) {
            int64_t ns = backoff_ns(rows[i].from_ms, rows[i].to_ms, rows[i].attempt, &random);
            low = ns < low ? ns : low;
            high = ns > high ? ns : high;
        }
        CU_ASSERT(low >= most / 2 && high <= most);
        CU_ASSERT(high - low > most / 4); // no two alike
    }
}

static CU_TestInfo cases[] = {
    {"doubles, with jitter", doubles_with_jitter},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN(UNIT_SUITE("backoff", cases))
