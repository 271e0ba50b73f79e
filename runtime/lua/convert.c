// SPDX-License-Identifier: MIT
#include "lua/convert.h"
#include "lua/detached.h"
#include "lua/handle.h"
#include "record/json.h"
#include "record/record_inline.h"
#include "record/utf8.h"

#include <math.h>
#include <string.h>

static const char array_key; // its address: registry key of the metatable of array{}

void convert_mark_array(lua_State *L) // table [-0, +0]
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &array_key) != LUA_TTABLE) { // table nil
        lua_pop(L, 1);                                                 // table
        lua_createtable(L, 0, 2);                                      // table meta
        lua_pushboolean(L, 0);                                         // table meta false
        lua_setfield(L, -2, "__metatable");                            // table meta
        lua_pushliteral(L, "array");                                   // table meta name
        lua_setfield(L, -2, "__name");                                 // table meta
        lua_pushvalue(L, -1);                                          // table meta meta
        lua_rawsetp(L, LUA_REGISTRYINDEX, &array_key);                 // table meta
    }
    lua_setmetatable(L, -2); // table
}

bool convert_is_marked(lua_State *L, int index)
{
    if (!lua_getmetatable(L, index)) // [meta]
        return false;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &array_key); // meta mark
    bool marked = lua_rawequal(L, -1, -2);
    lua_pop(L, 2); //
    return marked;
}

void convert_push(lua_State *L, struct value value)
{
    switch (value.type) {
    case VALUE_BOOL:
        lua_pushboolean(L, value.b); // value
        break;
    case VALUE_INT:
        lua_pushinteger(L, value.i); // value
        break;
    case VALUE_FLOAT:
        lua_pushnumber(L, value.f); // value
        break;
    case VALUE_STRING:
        lua_pushlstring(L, value.bytes, value.len); // value
        break;
    default:
        lua_pushnil(L); // nil
    }
}

static bool is_nested(struct value value)
{
    return value.type == VALUE_ARRAY || value.type == VALUE_OBJECT;
}

// The node of a nested value: as it is, or text that is entered by way of an array around it.
struct node *convert_node(lua_State *L, struct batch *batch, struct value value)
{
    if (value.flags & VALUE_IS_NODE)
        return value.node;
    struct node *around = node_new(batch, true);
    int rc = around ? node_set_at(batch, around, 0, value) : ERR_NOMEM;
    struct node *node = rc == 0 ? node_enter_member(batch, around, 0) : NULL;
    if (!node)
        vm_raise(L, rc ? rc : ERR_NOMEM, NULL);
    return node;
}

struct value convert_json(lua_State *L, struct batch *batch, const char *text, size_t len)
{
    struct value value = {.len = (uint32_t)len, .bytes = text};
    if (len && (text[0] == '{' || text[0] == '[')) {
        value.type = text[0] == '{' ? VALUE_OBJECT : VALUE_ARRAY;
        return value;
    }
    char *array = arena_alloc(&batch->arena, len + 2, 1);
    if (!array)
        vm_raise(L, ERR_NOMEM, NULL);
    array[0] = '[';
    memcpy(array + 1, text, len);
    array[len + 1] = ']';
    value = (struct value){.type = VALUE_ARRAY, .len = (uint32_t)len + 2, .bytes = array};
    return node_at(batch, convert_node(L, batch, value), 0);
}

static void push_deep(lua_State *L, struct batch *batch, struct value value, int depth)
{
    if (!is_nested(value)) {
        convert_push_element(L, value); // value
        return;
    }
    if (depth > CONVERT_DEPTH)
        luaL_error(L, "nested deeper than %d", CONVERT_DEPTH);
    luaL_checkstack(L, 4, "nested too deep");
    vm_check_work(L, batch);
    struct node *node = convert_node(L, batch, value);
    lua_createtable(L, node->is_array ? (int)node->count : 0,
                    node->is_array ? 0 : (int)node->count); // table
    if (node->is_array)
        convert_mark_array(L); // table
    for (uint32_t i = 0; i < node->count; i++) {
        struct value item = node_at(batch, node, i);
        if (item.type == VALUE_ABSENT)
            continue;
        if (is_nested(item)) {
            struct node *inner = node_enter_member(batch, node, i);
            if (!inner)
                vm_raise(L, ERR_NOMEM, NULL);
            item.flags |= VALUE_IS_NODE;
            item.node = inner;
        }
        if (!node->is_array)
            lua_pushlstring(L, node->members[i].name, node->members[i].name_len); // table name
        push_deep(L, batch, item, depth + 1);                                     // table [name] v
        if (node->is_array)
            lua_rawseti(L, -2, (lua_Integer)i + 1); // table
        else
            lua_rawset(L, -3); // table
    }
}

