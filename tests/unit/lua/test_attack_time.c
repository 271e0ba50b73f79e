// SPDX-License-Identifier: MIT
#include "attack.h"

// Scripts that do not end, in every form that does not need help from C.

static void loops(void)
{
    static const struct attack attacks[] = {
        {"while", "while true do end", "t.lua:3: time limit of 100 ms", NULL},
        {"repeat", "repeat until false", "t.lua:3: time limit", NULL},
        {"for", "for i = 1, math.huge do end", "t.lua:3: time limit", NULL},
        {"for of integers", "for i = 1, math.maxinteger do end", "t.lua:3: time limit", NULL},
        {"goto", "::again:: goto again", "t.lua:3: time limit", NULL},
        {"tail calls", "local function f() return f() end f()", "time limit", NULL},
        {"calls", "local function f() end while true do f() end", "time limit", NULL},
        {"two functions", "do return f(r) end", "time limit",
         "local f, g f = function(r) return g(r) end g = function(r) return f(r) end"},
        {"an iterator", "for _ in function() return 1 end do end", "time limit", NULL},
        {"an iterator that loops", "for _ in function() while true do end end do end", "time limit",
         NULL},
        {"ipairs of everything",
         "for _ in ipairs(setmetatable({}, {__index = function() return 1 end})) do end",
         "time limit", NULL},
        {"pairs",
         "for _ in pairs(setmetatable({}, {__pairs = function() return function() return 1 "
         "end end})) do end",
         "time limit", NULL},
        {"in a module function", "string.gsub('x', 'x', function() while true do end end)",
         "time limit", NULL},
    };
    ATTACK_ALL(attacks);
}

static void swallowing(void)
{
    static const struct attack attacks[] = {
        {"pcall", "pcall(function() while true do end end)", "t.lua:3: time limit", NULL},
        {"pcall in a loop", "while true do pcall(error, 'x') end", "time limit", NULL},
        {"nested pcalls", "while true do pcall(pcall, pcall, function() while true do end end) end",
         "time limit", NULL},
        {"a deep chain of pcalls", "local function f(n) while true do pcall(f, n + 1) end end f(1)",
         "time limit", NULL},
        {"xpcall's handler loops", "xpcall(error, function() while true do end end)", "time limit",
         NULL},
        {"the handler of the limit loops",
         "xpcall(function() while true do end end, function() while true do end end)",
         "t.lua:3: time limit", NULL},
        {"the handler raises", "while true do xpcall(error, error, 'x') end", "time limit", NULL},
        {"xpcall in xpcall's handler",
         "local function h() return xpcall(error, h) end while true do h() end", "time limit",
         NULL},
        {"a handler that is a coroutine",
         "xpcall(error, coroutine.wrap(function() while true do end end))", "time limit", NULL},
        {"goes on afterwards", "for i = 1, 10 do pcall(function() while true do end end) end",
         "t.lua:3: time limit", NULL},
    };
    ATTACK_ALL(attacks);
}

static void metamethods(void)
{
    static const struct attack attacks[] = {
        {"__tostring",
         "tostring(setmetatable({}, {__tostring = function() while true do end end}))",
         "time limit", NULL},
        {"__tostring of an error",
         "error(setmetatable({}, {__tostring = function() while true do "
         "end end}))",
         "error raised with a table", NULL},
        {"__name", "while true do tostring(setmetatable({}, {__name = 'x'})) end", "time limit",
         NULL},
        {"__index",
         "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) "
         "while true do pcall(function() return t[1] end) end",
         "time limit", NULL},
        {"__newindex",
         "local t = setmetatable({}, {__newindex = function() while true do end end}) t.x = 1",
         "time limit", NULL},
        {"__eq",
         "local m = {__eq = function() while true do end end} local x = setmetatable({}, m) "
         "== setmetatable({}, m)",
         "time limit", NULL},
        {"__lt",
         "local t = setmetatable({}, {__lt = function() while true do end end}) "
         "local x = t < t",
         "time limit", NULL},
        {"__call", "local t = setmetatable({}, {__call = function(self) return self() end}) t()",
         "time limit", NULL},
        {"__len", "local x = #setmetatable({}, {__len = function() while true do end end})",
         "time limit", NULL},
        {"__unm", "local x = -setmetatable({}, {__unm = function(x) return -x end})",
         "t.lua:3: ", NULL},
        {"__close", "local x <close> = setmetatable({}, {__close = function() end})",
         "a metatable with '__close' is not allowed", NULL},
        {"__close that comes later", "local m = {} local t = setmetatable({}, m) m.__close = print",
         "a metatable with '__close' is not allowed", NULL},
        {"__close of a for",
         "local m = {} m.__close = function() while true do end end "
         "for _ in next, {}, nil, setmetatable({}, m) do end",
         "a metatable with '__close' is not allowed", NULL},
        {"__gc", "setmetatable({}, {__gc = function() while true do end end})",
         "a metatable with '__gc' is not allowed", NULL},
        {"__gc later", "local m = {} setmetatable({}, m) m.__gc = true",
         "a metatable with '__gc' is not allowed", NULL},
        {"__mode later", "local m = {} setmetatable({}, m) m['__' .. 'mode'] = 'k'",
         "a metatable with '__mode' is not allowed", NULL},
        {"__concat later", "local m = {} setmetatable({}, m) m.__concat = print",
         "a metatable with '__concat' is not allowed", NULL},
        {"__close of a class of a class",
         "local base = {} local class = setmetatable({}, {__index = base}) setmetatable({}, class) "
         "class.__close = print",
         "a metatable with '__close' is not allowed", NULL},
        {"__close behind another metatable",
         "local m = {} setmetatable({}, m) setmetatable(m, {}) setmetatable(m, nil) "
         "setmetatable(m, {__newindex = m}) m.x = 1 m.__close = print",
         "t.lua:3: ", NULL},
        {"__close of its own metatable", "local m = {} setmetatable(m, m) m.__close = print",
         "a metatable with '__close' is not allowed", NULL},
        {"a chain of 3,000 indexes",
         "local t = {} for i = 1, 3000 do t = setmetatable({}, {__index = t}) end "
         "while true do pcall(function() return t.x end) end",
         "time limit", NULL},
        {"a ring of indexes",
         "local a, b = {}, {} setmetatable(a, {__index = b}) setmetatable(b, {__index = a}) "
         "do return a.x end",
         "loop", NULL},
        {"a ring of functions",
         "local a = setmetatable({}, {}) getmetatable(a).__index = "
         "function(t, k) return a[k] end do return a.x end",
         "stack overflow", NULL},
    };
    ATTACK_ALL(attacks);
}

