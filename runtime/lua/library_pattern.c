// SPDX-License-Identifier: MIT
#include "lua/pattern.h"
#include "lua/sandbox.h"
#include "lua/vm.h"

#include <ctype.h>
#include <string.h>

// string.find, match, gmatch and gsub on the bounded matcher. Arguments, results and errors are
// Lua's.

// A position as Lua counts: from 1, or from the end when negative. As an offset from 0.
static size_t offset_of(lua_State *L, int index, size_t len)
{
    lua_Integer at = luaL_optinteger(L, index, 1);
    if (at > 0)
        return (size_t)at - 1;
    if (at == 0 || at < -(lua_Integer)len)
        return 0;
    return len - (size_t)-at;
}

static int find_plain(lua_State *L, const char *subject, size_t len, size_t from)
{
    size_t wanted_len;
    const char *wanted = lua_tolstring(L, 2, &wanted_len);
    const char *found = memmem(subject + from, len - from, wanted, wanted_len); // linear time
    if (!found) {
        luaL_pushfail(L); // nil
        return 1;
    }
    lua_pushinteger(L, found - subject + 1);                       // from
    lua_pushinteger(L, found - subject + (lua_Integer)wanted_len); // from to
    return 2;
}

static int search(lua_State *L, bool find) // (subject, pattern, init, plain)
{
    size_t len, text_len;
    const char *subject = luaL_checklstring(L, 1, &len);
    const char *text = luaL_checklstring(L, 2, &text_len);
    const char *end = text + text_len;
    size_t from = offset_of(L, 3, len);
    if (from > len) {
        luaL_pushfail(L); // nil
        return 1;
    }
    if (find && (lua_toboolean(L, 4) || pattern_is_plain(text, text_len)))
        return find_plain(L, subject, len, from);
    bool anchored = text_len && *text == '^';
    struct pattern pattern;
    pattern_init(&pattern, L, subject, len, end);
    for (const char *at = subject + from; at <= pattern.subject_end; at++) {
        const char *stop = pattern_match(&pattern, at, text + anchored);
        if (stop && find) {
            lua_pushinteger(L, at - subject + 1);          // from
            lua_pushinteger(L, stop - subject);            // from to
            return pattern_push(&pattern, NULL, NULL) + 2; // from to captures
        }
        if (stop)
            return pattern_push(&pattern, at, stop); // captures
        if (anchored)
            break;
    }
    luaL_pushfail(L); // nil
    return 1;
}

static int find(lua_State *L)
{
    return search(L, true);
}

static int match(lua_State *L)
{
    return search(L, false);
}

// -- gmatch --

// Upvalues: subject, pattern, where to go on, end of the last match (-1: none).
static int gmatch_next(lua_State *L)
{
    size_t len, text_len;
    const char *subject = lua_tolstring(L, lua_upvalueindex(1), &len);
    const char *text = lua_tolstring(L, lua_upvalueindex(2), &text_len);
    lua_Integer from = lua_tointeger(L, lua_upvalueindex(3));
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
    struct pattern pattern;
    pattern_init(&pattern, L, subject, len, text + text_len);
    for (; from <= (lua_Integer)len; from++) {
        const char *at = subject + from;
        const char *stop = pattern_match(&pattern, at, text);
        if (!stop || stop - subject == last)
            continue;
        lua_pushinteger(L, stop - subject);      // stop
        lua_pushvalue(L, -1);                    // stop stop
        lua_replace(L, lua_upvalueindex(3));     // stop
        lua_replace(L, lua_upvalueindex(4));     //
        return pattern_push(&pattern, at, stop); // captures
    }
    lua_pushinteger(L, (lua_Integer)len + 1); // beyond
    lua_replace(L, lua_upvalueindex(3));      //
    return 0;
}

