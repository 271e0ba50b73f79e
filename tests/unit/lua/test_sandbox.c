// SPDX-License-Identifier: MIT
#include "script_fixture.h"
#include <time.h>

// What a script may not have, and where it is stopped.

static int64_t cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void not_there(void)
{
    static const char *const names[] = {
        "io",       "os",         "debug",  "package",        "load",
        "loadfile", "dofile",     "rawset", "collectgarbage", "warn",
        "_G",       "loadstring", "module"};
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char text[128], wanted[128];
        (void)snprintf(text, sizeof text, "local x = %s return function() end", names[i]);
        (void)snprintf(wanted, sizeof wanted, "t.lua:1: global '%s' is not defined", names[i]);
        CU_ASSERT_PTR_NULL(fixture_load(&f, text));
        CHECK_HAS(f.err.text, wanted);
    }
    CHECK_HAS(fixture_map(&f,
                          "assert(string.dump == nil) assert(getmetatable('') == false) "
                          "assert(not pcall(setmetatable, string, {})) return function(r) "
                          "return r end",
                          "{}"),
              "{}");
    fixture_deinit(&f);
}

// A loop or a bomb at the top level of the file.
static void while_loading(void)
{
    struct fixture f;
    fixture_init(&f);
    int64_t before = cpu_ms();
    CU_ASSERT_PTR_NULL(fixture_load(&f, "while true do end"));
    CU_ASSERT(cpu_ms() - before <= 150 + TEST_SLACK_MS);
    CHECK_TEXT(f.err.text, "t.lua:1: time limit of 100 ms");
    CU_ASSERT_PTR_NULL(fixture_load(&f, "local s = 'x'\nwhile true do s = s .. s end"));
    CHECK_TEXT(f.err.text, "t.lua:2: memory limit of 8 MiB");
    fixture_deinit(&f);
}

static void contract(void)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"", "t.lua: the script returned nothing; it has to end with"},
        {"return 5", "t.lua: the script returned a number"},
        {"return {}", "t.lua: the table that the script returned has no functions"},
        {"return function(r) return r", "t.lua:1: 'end' expected near <eof>"},
        {"local x = = 1", "t.lua:1: unexpected symbol near '='"},
        {"\x1bLua", "attempt to load a binary chunk"},
        {"return agg { x = 5 }", "column 'x' is a number; write it like agg.sum \"bytes\""},
        {"return agg { x = agg.sun 'a' }", "no aggregate 'sun'; did you mean 'sum'?"},
        {"return agg { x = agg.sum() }", "agg.sum wants the name of a field"},
        {"return agg {}", "agg: no columns"},
        {"return agg { x = agg.sum 'a', finish = 1 }", "finish is no function but a number"},
        {"return { init = print, version = 'x' }", "version is no integer"},
        {"local m = require 'nowhere'", "require: lib/nowhere.lua: cannot open the script"},
        {"local m = require '../x'", "is no module name"},
        {"error('mine')", "t.lua:1: mine"},
        {"error()", "t.lua"},
    };
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct script_source source = fixture_source(&f, rows[i].text);
        source.lib_dir = "/nonexistent/lib";
        struct script *script = NULL;
        error_clear(&f.err);
        CU_ASSERT_EQUAL(script_load(&script, &source, &f.err), ERR_INPUT);
        CHECK_HAS(f.err.text, rows[i].error);
    }
    struct script_source missing = fixture_source(&f, NULL);
    missing.path = "/nonexistent/scripts/x.lua";
    missing.name = "scripts/x.lua";
    struct script *script = NULL;
    CU_ASSERT_EQUAL(script_load(&script, &missing, &f.err), ERR_INPUT);
    CHECK_HAS(f.err.text, "scripts/x.lua: cannot open the script: No such file or directory");
    fixture_deinit(&f);
}

static CU_TestInfo cases[] = {{"what is not there", not_there},
                              {"limits while loading", while_loading},
                              {"what a script returns", contract},
                              CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("lua/sandbox", cases))
