// SPDX-License-Identifier: MIT
#include "time/watermark.h"
#include "base/alloc.h"
#include "base/error.h"
#include "support/unit.h"
#include <stdlib.h>

// The merge cases are those of Apache Flink's StatusWatermarkValveTest.

enum { NO = -1, STEPS = 8 };
enum what { END_OF_STEPS, ADVANCE, IDLE, ACTIVE };
enum status { SAME, TURNS_IDLE, TURNS_ACTIVE };

struct step {
    enum what what;
    uint32_t input;
    int64_t time;
    int64_t moves_to; // NO: the watermark stays
    enum status status;
};

struct merge_case {
    const char *name;
    uint32_t inputs;
    struct step steps[STEPS];
};

static const struct merge_case merge_cases[] = {
    {"SingleInputIncreasingWatermarks", 1, {{ADVANCE, 0, 0, 0, SAME}, {ADVANCE, 0, 25, 25, SAME}}},
    {"SingleInputWatermarkStatusToggling",
     1,
     {{ACTIVE, 0, 0, NO, SAME},
      {IDLE, 0, 0, NO, TURNS_IDLE},
      {IDLE, 0, 0, NO, SAME},
      {ACTIVE, 0, 0, NO, TURNS_ACTIVE}}},
    {"MultipleInputYieldsWatermarkOnlyWhenAllChannelsReceivesWatermarks",
     3,
     {{ADVANCE, 0, 0, NO, SAME}, {ADVANCE, 1, 0, NO, SAME}, {ADVANCE, 2, 0, 0, SAME}}},
    {"MultipleInputDecreasingWatermarksYieldsNoOutput",
     3,
     {{ADVANCE, 0, 25, NO, SAME},
      {ADVANCE, 1, 10, NO, SAME},
      {ADVANCE, 2, 17, 10, SAME},
      {ADVANCE, 0, 12, NO, SAME},
      {ADVANCE, 1, 8, NO, SAME},
      {ADVANCE, 2, 15, NO, SAME}}},
    {"MultipleInputWatermarkAdvancingWithPartiallyIdleChannels",
     3,
     {{ADVANCE, 0, 15, NO, SAME},
      {ADVANCE, 1, 10, NO, SAME},
      {IDLE, 2, 0, 10, SAME},
      {ADVANCE, 1, 18, 15, SAME},
      {ADVANCE, 0, 20, 18, SAME}}},
    {"MultipleInputFlushMaxWatermarkAndWatermarkStatusOnceAllInputsBecomeIdle",
     3,
     {{ADVANCE, 0, 10, NO, SAME},
      {ADVANCE, 1, 5, NO, SAME},
      {ADVANCE, 2, 3, 3, SAME},
      {IDLE, 0, 0, NO, SAME},
      {IDLE, 1, 0, NO, SAME},
      {IDLE, 2, 0, 10, TURNS_IDLE}}},
    {"NoOutputWhenAllActiveChannelsAreUnaligned",
     3,
     {{ADVANCE, 0, 10, NO, SAME},
      {ADVANCE, 1, 7, NO, SAME},
      {IDLE, 2, 0, 7, SAME},
      {ACTIVE, 2, 0, NO, SAME},
      {IDLE, 0, 0, NO, SAME},
      {IDLE, 1, 0, NO, SAME}}},
};

static bool take_step(struct valve *valve, const struct step *step)
{
    if (step->what == ADVANCE)
        return valve_advance(valve, step->input, step->time);
    return step->what == IDLE ? valve_idle(valve, step->input) : valve_active(valve, step->input);
}

static void check_step(struct valve *valve, const struct merge_case *c, const struct step *step)
{
    int64_t before = valve->watermark;
    bool was_idle = valve->idle;
    bool changed = take_step(valve, step);
    int64_t want = step->moves_to == NO ? before : step->moves_to;
    bool want_idle = step->status == SAME ? was_idle : step->status == TURNS_IDLE;
    CU_ASSERT_EQUAL(valve->watermark, want);
    CU_ASSERT_EQUAL(valve->idle, want_idle);
    CU_ASSERT_EQUAL(changed, want != before || want_idle != was_idle);
    if (valve->watermark != want || valve->idle != want_idle)
        printf("\n  %s, step %d: watermark %lld\n", c->name, (int)(step - c->steps),
               (long long)valve->watermark);
}

