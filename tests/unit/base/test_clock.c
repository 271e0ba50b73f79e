// SPDX-License-Identifier: MIT
#include "base/clock.h"
#include "support/unit.h"

static void system_time_moves(void)
{
    struct clock *clock = clock_system();
    CU_ASSERT(clock_wall_ms(clock) > 1577836800000); // 2020
    int64_t before = clock_mono_ns(clock);
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_mono_ns(clock);
        CU_ASSERT(now >= before);
        before = now;
    }
}

static void virtual_time_is_what_it_was_set_to(void)
{
    struct virtual_clock clock;
    virtual_clock_init(&clock, 5000);
    CU_ASSERT_EQUAL(clock_wall_ms(&clock.clock), 5000);
    int64_t start = clock_mono_ns(&clock.clock);
    virtual_clock_advance(&clock, 250);
    CU_ASSERT_EQUAL(clock_wall_ms(&clock.clock), 5250);
    CU_ASSERT_EQUAL(clock_mono_ns(&clock.clock) - start, 250000000);
    virtual_clock_set(&clock, 100); // the wall jumps back, the other does not
    CU_ASSERT_EQUAL(clock_wall_ms(&clock.clock), 100);
    CU_ASSERT_EQUAL(clock_mono_ns(&clock.clock) - start, 250000000);
    virtual_clock_set(&clock, 101);
    CU_ASSERT_EQUAL(clock_mono_ns(&clock.clock) - start, 251000000);
}

static CU_TestInfo cases[] = {
    {"system time moves", system_time_moves},
    {"virtual time is what it was set to", virtual_time_is_what_it_was_set_to},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN(UNIT_SUITE("clock", cases))
