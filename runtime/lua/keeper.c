// SPDX-License-Identifier: MIT
#include "lua/keeper.h"
#include "base/alloc.h"
#include "lua/sandbox.h"
#include "time/watermark.h"

#include <string.h>

enum { KEY_MAX = 1 << 20, TEXT_MAX = 64 << 20, PORTS_MAX = 63 };

struct keeper *keeper_at_work(lua_State *L, const char *what)
{
    struct keeper *keeper = keeper_of(L);
    if (!keeper || !keeper->process)
        luaL_error(L, "%s is used outside of on_record, on_timer and on_broadcast", what);
    return keeper;
}

// -- what the script declares --

void ports_add(lua_State *L, struct script *script, const char *name)
{
    struct keeper *keeper = script->keeper;
    if (strcmp(name, "out") == 0)
        return;
    for (uint32_t i = 0; i < keeper->port_count; i++)
        if (strcmp(keeper->ports[i], name) == 0)
            return;
    if (keeper->port_count == PORTS_MAX)
        luaL_error(L, "more than %d ports", PORTS_MAX);
    if (!keeper->ports)
        keeper->ports = ARENA_ARRAY(&script->arena, const char *, PORTS_MAX + 1);
    char *copy = arena_copy(&script->arena, name, strlen(name) + 1);
    if (!keeper->ports || !copy)
        vm_raise(L, ERR_NOMEM, NULL);
    keeper->ports[keeper->port_count++] = copy;
    keeper->ports[keeper->port_count] = NULL;
}

static void read_ports(lua_State *L, struct script *script) // ports at -1
{
    int index = lua_gettop(L);
    if (lua_isnil(L, index)) {
        ports_find(L, script);
        return;
    }
    if (!lua_istable(L, index))
        luaL_error(L, "ports is a %s; it is a list of names, as { \"alerts\" }",
                   luaL_typename(L, index));
    for (lua_Integer i = 1; lua_rawgeti(L, index, i) != LUA_TNIL; i++) { // name
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "ports: a name is a string, not a %s", luaL_typename(L, -1));
        const char *name = lua_tostring(L, -1);
        if (strcmp(name, "out") == 0 || strcmp(name, "errors") == 0)
            luaL_error(L, "ports: the port '%s' is there already", name);
        ports_add(L, script, name);
        lua_pop(L, 1); //
    }
    lua_pop(L, 1); // ports
}

void keeper_read(lua_State *L, struct script *script, int index)
{
    struct keeper *keeper = mem_zalloc(sizeof *keeper);
    if (!keeper)
        vm_raise(L, ERR_NOMEM, NULL);
    script->keeper = keeper;
    keeper->ctx = LUA_NOREF;
    buf_init(&keeper->key, KEY_MAX);
    buf_init(&keeper->text, TEXT_MAX);
    arena_init(&keeper->stage.arena, 16 * 1024);
    keeper->stage.shapes = script->vm.shapes;
    lua_pushliteral(L, "state");                  // "state"
    lua_rawget(L, index);                         // states
    states_read(L, lua_gettop(L), script);        // states
    lua_pushliteral(L, "ports");                  // states "ports"
    lua_rawget(L, index);                         // states ports
    read_ports(L, script);                        // states ports
    ctx_push(L, script);                          // states ports ctx
    keeper->ctx = luaL_ref(L, LUA_REGISTRYINDEX); // states ports
    lua_pop(L, 2);                                //
}

void keeper_free(struct keeper *keeper)
{
    if (!keeper)
        return;
    buf_deinit(&keeper->key);
    buf_deinit(&keeper->text);
    arena_deinit(&keeper->stage.arena);
    mem_free(keeper->emitted);
    mem_free(keeper);
}

bool script_processes(const struct script *script)
{
    return script->keeper != NULL;
}

uint32_t script_states(const struct script *script, const struct cell_spec **out)
{
    *out = script->keeper ? script->keeper->specs : NULL;
    return script->keeper ? script->keeper->spec_count : 0;
}

uint32_t script_ports(const struct script *script, const char *const **out)
{
    *out = script->keeper ? script->keeper->ports : NULL;
    return script->keeper ? script->keeper->port_count : 0;
}
