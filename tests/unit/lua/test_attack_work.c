// SPDX-License-Identifier: MIT
#include "attack.h"

// Work that goes on inside C, memory, stacks, and tampering.

static void patterns(void)
{
    static const struct attack attacks[] = {
        {"backtracking", "local s = ('a'):rep(60) s:find(('a-'):rep(30) .. 'b')",
         "t.lua:3: time limit of 100 ms", NULL},
        {"dots", "local s = ('x'):rep(200000) s:find('.-.-.-b')", "t.lua:3: time limit", NULL},
        {"optional", "local s = ('a'):rep(40) s:find(('a?'):rep(40) .. ('a'):rep(40) .. 'b')",
         "time limit", NULL},
        {"groups", "('a'):rep(5000):match('(.*)(.*)(.*)(.*)x')", "time limit", NULL},
        {"gsub", "('a'):rep(5000):gsub('.*.*.*x', '')", "time limit", NULL},
        {"gmatch", "for _ in ('a'):rep(5000):gmatch('.*.*.*x') do end", "time limit", NULL},
        {"balance", "local s = ('('):rep(100000) s:gsub('%b()', '')", "time limit", NULL},
        {"back reference", "local s = ('a'):rep(20000) s:find('(.*)%1%1x')", "time limit", NULL},
        {"frontier", "local s = ('a'):rep(5000) s:find('.-%f[%d].-%f[%d].-%f[%d]')", "time limit",
         NULL},
        {"in pcall", "while true do pcall(string.find, ('x'):rep(20000), '.-.-.-b') end",
         "t.lua:3: time limit", NULL},
        {"plain",
         "local s = ('a'):rep(2000000) while true do s:find(('a'):rep(500000) .. 'b', 1, "
         "true) end",
         "time limit", NULL},
        {"callback", "('a'):rep(100):gsub('.', function() while true do end end)", "time limit",
         NULL},
        {"callbacks inside of callbacks", "local function f() return (('a'):gsub('a', f)) end f()",
         "C stack overflow", NULL},
        {"too complex", "('a'):rep(400):find(('a?'):rep(300))", "t.lua:3: pattern too complex",
         NULL},
        {"a table that answers for ever",
         "('a'):gsub('a', setmetatable({}, {__index = function() while true do end end}))",
         "t.lua:3: ", NULL},
    };
    ATTACK_ALL(attacks);
}

static void tables(void)
{
    static const struct attack attacks[] = {
        {"sort in a loop",
         "local t = {} for i = 1, 1000 do t[i] = -i end while true do "
         "table.sort(t) end",
         "time limit", NULL},
        {"sort of many",
         "local t = {} for i = 1, 200000 do t[i] = i * 7919 % 200003 end "
         "table.sort(t) table.sort(t, function(a, b) return a > b end)",
         "limit", NULL},
        {"sort with a loop", "table.sort({1, 2, 3}, function() while true do end end)",
         "time limit", NULL},
        {"sort without an order",
         "local t = {} for i = 1, 20000 do t[i] = i end "
         "while true do table.sort(t, function() return true end) end",
         "time limit", NULL},
        {"sort that changes",
         "local t = {3, 2, 1} table.sort(t, function(a, b) t[#t + 1] = 1 "
         "while #t > 100 do end return a < b end)",
         NULL, NULL},
        {"sort of a lie", "table.sort(setmetatable({}, {__len = function() return 1 << 40 end}))",
         "to sort", NULL},
        {"move", "table.move({}, 1, 1000000000, 2)", "time limit", NULL},
        {"move up", "table.move({1}, 1, math.maxinteger - 1, 2)", "t.lua:3: ", NULL},
        {"move of a function",
         "table.move(setmetatable({}, {__index = function() return 1 end}), 1, 1 << 40, 1, {})",
         "limit", NULL},
        {"concat",
         "table.concat(setmetatable({}, {__index = function() return '' end}), '', 1, "
         "1 << 40)",
         "time limit", NULL},
        {"concat that grows",
         "local s = ('x'):rep(100000) local t = {} for i = 1, 1000 do t[i] = s "
         "end table.concat(t)",
         "memory limit", NULL},
        {"unpack", "table.unpack({}, 1, 1000000000)", "too many results to unpack", NULL},
        {"unpack of much", "while true do pcall(table.unpack, {}, 1, 200000) end", "limit", NULL},
        {"insert of a lie",
         "table.insert(setmetatable({}, {__len = function() return 1 << 40 end}), 1, 1)",
         "time limit", NULL},
        {"remove of a lie",
         "table.remove(setmetatable({}, {__len = function() return 1 << 40 end, __index = "
         "function() end, __newindex = function() end}), 1)",
         "time limit", NULL},
        {"insert at the front", "local t = {} while true do table.insert(t, 1, 1) end", "limit",
         NULL},
        {"remove at the front",
         "local t = {} for i = 1, 100000 do t[i] = i end "
         "while true do table.remove(t, 1) t[#t + 1] = 1 end",
         "time limit", NULL},
        {"select",
         "local function f(...) return select(-1, ...) end "
         "while true do f(table.unpack({}, 1, 100000)) end",
         "limit", NULL},
    };
    ATTACK_ALL(attacks);
}

