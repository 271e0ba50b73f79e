// SPDX-License-Identifier: MIT
#include "lua/convert.h"
#include "lua/detached.h"
#include "lua/handle.h"
#include "lua/nested.h"
#include "lua/sandbox.h"
#include "record/record_inline.h"

// has, copy, meta, array, and type and next made to know records.

static bool is_record(lua_State *L, int index)
{
    const struct vm *vm = vm_of(L);
    return vm->current && lua_islightuserdata(L, index) && lua_touserdata(L, index) == vm->current;
}

static struct nested nested_at(lua_State *L, int index)
{
    if (detached_is(L, index))
        return (struct nested){
            .batch = detached_batch(L, index), .node = detached_node(L, index), .owner = index};
    const void *handle = lua_touserdata(L, index);
    struct vm_slot *slot = vm_slot(vm_of(L), handle);
    if (!slot)
        handle_stale(L, handle);
    return (struct nested){.batch = slot->batch, .node = slot->node};
}

static int has(lua_State *L) // (record, name)
{
    luaL_checkany(L, 2);
    bool there;
    if (lua_istable(L, 1)) {
        lua_pushvalue(L, 2);                  // ... name
        there = lua_rawget(L, 1) != LUA_TNIL; // ... value
    } else if (is_record(L, 1)) {
        const struct vm *vm = vm_of(L);
        size_t len;
        const char *name = luaL_checklstring(L, 2, &len);
        int32_t slot = shape_find(vm->record->shape, name, (uint32_t)len);
        there = record_read(vm->batch, vm->record, slot).type != VALUE_ABSENT;
    } else if (lua_isuserdata(L, 1)) {
        struct nested nested = nested_at(L, 1);
        there = nested_has(L, &nested, 2);
    } else {
        return luaL_typeerror(L, 1, "record");
    }
    lua_pushboolean(L, there); // ... there
    return 1;
}

static int copy(lua_State *L) // (value)
{
    luaL_checkany(L, 1);
    if (lua_islightuserdata(L, 1) && lua_touserdata(L, 1) == VM_NULL)
        return 1;
    detached_copy(L, 1); // value copy
    return 1;
}

static int array(lua_State *L) // (table)
{
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L); // table
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);                                       // table
    if (lua_getmetatable(L, 1) && !convert_is_marked(L, 1)) // table [meta]
        return luaL_error(L, "array: the table has a metatable already");
    lua_settop(L, 1);      // table
    convert_mark_array(L); // table
    return 1;
}

static void set_headers(lua_State *L, const struct record_meta *meta) // table [-0, +0]
{
    lua_createtable(L, 0, meta ? (int)meta->header_count : 0); // table headers
    for (uint32_t i = 0; meta && i < meta->header_count; i++) {
        const struct header *header = &meta->headers[i];
        lua_pushstring(L, header->name);                                     // table headers name
        lua_pushlstring(L, header->bytes ? header->bytes : "", header->len); // … name bytes
        lua_rawset(L, -3);                                                   // table headers
    }
    lua_setfield(L, -2, "headers"); // table
}

static int meta(lua_State *L) // (record)
{
    if (!is_record(L, 1))
        return luaL_error(L, "meta: wants the record that the function was given");
    const struct record *record = vm_of(L)->record;
    lua_createtable(L, 0, 7); // table
    if (record->meta && record->meta->split)
        lua_pushstring(L, record->meta->split); // table split
    else
        lua_pushinteger(L, (lua_Integer)record->split); // table split
    lua_setfield(L, -2, "split");                       // table
    if (record->meta && record->meta->topic_len) {
        lua_pushlstring(L, record->meta->split, record->meta->topic_len); // table topic
        lua_setfield(L, -2, "topic");                                     // table
    }
    lua_pushinteger(L, (lua_Integer)record->node); // table node
    lua_setfield(L, -2, "node");                   // table
    if (record->offset >= 0) {
        lua_pushinteger(L, record->offset); // table offset
        lua_setfield(L, -2, "offset");      // table
    }
    if (record->time != TIME_NONE) {
        lua_pushinteger(L, record->time); // table time
        lua_setfield(L, -2, "time");      // table
    }
    if (record->meta && record->meta->key) {
        lua_pushlstring(L, record->meta->key, record->meta->key_len); // table key
        lua_setfield(L, -2, "key");                                   // table
    }
    set_headers(L, record->meta); // table
    return 1;
}

static int type_of(lua_State *L) // (value)
{
    luaL_checkany(L, 1);
    bool record = is_record(L, 1) || detached_is(L, 1) ||
                  (lua_islightuserdata(L, 1) && vm_slot(vm_of(L), lua_touserdata(L, 1)));
    lua_pushstring(L, record ? "table" : luaL_typename(L, 1)); // ... name
    return 1;
}

static int next_of(lua_State *L) // (table, key)
{
    lua_settop(L, 2); // table key
    if (!lua_isuserdata(L, 1) || is_record(L, 1)) {
        luaL_checktype(L, 1, LUA_TTABLE); // of a record: use pairs
        if (lua_next(L, 1))               // table [key value]
            return 2;
        lua_pushnil(L); // table nil
        return 1;
    }
    struct nested nested = nested_at(L, 1);
    uint32_t position = lua_isnil(L, 2) ? 0 : nested_after(L, &nested, 2);
    if (nested_next(L, &nested, &position)) // table key [key value]
        return 2;
    lua_pushnil(L); // table key nil
    return 1;
}

void library_record(lua_State *L)
{
    static const luaL_Reg functions[] = {{"has", has},     {"copy", copy},    {"meta", meta},
                                         {"array", array}, {"type", type_of}, {"next", next_of},
                                         {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
