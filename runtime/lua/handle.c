// SPDX-License-Identifier: MIT
#include "lua/handle.h"
#include "base/buf.h"
#include "lua/convert.h"
#include "lua/detached.h"
#include "lua/nested.h"
#include "lua/sandbox.h"
#include "record/json.h"
#include "record/record_inline.h"
#include "record/utf8.h"

#include <math.h>

void handle_stale(lua_State *L, const void *handle)
{
    if (handle == VM_NULL)
        luaL_error(L, "null has no fields (an element or field that is JSON null)");
    if (handle == VM_DROP)
        luaL_error(L, "drop has no fields: it is what a function returns to discard the record");
    luaL_error(L, "a record was kept beyond its call; to keep one, use copy(r)");
    __builtin_unreachable();
}

void handle_push_buf(lua_State *L, struct buf *text, int rc)
{
    // Into the scratch arena first, so that nothing is held while the push may raise.
    struct batch *scratch = &vm_of(L)->scratch;
    size_t len = text->len;
    char *copy = rc == 0 ? arena_copy(&scratch->arena, text->data, len) : NULL;
    buf_deinit(text);
    if (rc != 0)
        vm_raise(L, rc, rc == ERR_NOMEM ? NULL : vm_of(L)->last.text);
    if (!copy)
        vm_raise(L, ERR_NOMEM, NULL);
    lua_pushlstring(L, copy, len); // text
}

static struct nested nested_of(lua_State *L, struct vm *vm, const void *handle)
{
    struct vm_slot *slot = vm_slot(vm, handle);
    if (!slot)
        handle_stale(L, handle);
    return (struct nested){.batch = slot->batch, .node = slot->node};
}

static int32_t slot_of(lua_State *L, struct vm *vm, int key)
{
    size_t len;
    const char *name = lua_tolstring(L, key, &len);
    struct field *field = fields_find(&vm->fields, L, key, name, len);
    return field ? field_slot(field, vm->record->shape)
                 : shape_find(vm->record->shape, name, (uint32_t)len);
}

static void push_nested(lua_State *L, struct vm *vm, int32_t slot)
{
    struct node *node = node_enter(vm->batch, vm->record, slot);
    if (!node)
        vm_raise(L, ERR_NOMEM, NULL);
    lua_pushlightuserdata(L, vm_enter(vm, node, vm->batch)); // value
}

static inline void push_slot(lua_State *L, struct vm *vm, int32_t slot)
{
    struct value value = record_read(vm->batch, vm->record, slot);
    if (value.type == VALUE_ARRAY || value.type == VALUE_OBJECT)
        push_nested(L, vm, slot); // value
    else
        convert_push(L, value); // value
}

static int handle_index(lua_State *L) // (handle, key)
{
    struct vm *vm = vm_of(L);
    void *handle = lua_touserdata(L, 1);
    if (__builtin_expect(handle != vm->current || !handle, 0)) {
        struct nested nested = nested_of(L, vm, handle);
        return nested_index(L, &nested, 2);
    }
    if (lua_type(L, 2) != LUA_TSTRING) {
        lua_pushnil(L); // nil
        return 1;
    }
    push_slot(L, vm, slot_of(L, vm, 2)); // value
    return 1;
}

static struct value scalar_or_tree(lua_State *L, struct vm *vm, int index, const char *name)
{
    if (lua_isinteger(L, index))
        return value_int(lua_tointeger(L, index));
    double number;
    if (lua_type(L, index) == LUA_TNUMBER && isfinite(number = lua_tonumber(L, index)))
        return value_float(number);
    return convert_value(L, vm->batch, index, name);
}

static int handle_assign(lua_State *L) // (handle, key, value)
{
    struct vm *vm = vm_of(L);
    void *handle = lua_touserdata(L, 1);
    if (__builtin_expect(handle != vm->current || !handle, 0)) {
        struct nested nested = nested_of(L, vm, handle);
        nested_assign(L, &nested, 2, 3);
        vm_check_arena(L, vm, nested.batch);
        return 0;
    }
    if (lua_type(L, 2) != LUA_TSTRING)
        return luaL_error(L, "a field's name is a string, not a %s", luaL_typename(L, 2));
    size_t len;
    const char *name = lua_tolstring(L, 2, &len);
    struct field *field = fields_find(&vm->fields, L, 2, name, len);
    if (!field && utf8_valid(name, len) != len)
        return luaL_error(L, "a field's name that is not UTF-8");
    struct value value = scalar_or_tree(L, vm, 3, name);
    int rc = field ? record_set_field(vm->batch, vm->record, field, value)
                   : record_set_name(vm->batch, vm->record, name, (uint32_t)len, value);
    if (__builtin_expect(rc != 0, 0))
        vm_raise(L, rc, rc == ERR_LIMIT ? "the record has too many fields" : NULL);
    vm_check_arena(L, vm, vm->batch);
    return 0;
}

