// SPDX-License-Identifier: MIT
#include "lua/sandbox.h"
#include "lua/vm.h"

#include <ctype.h>
#include <string.h>

// Functions of the string library that can run long, or make much, inside C, where the time limit
// does not reach: either they are done here in pieces, or the original is called behind a check of
// the size of its work. An original, a C function without upvalues, is the check's own upvalue 1
// and is called directly.

enum {
    PIECE = 64 * 1024,     // bytes between two looks at the time
    CONVERSIONS_MAX = 200, // of string.format
    QUOTED_MAX = 1 << 20,  // bytes of a text for %q
    PACK_MAX = 64 * 1024,  // of a format of string.pack
    PADDED_MAX = 1 << 24,  // sum of the sizes in it
    UTF8_MAX = 8 << 20     // of a text for the utf8 functions
};

static int original(lua_State *L)
{
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

// -- done here --

// The first `done` bytes, again and again until there are `total`.
static void repeat(lua_State *L, char *out, size_t done, size_t total)
{
    while (done < total) {
        size_t n = done < total - done ? done : total - done;
        if (n > 1 << 20)
            n = 1 << 20;
        memcpy(out + done, out, n);
        done += n;
        vm_check_time(L);
    }
}

static int rep(lua_State *L) // (s, n, sep)
{
    size_t len, sep_len;
    const char *text = luaL_checklstring(L, 1, &len);
    lua_Integer n = luaL_checkinteger(L, 2);
    const char *sep = luaL_optlstring(L, 3, "", &sep_len);
    size_t one, total;
    if (n <= 0) {
        lua_pushliteral(L, ""); // … ""
        return 1;
    }
    if (__builtin_add_overflow(len, sep_len, &one) ||
        __builtin_mul_overflow(one, (size_t)n, &total) || total > (size_t)LUA_MAXINTEGER)
        return luaL_error(L, "resulting string too large");
    total -= sep_len;
    struct vm *vm = vm_of(L);
    if (total > vm->cap)
        vm_stop(L, VM_MEMORY, "%s", vm_memory_text(vm));
    luaL_Buffer buffer;
    char *out = luaL_buffinitsize(L, &buffer, total + sep_len); // … [buffer]
    memcpy(out, text, len);
    memcpy(out + len, sep, sep_len);
    repeat(L, out, one < total ? one : total, total);
    luaL_pushresultsize(&buffer, total); // … text
    return 1;
}

static int change_case(lua_State *L, int (*change)(int))
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    luaL_Buffer buffer;
    char *out = luaL_buffinitsize(L, &buffer, len); // … [buffer]
    for (size_t i = 0; i < len; i++) {
        if (i % PIECE == PIECE - 1)
            vm_check_time(L);
        out[i] = (char)change((unsigned char)text[i]);
    }
    luaL_pushresultsize(&buffer, len); // … text
    return 1;
}

static int upper(lua_State *L)
{
    return change_case(L, toupper);
}

static int lower(lua_State *L)
{
    return change_case(L, tolower);
}

// -- checked --

static int check_format(lua_State *L) // (format, ...)
{
    size_t len, longest = 0, count = 0;
    const char *format = luaL_checklstring(L, 1, &len);
    bool quotes = false;
    for (size_t i = 0; i + 1 < len; i++) {
        if (format[i] != '%')
            continue;
        i++;
        count += format[i] != '%';
        quotes |= format[i] == 'q';
    }
    for (int i = 2; i <= lua_gettop(L); i++) {
        size_t n = lua_type(L, i) == LUA_TSTRING ? lua_rawlen(L, i) : 0;
        longest = n > longest ? n : longest;
    }
    if (count > CONVERSIONS_MAX)
        return luaL_error(L, "string.format with more than %d conversions", CONVERSIONS_MAX);
    if (quotes && longest > QUOTED_MAX)
        return luaL_error(L, "string.format: a text of more than %d bytes for %%q", QUOTED_MAX);
    if (count * longest > 1u << 30)
        return luaL_error(L, "string.format: texts of %d bytes, too often", (int)longest);
    return original(L);
}

// The sizes in a format (c10, i4, !8) add up to what pack has to fill.
static int check_pack(lua_State *L) // (format, ...)
{
    size_t len, sum = 0, number = 0;
    const char *format = luaL_checklstring(L, 1, &len);
    if (len > PACK_MAX)
        return luaL_error(L, "a format of more than %d bytes", PACK_MAX);
    for (size_t i = 0; i < len && sum <= PADDED_MAX; i++) {
        bool digit = isdigit((unsigned char)format[i]);
        number = digit && number <= PADDED_MAX ? number * 10 + (size_t)(format[i] - '0') : 0;
        sum += number;
    }
    if (sum > PADDED_MAX)
        return luaL_error(L, "sizes of more than %d bytes in a format", PADDED_MAX);
    return original(L);
}

static int check_utf8(lua_State *L) // (text, ...)
{
    if (lua_type(L, 1) == LUA_TSTRING && lua_rawlen(L, 1) > UTF8_MAX)
        return luaL_error(L, "a text of more than %d bytes for the utf8 functions", UTF8_MAX);
    return original(L);
}

static void check(lua_State *L, const char *name, lua_CFunction function) // library [-0, +0]
{
    lua_getfield(L, -1, name);        // library original
    lua_pushcclosure(L, function, 1); // library check
    lua_setfield(L, -2, name);        // library
}

void sandbox_bound(lua_State *L)
{
    static const luaL_Reg own[] = {{"rep", rep}, {"upper", upper}, {"lower", lower}, {NULL, NULL}};
    lua_getfield(L, -1, "string"); // globals string
    luaL_setfuncs(L, own, 0);      // globals string
    check(L, "format", check_format);
    check(L, "pack", check_pack);
    check(L, "packsize", check_pack);
    check(L, "unpack", check_pack);
    lua_pushnil(L);              // globals string nil
    lua_setfield(L, -2, "dump"); // globals string
    lua_pop(L, 1);               // globals
    lua_getfield(L, -1, "utf8"); // globals utf8
    check(L, "len", check_utf8);
    check(L, "offset", check_utf8);
    check(L, "codepoint", check_utf8);
    lua_pop(L, 1); // globals
}
