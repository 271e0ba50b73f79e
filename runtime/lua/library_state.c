// SPDX-License-Identifier: MIT
#include "config/problems.h"
#include "config/text.h"
#include "lua/keeper.h"
#include "lua/sandbox.h"

#include <string.h>

// state.value(), state.map { ttl = "1h" }, …: what a process script declares.

static const char state_key; // registry key of the metatable of declarations

static const char *const kind_names[] = {"value", "map", "list", "counter", "broadcast", NULL};
enum { BROADCAST = 4 };

static const char *const reserved[] = {"emit",  "timer",     "now",  "key", "time",
                                       "split", "watermark", "side", NULL};

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

// -- declarations --

static int64_t read_ttl(lua_State *L, const char *kind) // value at -1
{
    int64_t ms = 0;
    if (lua_isinteger(L, -1))
        ms = lua_tointeger(L, -1);
    else if (lua_type(L, -1) != LUA_TSTRING || !text_parse_duration(lua_tostring(L, -1), &ms))
        luaL_error(L, "state.%s: ttl is a duration such as \"1h\", or ms, not %s", kind,
                   luaL_tolstring(L, -1, NULL));
    if (ms < 1)
        luaL_error(L, "state.%s: ttl must be positive", kind);
    return ms;
}

static enum cell_time read_time(lua_State *L, const char *kind) // value at -1
{
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    if (strcmp(text, "processing") == 0)
        return PROCESSING_TIME;
    if (strcmp(text, "event") != 0)
        luaL_error(L, "state.%s: time is \"event\" or \"processing\"", kind);
    return EVENT_TIME;
}

// Options at stack index 1.
static void read_options(lua_State *L, const char *kind, int64_t *ttl_ms, enum cell_time *time)
{
    bool timed = false;
    lua_pushnil(L);          // nil
    while (lua_next(L, 1)) { // name value
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        if (strcmp(name, "ttl") == 0)
            *ttl_ms = read_ttl(L, kind);
        else if (strcmp(name, "time") == 0)
            *time = read_time(L, kind), timed = true;
        else
            luaL_error(L, "state.%s: no option '%s'; there are ttl and time", kind, name);
        lua_settop(L, 2); // name
    }
    if (timed && !*ttl_ms)
        luaL_error(L, "state.%s: time is that of a ttl, which is not given", kind);
}

static int declare(lua_State *L) // (options); upvalue 1: kind
{
    lua_Integer kind = lua_tointeger(L, lua_upvalueindex(1));
    int64_t ttl_ms = 0;
    enum cell_time time = EVENT_TIME;
    lua_settop(L, 1); // options
    if (!lua_isnil(L, 1)) {
        if (!lua_istable(L, 1))
            return luaL_error(L, "state.%s: options are a table such as { ttl = \"1h\" }, not a %s",
                              kind_names[kind], luaL_typename(L, 1));
        read_options(L, kind_names[kind], &ttl_ms, &time);
    }
    lua_createtable(L, 3, 0);                      // options state
    lua_pushinteger(L, kind);                      // options state kind
    lua_rawseti(L, -2, 1);                         // options state
    lua_pushinteger(L, ttl_ms);                    // options state ttl
    lua_rawseti(L, -2, 2);                         // options state
    lua_pushinteger(L, time);                      // options state time
    lua_rawseti(L, -2, 3);                         // options state
    lua_rawgetp(L, LUA_REGISTRYINDEX, &state_key); // options state meta
    lua_setmetatable(L, -2);                       // options state
    return 1;
}

static int no_kind(lua_State *L) // (state, name)
{
    const char *name = luaL_tolstring(L, 2, NULL);
    const char *near = nearest_name(name, kind_names);
    return luaL_error(L, "no state.%s%s%s%s; there are value, map, list, counter and broadcast",
                      name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

void library_state(lua_State *L)
{
    lua_createtable(L, 0, 2);                      // globals meta
    lua_pushboolean(L, 0);                         // globals meta false
    lua_setfield(L, -2, "__metatable");            // globals meta
    lua_pushliteral(L, "state");                   // globals meta name
    lua_setfield(L, -2, "__name");                 // globals meta
    lua_rawsetp(L, LUA_REGISTRYINDEX, &state_key); // globals
    lua_createtable(L, 0, 5);                      // globals state
    for (int i = 0; kind_names[i]; i++) {
        lua_pushinteger(L, i);              // globals state i
        lua_pushcclosure(L, declare, 1);    // globals state function
        lua_setfield(L, -2, kind_names[i]); // globals state
    }
    lua_createtable(L, 0, 1);       // globals state meta
    lua_pushcfunction(L, no_kind);  // globals state meta function
    lua_setfield(L, -2, "__index"); // globals state meta
    lua_setmetatable(L, -2);        // globals state
    lua_setfield(L, -2, "state");   // globals
}

// -- reading them --

static lua_Integer part(lua_State *L, int at) // of the declaration at -1
{
    lua_rawgeti(L, -1, at); // … part
    lua_Integer number = lua_tointeger(L, -1);
    lua_pop(L, 1); // …
    return number;
}

static bool is_declaration(lua_State *L) // value at -1
{
    if (!lua_istable(L, -1) || !lua_getmetatable(L, -1)) // … [meta]
        return false;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &state_key); // … meta wanted
    bool is = lua_rawequal(L, -1, -2);
    lua_pop(L, 2); // …
    return is;
}

// name and declaration at -2 and -1.
static struct cell_spec read_spec(lua_State *L, struct arena *arena)
{
    if (lua_type(L, -2) != LUA_TSTRING)
        luaL_error(L, "state: a state without a name; write it as { name = state.value() }");
    size_t len;
    const char *name = lua_tolstring(L, -2, &len);
    if (is_one_of(name, reserved) || strlen(name) != len || !len)
        luaL_error(L, "state: '%s' is ctx's own; choose another name", name);
    if (!is_declaration(L))
        luaL_error(L, "state: '%s' is a %s; write it like %s = state.value()", name,
                   luaL_typename(L, -1), name);
    lua_Integer kind = part(L, 1);
    struct cell_spec spec = {.name = arena_copy(arena, name, len + 1),
                             .kind = kind == BROADCAST ? CELL_MAP : (enum cell_kind)kind,
                             .broadcast = kind == BROADCAST,
                             .ttl_ms = part(L, 2),
                             .time = (enum cell_time)part(L, 3)};
    if (!spec.name)
        vm_raise(L, ERR_NOMEM, NULL);
    return spec;
}

void states_read(lua_State *L, int index, struct script *script)
{
    struct keeper *keeper = script->keeper;
    if (lua_isnil(L, index))
        return;
    if (!lua_istable(L, index))
        luaL_error(L, "state is a %s; it is a table such as { last = state.value() }",
                   luaL_typename(L, index));
    keeper->specs = ARENA_ARRAY(&script->arena, struct cell_spec, CELLS_MAX);
    if (!keeper->specs)
        vm_raise(L, ERR_NOMEM, NULL);
    lua_pushnil(L);              // nil
    while (lua_next(L, index)) { // name declaration
        if (keeper->spec_count == CELLS_MAX)
            luaL_error(L, "more than %d states", CELLS_MAX);
        struct cell_spec spec = read_spec(L, &script->arena);
        uint32_t at = keeper->spec_count++;
        for (; at > 0 && strcmp(keeper->specs[at - 1].name, spec.name) > 0; at--)
            keeper->specs[at] = keeper->specs[at - 1];
        keeper->specs[at] = spec;
        lua_pop(L, 1); // name
    }
}