static void strings(void)
{
    static const struct attack attacks[] = {
        {"rep", "local s = ('x'):rep(1 << 40)", "t.lua:3: memory limit of 8 MiB", NULL},
        {"rep in pcall", "pcall(string.rep, 'x', 1 << 40)", "t.lua:3: memory limit", NULL},
        {"rep with a separator", "local s = string.rep('', 1 << 30, 'abc')", "memory limit", NULL},
        {"rep beyond all", "local s = string.rep('abc', math.maxinteger)",
         "resulting string too large", NULL},
        {"rep of single bytes", "while true do local s = ('x'):rep(3 << 20) end", "limit", NULL},
        {"upper", "local s = ('x'):rep(2 << 20) while true do s:upper() end", "limit", NULL},
        {"reverse", "local s = ('x'):rep(2 << 20) while true do s:reverse() end", "limit", NULL},
        {"byte", "local s = ('x'):rep(100000) while true do s:byte(1, -1) end", "limit", NULL},
        {"byte of much", "local s = ('x'):rep(2 << 20) s:byte(1, -1)", "string slice too long",
         NULL},
        {"char", "while true do string.char(table.unpack({}, 1, 0)) end", "time limit", NULL},
        {"format", "string.format('%99999d', 1)", "invalid conversion", NULL},
        {"format of much",
         "local t = {} for i = 1, 1000 do t[i] = 1e308 end "
         "while true do string.format(('%.99f'):rep(1000), table.unpack(t)) end",
         "more than 200 conversions", NULL},
        {"format in a loop", "while true do string.format('%99.99f', 1e308) end", "time limit",
         NULL},
        {"format of long texts",
         "local s = ('x'):rep(3 << 20) while true do "
         "pcall(string.format, '%q', s) end",
         "limit", NULL},
        {"pack", "string.pack('c1000000000', 'x')", "sizes of more than", NULL},
        {"pack of many", "string.packsize(('i'):rep(1 << 20))", "a format of more than", NULL},
        {"utf8", "local s = ('x'):rep(2 << 20) while true do utf8.len(s) end", "limit", NULL},
        {"tonumber", "local s = ('1'):rep(2 << 20) while true do tonumber(s) end", "limit", NULL},
        {"long keys", "local t = {} for i = 1, 1e9 do t[('k'):rep(1000) .. i] = i end",
         "memory limit", NULL},
        {"json of much",
         "local t = {} for i = 1, 100000 do t[i] = i end while true do "
         "json.encode(t) end",
         "limit", NULL},
        {"json of a tree without end",
         "local t = {1} for i = 1, 40 do t = {t, t} end "
         "json.encode(t)",
         "limit", NULL},
        {"json of nulls",
         "local s = '[' .. ('1,'):rep(400000) .. '1]' while true do "
         "pcall(json.decode, s) end",
         "limit", NULL},
        {"time", "while true do time.format(0, ('%Y'):rep(60)) end", "time limit", NULL},
    };
    ATTACK_ALL(attacks);
}