static void test_merge(void)
{
    for (size_t i = 0; i < sizeof merge_cases / sizeof *merge_cases; i++) {
        const struct merge_case *c = &merge_cases[i];
        struct valve valve;
        CU_ASSERT_EQUAL_FATAL(valve_init(&valve, c->inputs), 0);
        for (int s = 0; s < STEPS && c->steps[s].what != END_OF_STEPS; s++)
            check_step(&valve, c, &c->steps[s]);
        valve_deinit(&valve);
    }
}

static void test_generator(void)
{
    struct watermark_generator generator;
    generator_init(&generator, 10);
    CU_ASSERT_EQUAL(generator_watermark(&generator), WATERMARK_NONE);
    static const int64_t times[] = {12345, 12300, 12340, 12280};
    for (size_t i = 0; i < 4; i++) {
        generator_see(&generator, times[i]);
        CU_ASSERT_EQUAL(generator_watermark(&generator), 12334);
    }
    generator_init(&generator, 0);
    generator_see(&generator, INT64_MIN + 1);
    CU_ASSERT_EQUAL(generator_watermark(&generator), INT64_MIN);
    generator_init(&generator, INT64_MAX);
    generator_see(&generator, -5);
    CU_ASSERT_EQUAL(generator_watermark(&generator), INT64_MIN);
    generator_see(&generator, INT64_MAX);
    CU_ASSERT_EQUAL(generator_watermark(&generator), -1);
}

static void test_other_generators(void)
{
    struct watermark_generator generator;
    generator_init(&generator, 0);
    generator.kind = GENERATOR_MARKED;
    generator_see(&generator, 500);
    CU_ASSERT_EQUAL(generator_watermark(&generator), WATERMARK_NONE);
    generator_mark(&generator, 400);
    generator_mark(&generator, 300);
    CU_ASSERT_EQUAL(generator_watermark(&generator), 400);
    generator.kind = GENERATOR_NONE;
    CU_ASSERT_EQUAL(generator_watermark(&generator), WATERMARK_NONE);
}

// An ended input holds nobody back, and does not close what an idle one still holds open.
static void test_end(void)
{
    struct valve valve;
    CU_ASSERT_EQUAL_FATAL(valve_init(&valve, 3), 0);
    valve_advance(&valve, 0, 10);
    valve_advance(&valve, 1, 20);
    valve_advance(&valve, 2, 5);
    CU_ASSERT_TRUE(valve_advance(&valve, 2, WATERMARK_END));
    CU_ASSERT_EQUAL(valve.watermark, 10);
    CU_ASSERT_FALSE(valve_idle(&valve, 2)); // it has ended
    CU_ASSERT_FALSE(valve_idle(&valve, 1));
    CU_ASSERT_TRUE(valve_advance(&valve, 0, WATERMARK_END));
    CU_ASSERT_EQUAL(valve.watermark, 20); // all that is left is idle: the flush
    CU_ASSERT_TRUE(valve.idle);
    CU_ASSERT_TRUE(valve_active(&valve, 1));
    CU_ASSERT_TRUE(valve_advance(&valve, 1, 30));
    CU_ASSERT_EQUAL(valve.watermark, 30);
    CU_ASSERT_TRUE(valve_idle(&valve, 1));
    CU_ASSERT_TRUE(valve_advance(&valve, 1, WATERMARK_END)); // also out of idleness
    CU_ASSERT_EQUAL(valve.watermark, WATERMARK_END);
    CU_ASSERT_FALSE(valve.idle);
    valve_deinit(&valve);
}

static void test_ended_lets_others_move(void)
{
    struct valve valve;
    CU_ASSERT_EQUAL_FATAL(valve_init(&valve, 2), 0);
    CU_ASSERT_FALSE(valve_advance(&valve, 0, WATERMARK_END));
    CU_ASSERT_EQUAL(valve.watermark, WATERMARK_NONE);
    CU_ASSERT_TRUE(valve_advance(&valve, 1, 7));
    CU_ASSERT_EQUAL(valve.watermark, 7);
    CU_ASSERT_TRUE(valve_advance(&valve, 1, WATERMARK_END));
    CU_ASSERT_EQUAL(valve.watermark, WATERMARK_END);
    valve_deinit(&valve);
}

