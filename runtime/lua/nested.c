// SPDX-License-Identifier: MIT
#include "lua/nested.h"
#include "base/buf.h"
#include "lua/convert.h"
#include "lua/detached.h"
#include "lua/handle.h"
#include "record/json.h"

#include <string.h>

static int32_t find(const struct node *node, const char *name, size_t len)
{
    for (uint32_t i = node->count; i-- > 0;) {
        const struct node_member *member = &node->members[i];
        if (member->name_len == len && memcmp(member->name, name, len) == 0)
            return (int32_t)i;
    }
    return -1;
}

// Place of a Lua key, or -1.
static int32_t place(lua_State *L, const struct node *node, int key)
{
    if (node->is_array) {
        lua_Integer i = lua_isinteger(L, key) ? lua_tointeger(L, key) : 0;
        return i >= 1 && i <= (lua_Integer)node->count ? (int32_t)(i - 1) : -1;
    }
    if (lua_type(L, key) != LUA_TSTRING)
        return -1;
    size_t len;
    const char *name = lua_tolstring(L, key, &len);
    return find(node, name, len);
}

static void push_member(lua_State *L, struct nested *nested, uint32_t at, bool element)
{
    struct value value = nested->node->members[at].value;
    if (value.type != VALUE_ARRAY && value.type != VALUE_OBJECT) {
        if (element)
            convert_push_element(L, value); // value
        else
            convert_push(L, value); // value
        return;
    }
    struct node *node = node_enter_member(nested->batch, nested->node, at);
    if (!node)
        vm_raise(L, ERR_NOMEM, NULL);
    if (nested->owner)
        detached_push(L, nested->owner, node); // value
    else
        lua_pushlightuserdata(L, vm_enter(vm_of(L), node, nested->batch)); // value
}

int nested_index(lua_State *L, struct nested *nested, int key)
{
    int32_t at = place(L, nested->node, key);
    if (at < 0)
        lua_pushnil(L); // nil
    else
        push_member(L, nested, (uint32_t)at, nested->node->is_array); // value
    return 1;
}

static void assign_element(lua_State *L, struct nested *nested, int key, struct value value)
{
    struct node *node = nested->node;
    if (!lua_isinteger(L, key))
        luaL_error(L, "an array's index is an integer, not a %s", luaL_typename(L, key));
    lua_Integer at = lua_tointeger(L, key);
    if (at < 1)
        luaL_error(L, "index %I: arrays start at 1", (LUAI_UACINT)at);
    if (value.type == VALUE_ABSENT) {
        if (at > (lua_Integer)node->count)
            return;
        if (at < (lua_Integer)node->count)
            luaL_error(L,
                       "element %I of %d set to nil would leave a hole: use null or table.remove",
                       (LUAI_UACINT)at, (int)node->count);
    }
    if (at > (lua_Integer)node->count + 1)
        luaL_error(L, "index %I of an array of %d would leave a hole", (LUAI_UACINT)at,
                   (int)node->count);
    int rc = node_set_at(nested->batch, node, (uint32_t)(at - 1), value);
    if (rc != 0)
        vm_raise(L, rc, NULL);
}

void nested_assign(lua_State *L, struct nested *nested, int key, int value)
{
    if (nested->node->is_array) {
        struct value element = convert_value(L, nested->batch, value, "an element");
        assign_element(L, nested, key, element);
        return;
    }
    if (lua_type(L, key) != LUA_TSTRING)
        luaL_error(L, "a field's name is a string, not a %s", luaL_typename(L, key));
    size_t len;
    const char *name = lua_tolstring(L, key, &len);
    struct value member = convert_value(L, nested->batch, value, name);
    int rc = node_set(nested->batch, nested->node, name, (uint32_t)len, member);
    if (rc != 0)
        vm_raise(L, rc, NULL);
}

uint32_t nested_len(const struct nested *nested)
{
    const struct node *node = nested->node;
    uint32_t count = 0;
    for (uint32_t i = 0; i < node->count; i++)
        count += node->members[i].value.type != VALUE_ABSENT;
    return node->is_array ? node->count : count;
}

// Of a name that came several times only the last counts.
static bool shown(const struct node *node, uint32_t at)
{
    const struct node_member *member = &node->members[at];
    return node->is_array || (member->value.type != VALUE_ABSENT &&
                              find(node, member->name, member->name_len) == (int32_t)at);
}

bool nested_next(lua_State *L, struct nested *nested, uint32_t *position)
{
    const struct node *node = nested->node;
    while (*position < node->count && !shown(node, *position))
        ++*position;
    if (*position >= node->count)
        return false;
    uint32_t at = (*position)++;
    if (node->is_array)
        lua_pushinteger(L, (lua_Integer)at + 1); // key
    else
        lua_pushlstring(L, node->members[at].name, node->members[at].name_len); // key
    push_member(L, nested, at, true);                                           // key value
    return true;
}

bool nested_has(lua_State *L, struct nested *nested, int key)
{
    int32_t at = place(L, nested->node, key);
    return at >= 0 && nested->node->members[at].value.type != VALUE_ABSENT;
}

uint32_t nested_after(lua_State *L, struct nested *nested, int key)
{
    int32_t at = place(L, nested->node, key);
    if (at < 0)
        luaL_error(L, "invalid key to 'next'");
    return (uint32_t)at + 1;
}

void nested_tostring(lua_State *L, struct node *node)
{
    struct value value = {
        .type = node->is_array ? VALUE_ARRAY : VALUE_OBJECT, .flags = VALUE_IS_NODE, .node = node};
    struct buf text;
    buf_init(&text, 16u << 20);
    int rc = json_write_value(value, &text, &vm_of(L)->last);
    handle_push_buf(L, &text, rc); // text
}
