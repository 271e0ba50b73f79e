// SPDX-License-Identifier: MIT
#include "lua/convert.h"
#include "lua/detached.h"
#include "lua/handle.h"

// What a map returns or a flat_map emits, put in the place of a record.

bool convert_is_object(lua_State *L, int index)
{
    struct vm *vm = vm_of(L);
    switch (lua_type(L, index)) {
    case LUA_TTABLE:
        return !convert_is_marked(L, index);
    case LUA_TLIGHTUSERDATA: {
        const void *handle = lua_touserdata(L, index);
        if (vm->current && handle == vm->current)
            return true;
        struct vm_slot *slot = vm_slot(vm, handle);
        return slot && !slot->node->is_array;
    }
    case LUA_TUSERDATA:
        return !detached_node(L, index)->is_array;
    default:
        return false;
    }
}

void convert_record(lua_State *L, struct batch *batch, int index, struct record *record)
{
    struct value value = convert_value(L, batch, index, "the record");
    if (value.type != VALUE_OBJECT)
        luaL_error(L, "a record is a table with names, not an array");
    const struct node *node = convert_node(L, batch, value);
    struct shape_name *names = ARENA_ARRAY(&batch->arena, struct shape_name, node->count + 1);
    struct value *cells = ARENA_ARRAY(&batch->arena, struct value, node->count + 1);
    if (!names || !cells)
        vm_raise(L, ERR_NOMEM, NULL);
    uint32_t count = 0;
    for (uint32_t i = 0; i < node->count; i++) {
        const struct node_member *member = &node->members[i];
        if (member->value.type == VALUE_ABSENT)
            continue;
        names[count] = (struct shape_name){.bytes = member->name, .len = member->name_len};
        cells[count++] = member->value;
    }
    const struct shape *shape = shape_intern(batch->shapes, &batch->arena, names, count);
    if (!shape)
        vm_raise(L, ERR_NOMEM, NULL);
    if (count > SHAPE_MEMBERS_MAX)
        luaL_error(L, "a record of %d members is too large", (int)count);
    for (uint32_t i = 0; i < count; i++) {
        if (cells[i].flags & VALUE_IS_NODE) {
            cells[i].node->parent = NULL;
            cells[i].node->cell = &cells[i];
        }
    }
    record->raw = NULL;
    record->raw_len = 0;
    record->spans = NULL;
    record->wire = 0;
    record->shape = shape;
    record->cells = cells;
    record->cell_cap = (uint16_t)count;
    record->flags = 0;
}
