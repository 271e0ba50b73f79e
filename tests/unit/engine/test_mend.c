// SPDX-License-Identifier: MIT
#include "engine/engine_parts.h"
#include "support/unit.h"

// For which failures a restart from the last checkpoint is worth a try.

static bool mends(int code, enum reason reason, bool by_record, uint64_t made, bool first)
{
    struct coordinator coordinator = {.done = made};
    struct engine engine = {.coordinator = &coordinator};
    engine.flow.by_record = by_record;
    error_set(&engine.chief.error, code, "it failed");
    error_as(&engine.chief.error, reason);
    return engine_can_mend(&engine, first);
}

static void what_lies_outside_may_pass(void)
{
    static const int outside[] = {ERR_RETRY, ERR_IO, ERR_NOMEM, ERR_FATAL};
    static const int inside[] = {ERR_REFUSED, ERR_INPUT, ERR_DATA, ERR_LIMIT, ERR_CORRUPT, ERR_BUG};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        CU_ASSERT_TRUE(mends(outside[i], REASON_NONE, false, 1, true));
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        CU_ASSERT_FALSE(mends(inside[i], REASON_NONE, false, 1, true));
}

static void a_record_comes_again(void)
{
    CU_ASSERT_FALSE(mends(ERR_IO, REASON_NONE, true, 1, true));
}

static void another_process_stays(void)
{
    struct tide_ctx ctx = {0};
    struct error err = ERROR_INIT;
    ctx_take_failure(&ctx, TIDE_FENCED, &err);
    CU_ASSERT_EQUAL(err.code, ERR_FATAL);
    CU_ASSERT_EQUAL(err.reason, REASON_FENCED);
    CU_ASSERT_FALSE(mends(err.code, err.reason, false, 1, false));
}

static void what_has_not_run_is_told_at_once(void)
{
    CU_ASSERT_FALSE(mends(ERR_FATAL, REASON_NONE, false, 0, true));
    CU_ASSERT_TRUE(mends(ERR_FATAL, REASON_NONE, false, 0, false));
    struct engine without = {0};
    error_set(&without.chief.error, ERR_IO, "it failed");
    CU_ASSERT_FALSE(engine_can_mend(&without, false));
}

static CU_TestInfo cases[] = {
    {"what lies outside may pass", what_lies_outside_may_pass},
    {"a record comes again", a_record_comes_again},
    {"another process stays", another_process_stays},
    {"what has not run is told at once", what_has_not_run_is_told_at_once},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN(UNIT_SUITE("mend", cases))
