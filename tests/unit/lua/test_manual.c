// SPDX-License-Identifier: MIT
#include "twin.h"

// What Lua's manual says of its functions, tried here and in plain Lua: results and error texts are
// the same. `show` is there to look at values; errors of pcall have their places.

static void check(const char *const *bodies, size_t count)
{
    for (size_t i = 0; i < count; i++)
        CU_ASSERT(twin_same(bodies[i]));
}
#define CHECK_ALL(bodies) check(bodies, sizeof(bodies) / sizeof *(bodies))

static void tables(void)
{
    static const char *const bodies[] = {
        "return table.concat({1, 2, 3}), table.concat({'a', 'b'}, ', '), table.concat({}, 'x')",
        "return table.concat({1, 2, 3}, '-', 2), table.concat({1, 2, 3}, '-', 2, 3)",
        "return table.concat({1, 2, 3}, '-', 3, 2), table.concat({1.5, 2^53})",
        "return table.concat({1, {}, 3})",
        "return table.concat({1, 2, 3}, '', 1, 4)",
        "return table.concat({1}, {})",
        "return table.concat(5)",
        "return table.concat()",
        "return table.concat(setmetatable({}, {__index = function(_, i) return 'v' .. i end, "
        "__len = function() return 3 end}), ',')",
        "return table.concat({}, 'x', math.maxinteger, math.maxinteger - 1)",
        "local t = {} table.insert(t, 'a') table.insert(t, 1, 'b') table.insert(t, 3, 'c') return "
        "t",
        "local t = {1, 2} table.insert(t, 5, 0) return t",
        "local t = {1, 2} table.insert(t, 0, 0) return t",
        "local t = {1, 2} table.insert(t, 1, 2, 3)",
        "table.insert({1})",
        "table.insert({1}, 'x', 2)",
        "table.insert(nil, 1)",
        "local t = {} table.insert(t, 1, nil) return #t",
        "local t = {1, 2, 3} return table.remove(t), table.remove(t, 1), t",
        "return table.remove({}), table.remove({}, 0), table.remove({[0] = 'z'}, 0)",
        "return table.remove({1, 2}, 3), pcall(table.remove, {1, 2}, 3)",
        "return (pcall(table.remove, {1, 2, 3}, 7))",
        "local t = {1, 2, 3} return table.remove(t, 4), #t",
        "return table.move({1, 2, 3}, 1, 3, 2)",
        "return table.move({1, 2, 3}, 2, 3, 1)",
        "return table.move({1, 2, 3}, 1, 3, 1, {})",
        "return table.move({1, 2, 3}, 2, 1, 5)",
        "return table.move({1, 2, 3}, 1, 3, 3, {9})",
        "return table.move({}, math.mininteger, math.maxinteger, 1)",
        "return table.move({}, 1, math.maxinteger, 2)",
        "return table.move({}, -1, math.maxinteger, 2)",
        "return table.move({1}, 1, 2)",
        "return table.move({1}, 1, 2, 3, 4)",
        "return table.unpack({1, 2, 3}), table.unpack({1, 2, 3}, 2), (table.unpack({1, 2}, 2, 3))",
        "return table.unpack({1, 2, 3}, -1, 1)",
        "return table.unpack({}, 1, 1e7)",
        "return table.unpack({}, math.mininteger, math.maxinteger)",
        "return table.unpack()",
        "return table.unpack({}, 'a')",
        "return table.unpack('abc', 1, 2)",
        "return table.pack(1, nil, 3).n, select('#', table.unpack({n = 3}, 1, 3))",
        "local t = {5, 3, 1, 4, 2} table.sort(t) return t",
        "local t = {'b', 'a', 'C', ''} table.sort(t) return t",
        "local t = {5, 3, 1, 4, 2} table.sort(t, function(a, b) return a > b end) return t",
        "local t = {1, 'x'} table.sort(t)",
        "local t = {{}, {}} table.sort(t)",
        "table.sort({2, 1}, 5)",
        "table.sort(5)",
        "local t = {2, 1} table.sort(t, nil) return t",
        "table.sort({1, 2, 3}, function() error('mine') end)",
        "local t = {} for i = 1, 500 do t[i] = i * 7919 % 503 end table.sort(t) return t",
        "local t = {} for i = 1, 300 do t[i] = -i // 3 + 0.5 end table.sort(t) return t",
        "local m = {__lt = function(a, b) return a[1] < b[1] end} local t = {} for i = 1, 20 do "
        "t[i] = setmetatable({i * 7 % 23}, m) end table.sort(t) return t",
    };
    CHECK_ALL(bodies);
}

