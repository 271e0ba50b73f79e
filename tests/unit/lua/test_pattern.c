// SPDX-License-Identifier: MIT
#include "twin.h"

// The bounded matcher does what Lua's own does: random patterns on random texts, through find,
// match, gmatch and gsub, wrong patterns included, in both.

enum { SEEDS = 1000 }; // of 100 pairs each

static const char fuzz[] =
    "(function()\n" TWIN_SHOW "local state\n"
    "local function random(n) state = (state * 1103515245 + 12345) % 2147483648\n"
    "  return state // 65536 % n + 1 end\n"
    "local items = {'a', 'b', 'c', '.', '%a', '%w', '%s', '%d', '%S', '%p', '%x', '%u', '%l',\n"
    "  '%c', '%g', '%W', '[ab]', '[^a]', '[a-c]', '[%w_]', '[]a]', '[^]]', '[%]b]', '[a-]',\n"
    "  '[%a-z]', '[a-%%]', '%b()', '%bab', '%f[%w]', '%f[^%a]', '%1', '%2', '%.', '%%', '\\0',\n"
    "  '\\xe9', '[\\0-\\xff]', ' ', '$', '^', '-', ']', '()'}\n"
    "local wrong = {'%', '[', '[a', '[^', '(', ')', '%b', '%b(', '%f', '%9', '%0', '[%', '[]',\n"
    "  '(()', '%fa'}\n"
    "local marks = {'', '', '', '*', '+', '-', '?'}\n"
    "local function pattern(depth)\n"
    "  local out = {}\n"
    "  for _ = 1, random(4) do\n"
    "    if depth < 3 and random(6) == 1 then out[#out + 1] = '(' .. pattern(depth + 1) .. ')'\n"
    "    elseif random(60) == 1 then out[#out + 1] = wrong[random(#wrong)]\n"
    "    else out[#out + 1] = items[random(#items)] .. marks[random(#marks)] end\n"
    "  end\n"
    "  return table.concat(out)\n"
    "end\n"
    "local letters = {'a', 'b', 'c', 'a', 'b', 'aa', '(', ')', ' ', '1', '.', '%', 'A', '\\0',\n"
    "  '\\xe9', '\\n', '-', '_', ']'}\n"
    "local function subject()\n"
    "  local out = {}\n"
    "  for i = 1, random(16) - 1 do out[i] = letters[random(#letters)] end\n"
    "  return table.concat(out)\n"
    "end\n"
    "local fills = {'', 'x', '<%0>', '%1', '%2%1', '%%', '%', '%x', '[%1%0]', 'y%3'}\n"
    "local swap = {a = 'A', b = 1, c = false, aa = {}}\n"
    "local function all(s, p, init)\n"
    "  local out = {}\n"
    "  for a, b, c in s:gmatch(p, init) do\n"
    "    out[#out + 1] = show(a, b, c)\n"
    "    if #out > 40 then break end\n"
    "  end\n"
    "  return table.concat(out, ';')\n"
    "end\n"
    "local function one(out)\n"
    "  local p, s = pattern(0), subject()\n"
    "  if random(8) == 1 then p = '^' .. p end\n"
    "  if random(8) == 1 then p = p .. '$' end\n"
    "  local init = random(3) == 1 and random(24) - 12 or nil\n"
    "  local fill = fills[random(#fills)]\n"
    "  local most = random(3) == 1 and random(5) - 2 or nil\n"
    "  out[#out + 1] = show(p, s, init, fill, most)\n"
    "  out[#out + 1] = show(pcall(string.find, s, p, init))\n"
    "  out[#out + 1] = show(pcall(string.find, s, p, init, true))\n"
    "  out[#out + 1] = show(pcall(string.match, s, p, init))\n"
    "  out[#out + 1] = show(pcall(all, s, p, init))\n"
    "  out[#out + 1] = show(pcall(string.gsub, s, p, fill, most))\n"
    "  out[#out + 1] = show(pcall(string.gsub, s, p, swap, most))\n"
    "  out[#out + 1] = show(pcall(string.gsub, s, p, function(a, b)\n"
    "    if a == 'b' then return nil elseif b then return b end return #tostring(a) end))\n"
    "end\n"
    "return function(seed)\n"
    "  state = seed * 7919 + 1\n"
    "  local out = {}\n"
    "  for _ = 1, 100 do one(out) end\n"
    "  return table.concat(out, '\\n')\n"
    "end end)()";

