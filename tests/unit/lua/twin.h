// SPDX-License-Identifier: MIT
#pragma once
#include "script_fixture.h"
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdlib.h>

// The same Lua in two places: a script in the sandbox, and a plain state with all of Lua's own
// libraries. Code is the body of a function of a number, and returns a text; both must agree.

struct twin {
    struct fixture f;
    struct script *script; // sets r.out
    lua_State *plain;      // the function is at stack index 1
};

// A function in both that shows any values, and errors, as a text.
#define TWIN_SHOW                                                                                  \
    "local function show(...)\n"                                                                   \
    "  local out, n = {}, select('#', ...)\n"                                                      \
    "  for i = 1, n do\n"                                                                          \
    "    local v = select(i, ...)\n"                                                               \
    "    local t = type(v)\n"                                                                      \
    "    if t == 'string' then v = string.format('%q', v):gsub('[\\128-\\255]', function(c)\n"     \
    "      return '\\\\' .. c:byte() end)\n"                                                       \
    "    elseif t == 'table' then local all = {}\n"                                                \
    "      for k = 1, #v do all[k] = show(v[k]) end v = '{' .. table.concat(all, ', ') .. '}'\n"   \
    "    elseif t == 'number' then v = math.type(v) .. ' ' .. string.format('%.17g', v)\n"         \
    "    elseif t ~= 'boolean' and v ~= nil then v = t end\n"                                      \
    "    out[i] = tostring(v)\n"                                                                   \
    "  end\n"                                                                                      \
    "  return table.concat(out, ' ')\n"                                                            \
    "end\n"

static inline bool twin_open(struct twin *twin, const char *text, int64_t time_ms)
{
    size_t size = strlen(text) + 128;
    char *whole = malloc(size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(whole);
    (void)snprintf(whole, size, "local f = %s\nreturn function(r) r.out = f(r.n) return r end",
                   text);
    fixture_init(&twin->f);
    struct script_source source = fixture_source(&twin->f, whole);
    source.limits = (struct script_limits){.memory_bytes = 64u << 20, .time_ms = time_ms};
    twin->script = NULL;
    if (script_load(&twin->script, &source, &twin->f.err) != 0)
        fprintf(stderr, "\n  %s\n", twin->f.err.text);
    twin->plain = luaL_newstate();
    CU_ASSERT_PTR_NOT_NULL_FATAL(twin->plain);
    luaL_openlibs(twin->plain);
    (void)snprintf(whole, size, "local f = %s\nreturn f", text);
    bool fine = luaL_loadbufferx(twin->plain, whole, strlen(whole), "=t.lua", "t") == LUA_OK &&
                lua_pcall(twin->plain, 0, 1, 0) == LUA_OK && twin->script;
    if (!fine && lua_isstring(twin->plain, -1))
        fprintf(stderr, "\n  %s\n", lua_tostring(twin->plain, -1));
    free(whole);
    CU_ASSERT(fine);
    return fine;
}

static inline void twin_close(struct twin *twin)
{
    lua_close(twin->plain);
    script_free(twin->script);
    fixture_deinit(&twin->f);
}

// Of the first line that is not the same.
static inline void twin_print(const char *ours, const char *lua)
{
    while (*ours && *lua) {
        size_t a = strcspn(ours, "\n"), b = strcspn(lua, "\n");
        if (a != b || memcmp(ours, lua, a) != 0)
            break;
        ours += a + (ours[a] == '\n');
        lua += b + (lua[b] == '\n');
    }
    fprintf(stderr, "\n  here: %.*s\n  Lua:  %.*s\n", (int)strcspn(ours, "\n"), ours,
            (int)strcspn(lua, "\n"), lua);
}

// Runs f(n) in both.
static inline bool twin_agree(struct twin *twin, int n)
{
    char line[64];
    (void)snprintf(line, sizeof line, "{\"n\":%d}", n);
    struct fixture *f = &twin->f;
    (void)fixture_run(f, twin->script, SCRIPT_CALL_MAP, line);
    lua_settop(twin->plain, 1);
    lua_pushvalue(twin->plain, 1);
    lua_pushinteger(twin->plain, n);
    int status = lua_pcall(twin->plain, 1, 1, 0);
    const char *lua = lua_tostring(twin->plain, -1);
    if (status != LUA_OK || f->failed || !lua) {
        fprintf(stderr, "\n  here: %s\n  Lua:  %s\n", f->failed ? f->err.text : "fine",
                lua ? lua : "nothing");
        return false;
    }
    struct value value = record_name(f->batch, &f->batch->records[0], "out", 3);
    bool same = value.type == VALUE_STRING && value.len == strlen(lua) &&
                memcmp(value.bytes, lua, value.len) == 0;
    if (!same) {
        char *ours = strndup(value.bytes ? value.bytes : "", value.len);
        twin_print(ours ? ours : "", lua);
        free(ours);
    }
    return same;
}

// Both run `body`, protected, and show what it returned or raised.
static inline bool twin_same(const char *body)
{
    static const char head[] =
        "(function()\n" TWIN_SHOW "return function(n) return show(pcall(function()\n";
    char text[8192];
    (void)snprintf(text, sizeof text, "%s%s\nend)) end end)()", head, body);
    struct twin twin;
    bool same = twin_open(&twin, text, 10000) && twin_agree(&twin, 7);
    if (!same)
        fprintf(stderr, "  of %s\n", body);
    twin_close(&twin);
    return same;
}
