// SPDX-License-Identifier: MIT
#include "lua/convert.h"
#include "lua/detached.h"
#include "lua/keeper.h"
#include "record/json.h"
#include "record/keycode.h"
#include "record/utf8.h"

#include <math.h>
#include <string.h>

// ctx.last:get() and its kin: a cell is a userdata that is made once and stands for the cell of
// whatever key is at work.

struct cell_ref {
    const void *magic;
    uint32_t spec;
};

static const char magic;
static const char *const kind_names[] = {"value", "map", "list", "counter"};

struct access {
    struct vm *vm;
    struct keeper *keeper;
    struct cells *cells;
    const struct cell_spec *spec;
    uint32_t number;
};

static void open_cell(lua_State *L, enum cell_kind kind, struct access *access)
{
    const struct cell_ref *ref = lua_touserdata(L, 1);
    if (lua_type(L, 1) != LUA_TUSERDATA || lua_rawlen(L, 1) != sizeof *ref || ref->magic != &magic)
        luaL_error(L, "call it with a colon, as in ctx.name:get(), on a state");
    access->vm = vm_of(L);
    access->keeper = keeper_of(L);
    access->number = ref->spec;
    access->spec = &access->keeper->specs[ref->spec];
    if (access->spec->kind != kind)
        luaL_error(L, "state '%s' is a %s, not a %s", access->spec->name,
                   kind_names[access->spec->kind], kind_names[kind]);
    if (!access->keeper->process)
        luaL_error(L, "state '%s' is used outside of on_record, on_timer and on_broadcast",
                   access->spec->name);
    access->cells = access->keeper->process->cells;
    if (!access->cells->has_key && !access->spec->broadcast)
        luaL_error(L, "state '%s' belongs to keys, and on_broadcast has none", access->spec->name);
}

static void open_to_write(lua_State *L, enum cell_kind kind, struct access *access)
{
    open_cell(L, kind, access);
    if (access->spec->broadcast && access->keeper->process->call != PROCESS_BROADCAST)
        luaL_error(L, "state '%s' is broadcast: only on_broadcast may write it",
                   access->spec->name);
}

static void check(lua_State *L, const struct access *access, int rc)
{
    if (__builtin_expect(rc != 0, 0))
        vm_raise(L, rc, access->vm->last.text);
}

// -- values on their way --

static void push_value(lua_State *L, const struct value *value) // [-0, +1]
{
    if (!value)
        lua_pushnil(L); // nil
    else if (value->type == VALUE_ARRAY || value->type == VALUE_OBJECT)
        detached_push_text(L, *value); // value
    else
        convert_push(L, *value); // value
}

static struct value checked_string(lua_State *L, int index, const struct access *access,
                                   const char *what)
{
    size_t len;
    const char *text = lua_tolstring(L, index, &len);
    if (len > UINT32_MAX || utf8_valid(text, len) != len)
        luaL_error(L, "state '%s': %s that is not UTF-8", access->spec->name, what);
    return value_string(text, (uint32_t)len);
}

static struct value nested_value(lua_State *L, int index, const struct access *access)
{
    struct value value = convert_value(L, vm_scratch(access->vm), index, access->spec->name);
    if (value.type != VALUE_ARRAY && value.type != VALUE_OBJECT)
        return value;
    struct buf *text = &access->keeper->text;
    bool big = value.flags & VALUE_IS_NODE ? value.node->big_text : value.flags & VALUE_BIG_TEXT;
    buf_clear(text);
    check(L, access, json_write_value(value, text, &access->vm->last));
    return (struct value){.type = value.type,
                          .flags = big ? VALUE_BIG_TEXT : 0,
                          .len = (uint32_t)text->len,
                          .bytes = text->data};
}

