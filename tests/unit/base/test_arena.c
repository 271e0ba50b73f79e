// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "base/arena.h"
#include "support/unit.h"

#include <stdint.h>

static void aligns_and_keeps(void)
{
    struct arena arena;
    arena_init(&arena, 256);
    uint64_t *numbers[200];
    for (uint64_t i = 0; i < 200; i++) {
        char *odd = arena_alloc(&arena, 1 + i % 7, 1);
        CU_ASSERT_PTR_NOT_NULL_FATAL(odd);
        memset(odd, 0xff, 1 + i % 7);
        numbers[i] = ARENA_NEW(&arena, uint64_t);
        CU_ASSERT_EQUAL((uintptr_t)numbers[i] % _Alignof(uint64_t), 0);
        *numbers[i] = i;
    }
    for (uint64_t i = 0; i < 200; i++)
        CU_ASSERT_EQUAL(*numbers[i], i);
    void *wide = arena_alloc(&arena, 10, 64);
    CU_ASSERT_EQUAL((uintptr_t)wide % 64, 0);
    CU_ASSERT_NSTRING_EQUAL(arena_copy(&arena, "hello", 5), "hello", 5);
    CU_ASSERT_PTR_NOT_NULL(arena_copy(&arena, NULL, 0));
    arena_deinit(&arena);
    CU_ASSERT_EQUAL(arena_size(&arena), 0);
}

static void allocates_nothing_the_second_time(void)
{
    struct arena arena;
    arena_init(&arena, 1024);
    uint64_t calls = 0;
    for (int round = 0; round < 3; round++) {
        uint64_t before = mem_calls();
        for (int i = 0; i < 100; i++)
            CU_ASSERT_PTR_NOT_NULL(arena_alloc(&arena, 100, 8));
        CU_ASSERT_PTR_NOT_NULL(arena_alloc(&arena, 5000, 8)); // larger than a block
        calls = mem_calls() - before;
        arena_reset(&arena, 1 << 20);
    }
    CU_ASSERT_EQUAL(calls, 0);
    arena_deinit(&arena);
}

static void gives_back_what_is_too_much(void)
{
    struct arena arena;
    arena_init(&arena, 1000);
    for (int i = 0; i < 10; i++)
        CU_ASSERT_PTR_NOT_NULL(arena_alloc(&arena, 900, 8));
    CU_ASSERT(arena_size(&arena) >= 9000);
    arena_reset(&arena, 3500);
    CU_ASSERT_EQUAL(arena_size(&arena), 3000);
    arena_reset(&arena, 0);
    CU_ASSERT_EQUAL(arena_size(&arena), 0);
    CU_ASSERT_PTR_NOT_NULL(arena_alloc(&arena, 1, 1));
    arena_deinit(&arena);
}

static void survives_a_lack_of_memory(void)
{
    struct arena arena;
    arena_init(&arena, 64);
    mem_fail_at(1, true);
    CU_ASSERT_PTR_NULL(arena_alloc(&arena, 8, 8));
    CU_ASSERT_PTR_NULL(arena_copy(&arena, "x", 1));
    mem_fail_at(0, false);
    char *p = arena_alloc(&arena, 8, 8);
    CU_ASSERT_PTR_NOT_NULL(p);
    CU_ASSERT_PTR_NULL(arena_alloc(&arena, SIZE_MAX - 16, 8));
    CU_ASSERT_PTR_NULL(arena_alloc(&arena, SIZE_MAX, 8));
    arena_deinit(&arena);
}

static CU_TestInfo cases[] = {
    {"aligns and keeps", aligns_and_keeps},
    {"allocates nothing the second time", allocates_nothing_the_second_time},
    {"gives back what is too much", gives_back_what_is_too_much},
    {"survives a lack of memory", survives_a_lack_of_memory},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN(UNIT_SUITE("arena", cases))