static void random_patterns(void)
{
    struct twin twin;
    if (twin_open(&twin, fuzz, 10000)) {
        int wrong = 0;
        for (int seed = 0; seed < SEEDS && wrong < 5; seed++)
            wrong += !twin_agree(&twin, seed);
        CU_ASSERT_EQUAL(wrong, 0);
    }
    twin_close(&twin);
}

// Each is an expression; both must agree, errors with their texts included.
static void expressions(void)
{
    static const char *const rows[] = {
        "('hello world'):find('wor')",
        "('hello world'):find('l+')",
        "('hello'):find('')",
        "('hello'):find('', 6)",
        "('hello'):find('', 7)",
        "('hello'):find('l', -2)",
        "('a.b'):find('.', 2, true)",
        "('a\\0b'):find('\\0')",
        "('a\\0b'):find('%z')",
        "('key = value'):match('^(%w+)%s*=%s*(%w+)$')",
        "('2024-05-06'):match('(%d+)-(%d+)-(%d+)')",
        "('hello'):match('()ll()')",
        "('THE (quick) fox'):find('%((%a+)%)')",
        "('THE (quick) fox'):gsub('%f[%a]%a+', string.lower)",
        "('hello world'):gsub('(%w+)', '%1 %1')",
        "('hello world'):gsub('%w+', '%0 %0', 1)",
        "('hello world from Lua'):gsub('(%w+)%s*(%w+)', '%2 %1')",
        "('abc'):gsub('', '-')",
        "('abc'):gsub('%w', {a = 1, b = true})",
        "('abc'):gsub('%w', {a = {}})",
        "('abc'):gsub('%w', print and 5)",
        "('abc'):gsub('%w', true)",
        "('abc'):gsub('(a', 'x')",
        "('abc'):gsub('a)', 'x')",
        "('abc'):gsub('(a)', '%2')",
        "('abc'):gsub('a', '%q')",
        "('abc'):gsub(('a?'):rep(250), '')",
        "('abc'):gsub(('(a)'):rep(33), '')",
        "('aaa'):find(('a?'):rep(190) .. 'b')",
        "('x'):find('[z')",
        "('x'):find('y%')",
        "('x'):find('x%')",
        "('x'):rep(300):match(('.'):rep(300))",
        "('x'):find({})",
        "string.find()",
        "string.find('x')",
        "string.match('x', 'x', 'y')",
        "string.gsub('x', 'x')",
        "string.gsub('x', 'x', 'y', 'z')",
        "string.gsub('hello', 'l', 'L', 1.5)",
        "string.gmatch('x')",
        "string.find(12345, 34)",
        "string.gsub('abc', 'b', 7)",
        "('  trim  '):match('^%s*(.-)%s*$')",
        "('a,b,,c'):gsub(',', ';')",
        "('x^y'):find('^', 1, true)",
        "('%d'):gsub('%%d', '%%%%')",
        "('f(a(b)c)d'):match('%b()')",
        "('[[x]]'):match('%[%[(.-)%]%]')",
        "('abc'):match('((a)(b)(c))')",
        "('äöü'):gsub('[\\x80-\\xff]+', '?')",
        "('one;two;;four'):gsub(';;', ';nil;')",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[1024];
        (void)snprintf(body, sizeof body, "return %s", rows[i]);
        CU_ASSERT(twin_same(body));
    }
}

static CU_TestInfo cases[] = {{"random patterns and texts", random_patterns},
                              {"the manual's examples, and errors", expressions},
                              CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("lua/pattern", cases))