void convert_push_deep(lua_State *L, struct batch *batch, struct value value)
{
    push_deep(L, batch, value, 0);
}

// -- Lua to JSON --

struct value convert_string(lua_State *L, struct batch *batch, int index, const char *what)
{
    size_t len;
    const char *text = lua_tolstring(L, index, &len);
    if (utf8_valid(text, len) != len)
        luaL_error(L, "%s: a string that is not UTF-8", what);
    if (len > UINT32_MAX)
        luaL_error(L, "%s: a string that is too long", what);
    char *bytes = arena_copy(&batch->arena, text, len);
    if (!bytes)
        vm_raise(L, ERR_NOMEM, NULL);
    return value_string(bytes, (uint32_t)len);
}

static struct value to_value(lua_State *L, struct batch *batch, int index, const char *what,
                             int depth);

static struct value number_value(lua_State *L, int index, const char *what)
{
    if (lua_isinteger(L, index))
        return value_int(lua_tointeger(L, index));
    double number = lua_tonumber(L, index);
    if (!isfinite(number))
        luaL_error(L, "%s: %s has no place in JSON", what, isnan(number) ? "NaN" : "infinity");
    return value_float(number);
}

static struct value copy_value(lua_State *L, struct batch *batch, struct value value)
{
    struct value copy;
    int rc = value_copy(batch, value, &copy);
    if (rc != 0)
        vm_raise(L, rc, NULL);
    return copy;
}

static struct value node_value(struct node *node)
{
    return (struct value){
        .type = node->is_array ? VALUE_ARRAY : VALUE_OBJECT, .flags = VALUE_IS_NODE, .node = node};
}

// A table may hold the same large thing many times, so that a few small tables can stand for a tree
// without end. Looks now and then at what a loop has made, and at the time.
static void check_work(lua_State *L, const struct batch *batch, uint32_t round)
{
    if (round % 64 == 63)
        vm_check_work(L, batch);
}

// A record as an object in `batch`.
static struct value record_value(lua_State *L, struct batch *batch)
{
    struct vm *vm = vm_of(L);
    struct node *node = node_new(batch, false);
    if (!node)
        vm_raise(L, ERR_NOMEM, NULL);
    const struct shape *shape = vm->record->shape;
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct shape_name *name = &shape->names[i];
        struct value value = record_read(vm->batch, vm->record, (int32_t)i);
        if (value.type == VALUE_ABSENT)
            continue;
        value = copy_value(L, batch, value);
        check_work(L, batch, i);
        int rc = node_set(batch, node, name->bytes, name->len, value);
        if (rc != 0)
            vm_raise(L, rc, NULL);
    }
    return node_value(node);
}

// Copies a node that may live elsewhere into `batch`.
static struct value copy_node(lua_State *L, struct batch *batch, struct node *node)
{
    vm_check_work(L, batch);
    return copy_value(L, batch, node_value(node));
}

static struct value light_value(lua_State *L, struct batch *batch, int index, const char *what)
{
    struct vm *vm = vm_of(L);
    const void *handle = lua_touserdata(L, index);
    if (handle == VM_NULL)
        return value_null();
    if (handle == VM_DROP)
        luaL_error(L, "%s: drop is no value", what);
    if (handle == vm->current)
        return record_value(L, batch);
    struct vm_slot *slot = vm_slot(vm, handle);
    if (!slot)
        handle_stale(L, handle);
    return copy_node(L, batch, slot->node);
}

// -- tables --

struct entry {
    const char *name;
    uint32_t len;
};

static int entry_cmp(const struct entry *a, const struct entry *b)
{
    int c = memcmp(a->name, b->name, a->len < b->len ? a->len : b->len);
    return c != 0 ? c : (a->len > b->len) - (a->len < b->len);
}

// Heap sort: no recursion, no memory, no worst case.
static void sift(struct entry *items, size_t at, size_t count)
{
    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= count)
            return;
        if (child + 1 < count && entry_cmp(&items[child], &items[child + 1]) < 0)
            child++;
        if (entry_cmp(&items[at], &items[child]) >= 0)
            return;
        struct entry swap = items[at];
        items[at] = items[child];
        items[child] = swap;
        at = child;
    }
}

static void sort_entries(lua_State *L, struct entry *items, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sift(items, i, count);
    for (size_t end = count; end-- > 1;) {
        if (end % 64 == 0)
            vm_check_time(L);
        struct entry swap = items[0];
        items[0] = items[end];
        items[end] = swap;
        sift(items, 0, end);
    }
}

