// SPDX-License-Identifier: MIT
#include "lua/convert.h"
#include "lua/keeper.h"
#include "record/keycode.h"
#include "time/watermark.h"

#include <string.h>

// ctx: a userdata whose __index is a table with all that never changes (the cells, emit, timer), so
// that Lua finds it without a call; behind that table stands a function for what belongs to the
// call at work.

static void push_key(lua_State *L, const struct cells *cells) // [-0, +1]
{
    struct value fields[KEY_FIELDS_MAX];
    uint32_t len;
    const char *bytes = table_key_bytes(&cells->key, &len);
    int count = cells->has_key ? key_decode(bytes, len, fields, KEY_FIELDS_MAX) : 0;
    if (count <= 0) {
        lua_pushnil(L); // nil
        return;
    }
    if (count == 1) {
        convert_push(L, fields[0]); // key
        return;
    }
    lua_createtable(L, count, 0); // key
    convert_mark_array(L);        // key
    for (int i = 0; i < count; i++) {
        convert_push_element(L, fields[i]); // key field
        if (fields[i].type == VALUE_ABSENT) {
            lua_pop(L, 1);                     // key
            lua_pushlightuserdata(L, VM_NULL); // key null
        }
        lua_rawseti(L, -2, i + 1); // key
    }
}

static void push_time(lua_State *L, int64_t ms) // [-0, +1]
{
    if (ms == WATERMARK_NONE)
        lua_pushnil(L); // nil
    else
        lua_pushinteger(L, ms); // ms
}

static void push_split(lua_State *L, const struct vm *vm) // [-0, +1]
{
    const struct record *record = vm->record;
    if (record && record->meta && record->meta->split)
        lua_pushstring(L, record->meta->split); // split
    else if (record)
        lua_pushinteger(L, record->split); // split
    else
        lua_pushnil(L); // nil
}

static int dynamic(lua_State *L) // (table, name)
{
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";
    const struct keeper *keeper = keeper_at_work(L, "ctx");
    if (strcmp(name, "time") == 0)
        push_time(L, keeper->time); // time
    else if (strcmp(name, "key") == 0)
        push_key(L, keeper->process->cells); // key
    else if (strcmp(name, "watermark") == 0)
        push_time(L, keeper->process->watermark); // watermark
    else if (strcmp(name, "split") == 0)
        push_split(L, vm_of(L)); // split
    else if (strcmp(name, "side") == 0)
        lua_pushstring(L, keeper->process->side); // side, or nil
    else
        return luaL_error(L, "ctx has no '%s'; states are declared: state = { %s = state.value() }",
                          name, name);
    return 1;
}

static int no_write(lua_State *L) // (ctx, name, value)
{
    return luaL_error(L, "ctx cannot be assigned to; a state is written with ctx.%s:set(…)",
                      luaL_tolstring(L, 2, NULL));
}

static int now(lua_State *L)
{
    lua_pushinteger(L, clock_wall_ms(vm_of(L)->clock)); // ms
    return 1;
}

// -- timers --

static const char *timer_name(lua_State *L, size_t *len)
{
    if (lua_type(L, 1) == LUA_TUSERDATA)
        luaL_error(L, "ctx.timer is called with a dot: ctx.timer(name, at)");
    if (lua_type(L, 1) != LUA_TSTRING)
        luaL_error(L, "ctx.timer: the name is a string, not a %s", luaL_typename(L, 1));
    return lua_tolstring(L, 1, len);
}

static enum cell_time timer_time(lua_State *L)
{
    const char *text = lua_type(L, 3) == LUA_TSTRING ? lua_tostring(L, 3) : "";
    if (lua_isnoneornil(L, 3) || strcmp(text, "event") == 0)
        return EVENT_TIME;
    if (strcmp(text, "processing") != 0)
        luaL_error(L, "ctx.timer: the time is \"event\" or \"processing\", not %s",
                   luaL_tolstring(L, 3, NULL));
    return PROCESSING_TIME;
}