// The value at `index`, borrowed until the next one. nil is ABSENT.
static struct value read_value(lua_State *L, int index, const struct access *access)
{
    double number;
    switch (lua_type(L, index)) {
    case LUA_TNONE:
    case LUA_TNIL:
        return value_absent();
    case LUA_TNUMBER:
        if (lua_isinteger(L, index))
            return value_int(lua_tointeger(L, index));
        number = lua_tonumber(L, index);
        return isfinite(number) ? value_float(number) : nested_value(L, index, access);
    case LUA_TBOOLEAN:
        return value_bool(lua_toboolean(L, index));
    case LUA_TSTRING:
        return checked_string(L, index, access, "a string");
    default:
        return nested_value(L, index, access);
    }
}

// As in Lua's tables a float that is whole is an integer.
static struct value read_key(lua_State *L, int index, const struct access *access)
{
    int whole;
    lua_Integer integer;
    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        integer = lua_tointegerx(L, index, &whole);
        if (whole)
            return value_int(integer);
        if (!isfinite(lua_tonumber(L, index)))
            luaL_error(L, "state '%s': a key that is no finite number", access->spec->name);
        return value_float(lua_tonumber(L, index));
    case LUA_TBOOLEAN:
        return value_bool(lua_toboolean(L, index));
    case LUA_TSTRING:
        return checked_string(L, index, access, "a key");
    default:
        luaL_error(L, "state '%s': a key is a string, a number or a boolean, not a %s",
                   access->spec->name,
                   lua_touserdata(L, index) == VM_NULL ? "null" : luaL_typename(L, index));
        return value_null();
    }
}

static void make_key(lua_State *L, int index, const struct access *access, struct table_key *key)
{
    struct buf *bytes = &access->keeper->key;
    buf_clear(bytes);
    int rc = key_encode_value(read_key(L, index, access), bytes);
    if (rc)
        vm_raise(L, rc, "a key of a state that is too long");
    table_key_set(key, bytes->data, (uint32_t)bytes->len);
}

// -- value --

static int value_get(lua_State *L) // (cell)
{
    struct access access;
    open_cell(L, CELL_VALUE, &access);
    push_value(L, cells_get(access.cells, access.number)); // value
    return 1;
}

static int value_set(lua_State *L) // (cell, value)
{
    struct access access;
    open_to_write(L, CELL_VALUE, &access);
    struct value value = read_value(L, 2, &access);
    check(L, &access, cells_set(access.cells, access.number, value, &access.vm->last));
    return 0;
}

static int clear(lua_State *L, enum cell_kind kind)
{
    struct access access;
    open_to_write(L, kind, &access);
    check(L, &access, cells_clear(access.cells, access.number, &access.vm->last));
    return 0;
}

static int value_clear(lua_State *L) // (cell)
{
    return clear(L, CELL_VALUE);
}

// -- counter --

static int counter_get(lua_State *L) // (cell)
{
    struct access access;
    open_cell(L, CELL_COUNTER, &access);
    const struct value *value = cells_get(access.cells, access.number);
    lua_pushinteger(L, value ? value->i : 0); // n
    return 1;
}

static int counter_add(lua_State *L) // (cell, n)
{
    struct access access;
    open_to_write(L, CELL_COUNTER, &access);
    int whole = 1;
    lua_Integer more = lua_isnoneornil(L, 2) ? 1 : lua_tointegerx(L, 2, &whole);
    if (!whole || lua_type(L, 2) == LUA_TSTRING)
        return luaL_error(L, "state '%s': a counter is added integers, not %s", access.spec->name,
                          luaL_tolstring(L, 2, NULL));
    int64_t sum;
    check(L, &access, cells_add(access.cells, access.number, more, &sum, &access.vm->last));
    lua_pushinteger(L, sum); // n
    return 1;
}

static int counter_clear(lua_State *L) // (cell)
{
    return clear(L, CELL_COUNTER);
}

// -- map --

static int map_get(lua_State *L) // (cell, key)
{
    struct access access;
    struct table_key key;
    open_cell(L, CELL_MAP, &access);
    make_key(L, 2, &access, &key);
    push_value(L, cells_map_get(access.cells, access.number, &key)); // value
    return 1;
}

