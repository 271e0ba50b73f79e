// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "base/error.h"
#include "base/ring.h"
#include "support/unit.h"

#include <pthread.h>
#include <sched.h>

static void is_bounded_and_in_order(void)
{
    struct ring ring;
    CU_ASSERT_EQUAL_FATAL(ring_init(&ring, 5), 0); // rounded up to 8
    int items[8];
    CU_ASSERT_PTR_NULL(ring_pop(&ring));
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 8; i++)
            CU_ASSERT(ring_push(&ring, &items[i]));
        CU_ASSERT_FALSE(ring_push(&ring, items));
        CU_ASSERT_EQUAL(ring_count(&ring), 8);
        for (int i = 0; i < 8; i++)
            CU_ASSERT_PTR_EQUAL(ring_pop(&ring), &items[i]);
        CU_ASSERT_PTR_NULL(ring_pop(&ring));
        CU_ASSERT_EQUAL(ring_count(&ring), 0);
    }
    ring_deinit(&ring);
}

enum { COUNT = 200000 };
static int numbers[COUNT];

static void *produce(void *arg)
{
    struct ring *ring = arg;
    for (int i = 0; i < COUNT; i++) {
        numbers[i] = i; // seen by the other side only by way of the ring
        while (!ring_push(ring, &numbers[i]))
            sched_yield();
    }
    return NULL;
}

static void passes_between_threads(void)
{
    struct ring ring;
    CU_ASSERT_EQUAL_FATAL(ring_init(&ring, 16), 0);
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, produce, &ring), 0);
    int wrong = 0;
    for (int i = 0; i < COUNT;) {
        int *item = ring_pop(&ring);
        if (!item) {
            sched_yield();
            continue;
        }
        wrong += *item != i++;
        wrong += ring_count(&ring) > 16;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    pthread_join(thread, NULL);
    CU_ASSERT_PTR_NULL(ring_pop(&ring));
    ring_deinit(&ring);
}

static void survives_a_lack_of_memory(void)
{
    struct ring ring;
    mem_fail_at(1, false);
    CU_ASSERT_EQUAL(ring_init(&ring, 4), ERR_NOMEM);
    mem_fail_at(0, false);
    CU_ASSERT_EQUAL(ring_init(&ring, SIZE_MAX), ERR_NOMEM);
}

static CU_TestInfo cases[] = {
    {"is bounded and in order", is_bounded_and_in_order},
    {"passes between threads", passes_between_threads},
    {"survives a lack of memory", survives_a_lack_of_memory},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN(UNIT_SUITE("ring", cases))
