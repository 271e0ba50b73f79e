// SPDX-License-Identifier: MIT
#include "lua/detached.h"
#include "base/alloc.h"
#include "lua/convert.h"
#include "lua/nested.h"

#include <string.h>

// Two kinds of full userdata: the owner holds the bytes, in a batch without records; a view is what
// scripts see, a node with its owner as user value 1.

static const char view_key, owner_key; // registry keys of the metatables

struct owner {
    struct vm *vm;
    struct batch batch;
    size_t counted; // bytes of the arena that count towards the limit
};

struct view {
    struct node *node;
    struct owner *owner; // kept alive by the user value
};

static int owner_gc(lua_State *L) // (owner)
{
    struct owner *owner = lua_touserdata(L, 1);
    vm_unaccount(owner->vm, owner->counted);
    owner->counted = 0;
    arena_deinit(&owner->batch.arena);
    return 0;
}

static struct view *view_at(lua_State *L, int index)
{
    if (!detached_is(L, index))
        luaL_error(L, "a %s has no place in a record", luaL_typename(L, index));
    return lua_touserdata(L, index);
}

bool detached_is(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index)) // [meta]
        return false;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &view_key); // meta wanted
    bool is = lua_rawequal(L, -1, -2);
    lua_pop(L, 2); //
    return is;
}

struct node *detached_node(lua_State *L, int index)
{
    return view_at(L, index)->node;
}

struct batch *detached_batch(lua_State *L, int index)
{
    return &view_at(L, index)->owner->batch;
}

static void account(lua_State *L, struct owner *owner)
{
    size_t size = arena_size(&owner->batch.arena);
    if (size <= owner->counted)
        return;
    if (vm_account(owner->vm, size - owner->counted) != 0)
        vm_stop(L, VM_MEMORY, "%s", vm_memory_text(owner->vm));
    owner->counted = size;
}

void detached_account(lua_State *L, int index)
{
    account(L, view_at(L, index)->owner);
}

static struct nested nested_at(lua_State *L, int index)
{
    struct view *view = view_at(L, index);
    return (struct nested){.batch = &view->owner->batch, .node = view->node, .owner = index};
}

static int view_index(lua_State *L) // (view, key)
{
    struct nested nested = nested_at(L, 1);
    return nested_index(L, &nested, 2);
}

static int view_assign(lua_State *L) // (view, key, value)
{
    struct nested nested = nested_at(L, 1);
    nested_assign(L, &nested, 2, 3);
    detached_account(L, 1);
    return 0;
}

static int view_len(lua_State *L) // (view)
{
    struct nested nested = nested_at(L, 1);
    lua_pushinteger(L, (lua_Integer)nested_len(&nested)); // n
    return 1;
}

static int view_next(lua_State *L) // (view, key); upvalue 1: position
{
    struct nested nested = nested_at(L, 1);
    uint32_t position = (uint32_t)lua_tointeger(L, lua_upvalueindex(1));
    if (!nested_next(L, &nested, &position)) // ... [key value]
        return 0;
    lua_pushinteger(L, (lua_Integer)position); // ... key value position
    lua_replace(L, lua_upvalueindex(1));       // ... key value
    return 2;
}

static int view_pairs(lua_State *L) // (view)
{
    (void)view_at(L, 1);
    lua_pushinteger(L, 0);             // 0
    lua_pushcclosure(L, view_next, 1); // next
    lua_pushvalue(L, 1);               // next view
    return 2;
}

static int view_eq(lua_State *L) // (a, b)
{
    bool same =
        detached_is(L, 1) && detached_is(L, 2) && detached_node(L, 1) == detached_node(L, 2);
    lua_pushboolean(L, same); // same
    return 1;
}

static int view_tostring(lua_State *L) // (view)
{
    nested_tostring(L, view_at(L, 1)->node); // text
    return 1;
}

static void push_view_meta(lua_State *L) // [-0, +1]
{
    static const luaL_Reg functions[] = {{"__index", view_index},
                                         {"__newindex", view_assign},
                                         {"__len", view_len},
                                         {"__pairs", view_pairs},
                                         {"__eq", view_eq},
                                         {"__tostring", view_tostring},
                                         {NULL, NULL}};
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &view_key) == LUA_TTABLE) // meta
        return;
    lua_pop(L, 1);                                //
    luaL_newlib(L, functions);                    // meta
    lua_pushboolean(L, 0);                        // meta false
    lua_setfield(L, -2, "__metatable");           // meta
    lua_pushliteral(L, "record");                 // meta name
    lua_setfield(L, -2, "__name");                // meta
    lua_pushvalue(L, -1);                         // meta meta
    lua_rawsetp(L, LUA_REGISTRYINDEX, &view_key); // meta
}

static void push_owner_meta(lua_State *L) // [-0, +1]
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &owner_key) == LUA_TTABLE) // meta
        return;
    lua_pop(L, 1);                                 //
    lua_createtable(L, 0, 1);                      // meta
    lua_pushcfunction(L, owner_gc);                // meta gc
    lua_setfield(L, -2, "__gc");                   // meta
    lua_pushvalue(L, -1);                          // meta meta
    lua_rawsetp(L, LUA_REGISTRYINDEX, &owner_key); // meta
}

// The arena is given back by the collector from here on, whatever raises.
static struct owner *push_owner(lua_State *L) // [-0, +1]
{
    struct vm *vm = vm_of(L);
    push_owner_meta(L);                                           // meta
    struct owner *owner = lua_newuserdatauv(L, sizeof *owner, 0); // meta owner
    memset(owner, 0, sizeof *owner);
    owner->vm = vm;
    owner->batch.shapes = vm->shapes;
    arena_init(&owner->batch.arena, 512);
    lua_insert(L, -2);       // owner meta
    lua_setmetatable(L, -2); // owner
    return owner;
}

static void push_view(lua_State *L, int owner_index, struct owner *owner, struct node *node)
{
    owner_index = lua_absindex(L, owner_index);
    struct view *view = lua_newuserdatauv(L, sizeof *view, 1); // view
    *view = (struct view){.node = node, .owner = owner};
    lua_pushvalue(L, owner_index); // view owner
    lua_setiuservalue(L, -2, 1);   // view
    push_view_meta(L);             // view meta
    lua_setmetatable(L, -2);       // view
}

void detached_push(lua_State *L, int owner, struct node *node)
{
    struct view *view = view_at(L, owner);
    lua_getiuservalue(L, owner, 1);      // owner
    push_view(L, -1, view->owner, node); // owner view
    lua_remove(L, -2);                   // view
}

void detached_copy(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    struct owner *owner = push_owner(L); // owner
    struct value value = convert_value(L, &owner->batch, index, "copy");
    if (value.type != VALUE_ARRAY && value.type != VALUE_OBJECT) {
        lua_pop(L, 1);           //
        lua_pushvalue(L, index); // value
        return;
    }
    struct node *node = convert_node(L, &owner->batch, value);
    account(L, owner);
    push_view(L, -1, owner, node); // owner view
    lua_remove(L, -2);             // view
}

void detached_push_text(lua_State *L, struct value value)
{
    struct owner *owner = push_owner(L); // owner
    value.bytes = arena_copy(&owner->batch.arena, value.bytes, value.len);
    if (!value.bytes)
        vm_raise(L, ERR_NOMEM, NULL);
    struct node *node = convert_node(L, &owner->batch, value);
    account(L, owner);
    push_view(L, -1, owner, node); // owner view
    lua_remove(L, -2);             // view
}