static void memory(void)
{
    static const struct attack attacks[] = {
        {"table", "local t = {} for i = 1, 1e9 do t[i] = i end", "t.lua:3: memory limit of 8 MiB",
         NULL},
        {"string", "local s = 'x' while true do s = s .. s end", "t.lua:3: memory limit of 8 MiB",
         NULL},
        {"string in pcall",
         "while true do pcall(function() local s = 'x' while true do s = s .. s end end) end",
         "memory limit", NULL},
        {"table in pcall", "local t = {} for i = 1, 1e9 do pcall(function() t[i] = {} end) end",
         "limit", NULL},
        {"table in a coroutine",
         "local t = {} coroutine.wrap(function() for i = 1, 1e9 do t[i] = {} "
         "end end)()",
         "t.lua:3: memory limit", NULL},
        {"gsub", "local s = ('x'):rep(1000) while true do s = s:gsub('x', 'xx') end", "limit",
         NULL},
        {"closures", "local t = {} while true do t[#t + 1] = function() return t end end",
         "memory limit", NULL},
        {"coroutines", "local t = {} while true do t[#t + 1] = coroutine.create(print) end",
         "memory limit", NULL},
        {"error objects", "local t = {} while true do local _, e = pcall(error, {t}) t = e end",
         "memory limit", NULL},
        {"error texts",
         "local s = ('x'):rep(1000000) while true do local _, e = pcall(error, s) "
         "s = s .. e end",
         "memory limit", NULL},
        {"a long error", "error(('x'):rep(4000000))", "t.lua:3: xxx", NULL},
        {"copies", "local t = {} while true do t[#t + 1] = copy(r) end", "memory limit of 8 MiB",
         NULL},
        {"fields", "local s = ('x'):rep(100000) while true do r.s = s end", "memory limit", NULL},
        {"many fields", "for i = 1, 1e9 do r['f' .. i] = i end", "t.lua:3: ", NULL},
        {"nested", "r.l = {{}} while true do r.l[1].s = ('y'):rep(1000) end", "limit", NULL},
        {"arrays", "r.l = array{} while true do r.l[#r.l + 1] = 1 end", "limit", NULL},
        {"doubling", "r.a = {1} while true do r.a = {r.a, r.a} end", "limit", NULL},
        {"a tree without end", "local t = {1} for i = 1, 60 do t = {t, t} end r.x = t",
         "t.lua:3: memory limit", NULL},
        {"a tree of texts",
         "local s, t = ('x'):rep(100000), {} for i = 1, 1000 do t[i] = s end "
         "for i = 1, 3 do t = {t, t, t, t, t, t} end r.x = t",
         "memory limit", NULL},
        {"copy of a tree", "local t = {1} for i = 1, 60 do t = {t, t} end copy(t)", "memory limit",
         NULL},
        {"a record of many names", "local t = {} for i = 1, 50000 do t['n' .. i] = i end r.x = t",
         "limit", NULL},
        {"stack", "local function f(n) return f(n + 1) .. 'x' end f(1)", "limit", NULL},
        {"recursion", "local function f() return f() + 1 end f()", "t.lua:3: memory limit", NULL},
        {"varargs", "local function f(...) return f(1, ...) end f()", "limit", NULL},
        {"recursion in pcall", "local function f() pcall(f) return f() .. '' end f()",
         "t.lua:3: ", NULL},
        {"just below the limit",
         "local t = {} for i = 1, 60000 do t[i] = {i} end while true do t[1] = {{}, {}, {}} end",
         "limit", NULL},
    };
    ATTACK_ALL(attacks);
}

static void stacks(void)
{
    static const struct attack attacks[] = {
        {"pcall in pcall", "local function f() return pcall(f) end f()", NULL, NULL},
        {"tostring in tostring",
         "local t t = setmetatable({}, {__tostring = function() return tostring(t) end}) "
         "tostring(t)",
         "C stack overflow", NULL},
        {"sort in sort", "local function f() table.sort({1, 2}, f) end f()", "C stack overflow",
         NULL},
        {"nested tables", "local t = {} for i = 1, 100000 do t = {t} end r.x = t",
         "nested deeper than 100", NULL},
        {"nested JSON", "json.decode(('['):rep(100000))", "t.lua:3: ", NULL},
        {"a cycle", "local t = {} t.t = t r.x = t", "nested deeper than 100", NULL},
        {"a string of operators",
         "local x = 1 "
         "for i = 1, 10 do x = -(-(-(-x))) end",
         NULL, NULL},
    };
    ATTACK_ALL(attacks);
}

