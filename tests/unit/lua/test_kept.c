// SPDX-License-Identifier: MIT
#include "script_fixture.h"

// What a script keeps in its own variables is found, with the line; what is its affair is not.

struct row {
    const char *text;
    const char *places; // joined by "; "; "" none
};

static void check(const struct row *row)
{
    struct fixture f;
    fixture_init(&f);
    struct script *script = fixture_load(&f, row->text);
    CU_ASSERT_PTR_NOT_NULL(script);
    char all[1024] = "";
    const char *const *places = NULL;
    uint32_t count = script ? script_kept(script, &places) : 0;
    for (uint32_t i = 0; i < count; i++) {
        size_t len = strlen(all);
        (void)snprintf(all + len, sizeof all - len, "%s%s", i ? "; " : "", places[i]);
    }
    if (!script)
        fprintf(stderr, "\n  %s\n", f.err.text);
    CHECK_TEXT(all, row->places);
    script_free(script);
    fixture_deinit(&f);
}

#define ASSIGNED(line, name) "t.lua:" line ": '" name "' is assigned, and kept between records"
#define CHANGED(line, name) "t.lua:" line ": '" name "' is changed, and kept between records"

static void found(void)
{
    static const struct row rows[] = {
        {"local n = 0\nreturn function(r)\nn = n + 1\nr.n = n return r end", ASSIGNED("3", "n")},
        {"local t = {}\nreturn function(r) t.x = r.n return r end", CHANGED("2", "t")},
        {"local t = {}\nreturn function(r)\n\nt[r.n] = true return r end", CHANGED("4", "t")},
        {"local t = {}\nreturn function(r) t[1] = r.n return r end", CHANGED("2", "t")},
        {"local t = {a = {}}\nreturn function(r) t.a.b = r.n return r end", CHANGED("2", "t")},
        {"local t = {a = {}}\nreturn function(r) local x = t.a x[r.n] = 1 return r end",
         CHANGED("2", "t")},
        {"local t = {}\nreturn function(r) table.insert(t, r.n) return r end", CHANGED("2", "t")},
        {"local t = {}\nreturn function(r) t = {r.n} return r end", ASSIGNED("2", "t")},
        {"seen = {}\nreturn function(r) seen[r.n] = 1 return r end", CHANGED("2", "seen")},
        {"local n = 0\nlocal function f() n = n + 1 return n end\n"
         "return function(r) r.n = f() return r end",
         ASSIGNED("2", "n")},
        {"function helper() last = nil end local n = 0\nfunction g() n = 1 end\n"
         "return function(r) g() return r end",
         ASSIGNED("2", "n")},
        {"local function make() local n = 0\nreturn function() n = n + 1 return n end end\n"
         "local next_one = make()\nreturn function(r) r.n = next_one() return r end",
         ASSIGNED("2", "n")},
        {"local n = 0\nreturn { init = function() return {} end,\nadd = function(a, r) n = n + 1 "
         "return a end,\nfinish = function(a) return a end }",
         ASSIGNED("3", "n")},
        {"local n = 0\nreturn agg { c = agg.count(), finish = function(r) n = n + 1 return r end }",
         ASSIGNED("2", "n")},
        {"local C = {} C.__index = C\nlocal n = 0\nfunction C.f() n = n + 1 end\n"
         "local o = setmetatable({}, C)\nreturn function(r) o.f() return r end",
         ASSIGNED("3", "n")},
        {"local a, b = 0, {}\nreturn function(r)\na = r.n\nb.x = a\na = 2 return r end",
         ASSIGNED("3", "a") "; " CHANGED("4", "b") "; " ASSIGNED("5", "a")},
        {"local co = coroutine.create(function() end)\n"
         "return function(r) coroutine.resume(co) return r end",
         "t.lua:2: 'co' is a coroutine that is kept between records"},
        {"local n = 0\nreturn function(r) local function f() n = n + 1 end f() return r end",
         ASSIGNED("2", "n")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check(&rows[i]);
}

static void fine(void)
{
    static const char *const texts[] = {
        "return function(r) return r end",
        "local n = 0 n = n + 1 local t = {} t.x = 1 return function(r) r.n = n + t.x return r end",
        "local function set(t) t.x = 1 end local t = {} set(t) return function(r) return r end",
        "local cache = scratch {} return function(r) cache[r.n] = r.n return r end",
        "local cache = scratch { n = 0, of = {} } return function(r) cache.n = cache.n + 1 "
        "cache.of.x = 1 table.insert(cache.of, 1) return r end",
        "cache = scratch() return function(r) cache.x = 1 return r end",
        "return function(r) local n, t = 0, {} for i = 1, 3 do n = n + i t[i] = n end r.t = t "
        "return r end",
        "return function(r) local n = 0 local function f() n = n + 1 end f() r.n = n return r end",
        "local t = {1, 2} return function(r) local x = {} x[1] = t[1] table.insert(x, t[2]) "
        "r.x = x return r end",
        "local t = {} return function(r) local x = t x = {} x.y = 1 return r end",
        "return function(r) r.a.b = 1 return r end",
        "return { init = function() return {n = 0} end, add = function(a, r) a.n = a.n + 1 "
        "return a end, finish = function(a) return a end }",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check(&(struct row){.text = texts[i], .places = ""});
}

static void scratch(void)
{
    struct fixture f;
    fixture_init(&f);
    CHECK_TEXT(fixture_map(&f,
                           "local s = scratch { n = 0 } return function(r) s.n = s.n + 1 "
                           "r.n = s.n return r end",
                           "{}\n{}"),
               "{\"n\":1}\n{\"n\":2}\n");
    (void)fixture_map(&f, "return function(r) r.x = scratch {} return r end", "{}");
    CHECK_TEXT(f.err.text, "t.lua:1: scratch: only while the script loads, not in its functions");
    CHECK_HAS(fixture_map(&f, "scratch(5) return print", "{}"), "table expected, got number");
    fixture_deinit(&f);
}

static CU_TestInfo cases[] = {
    {"what is kept", found}, {"what is not", fine}, {"scratch", scratch}, CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("lua/kept", cases))