// Lanes 0 and 1 of one node, and another input that has come further.
static void test_group_ends_together(void)
{
    struct valve valve;
    CU_ASSERT_EQUAL_FATAL(valve_init(&valve, 3), 0);
    valve_group(&valve, 0, 1);
    valve_group(&valve, 1, 1);
    valve_advance(&valve, 0, 10);
    valve_advance(&valve, 2, 90);
    CU_ASSERT_TRUE(valve_idle(&valve, 1)); // it has nothing to read
    CU_ASSERT_EQUAL(valve.watermark, 10);
    CU_ASSERT_FALSE(valve_idle(&valve, 2));
    valve_advance(&valve, 0, WATERMARK_END);
    CU_ASSERT_EQUAL(valve.watermark, 10); // lane 1 is about to end as well
    CU_ASSERT_FALSE(valve.idle);
    CU_ASSERT_FALSE(valve_idle(&valve, 1));
    CU_ASSERT_FALSE(valve.idle);
    valve_advance(&valve, 1, WATERMARK_END);
    CU_ASSERT_EQUAL(valve.watermark, 10); // nothing new is known
    CU_ASSERT_TRUE(valve.idle);
    CU_ASSERT_TRUE(valve_advance(&valve, 2, WATERMARK_END));
    CU_ASSERT_EQUAL(valve.watermark, WATERMARK_END);
    valve_deinit(&valve);
}

static void test_add_and_remove(void)
{
    struct valve valve;
    uint32_t a, b, c;
    CU_ASSERT_EQUAL_FATAL(valve_init(&valve, 0), 0);
    CU_ASSERT_EQUAL(valve_add(&valve, &a), 0);
    CU_ASSERT_EQUAL(valve_add(&valve, &b), 0);
    valve_advance(&valve, a, 100);
    valve_advance(&valve, b, 50);
    CU_ASSERT_EQUAL(valve.watermark, 50);
    CU_ASSERT_EQUAL(valve_add(&valve, &c), 0); // joins at 50
    valve_advance(&valve, b, 80);
    CU_ASSERT_EQUAL(valve.watermark, 50);
    valve_remove(&valve, c);
    CU_ASSERT_EQUAL(valve.watermark, 80);
    valve_remove(&valve, b);
    CU_ASSERT_EQUAL(valve.watermark, 100);
    CU_ASSERT_EQUAL(valve_add(&valve, &c), 0);
    CU_ASSERT_EQUAL(c, b); // the number is free again
    valve_remove(&valve, c);
    valve_remove(&valve, a);
    CU_ASSERT_EQUAL(valve.watermark, 100);
    CU_ASSERT_TRUE(valve.idle);
    CU_ASSERT_EQUAL(valve_add(&valve, &a), 0);
    CU_ASSERT_FALSE(valve.idle);
    valve_deinit(&valve);
}

// Whatever happens: it never goes back, and it is at least the minimum over the aligned inputs.
static void test_random(void)
{
    enum { INPUTS = 5 };
    srand(7);
    for (int round = 0; round < 300; round++) {
        struct valve valve;
        CU_ASSERT_EQUAL_FATAL(valve_init(&valve, INPUTS), 0);
        for (int i = 0; i < 200; i++) {
            int64_t before = valve.watermark;
            struct step step = {(enum what)(1 + rand() % 3), (uint32_t)rand() % INPUTS,
                                rand() % 50 + i, 0, SAME};
            if (rand() % 4)
                step.what = ADVANCE;
            take_step(&valve, &step);
            CU_ASSERT_TRUE(valve.watermark >= before);
            int64_t min = INT64_MAX;
            for (uint32_t k = 0; k < INPUTS; k++)
                if (valve.inputs[k].aligned && valve.inputs[k].watermark < min)
                    min = valve.inputs[k].watermark;
            CU_ASSERT_TRUE(min == INT64_MAX || valve.watermark >= min);
        }
        valve_deinit(&valve);
    }
}

static void test_no_memory(void)
{
    struct valve valve;
    uint32_t input;
    mem_fail_at(1, false);
    CU_ASSERT_EQUAL(valve_init(&valve, 3), ERR_NOMEM);
    mem_fail_at(0, false);
    CU_ASSERT_EQUAL_FATAL(valve_init(&valve, 1), 0);
    mem_fail_at(1, false);
    CU_ASSERT_EQUAL(valve_add(&valve, &input), ERR_NOMEM);
    mem_fail_at(0, false);
    valve_advance(&valve, 0, 9);
    CU_ASSERT_EQUAL(valve.watermark, 9);
    valve_deinit(&valve);
}

static CU_TestInfo cases[] = {{"merge", test_merge},
                              {"generator", test_generator},
                              {"by marker, and none", test_other_generators},
                              {"the end of inputs", test_end},
                              {"an ended input lets others move", test_ended_lets_others_move},
                              {"a group ends together", test_group_ends_together},
                              {"inputs come and go", test_add_and_remove},
                              {"never back, random", test_random},
                              {"no memory", test_no_memory},
                              CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("watermark", cases))