// The table's string keys in the order of their bytes, in `batch`'s arena; the strings are Lua's,
// kept by the table. Raises on other keys.
static struct entry *sorted_keys(lua_State *L, struct batch *batch, int index, uint32_t *count,
                                 const char *what)
{
    uint32_t n = 0;
    lua_pushnil(L);              // nil
    while (lua_next(L, index)) { // key value
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "%s: a table with keys of type %s among names", what,
                       luaL_typename(L, -2));
        if (++n % 64 == 0)
            vm_check_time(L);
        lua_pop(L, 1); // key
    }
    struct entry *entries = ARENA_ARRAY(&batch->arena, struct entry, n ? n : 1);
    if (!entries)
        vm_raise(L, ERR_NOMEM, NULL);
    n = 0;
    lua_pushnil(L);              // nil
    while (lua_next(L, index)) { // key value
        size_t len;
        entries[n].name = lua_tolstring(L, -2, &len);
        if (len > UINT32_MAX || utf8_valid(entries[n].name, len) != len)
            luaL_error(L, "%s: a name that is not UTF-8", what);
        entries[n++].len = (uint32_t)len;
        if (n % 64 == 0)
            vm_check_time(L);
        lua_pop(L, 1); // key
    }
    sort_entries(L, entries, n);
    *count = n;
    return entries;
}

static struct value array_value(lua_State *L, struct batch *batch, int index, const char *what,
                                int depth)
{
    lua_Unsigned keys = 0, n = lua_rawlen(L, index);
    lua_pushnil(L);              // nil
    while (lua_next(L, index)) { // key value
        lua_Integer key = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
        if (key < 1)
            luaL_error(L, "%s: an array with a key of type %s", what, luaL_typename(L, -2));
        if ((lua_Unsigned)key > n)
            luaL_error(L, "%s: an array with a hole before index %d", what, (int)key);
        if (++keys % 64 == 0)
            vm_check_time(L);
        lua_pop(L, 1); // key
    }
    if (keys != n)
        luaL_error(L, "%s: an array with holes (%d of %d elements)", what, (int)keys, (int)n);
    struct node *node = node_new(batch, true);
    if (!node)
        vm_raise(L, ERR_NOMEM, NULL);
    for (uint32_t i = 0; i < n; i++) {
        check_work(L, batch, i);
        lua_rawgeti(L, index, (lua_Integer)i + 1); // value
        struct value value = to_value(L, batch, lua_gettop(L), what, depth + 1);
        int rc = node_set_at(batch, node, i, value);
        if (rc != 0)
            vm_raise(L, rc, NULL);
        lua_pop(L, 1); //
    }
    return node_value(node);
}

static struct value object_value(lua_State *L, struct batch *batch, int index, const char *what,
                                 int depth)
{
    uint32_t count;
    struct entry *entries = sorted_keys(L, batch, index, &count, what);
    struct node *node = node_new(batch, false);
    if (!node)
        vm_raise(L, ERR_NOMEM, NULL);
    for (uint32_t i = 0; i < count; i++) {
        check_work(L, batch, i);
        lua_pushlstring(L, entries[i].name, entries[i].len); // name
        lua_rawget(L, index);                                // value
        struct value value = to_value(L, batch, lua_gettop(L), what, depth + 1);
        int rc = node_set(batch, node, entries[i].name, entries[i].len, value);
        if (rc != 0)
            vm_raise(L, rc, NULL);
        lua_pop(L, 1); //
    }
    return node_value(node);
}

static bool is_array(lua_State *L, int index)
{
    if (convert_is_marked(L, index))
        return true;
    lua_pushnil(L);          // nil
    if (!lua_next(L, index)) // [key value]
        return false;
    bool integer = lua_isinteger(L, -2);
    lua_pop(L, 2); //
    return integer;
}

static struct value to_value(lua_State *L, struct batch *batch, int index, const char *what,
                             int depth)
{
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        return value_absent();
    case LUA_TBOOLEAN:
        return value_bool(lua_toboolean(L, index));
    case LUA_TNUMBER:
        return number_value(L, index, what);
    case LUA_TSTRING:
        return convert_string(L, batch, index, what);
    case LUA_TLIGHTUSERDATA:
        return light_value(L, batch, index, what);
    case LUA_TUSERDATA:
        return copy_node(L, batch, detached_node(L, index));
    case LUA_TTABLE:
        break;
    default:
        luaL_error(L, "%s: a %s has no place in a record", what, luaL_typename(L, index));
    }
    if (depth > 0)
        vm_check_work(L, batch);
    if (depth > CONVERT_DEPTH)
        luaL_error(L, "%s: tables nested deeper than %d (one that contains itself?)", what,
                   CONVERT_DEPTH);
    luaL_checkstack(L, 6, "tables nested too deep");
    return is_array(L, index) ? array_value(L, batch, index, what, depth)
                              : object_value(L, batch, index, what, depth);
}

struct value convert_value(lua_State *L, struct batch *batch, int index, const char *what)
{
    return to_value(L, batch, lua_absindex(L, index), what, 0);
}