static int cancel(lua_State *L, struct cells *cells, const char *name, size_t len)
{
    struct error *err = &vm_of(L)->last;
    int rc = 0;
    if (lua_isnoneornil(L, 3) || timer_time(L) == EVENT_TIME)
        rc = cells_timer_cancel(cells, name, len, EVENT_TIME, err);
    if (!rc && (lua_isnoneornil(L, 3) || timer_time(L) == PROCESSING_TIME))
        rc = cells_timer_cancel(cells, name, len, PROCESSING_TIME, err);
    if (rc)
        vm_raise(L, rc, err->text);
    return 0;
}

int ctx_timer(lua_State *L) // (name, at, time)
{
    struct keeper *keeper = keeper_at_work(L, "ctx.timer");
    const struct script_process *process = keeper->process;
    const struct script *script = (const struct script *)(const void *)vm_of(L);
    size_t len;
    const char *name = timer_name(L, &len);
    if (!process->cells->has_key)
        return luaL_error(L, "ctx.timer: timers belong to keys, and on_broadcast has none");
    if (lua_isnoneornil(L, 2))
        return cancel(L, process->cells, name, len);
    int is_integer;
    lua_Integer at = lua_tointegerx(L, 2, &is_integer);
    if (!is_integer || lua_type(L, 2) != LUA_TNUMBER)
        return luaL_error(L,
                          "ctx.timer: '%s' is to fire at a time in ms, an integer (nil "
                          "cancels it), not at %s",
                          name, luaL_tolstring(L, 2, NULL));
    enum cell_time time = timer_time(L);
    if (time == EVENT_TIME && !process->event_time)
        return luaL_error(L,
                          "ctx.timer: '%s' is of event time, but not every source of this node "
                          "has `event_time`; ctx.timer(name, at, \"processing\") is of the clock",
                          name);
    if (script->refs[FN_ON_TIMER] == LUA_NOREF)
        return luaL_error(L, "ctx.timer: the script has no on_timer");
    struct error *err = &vm_of(L)->last;
    int rc = cells_timer_set(process->cells, name, len, time, at, err);
    if (rc)
        vm_raise(L, rc, err->text);
    return 0;
}

// -- making it --

static void push_fixed(lua_State *L, struct script *script) // [-0, +1]
{
    const struct keeper *keeper = script->keeper;
    lua_createtable(L, 0, (int)keeper->spec_count + 3); // fixed
    for (uint32_t i = 0; i < keeper->spec_count; i++) {
        cell_push(L, script, i);                    // fixed cell
        lua_setfield(L, -2, keeper->specs[i].name); // fixed
    }
    lua_pushcfunction(L, ctx_emit);  // fixed emit
    lua_setfield(L, -2, "emit");     // fixed
    lua_pushcfunction(L, ctx_timer); // fixed timer
    lua_setfield(L, -2, "timer");    // fixed
    lua_pushcfunction(L, now);       // fixed now
    lua_setfield(L, -2, "now");      // fixed
    lua_createtable(L, 0, 1);        // fixed meta
    lua_pushcfunction(L, dynamic);   // fixed meta dynamic
    lua_setfield(L, -2, "__index");  // fixed meta
    lua_setmetatable(L, -2);         // fixed
}

void ctx_push(lua_State *L, struct script *script)
{
    (void)lua_newuserdatauv(L, 0, 0);   // ctx
    lua_createtable(L, 0, 4);           // ctx meta
    push_fixed(L, script);              // ctx meta fixed
    lua_setfield(L, -2, "__index");     // ctx meta
    lua_pushcfunction(L, no_write);     // ctx meta no_write
    lua_setfield(L, -2, "__newindex");  // ctx meta
    lua_pushboolean(L, 0);              // ctx meta false
    lua_setfield(L, -2, "__metatable"); // ctx meta
    lua_pushliteral(L, "ctx");          // ctx meta name
    lua_setfield(L, -2, "__name");      // ctx meta
    lua_setmetatable(L, -2);            // ctx
}
