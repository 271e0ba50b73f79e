// SPDX-License-Identifier: MIT
#pragma once
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

// A test program: tables of cases, one main. Exit status 1 when anything failed.
//
//   static CU_TestInfo cases[] = {{"name", function}, CU_TEST_INFO_NULL};
//   UNIT_MAIN(UNIT_SUITE("suite", cases))

#define UNIT_SUITE(name, cases)                                                                    \
    {                                                                                              \
        (name), NULL, NULL, NULL, NULL, (cases)                                                    \
    }

#define UNIT_MAIN(...)                                                                             \
    int main(void)                                                                                 \
    {                                                                                              \
        CU_SuiteInfo suites[] = {__VA_ARGS__, CU_SUITE_INFO_NULL};                                 \
        if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS)  \
            return 2;                                                                              \
        CU_basic_set_mode(CU_BRM_VERBOSE);                                                         \
        CU_basic_run_tests();                                                                      \
        unsigned failed = CU_get_number_of_failures();                                             \
        CU_cleanup_registry();                                                                     \
        return failed ? 1 : 0;                                                                     \
    }

// Texts; both are printed when they are not as wanted.
#define CHECK_TEXT(actual, wanted)                                                                 \
    do {                                                                                           \
        const char *actual_ = (actual), *wanted_ = (wanted);                                       \
        CU_ASSERT_STRING_EQUAL(actual_, wanted_);                                                  \
        if (strcmp(actual_, wanted_) != 0)                                                         \
            fprintf(stderr, "\n  line %d: %s\n  wanted:  %s\n", __LINE__, actual_, wanted_);       \
    } while (0)
#define CHECK_HAS(actual, part)                                                                    \
    do {                                                                                           \
        const char *actual_ = (actual), *part_ = (part);                                           \
        CU_ASSERT_PTR_NOT_NULL(strstr(actual_, part_));                                            \
        if (!strstr(actual_, part_))                                                               \
            fprintf(stderr, "\n  line %d: %s\n  without: %s\n", __LINE__, actual_, part_);         \
    } while (0)