static int map_set(lua_State *L) // (cell, key, value)
{
    struct access access;
    struct table_key key;
    open_to_write(L, CELL_MAP, &access);
    struct value value = read_value(L, 3, &access);
    make_key(L, 2, &access, &key);
    check(L, &access, cells_map_set(access.cells, access.number, &key, value, &access.vm->last));
    return 0;
}

static int map_delete(lua_State *L) // (cell, key)
{
    lua_settop(L, 2); // cell key
    return map_set(L);
}

static int map_clear(lua_State *L) // (cell)
{
    return clear(L, CELL_MAP);
}

static int map_len(lua_State *L) // (cell)
{
    struct access access;
    open_cell(L, CELL_MAP, &access);
    lua_pushinteger(L, cells_map_count(access.cells, access.number)); // n
    return 1;
}

static int map_next(lua_State *L) // (cell, key); upvalue 1: position
{
    struct access access;
    open_cell(L, CELL_MAP, &access);
    uint32_t position = (uint32_t)lua_tointeger(L, lua_upvalueindex(1)), len;
    const struct table_key *key;
    struct value field;
    vm_check_time(L);
    const struct value *value = cells_map_next(access.cells, access.number, &position, &key);
    if (!value)
        return 0;
    const char *bytes = table_key_bytes(key, &len);
    if (key_decode(bytes, len, &field, 1) != 1)
        return luaL_error(L, "state '%s': a key that is damaged", access.spec->name);
    lua_pushinteger(L, position);        // … position
    lua_replace(L, lua_upvalueindex(1)); // …
    convert_push(L, field);              // … key
    if (value->type == VALUE_NULL)
        lua_pushlightuserdata(L, VM_NULL); // … key null
    else
        push_value(L, value); // … key value
    return 2;
}

static int map_pairs(lua_State *L) // (cell)
{
    lua_pushinteger(L, 0);            // 0
    lua_pushcclosure(L, map_next, 1); // next
    lua_pushvalue(L, 1);              // next cell
    return 2;
}

// -- list --

static int list_append(lua_State *L) // (cell, value)
{
    struct access access;
    open_to_write(L, CELL_LIST, &access);
    struct value value = read_value(L, 2, &access);
    if (value.type == VALUE_ABSENT)
        return luaL_error(L, "state '%s': nil cannot be appended (null can)", access.spec->name);
    check(L, &access, cells_append(access.cells, access.number, value, &access.vm->last));
    return 0;
}

static const struct value *list_item(lua_State *L, const struct access *access, lua_Integer at)
{
    (void)L;
    if (at < 1 || at > UINT32_MAX)
        return NULL;
    return cells_list_at(access->cells, access->number, (uint32_t)(at - 1));
}

static int list_get(lua_State *L) // (cell, i)
{
    struct access access;
    open_cell(L, CELL_LIST, &access);
    int whole;
    lua_Integer at = lua_tointegerx(L, 2, &whole);
    if (!whole)
        return luaL_error(L, "state '%s': an index is an integer, not a %s", access.spec->name,
                          luaL_typename(L, 2));
    push_value(L, list_item(L, &access, at)); // value
    return 1;
}

static int list_len(lua_State *L) // (cell)
{
    struct access access;
    open_cell(L, CELL_LIST, &access);
    lua_pushinteger(L, cells_list_count(access.cells, access.number)); // n
    return 1;
}

static int list_clear(lua_State *L) // (cell)
{
    return clear(L, CELL_LIST);
}

static int list_next(lua_State *L) // (cell, i)
{
    struct access access;
    open_cell(L, CELL_LIST, &access);
    lua_Integer at = lua_tointeger(L, 2) + 1;
    vm_check_time(L);
    const struct value *value = list_item(L, &access, at);
    if (!value)
        return 0;
    lua_pushinteger(L, at); // … i
    if (value->type == VALUE_NULL)
        lua_pushlightuserdata(L, VM_NULL); // … i null
    else
        push_value(L, value); // … i value
    return 2;
}

