// SPDX-License-Identifier: MIT
#include "config/text.h"
#include "lua/sandbox.h"
#include "lua/vm.h"
#include "time/timestamp.h"

#include <string.h>
#include <time.h>

// time.now(), time.parse(text [, format]), time.format(ms [, format]), time.duration("5m").
// Milliseconds since 1970, UTC. Without a format: RFC 3339; formats are those of strftime.

enum { FORMAT_MAX = 128, TEXT_MAX = 512 };

static int now(lua_State *L)
{
    lua_pushinteger(L, clock_wall_ms(vm_of(L)->clock)); // ms
    return 1;
}

static int fail(lua_State *L, const char *text, const char *why)
{
    return luaL_error(L, "time: '%s' %s", text, why);
}

static int parse(lua_State *L) // (text, format)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    const char *format = luaL_optstring(L, 2, NULL);
    int64_t ms;
    if (!format) {
        struct error *err = &vm_of(L)->last;
        if (timestamp_parse(text, len, &ms, err) != 0)
            return luaL_error(L, "time.parse: %s", err->text);
        lua_pushinteger(L, ms); // ms
        return 1;
    }
    struct tm tm = {.tm_mday = 1, .tm_year = 70};
    const char *end = strptime(text, format, &tm);
    if (!end || *end)
        return fail(L, text, "is not as the format says");
    long zone = tm.tm_gmtoff;                                     // of %z
    lua_pushinteger(L, ((lua_Integer)timegm(&tm) - zone) * 1000); // ms
    return 1;
}

static int format(lua_State *L) // (ms, format)
{
    lua_Integer ms =
        lua_isinteger(L, 1) ? lua_tointeger(L, 1) : (lua_Integer)luaL_checknumber(L, 1);
    const char *wanted = luaL_optstring(L, 2, NULL);
    if (ms < TIME_MIN_MS || ms > TIME_MAX_MS)
        return luaL_error(L, "time.format: %I ms is not in the years 1 to 9999", (LUAI_UACINT)ms);
    char text[TEXT_MAX];
    if (!wanted) {
        char stamp[TIMESTAMP_TEXT_MAX];
        lua_pushlstring(L, stamp, timestamp_format(ms, stamp)); // text
        return 1;
    }
    if (strlen(wanted) > FORMAT_MAX)
        return luaL_error(L, "time.format: the format is too long");
    time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
    struct tm tm;
    if (!gmtime_r(&seconds, &tm))
        return luaL_error(L, "time.format: %I ms is not a time", (LUAI_UACINT)ms);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" // the script's own, and of bounded length
    size_t len = strftime(text, sizeof text, wanted, &tm);
#pragma GCC diagnostic pop
    if (len == 0 && wanted[0])
        return luaL_error(L, "time.format: the format makes nothing, or too much");
    lua_pushlstring(L, text, len); // text
    return 1;
}

static int duration(lua_State *L) // (text)
{
    const char *text = luaL_checkstring(L, 1);
    int64_t ms;
    if (!text_parse_duration(text, &ms))
        return fail(L, text, "is no duration such as 200ms, 30s or 1h30m");
    lua_pushinteger(L, ms); // ms
    return 1;
}

void library_time(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"now", now}, {"parse", parse}, {"format", format}, {"duration", duration}, {NULL, NULL}};
    luaL_newlib(L, functions);   // globals time
    lua_setfield(L, -2, "time"); // globals
}
