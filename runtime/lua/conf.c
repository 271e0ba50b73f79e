// SPDX-License-Identifier: MIT
#include "lua/conf.h"
#include "config/text.h"
#include "lua/sandbox.h"

#include <lauxlib.h>
#include <string.h>

static void push_plain(lua_State *L, const char *text) // [-0, +1]
{
    int64_t integer;
    double number;
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        lua_pushboolean(L, text[0] == 't'); // value
    else if (strcmp(text, "null") == 0 || strcmp(text, "~") == 0 || !text[0])
        lua_pushnil(L); // value
    else if (text_parse_int(text, &integer))
        lua_pushinteger(L, integer); // value
    else if (text_parse_number(text, &number))
        lua_pushnumber(L, number); // value
    else
        lua_pushstring(L, text); // value
}

// A value by the row of its table; data has none.
static void push_scalar(lua_State *L, const struct tide_config *setting) // [-0, +1]
{
    switch (setting->option ? setting->option->type : TIDE_DATA_MAP) {
    case TIDE_INT:
    case TIDE_DURATION:
    case TIDE_SIZE:
        lua_pushinteger(L, setting->integer); // value
        break;
    case TIDE_NUMBER:
        lua_pushnumber(L, setting->number); // value
        break;
    case TIDE_BOOL:
        lua_pushboolean(L, setting->flag); // value
        break;
    default:
        if (setting->plain && setting->text)
            push_plain(L, setting->text); // value
        else
            lua_pushstring(L, setting->text); // value
    }
}

static void push_setting(lua_State *L, const struct tide_config *setting) // [-0, +1]
{
    if (!setting->is_map && !setting->is_list) {
        push_scalar(L, setting); // value
        return;
    }
    luaL_checkstack(L, 6, "params are nested too deep");
    lua_createtable(L, 0, (int)setting->count); // table
    for (uint32_t i = 0; i < setting->count; i++) {
        push_setting(L, &setting->items[i]); // table value
        if (setting->is_map)
            lua_setfield(L, -2, setting->items[i].name); // table
        else
            lua_rawseti(L, -2, (lua_Integer)i + 1); // table
    }
    sandbox_freeze(L, "conf"); // view
}

void conf_define(lua_State *L, const struct tide_config *params)
{
    static const struct tide_config none = {.is_map = true};
    push_setting(L, params && params->is_map ? params : &none); // conf
    sandbox_define(L, "conf");                                  //
}