static int list_pairs(lua_State *L) // (cell)
{
    lua_pushcfunction(L, list_next); // next
    lua_pushvalue(L, 1);             // next cell
    lua_pushinteger(L, 0);           // next cell 0
    return 3;
}

// -- making them --

static const luaL_Reg value_methods[] = {
    {"get", value_get}, {"set", value_set}, {"clear", value_clear}, {NULL, NULL}};
static const luaL_Reg map_methods[] = {
    {"get", map_get}, {"set", map_set}, {"delete", map_delete}, {"clear", map_clear}, {NULL, NULL}};
static const luaL_Reg list_methods[] = {
    {"append", list_append}, {"get", list_get}, {"clear", list_clear}, {NULL, NULL}};
static const luaL_Reg counter_methods[] = {
    {"add", counter_add}, {"get", counter_get}, {"clear", counter_clear}, {NULL, NULL}};

static const struct {
    const luaL_Reg *methods;
    const char *names;
    lua_CFunction len, pairs;
} kinds[] = {
    [CELL_VALUE] = {value_methods, "get, set and clear", NULL, NULL},
    [CELL_MAP] = {map_methods, "get, set, delete, clear, # and pairs", map_len, map_pairs},
    [CELL_LIST] = {list_methods, "append, get, clear, # and pairs", list_len, list_pairs},
    [CELL_COUNTER] = {counter_methods, "add, get and clear", NULL, NULL},
};

static int no_method(lua_State *L) // (methods, name); upvalues: kind, names
{
    return luaL_error(L, "a state.%s has no '%s'; it has %s", lua_tostring(L, lua_upvalueindex(1)),
                      luaL_tolstring(L, 2, NULL), lua_tostring(L, lua_upvalueindex(2)));
}

static int no_write(lua_State *L) // (cell, name, value)
{
    return luaL_error(L, "a state cannot be assigned to; it is written with :set(…), :add(…) or "
                         ":append(…)");
}

static void push_methods(lua_State *L, enum cell_kind kind) // [-0, +1]
{
    lua_newtable(L);                          // methods
    luaL_setfuncs(L, kinds[kind].methods, 0); // methods
    lua_createtable(L, 0, 1);                 // methods meta
    lua_pushstring(L, kind_names[kind]);      // methods meta kind
    lua_pushstring(L, kinds[kind].names);     // methods meta kind names
    lua_pushcclosure(L, no_method, 2);        // methods meta function
    lua_setfield(L, -2, "__index");           // methods meta
    lua_setmetatable(L, -2);                  // methods
}

void cell_push(lua_State *L, struct script *script, uint32_t spec)
{
    enum cell_kind kind = script->keeper->specs[spec].kind;
    struct cell_ref *ref = lua_newuserdatauv(L, sizeof *ref, 0); // cell
    *ref = (struct cell_ref){.magic = &magic, .spec = spec};
    lua_createtable(L, 0, 6);           // cell meta
    push_methods(L, kind);              // cell meta methods
    lua_setfield(L, -2, "__index");     // cell meta
    lua_pushcfunction(L, no_write);     // cell meta function
    lua_setfield(L, -2, "__newindex");  // cell meta
    lua_pushboolean(L, 0);              // cell meta false
    lua_setfield(L, -2, "__metatable"); // cell meta
    lua_pushliteral(L, "state");        // cell meta name
    lua_setfield(L, -2, "__name");      // cell meta
    if (kinds[kind].len) {
        lua_pushcfunction(L, kinds[kind].len);   // cell meta len
        lua_setfield(L, -2, "__len");            // cell meta
        lua_pushcfunction(L, kinds[kind].pairs); // cell meta pairs
        lua_setfield(L, -2, "__pairs");          // cell meta
    }
    lua_setmetatable(L, -2); // cell
}