static void strings(void)
{
    static const char *const bodies[] = {
        "return ('ab'):rep(3), ('ab'):rep(3, '-'), ('ab'):rep(0), ('ab'):rep(-1), (''):rep(10)",
        "return ('x'):rep(1, 'sep'), ('x'):rep(2, ''), (''):rep(3, ','), (5):rep(2)",
        "return ('x'):rep(1e100)",
        "return ('abc'):rep(math.maxinteger)",
        "return ('x'):rep()",
        "return ('x'):rep('y')",
        "return #('abc'):rep(100000, 'de'), ('abc'):rep(1000, 'de'):sub(-12)",
        "return ('aBc\\xe9'):upper(), ('aBC1'):lower(), (''):upper(), string.upper(12)",
        "return string.upper()",
        "return string.lower({})",
        "return string.format('%d %5d %-5d| %05d %+d', 1, 2, 3, 4, 5)",
        "return string.format('%x %X %o %c %i', 255, 255, 8, 65, 7)",
        "return string.format('%f %.2f %e %g %a', 1, 2.345, 1e10, 1e20, 1)",
        "return string.format('%s %10s %-10s| %.2s', 'a', 'b', 'c', 'defg')",
        "return string.format('%q', 'a\\n\"\\0\\\\b\\r1'), string.format('%q', 1 / 3)",
        "return string.format('%q', math.mininteger), string.format('%q', {})",
        "return string.format('%s %s %s', nil, true, setmetatable({}, {__tostring = function() "
        "return 'T' end}))",
        "return string.format('%s', setmetatable({}, {__tostring = function() return 1 end}))",
        "return string.format('%d', 1.5)",
        "return string.format('%d', 'x')",
        "return string.format('%d')",
        "return string.format('%y', 1)",
        "return string.format('%', 1)",
        "return string.format('%123d', 1)",
        "return string.format('%5%')",
        "return string.format('%%'), string.format('%5.1f|%-8.3s|', 3.14159, 'abcdef')",
        "return string.format('%i', 2^31), string.format('%.20s', ('x'):rep(30))",
        "return string.format()",
        "return ('hello'):byte(1, -1), ('hello'):byte(10), ('hello'):byte(-1)",
        "return string.char(72, 105), string.char(), string.char(256)",
        "return string.char(-1)",
        "return ('hello'):sub(2, 3), ('hello'):sub(-3), ('hello'):sub(0), ('hello'):sub(4, 2)",
        "return ('hello'):reverse(), ('hello'):len(), #'hello'",
        "return string.pack('i4', 100), string.unpack('i4', string.pack('i4', 100))",
        "return string.pack('z', 'abc'), string.pack('s1', 'abc'), string.packsize('i4i8')",
        "return string.unpack('<I2', 'ab', 1), string.pack('c5', 'abc')",
        "return string.pack('i17', 1)",
        "return string.pack('y', 1)",
        "return utf8.char(228, 8364, 128512), utf8.len('äö€'), utf8.len('\\xff')",
        "return utf8.codepoint('äb', 1, -1), utf8.offset('äöü', 3), utf8.offset('äöü', -1)",
        "local out = {} for p, c in utf8.codes('aä€') do out[#out + 1] = p out[#out + 1] = c end "
        "return out",
        "for p, c in utf8.codes('a\\xff') do end",
        "return utf8.len('abc', 5)",
        "return utf8.codepoint('abc', 4)",
        "return tonumber('0x10'), tonumber('10', 2), tonumber('z', 36), tonumber(' 5 '), "
        "tonumber('')",
        "return tonumber('8', 8), tonumber('1e1'), tonumber({}), tonumber('5', 99)",
        "return tostring(1), tostring(1.0), tostring(-0.0), tostring(1e15), tostring(2^63)",
        "return math.type(1), math.type(1.0), math.type('1'), 7 // 2, -7 // 2, 7 % -3, 1 // 0.0",
        "return 1 // 0",
        "return 'a' .. 1, '10' + 5, '3' * '4', 'a' + 1",
        "return math.tointeger(3.0), math.tointeger('x'), math.ult(1, -1), math.floor(-3.5)",
        "return select(-1, 1, 2, 3), select(2, 'a', 'b', 'c')",
        "return select(0)",
    };
    CHECK_ALL(bodies);
}