static void coroutines(void)
{
    static const struct attack attacks[] = {
        {"a loop inside", "coroutine.wrap(function() while true do end end)()",
         "t.lua:3: time limit of 100 ms", NULL},
        {"resume of a loop", "coroutine.resume(coroutine.create(function() while true do end end))",
         "t.lua:3: time limit", NULL},
        {"yields for ever",
         "local co = coroutine.wrap(function() while true do coroutine.yield() end end) "
         "while true do co() end",
         "t.lua:3: time limit", NULL},
        {"made for ever", "while true do coroutine.wrap(function() end)() end", "time limit", NULL},
        {"as an iterator",
         "for _ in coroutine.wrap(function() while true do coroutine.yield(1) "
         "end end) do end",
         "time limit", NULL},
        {"pcall inside",
         "coroutine.wrap(function() while true do pcall(function() while true do "
         "end end) end end)()",
         "time limit", NULL},
        {"a loop ten deep",
         "local function f(n) if n == 0 then while true do end end "
         "coroutine.wrap(f)(n - 1) end f(10)",
         "time limit", NULL},
        {"resumes itself", "local co co = coroutine.wrap(function() return co() end) co()",
         "cannot resume non-suspended coroutine", NULL},
        {"nested without end", "local function f() coroutine.wrap(f)() end f()", "C stack overflow",
         NULL},
        {"nested without end, caught",
         "local function f() pcall(coroutine.wrap(f)) end while true do f() end", "time limit",
         NULL},
        {"yield out of the record", "coroutine.yield(r)", "t.lua:3: attempt to yield from outside",
         NULL},
        {"yield across sort",
         "local co = coroutine.create(function() table.sort({1, 2, 3}, coroutine.yield) end) "
         "error(select(2, coroutine.resume(co)), 0) -- t.lua:",
         "yield across a C-call", NULL},
        {"kept, and looping on", "co()", "time limit",
         "local co = coroutine.wrap(function() while true do end end)"},
        {"killed inside, then closed",
         "local co = coroutine.create(function() while true do end end) "
         "pcall(coroutine.resume, co) coroutine.close(co)",
         "t.lua:3: time limit", NULL},
    };
    ATTACK_ALL(attacks);
}

static void closings(void)
{
    // 20,000 coroutines that hold each other do not fill the C stack when they go.
    static const struct attack attacks[] = {
        {"a chain of suspended ones",
         "local co for i = 1, 2000 do local inner = co co = coroutine.create(function() "
         "coroutine.yield(inner) end) coroutine.resume(co) end coroutine.close(co)",
         NULL, NULL},
        {"a chain of closings",
         "local co = coroutine.create(function() end) for i = 1, 2000 do local inner = co "
         "co = coroutine.create(function() coroutine.yield(coroutine.close(inner)) end) "
         "coroutine.resume(co) end coroutine.close(co)",
         NULL, NULL},
        {"all allowed",
         "local co = coroutine.create(function(a) local b = coroutine.yield(a) "
         "error(b) end) coroutine.resume(co, 1) coroutine.resume(co, 2) "
         "assert(coroutine.status(co) == 'dead')",
         NULL, NULL},
    };
    ATTACK_ALL(attacks);
}

static CU_TestInfo cases[] = {{"loops", loops},
                              {"limits cannot be caught", swallowing},
                              {"metamethods", metamethods},
                              {"coroutines", coroutines},
                              {"coroutines that close", closings},
                              CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("lua/attack_time", cases))
