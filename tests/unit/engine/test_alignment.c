// SPDX-License-Identifier: MIT
#include "engine/alignment.h"
#include "engine/waker.h"
#include "base/alloc.h"
#include "support/unit.h"
#include "time/watermark.h"

static struct alignment *alignment;
static struct waker waker;

static void begin(int64_t limit_ms)
{
    CU_ASSERT_FATAL(alignment_new(&alignment, limit_ms) == 0);
    CU_ASSERT_FATAL(waker_init(&waker, NULL) == 0);
    CU_ASSERT(alignment_join(alignment, &waker) == 0);
}

static void end(void)
{
    alignment_free(alignment);
    waker_deinit(&waker);
}

static void put(uint32_t split, int64_t watermark, bool counts)
{
    alignment_lock(alignment);
    CU_ASSERT(alignment_put(alignment, split, watermark, counts));
    alignment_unlock(alignment);
}

static bool held(uint32_t split)
{
    return alignment_holds(alignment, split);
}

static void who_is_far_ahead_is_held(void)
{
    begin(100);
    put(0, 1000, true);
    put(2, 1100, true);
    CU_ASSERT(!held(0) && !held(1) && !held(2) && !held(7));
    CU_ASSERT(alignment_changes(alignment) == 0);
    put(2, 1101, true);
    CU_ASSERT(held(2) && !held(0));
    CU_ASSERT(alignment_changes(alignment) == 1);
    put(0, 1001, true);
    CU_ASSERT(!held(2));
    CU_ASSERT(alignment_changes(alignment) == 2);
    end();
}

// Silent, idle, ended, gone: what a lane says of a split is whether it counts.
static void who_does_not_count_holds_nobody(void)
{
    begin(10);
    put(0, WATERMARK_NONE, true);
    put(1, 5, true);
    CU_ASSERT(held(1));
    put(0, WATERMARK_NONE, false);
    CU_ASSERT(!held(1));
    put(0, 0, true);
    put(1, 500, true);
    CU_ASSERT(held(1) && !held(0));
    put(0, 0, false);
    CU_ASSERT(!held(1));
    put(0, 2, true); // back: the other one waits again
    CU_ASSERT(held(1));
    put(1, 500, false); // who is held may end as well
    CU_ASSERT(!held(1) && !held(0));
    put(0, 2, false);
    CU_ASSERT(!held(0));
    end();
}

static void times_at_the_rim(void)
{
    begin(INT64_MAX);
    put(0, WATERMARK_NONE, true);
    put(1, INT64_MAX - 1, true);
    CU_ASSERT(held(1));
    put(0, 5, true);
    CU_ASSERT(!held(1));
    end();
}

static void without_memory(void)
{
    begin(10);
    put(0, 0, true);
    alignment_lock(alignment);
    mem_fail_at(1, false);
    bool good = alignment_put(alignment, 100000, 0, true);
    mem_fail_at(0, false);
    CU_ASSERT(!good);
    alignment_unlock(alignment);
    CU_ASSERT(!held(100000) && !held(0));
    end();
}

static CU_TestInfo cases[] = {
    {"a split that is far ahead is held until the slowest has caught up", who_is_far_ahead_is_held},
    {"a split that does not count holds nobody, and is not held", who_does_not_count_holds_nobody},
    {"times at the rim of what there is", times_at_the_rim},
    {"without memory a split is left out", without_memory},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN(UNIT_SUITE("alignment", cases))
