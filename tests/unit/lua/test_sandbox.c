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
        "io",     "os",        "debug",          "package", "load", "loadfile",   "dofile",
        "rawset", "coroutine", "collectgarbage", "warn",    "_G",   "loadstring", "module"};
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

struct attack {
    const char *name;
    const char *body; // of function(r)
    const char *error;
};

// Each is stopped within its budget of 100 ms and 50 ms more of processor time, with its line, and
// the record behind it goes through.
static void check_attack(struct fixture *f, const struct attack *attack)
{
    char text[1024];
    (void)snprintf(text, sizeof text,
                   "return function(r)\nif r.n == 2 then return r end\n%s\nreturn r\nend",
                   attack->body);
    struct script *script = fixture_load(f, text);
    CU_ASSERT_PTR_NOT_NULL(script);
    if (!script) {
        fprintf(stderr, "\n  %s: %s\n", attack->name, f->err.text);
        return;
    }
    int64_t before = cpu_ms();
    const char *out = fixture_run(f, script, SCRIPT_CALL_MAP, "{\"n\":1}\n{\"n\":2}\n");
    int64_t took = cpu_ms() - before;
    CU_ASSERT_STRING_EQUAL(out, "{\"n\":2}\n");
    CU_ASSERT_EQUAL(f->failed, 1);
    CU_ASSERT(took <= 150 + TEST_SLACK_MS);
    CHECK_HAS(f->err.text, attack->error);
    CHECK_HAS(f->err.text, "t.lua:");
    if (took > 150 + TEST_SLACK_MS || f->failed != 1)
        fprintf(stderr, "\n  %s: %lld ms, %u failed\n", attack->name, (long long)took, f->failed);
    script_free(script);
}

static void check_attacks(const struct attack *attacks, size_t count)
{
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < count; i++)
        check_attack(&f, &attacks[i]);
    fixture_deinit(&f);
}

// ThreadSanitizer holds signals back until the thread calls into the C library, which a loop of Lua
// never does.
#ifdef __SANITIZE_THREAD__
enum { SIGNALS_COME = 0 };
#else
enum { SIGNALS_COME = 1 };
#endif

static void loops(void)
{
    if (!SIGNALS_COME)
        return;
    static const struct attack attacks[] = {
        {"loop", "while true do end", "t.lua:3: time limit of 100 ms"},
        {"loop in pcall", "pcall(function() while true do end end)", "t.lua:3: time limit"},
        {"loop of pcalls", "while true do pcall(error, 'x') end", "time limit"},
        {"nested pcalls", "while true do pcall(pcall, pcall, function() while true do end end) end",
         "time limit"},
        {"xpcall handler", "xpcall(error, function() while true do end end)", "time limit"},
        {"xpcall of limit",
         "xpcall(function() while true do end end, function() while true do end "
         "end)",
         "time limit"},
        {"tail calls", "local function f() return f() end f()", "time limit"},
        {"tostring", "tostring(setmetatable({}, {__tostring = function() while true do end end}))",
         "time limit"},
        {"index",
         "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) "
         "pcall(function() while true do pcall(function() return t[1] end) end end)",
         "time limit"},
        {"sort", "local t = {} for i = 1, 1000 do t[i] = i end while true do table.sort(t) end",
         "time limit"},
        {"strings", "local s = ('x'):rep(1000000) while true do s:upper() end", "time limit"},
        {"goto", "::again:: goto again", "time limit"},
    };
    check_attacks(attacks, sizeof attacks / sizeof *attacks);
}

static void memory(void)
{
    static const struct attack attacks[] = {
        {"table", "local t = {} for i = 1, 1e9 do t[i] = i end", "t.lua:3: memory limit of 8 MiB"},
        {"string", "local s = 'x' while true do s = s .. s end", "memory limit of 8 MiB"},
        {"in pcall",
         "while true do pcall(function() local s = 'x' while true do s = s .. s end "
         "end) end",
         "memory limit"},
        {"gsub", "local s = ('x'):rep(1000) while true do s = s:gsub('x', 'xx') end", "limit"},
        {"copies", "local t = {} while true do t[#t + 1] = copy(r) end", "memory limit of 8 MiB"},
        {"fields", "local s = ('x'):rep(100000) while true do r.s = s end", "memory limit"},
        {"nested", "r.l = {{}} while true do r.l[1].s = ('y'):rep(1000) end", "limit"},
        {"arrays", "r.l = {} r.l = array{} while true do r.l[#r.l + 1] = 1 end", "limit"},
        {"upvalues", "local function f(n) return f(n + 1) .. 'x' end f(1)", "memory limit"},
    };
    check_attacks(attacks, sizeof attacks / sizeof *attacks);
}

static void bounded(void)
{
    static const struct attack attacks[] = {
        {"rep", "local s = ('x'):rep(1 << 40)", "t.lua:3: string.rep would make more"},
        {"rep sep", "local s = string.rep('', 1 << 30, 'abc')", "string.rep would make more"},
        {"pattern", "local s = ('x'):rep(1 << 20) .. 'x' s:find('y')", "too long for a pattern"},
        {"move", "table.move({}, 1, 1000000000, 2)", "more than 1000000 elements"},
        {"concat", "table.concat({}, '', 1, 1000000000)", "more than 1000000 elements"},
        {"unpack", "table.unpack({}, 1, 1000000000)", "more than 1000000 elements"},
        {"insert", "table.insert(setmetatable({}, {__len = function() return 1 << 40 end}), 1, 1)",
         "more than 1000000 elements"},
        {"sort", "table.sort(setmetatable({}, {__len = function() return 1 << 40 end}))",
         "elements to sort"},
    };
    check_attacks(attacks, sizeof attacks / sizeof *attacks);
}

// A loop or a bomb at the top level of the file.
static void while_loading(void)
{
    struct fixture f;
    fixture_init(&f);
    int64_t before = cpu_ms();
    if (SIGNALS_COME) {
        CU_ASSERT_PTR_NULL(fixture_load(&f, "while true do end"));
        CU_ASSERT(cpu_ms() - before <= 150 + TEST_SLACK_MS);
        CHECK_TEXT(f.err.text, "t.lua:1: time limit of 100 ms");
    }
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
                              {"loops are stopped", loops},
                              {"memory is limited", memory},
                              {"work inside C is bounded", bounded},
                              {"limits while loading", while_loading},
                              {"what a script returns", contract},
                              CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("lua/sandbox", cases))