static int handle_len(lua_State *L) // (handle)
{
    struct vm *vm = vm_of(L);
    void *handle = lua_touserdata(L, 1);
    uint32_t count;
    if (handle && handle == vm->current) {
        count = record_members(vm->record);
    } else {
        struct nested nested = nested_of(L, vm, handle);
        count = nested_len(&nested);
    }
    lua_pushinteger(L, (lua_Integer)count); // n
    return 1;
}

// -- pairs --

static bool record_next(lua_State *L, struct vm *vm, uint32_t *position)
{
    for (; *position < vm->record->shape->count; ++*position) {
        const struct shape *shape = vm->record->shape;
        const struct shape_name *name = &shape->names[*position];
        int32_t slot = (int32_t)*position;
        struct value value = record_read(vm->batch, vm->record, slot);
        if (value.type == VALUE_ABSENT || shape_find(shape, name->bytes, name->len) != slot)
            continue; // gone, or there again further on
        ++*position;
        lua_pushlstring(L, name->bytes, name->len); // key
        if (value.type == VALUE_ARRAY || value.type == VALUE_OBJECT)
            push_nested(L, vm, slot); // key value
        else
            convert_push_element(L, value); // key value
        return true;
    }
    return false;
}

static bool any_next(lua_State *L, int index, uint32_t *position)
{
    struct vm *vm = vm_of(L);
    void *handle = lua_touserdata(L, index);
    if (handle && handle == vm->current)
        return record_next(L, vm, position);
    struct nested nested = nested_of(L, vm, handle);
    return nested_next(L, &nested, position);
}

static int pairs_next(lua_State *L) // (handle, key); upvalue 1: position
{
    uint32_t position = (uint32_t)lua_tointeger(L, lua_upvalueindex(1));
    if (!any_next(L, 1, &position)) // ... [key value]
        return 0;
    lua_pushinteger(L, (lua_Integer)position); // ... key value position
    lua_replace(L, lua_upvalueindex(1));       // ... key value
    return 2;
}

static int handle_pairs(lua_State *L) // (handle)
{
    struct vm *vm = vm_of(L);
    void *handle = lua_touserdata(L, 1);
    if (!handle || handle != vm->current)
        (void)nested_of(L, vm, handle);
    lua_pushinteger(L, 0);              // 0
    lua_pushcclosure(L, pairs_next, 1); // next
    lua_pushvalue(L, 1);                // next handle
    return 2;
}

static int handle_tostring(lua_State *L) // (handle)
{
    struct vm *vm = vm_of(L);
    void *handle = lua_touserdata(L, 1);
    if (handle == VM_NULL || handle == VM_DROP) {
        lua_pushstring(L, handle == VM_NULL ? "null" : "drop"); // text
        return 1;
    }
    if (!handle || handle != vm->current) {
        struct nested nested = nested_of(L, vm, handle);
        nested_tostring(L, nested.node); // text
        return 1;
    }
    struct buf text;
    buf_init(&text, 16u << 20);
    int rc = json_write(vm->batch, vm->record, &text, &vm->last);
    handle_push_buf(L, &text, rc); // text
    return 1;
}

void handle_open(lua_State *L) // globals [-0, +0]
{
    static const luaL_Reg functions[] = {
        {"__index", handle_index}, {"__newindex", handle_assign},   {"__len", handle_len},
        {"__pairs", handle_pairs}, {"__tostring", handle_tostring}, {NULL, NULL}};
    lua_pushlightuserdata(L, VM_NULL);  // globals null
    luaL_newlib(L, functions);          // globals null meta
    lua_pushboolean(L, 0);              // globals null meta false
    lua_setfield(L, -2, "__metatable"); // globals null meta
    lua_pushliteral(L, "record");       // globals null meta name
    lua_setfield(L, -2, "__name");      // globals null meta
    lua_setmetatable(L, -2);            // globals null
    lua_setfield(L, -2, "null");        // globals
    lua_pushlightuserdata(L, VM_DROP);  // globals drop
    lua_setfield(L, -2, "drop");        // globals
    library_record(L);                  // globals
}