static int gmatch(lua_State *L) // (subject, pattern, init)
{
    size_t len;
    (void)luaL_checklstring(L, 1, &len);
    (void)luaL_checkstring(L, 2);
    size_t from = offset_of(L, 3, len);
    lua_settop(L, 2);                                                          // subject pattern
    lua_pushinteger(L, from > len ? (lua_Integer)len + 1 : (lua_Integer)from); // … from
    lua_pushinteger(L, -1);                                                    // … from last
    lua_pushcclosure(L, gmatch_next, 4);                                       // next
    return 1;
}

// -- gsub --

// The replacement text, with %0 … %9 filled in.
static void add_text(struct pattern *pattern, luaL_Buffer *out, const char *at, const char *end)
{
    lua_State *L = pattern->L;
    size_t len;
    const char *text = lua_tolstring(L, 3, &len);
    const char *text_end = text + len;
    for (;;) {
        const char *escape = memchr(text, '%', (size_t)(text_end - text));
        luaL_addlstring(out, text, (size_t)((escape ? escape : text_end) - text));
        if (!escape)
            return;
        char what = escape[1]; // Lua's texts end with a NUL
        text = escape + 2;
        if (what == '%') {
            luaL_addchar(out, '%');
        } else if (what == '0') {
            luaL_addlstring(out, at, (size_t)(end - at));
        } else if (isdigit((unsigned char)what)) {
            pattern_push_one(pattern, what - '1', at, end); // … capture
            luaL_tolstring(L, -1, NULL);                    // … capture text
            lua_remove(L, -2);                              // … text
            luaL_addvalue(out);                             // …
        } else {
            luaL_error(L, "invalid use of '%c' in replacement string", '%');
        }
    }
}

// What stands for the match [at, end). True when it was replaced.
static bool add_replacement(struct pattern *pattern, luaL_Buffer *out, const char *at,
                            const char *end, int type)
{
    lua_State *L = pattern->L;
    if (type == LUA_TFUNCTION) {
        lua_pushvalue(L, 3);                            // … f
        lua_call(L, pattern_push(pattern, at, end), 1); // … value
    } else if (type == LUA_TTABLE) {
        pattern_push_one(pattern, 0, at, end); // … capture
        lua_gettable(L, 3);                    // … value
    } else {
        add_text(pattern, out, at, end);
        return true;
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1); // …
        luaL_addlstring(out, at, (size_t)(end - at));
        return false;
    }
    if (!lua_isstring(L, -1))
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    luaL_addvalue(out); // …
    return true;
}

static int gsub(lua_State *L) // (subject, pattern, replacement, most)
{
    size_t len, text_len;
    const char *at = luaL_checklstring(L, 1, &len);
    const char *text = luaL_checklstring(L, 2, &text_len);
    const char *last = NULL;
    int type = lua_type(L, 3);
    lua_Integer count = 0, most = luaL_optinteger(L, 4, (lua_Integer)len + 1);
    bool anchored = text_len && *text == '^', changed = false;
    luaL_argexpected(L,
                     type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION ||
                         type == LUA_TTABLE,
                     3, "string/function/table");
    struct pattern pattern;
    luaL_Buffer out;
    pattern_init(&pattern, L, at, len, text + text_len);
    luaL_buffinit(L, &out); // … [buffer]
    while (count < most) {
        const char *end = pattern_match(&pattern, at, text + anchored);
        if (end && end != last) {
            count++;
            changed |= add_replacement(&pattern, &out, at, end, type);
            at = last = end;
        } else if (at < pattern.subject_end) {
            luaL_addchar(&out, *at);
            at++;
        } else {
            break;
        }
        if (anchored)
            break;
    }
    if (!changed) {
        lua_pushvalue(L, 1); // … subject
    } else {
        luaL_addlstring(&out, at, (size_t)(pattern.subject_end - at));
        luaL_pushresult(&out); // … text
    }
    lua_pushinteger(L, count); // … text count
    return 2;
}

void library_pattern(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"find", find}, {"match", match}, {"gmatch", gmatch}, {"gsub", gsub}, {NULL, NULL}};
    lua_getfield(L, -1, "string");  // globals string
    luaL_setfuncs(L, functions, 0); // globals string
    lua_pop(L, 1);                  // globals
}
