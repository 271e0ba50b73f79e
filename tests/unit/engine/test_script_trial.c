// SPDX-License-Identifier: MIT
#include "engine/script_trial.h"
#include "support/unit.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The test files beside the example scripts, and cases that must fail.

static void done(void *arg, const char *name, bool passed, const char *message)
{
    char *last = arg;
    if (!passed)
        (void)snprintf(last, 512, "%s: %s", name, message);
}

static int run(const char *path, struct script_test_report *report, char *last, struct error *err)
{
    struct registry *registry;
    CU_ASSERT_EQUAL_FATAL(registry_new(&registry, err), 0);
    CU_ASSERT_EQUAL_FATAL(registry_add_dir(registry, PLUGINS, err), 0);
    struct script_test_host host = script_trial_host(registry);
    *report = (struct script_test_report){.arg = last, .done = done};
    last[0] = 0;
    int rc = script_test_file(path, &host, report, err);
    registry_free(registry);
    return rc;
}

static void examples(void)
{
    glob_t found;
    CU_ASSERT_EQUAL_FATAL(glob(SCRIPTS "/*_test.lua", 0, NULL, &found), 0);
    CU_ASSERT(found.gl_pathc >= 4);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct script_test_report report;
        struct error err = ERROR_INIT;
        char last[512];
        CU_ASSERT_EQUAL(run(found.gl_pathv[i], &report, last, &err), 0);
        CU_ASSERT_EQUAL(report.failed, 0);
        CU_ASSERT(report.passed > 0);
        if (err.code || report.failed)
            fprintf(stderr, "\n  %s: %s %s\n", found.gl_pathv[i], err.text, last);
    }
    globfree(&found);
}

static void wrong(void)
{
    static const struct {
        const char *text;
        int rc;
        uint32_t failed;
        const char *message;
    } rows[] = {
        {"test.case('a', function() test.eq({ 1, { a = 'x' } }, { 1, { a = 2 } }) end)", 0, 1,
         "a_test.lua:1: got [1,{\"a\":\"x\"}], expected [1,{\"a\":2}]"},
        {"test.case('a', function() test.ok(nil, 'why') end)", 0, 1, "a: "},
        {"local h = test.load('nowhere.lua') test.case('a', function() h:send {} end)", 0, 1,
         "nowhere.lua"},
        {"local h = test.load('a.lua', { colour = 1 }) test.case('a', function() h:send {} end)", 0,
         1, "colour"},
        {"local h = test.load('a.lua') test.case('a', function() h:send { n = 1 } "
         "test.eq(h:out(), { { n = 2 } }) end)",
         0, 0, ""},
        {"local h = test.load('a.lua') h.send({}, {})", ERR_INPUT, 0, "with a colon"},
        {"while true do", ERR_INPUT, 0, "a_test.lua:1: 'end' expected"},
        {"test.case('a', 5)", ERR_INPUT, 0, "function expected"},
    };
    char dir[] = "/tmp/tidemill-script-trial-XXXXXX", script[64], path[64];
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    (void)snprintf(script, sizeof script, "%s/a.lua", dir);
    (void)snprintf(path, sizeof path, "%s/a_test.lua", dir);
    FILE *file = fopen(script, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs("return function(r) r.n = r.n + 1 return r end", file);
    fclose(file);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        file = fopen(path, "w");
        CU_ASSERT_PTR_NOT_NULL_FATAL(file);
        fputs(rows[i].text, file);
        fclose(file);
        struct script_test_report report;
        struct error err = ERROR_INIT;
        char last[512];
        CU_ASSERT_EQUAL(run(path, &report, last, &err), rows[i].rc);
        CU_ASSERT_EQUAL(report.failed, rows[i].failed);
        const char *said = rows[i].rc ? err.text : last;
        CU_ASSERT_PTR_NOT_NULL(strstr(said, rows[i].message));
        if (!strstr(said, rows[i].message) || report.failed != rows[i].failed)
            fprintf(stderr, "\n  %s\n  %s\n", rows[i].text, said);
    }
    remove(path);
    remove(script);
    remove(dir);
}

static CU_TestInfo cases[] = {
    {"tests of the example scripts", examples}, {"what fails", wrong}, CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("engine/script_trial", cases))