static void coroutines(void)
{
    static const char *const bodies[] = {
        "local co = coroutine.create(function(a, b) local c = coroutine.yield(a + b) "
        "local d, e = coroutine.yield(c * 2) return d, e end) "
        "return coroutine.resume(co, 1, 2), coroutine.resume(co, 10), "
        "coroutine.resume(co, 'x', 'y'), coroutine.resume(co), coroutine.status(co)",
        "local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) "
        "return co(), co(), co(), co()",
        "local co = coroutine.wrap(function() end) co() co()",
        "local co = coroutine.wrap(function() error('mine') end) co()",
        "local co = coroutine.wrap(function() error({}) end) co()",
        "local co = coroutine.create(function() error('mine') end) "
        "return coroutine.resume(co), coroutine.status(co), coroutine.resume(co)",
        "local co co = coroutine.create(function() return coroutine.status(co), "
        "coroutine.resume(co) end) return coroutine.status(co), coroutine.resume(co)",
        "local a, b a = coroutine.create(function() coroutine.resume(b) end) "
        "local s b = coroutine.create(function() s = coroutine.status(a) end) "
        "coroutine.resume(a) return s",
        "return coroutine.isyieldable(), select(2, coroutine.running())",
        "return coroutine.wrap(function() return coroutine.isyieldable(), "
        "select(2, coroutine.running()) end)()",
        "local co = coroutine.create(print) return coroutine.isyieldable(co)",
        "return coroutine.close(coroutine.create(print))",
        "local co = coroutine.create(function() coroutine.yield() end) coroutine.resume(co) "
        "return coroutine.close(co), coroutine.status(co), coroutine.resume(co)",
        "local co = coroutine.create(error) coroutine.resume(co, 'x') "
        "return coroutine.close(co), coroutine.close(co)",
        "return coroutine.close(coroutine.running())",
        "local co co = coroutine.create(function() return coroutine.close(co) end) "
        "return coroutine.resume(co)",
        "coroutine.create(5)",
        "coroutine.resume(5)",
        "coroutine.wrap()",
        "coroutine.status()",
        "return coroutine.wrap(function() return pcall(function() return 1 + "
        "coroutine.yield(5) end) end)()",
        "local co = coroutine.wrap(function() return pcall(function() return 1 + "
        "coroutine.yield(5) end) end) return co(), co(7)",
        "local co = coroutine.wrap(function() return pcall(function() coroutine.yield(5) "
        "error('late') end) end) return co(), co()",
        "local co = coroutine.wrap(function() return xpcall(function(a) coroutine.yield(a) "
        "error('late') end, function(e) return 'H' .. e end, 9) end) return co(), co()",
        "local co = coroutine.wrap(function() return pcall(pcall, function() coroutine.yield(1) "
        "error('x', 0) end) end) return co(), co()",
        "local co = coroutine.create(function() table.sort({3, 2, 1}, function(a, b) "
        "coroutine.yield() return a < b end) end) return coroutine.resume(co)",
        "local co = coroutine.create(function() ('x'):gsub('x', coroutine.yield) end) "
        "return coroutine.resume(co)",
        "local co = coroutine.wrap(function() for k in pairs(setmetatable({}, {__pairs = "
        "function() coroutine.yield('p') return next, {} end})) do end return 'done' end) "
        "return co(), co()",
        "local co = coroutine.wrap(function() local t = setmetatable({}, {__index = function(_, k) "
        "return coroutine.yield(k) end}) return t.x end) return co(), co('v')",
        "local n = 0 for v in coroutine.wrap(function() for i = 1, 10 do coroutine.yield(i) end "
        "end) do n = n + v end return n",
        "local function gen(n) return coroutine.wrap(function() for i = 2, n do "
        "coroutine.yield(i) end end) end local function filter(p, g) return "
        "coroutine.wrap(function() for n in g do if n % p ~= 0 then coroutine.yield(n) end end "
        "end) end local out, x = {}, gen(50) while true do local n = x() if n == nil then break "
        "end out[#out + 1] = n x = filter(n, x) end return out",
    };
    CHECK_ALL(bodies);
}

