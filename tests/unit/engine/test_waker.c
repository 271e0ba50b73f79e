// SPDX-License-Identifier: MIT
#include "engine/waker.h"
#include "support/unit.h"
#include <poll.h>
#include <pthread.h>

enum { ROUNDS = 20000, PATIENCE_MS = 10000 };

struct pair {
    struct waker waker;
    _Atomic int posted;
    int seen;
    bool slept_over;
};

static void *consume(void *arg)
{
    struct pair *pair = arg;
    while (pair->seen < ROUNDS) {
        waker_doze(&pair->waker);
        if (atomic_load(&pair->posted) == pair->seen) {
            struct pollfd fd = {.fd = pair->waker.fd, .events = POLLIN};
            if (poll(&fd, 1, PATIENCE_MS) == 0) { // nobody woke us though something may be there
                pair->slept_over = true;
                return NULL;
            }
        }
        waker_rise(&pair->waker);
        pair->seen = atomic_load(&pair->posted);
    }
    return NULL;
}

static void test_no_work_is_slept_over(void)
{
    struct pair pair = {.seen = 0};
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(waker_init(&pair.waker, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, consume, &pair), 0);
    for (int i = 0; i < ROUNDS; i++) {
        atomic_fetch_add(&pair.posted, 1);
        waker_wake(&pair.waker);
    }
    pthread_join(thread, NULL);
    CU_ASSERT_FALSE(pair.slept_over);
    CU_ASSERT_EQUAL(pair.seen, ROUNDS);
    waker_deinit(&pair.waker);
}

static void test_an_awake_one_is_left_alone(void)
{
    struct waker waker;
    CU_ASSERT_EQUAL_FATAL(waker_init(&waker, NULL), 0);
    waker_wake(&waker);
    struct pollfd fd = {.fd = waker.fd, .events = POLLIN};
    CU_ASSERT_EQUAL(poll(&fd, 1, 0), 0);
    waker_doze(&waker);
    waker_wake(&waker);
    CU_ASSERT_EQUAL(poll(&fd, 1, 0), 1);
    waker_rise(&waker);
    CU_ASSERT_EQUAL(poll(&fd, 1, 0), 0);
    waker_deinit(&waker);
}

static CU_TestInfo cases[] = {
    {"no work is slept over", test_no_work_is_slept_over},
    {"an awake one is left alone", test_an_awake_one_is_left_alone},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("waker", cases))
