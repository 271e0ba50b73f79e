// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>

// What `tidemill test` found: said case by case as it goes, and at the end as a line, as JSON, or
// as the JUnit XML that CI systems show.

enum test_verdict {
    TEST_PASSED,
    TEST_FAILED,
    TEST_BROKEN, // could not be run: a pipeline, a script or a test is written wrongly
    TEST_VERDICTS
};

struct test_case {
    char *file, *name, *message; // owned; message NULL when it passed
    enum test_verdict verdict;
};

struct test_report {
    struct test_case *cases;
    size_t count, cap;
    size_t counts[TEST_VERDICTS];
    bool silent; // nothing is said as it goes
};

void test_report_init(struct test_report *report, bool silent);
void test_report_deinit(struct test_report *report);
// A file begins.
void test_report_file(struct test_report *report, const char *file);
// `message` may have several lines; NULL: none. 0 or ERR_NOMEM.
int test_report_add(struct test_report *report, const char *file, const char *name,
                    enum test_verdict verdict, const char *message);

// "4 passed, 1 failed, 1 could not be run" and a newline.
int test_report_line(const struct test_report *report, struct buf *out);
// {"passed", "failed", "broken", "cases": [{"file", "name", "verdict", "message"}]}
int test_report_json(const struct test_report *report, struct buf *out);
int test_report_junit(const struct test_report *report, struct buf *out);