static void calls(void)
{
    static const char *const bodies[] = {
        "return pcall(error, 'x'), pcall(error, 'x', 0), pcall(error), pcall(error, nil)",
        "return pcall(function() error('x') end), pcall(function() error('x', 2) end)",
        "return pcall(function(...) return ... end, 1, nil, 3)",
        "return pcall()",
        "return pcall(5)",
        "return pcall(function() local x = nil return x.y end)",
        "return pcall(function() return 1 + {} end), pcall(function() return #5 end)",
        "return xpcall(function(...) return ... end, print, 1, 2)",
        "return xpcall(error, function(e) return 'H' .. e end, 'x')",
        "return xpcall(error, function(e) return e, 2 end, {1, 2})",
        "return xpcall(error)",
        "return xpcall(error, 5)",
        "return xpcall(5, function(e) return e end)",
        "return select('#', xpcall(function() end, print))",
        "return assert(1, 2), pcall(assert, false), pcall(assert, nil, 'm')",
        "return pcall(assert, false, {}), rawequal('a', 'a'), rawlen({1, 2}), rawget({5}, 1)",
        "local t = setmetatable({}, {__index = {a = 1}}) return t.a, rawget(t, 'a'), "
        "getmetatable(t).__index.a",
        "local m = {} local t = setmetatable({}, m) return getmetatable(t) == m, "
        "getmetatable(m) == nil",
        "local m = {__metatable = 'locked'} local t = setmetatable({}, m) "
        "return getmetatable(t), pcall(setmetatable, t, {})",
        "local C = {} C.__index = C local o = setmetatable({}, C) function C.f(self) return "
        "self.x end o.x = 5 return o:f()",
        "local C = {} local o = setmetatable({}, C) C.__tostring = function() return 'late' end "
        "C.__add = function() return 'sum' end return tostring(o), o + 1",
        "local A = {} A.__index = A function A.f() return 'A' end local B = setmetatable({}, "
        "{__index = A}) B.__index = B local o = setmetatable({}, B) function A.g() return 'g' end "
        "function B.h() return 'h' end return o.f(), o.g(), o.h(), getmetatable(B).__index == A",
        "local A = {} A.__index = A A.__call = function(self, x) return 'call' .. x end "
        "local B = setmetatable({}, A) B.__index = B local o = setmetatable({}, B) "
        "B.x = 1 A.y = 2 return B(5), o.x, o.y, getmetatable(B) == A",
        "local B = {} B.__index = B setmetatable({}, B) setmetatable(B, {__index = function(_, k) "
        "return k end}) return B.z, setmetatable({}, B).q, B.__index == B",
        "local B = {} setmetatable({}, B) local log = {} setmetatable(B, {__newindex = "
        "function(t, k, v) log[#log + 1] = k end}) B.x = 1 B.y = 2 return log, B.x",
        "local B = {} setmetatable({}, B) setmetatable(B, nil) B.x = 1 return B.x, "
        "getmetatable(B)",
        "local B = {} setmetatable({}, B) B[1] = 'a' B[2] = nil B.x = nil B[1.5] = 3 "
        "return #B, B[1.5], next({})",
        "local B = {} setmetatable({}, B) B[nil] = 1",
        "local B = {} setmetatable({}, B) B[0/0] = 1",
        "local B = setmetatable({}, {}) setmetatable(B, B) B.__index = function(_, k) return k "
        "end return setmetatable({}, B).k",
        "local t = {} return setmetatable(t, nil) == t, (pcall(setmetatable, 1, {})), "
        "(pcall(setmetatable, {})), (pcall(setmetatable, {}, 1))",
        "return getmetatable({})",
        "local t = setmetatable({1, 2}, {__len = function() return 7 end, __unm = function() "
        "return 'neg' end, __eq = function() return true end}) return #t, -t, t == "
        "setmetatable({}, getmetatable(t)), rawlen(t)",
        "local out = {} for k, v in pairs(setmetatable({}, {__pairs = function(t) return "
        "function(_, k) if not k then return 1, 2 end end, t end})) do out[#out + 1] = k "
        "out[#out + 1] = v end return out",
        "local t = {10, 20, nil, 40} local out = {} for i, v in ipairs(t) do out[i] = v end "
        "return out",
        "goto done do return 1 end ::done:: return 2",
        "local s = 0 for i = 10, 1, -3 do s = s + i end return s",
        "for i = 1, 10, 0 do end",
        "local a <const> = 5 return a",
    };
    CHECK_ALL(bodies);
}

static CU_TestInfo cases[] = {{"table", tables},
                              {"string, utf8, numbers", strings},
                              {"coroutine", coroutines},
                              {"protected calls and metatables", calls},
                              CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("lua/manual", cases))