static void tampering(void)
{
    static const struct attack attacks[] = {
        {"string methods", "getmetatable('').__index = nil", "t.lua:3: ", NULL},
        {"string metatable", "setmetatable('', {})", "table expected", NULL},
        {"string", "string.format = nil", "string.format cannot be assigned", NULL},
        {"through a method", "local s = ('x') s.y = 1", "t.lua:3: ", NULL},
        {"math", "math.floor = print", "math is read-only", NULL},
        {"table", "table.insert(table, 1)", "table is read-only", NULL},
        {"table.move", "table.move({1}, 1, 1, 1, string)", "string is read-only", NULL},
        {"agg", "agg.sum = nil", "agg cannot be assigned to", NULL},
        {"json", "json.encode = nil", "json is read-only", NULL},
        {"coroutine", "coroutine.wrap = nil", "coroutine is read-only", NULL},
        {"null", "null.x = 1", "null has no fields", NULL},
        {"drop", "drop.x = 1", "drop has no fields", NULL},
        {"metatable of null", "getmetatable(null).__index = 1", "t.lua:3: ", NULL},
        {"metatable of math", "setmetatable(math, {})", "protected metatable", NULL},
        {"metatable of a record", "setmetatable(r, {})", "table expected", NULL},
        {"_ENV", "_ENV = {} x = 1", NULL, NULL},
        {"_ENV's metatable", "setmetatable(_ENV, {})", "protected metatable", NULL},
        {"_ENV by name", "_ENV.print = 1", "assignment to global 'print'", NULL},
        {"rawset", "rawset(string, 'x', 1)", "global 'rawset' is not defined", NULL},
        {"load", "load('x = 1')()", "global 'load' is not defined", NULL},
        {"bytecode", "string.dump(print)", "t.lua:3: ", NULL},
        {"require", "require 'os'", "t.lua:3: require: ", NULL},
        {"debug", "debug.sethook()", "global 'debug' is not defined", NULL},
        {"os", "os.exit()", "global 'os' is not defined", NULL},
        {"io", "io.open('/etc/passwd')", "global 'io' is not defined", NULL},
        {"package", "package.loadlib('x', 'y')", "global 'package' is not defined", NULL},
        {"collectgarbage", "collectgarbage('stop')", "global 'collectgarbage' is not defined",
         NULL},
        {"a kept record",
         "local _ = kept[1] and kept[1].n kept[1] = r _ = kept[1].n "
         "error('t.lua: still fine', 0)",
         "still fine", "local kept = {}"},
        {"conf", "conf.x = 1", "conf is read-only", NULL},
        {"rawget reaches nothing", "assert(rawget(string, 'format') == nil)", NULL, NULL},
        {"next reaches nothing", "assert(next(string) == nil and next(_ENV) == nil)", NULL, NULL},
    };
    ATTACK_ALL(attacks);
}

// Behind a record that failed each one is guarded for itself, by which the machine comes out of the
// error another way.
static void after_another(void)
{
    static const char *const bodies[] = {
        "local function f() return f() + 1 end f()",
        "local function f() return f() + 1 end pcall(f)",
        "local t = {} while true do t[#t + 1] = {} end",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct fixture f;
        fixture_init(&f);
        char text[256];
        (void)snprintf(text, sizeof text,
                       "return function(r)\nif r.n == 1 then error('first') end\n%s\nend",
                       bodies[i]);
        struct script *script = fixture_load(&f, text);
        CU_ASSERT_PTR_NOT_NULL_FATAL(script);
        (void)fixture_run(&f, script, SCRIPT_CALL_MAP, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n");
        CU_ASSERT_EQUAL(f.failed, 3);
        CHECK_HAS(f.err.text, "t.lua:3: ");
        CHECK_HAS(f.err.text, "memory limit of 8 MiB");
        script_free(script);
        fixture_deinit(&f);
    }
}

// A text that takes the compiler long.
static void compiling(void)
{
    enum { SIZE = 1000000 };
    static const char *const pieces[] = {
        "elseif a then ", "or a ", "{", "(", "a.b.c=1 ", "-- x\n", "local function a() "};
    char *text = malloc(SIZE + 64);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        const char *head = i == 0 ? "local a if a then " : "local a = a ";
        size_t len = strlen(head), step = strlen(pieces[i]);
        memcpy(text, head, len);
        for (; len + step < SIZE; len += step)
            memcpy(text + len, pieces[i], step);
        text[len] = 0;
        struct fixture f;
        fixture_init(&f);
        int64_t before = attack_cpu_ms();
        struct script *script = fixture_load(&f, text);
        int64_t took = attack_cpu_ms() - before;
        CU_ASSERT_PTR_NULL(script);
        CU_ASSERT(took <= ATTACK_TIME_MS + ATTACK_LATE_MS + TEST_SLACK_MS);
        if (took > ATTACK_TIME_MS + ATTACK_LATE_MS + TEST_SLACK_MS)
            fprintf(stderr, "\n  %s: %lld ms\n", pieces[i], (long long)took);
        CHECK_HAS(f.err.text, "t.lua");
        script_free(script);
        fixture_deinit(&f);
    }
    free(text);
}

static CU_TestInfo cases[] = {{"patterns", patterns},   {"tables", tables},
                              {"strings", strings},     {"memory", memory},
                              {"stacks", stacks},       {"tampering", tampering},
                              {"compiling", compiling}, {"after another", after_another},
                              CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("lua/attack_work", cases))
