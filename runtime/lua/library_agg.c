// SPDX-License-Identifier: MIT
#include "config/problems.h"
#include "lua/agg.h"
#include "lua/sandbox.h"
#include "lua/vm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char column_key, agg_key; // registry keys of the metatables

static const char *const function_names[] = {
    [AGG_COUNT] = "count",       [AGG_SUM] = "sum",
    [AGG_AVG] = "avg",           [AGG_MIN] = "min",
    [AGG_MAX] = "max",           [AGG_FIRST] = "first",
    [AGG_LAST] = "last",         [AGG_STDDEV] = "stddev",
    [AGG_RATE] = "rate",         [AGG_EWMA] = "ewma",
    [AGG_DISTINCT] = "distinct", [AGG_QUANTILE] = "quantile",
    [AGG_TOPK] = "topk",         [AGG_SUM_EXACT] = "sum_exact",
    [AGG_COLLECT] = "collect",   NULL};

// The second argument of a function.
struct parameter {
    const char *name; // NULL: there is none
    double min, max, preset;
    bool whole, above; // above: `min` itself is not allowed
    bool optional;
    const char *example;
};

static const struct parameter parameters[AGG_COLLECT + 1] = {
    [AGG_EWMA] = {"alpha", 0, 1, 0.3, false, true, true, "0.3"},
    [AGG_QUANTILE] = {"q", 0, 1, 0, false, false, false, "0.95"},
    [AGG_TOPK] = {"k", 1, 100, 0, true, false, false, "10"},
    [AGG_COLLECT] = {"limit", 1, 100000, 0, true, false, false, "100"},
};

const char *agg_function_name(enum agg_function function)
{
    return function_names[function];
}

const char *agg_parameter(enum agg_function function)
{
    return parameters[function].name;
}

static bool field_optional(enum agg_function function)
{
    return function == AGG_COUNT || function == AGG_RATE;
}

static int function_of(const char *name, size_t len)
{
    for (int i = 0; function_names[i]; i++) {
        if (strlen(function_names[i]) == len && memcmp(function_names[i], name, len) == 0)
            return i;
    }
    return -1;
}

static int unknown(struct error *err, const char *name)
{
    const char *near = nearest_name(name, function_names);
    return error_set(err, ERR_INPUT,
                     "no aggregate '%s'%s%s%s; there are count, sum, avg, min, max, first, last, "
                     "stddev, rate, ewma, distinct, quantile, topk, sum_exact and collect",
                     name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

// What is wrong with the second argument; 0: nothing.
static int check_parameter(enum agg_function function, double number, struct error *err)
{
    const struct parameter *p = &parameters[function];
    bool inside = number <= p->max && (p->above ? number > p->min : number >= p->min);
    if (inside && (!p->whole || number == floor(number)))
        return 0;
    return error_set(err, ERR_INPUT, "%s(field, %s): %s is %s number %s %g to %g, not %g",
                     function_names[function], p->name, p->name, p->whole ? "a whole" : "a",
                     p->above ? "from above" : "from", p->min, p->max, number);
}

static int no_parameter(enum agg_function function, struct error *err)
{
    const struct parameter *p = &parameters[function];
    return error_set(err, ERR_INPUT, "%s wants %s as well, as in %s(field, %s)",
                     function_names[function], p->name, function_names[function], p->example);
}

// -- from YAML --

// Cuts the second argument off the field.
static int parse_parameter(char *field, struct agg_column *out, struct error *err)
{
    const struct parameter *p = &parameters[out->function];
    char *comma = strrchr(field, ','), *end;
    out->parameter = p->preset;
    if (!p->name || (!comma && p->optional))
        return 0;
    if (!comma)
        return no_parameter(out->function, err);
    out->parameter = strtod(comma + 1, &end);
    while (*end == ' ')
        end++;
    if (end == comma + 1 || *end)
        return error_set(err, ERR_INPUT, "%s(field, %s): '%s' is no number",
                         function_names[out->function], p->name, comma + 1);
    while (comma > field && comma[-1] == ' ')
        comma--;
    *comma = 0;
    return check_parameter(out->function, out->parameter, err);
}

int agg_parse(const char *text, struct agg_column *out, char *field, size_t field_cap,
              struct error *err)
{
    const char *open = strchr(text, '(');
    size_t len = strlen(text);
    if (!open || text[len - 1] != ')')
        return error_set(err, ERR_INPUT, "'%s' is not like sum(field) or count()", text);
    char name[32];
    size_t name_len = (size_t)(open - text);
    size_t field_len = len - name_len - 2;
    (void)snprintf(name, sizeof name, "%.*s", (int)(name_len < 31 ? name_len : 31), text);
    int function = function_of(text, name_len);
    if (function < 0)
        return unknown(err, name);
    if (field_len >= field_cap)
        return error_set(err, ERR_INPUT, "the field of %s() is too long", name);
    memcpy(field, open + 1, field_len);
    field[field_len] = 0;
    out->function = (enum agg_function)function;
    int rc = field_len ? parse_parameter(field, out, err) : 0;
    if (rc)
        return rc;
    if (!field[0] && !field_optional(out->function))
        return error_set(err, ERR_INPUT, "%s() wants a field", name);
    out->field = field[0] ? field : NULL;
    return 0;
}

// -- from Lua --

// The second argument at 2, or nil there.
static double read_parameter(lua_State *L, enum agg_function function)
{
    const struct parameter *p = &parameters[function];
    struct error *err = &vm_of(L)->last;
    bool given = !lua_isnoneornil(L, 2);
    if (!p->name || (!given && p->optional)) {
        if (given)
            luaL_error(L, "agg.%s wants the name of a field, and nothing else",
                       function_names[function]);
        return p->preset;
    }
    if (lua_type(L, 2) != LUA_TNUMBER)
        luaL_error(L, "agg.%s wants %s as well, as in agg.%s(\"bytes\", %s)",
                   function_names[function], p->name, function_names[function], p->example);
    double number = lua_tonumber(L, 2);
    if (check_parameter(function, number, err))
        luaL_error(L, "agg.%s", err->text);
    return number;
}

static int make_column(lua_State *L) // (field [parameter]); upvalue 1: the function
{
    enum agg_function function = (enum agg_function)lua_tointeger(L, lua_upvalueindex(1));
    if (field_optional(function))
        luaL_optstring(L, 1, NULL);
    else if (lua_type(L, 1) != LUA_TSTRING)
        return luaL_error(L, "agg.%s wants the name of a field, as in agg.%s \"bytes\"",
                          function_names[function], function_names[function]);
    double parameter = read_parameter(L, function);
    lua_settop(L, 1);                               // field
    lua_createtable(L, 0, 3);                       // field column
    lua_pushinteger(L, (lua_Integer)function);      // field column function
    lua_rawseti(L, -2, 1);                          // field column
    lua_pushvalue(L, 1);                            // field column field
    lua_rawseti(L, -2, 2);                          // field column
    lua_pushnumber(L, parameter);                   // field column parameter
    lua_rawseti(L, -2, 3);                          // field column
    lua_rawgetp(L, LUA_REGISTRYINDEX, &column_key); // field column meta
    lua_setmetatable(L, -2);                        // field column
    return 1;
}

static int make_agg(lua_State *L) // (agg, columns)
{
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);           // agg columns
    if (lua_getmetatable(L, 2)) // agg columns [meta]
        return luaL_error(L, "agg: a plain table of columns is wanted");
    lua_rawgetp(L, LUA_REGISTRYINDEX, &agg_key); // agg columns meta
    lua_setmetatable(L, 2);                      // agg columns
    return 1;
}

static int no_function(lua_State *L) // (agg, name)
{
    struct error *err = &vm_of(L)->last;
    unknown(err, luaL_checkstring(L, 2));
    return luaL_error(L, "agg: %s", err->text);
}

static int no_write(lua_State *L)
{
    return luaL_error(L, "agg cannot be assigned to");
}

static bool has_meta(lua_State *L, int index, const char *key)
{
    if (!lua_istable(L, index) || !lua_getmetatable(L, index)) // [meta]
        return false;
    lua_rawgetp(L, LUA_REGISTRYINDEX, key); // meta wanted
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2); //
    return same;
}

bool agg_is(lua_State *L, int index)
{
    return has_meta(L, index, &agg_key);
}

static const char *arena_text(lua_State *L, struct arena *arena, int index)
{
    size_t len;
    const char *text = lua_tolstring(L, index, &len);
    char *text_copy = arena_copy(arena, text, len + 1);
    if (!text_copy)
        vm_raise(L, ERR_NOMEM, NULL);
    return text_copy;
}

// The column whose name is at -2 and whose value is on the top; false: not one (finish, version).
static bool read_column(lua_State *L, struct arena *arena, struct agg_column *out)
{
    if (lua_type(L, -2) != LUA_TSTRING)
        luaL_error(L, "agg: a column without a name");
    const char *name = lua_tostring(L, -2);
    if (strcmp(name, "finish") == 0) {
        if (!lua_isfunction(L, -1))
            luaL_error(L, "agg: finish is no function but a %s", luaL_typename(L, -1));
        return false;
    }
    if (strcmp(name, "version") == 0 && lua_isinteger(L, -1))
        return false;
    if (!has_meta(L, lua_gettop(L), &column_key))
        luaL_error(L, "agg: column '%s' is a %s; write it like agg.sum \"bytes\"", name,
                   luaL_typename(L, -1));
    out->name = arena_text(L, arena, -2);
    lua_rawgeti(L, -1, 1); // name column function
    out->function = (enum agg_function)lua_tointeger(L, -1);
    lua_rawgeti(L, -2, 2); // name column function field
    out->field = lua_isnil(L, -1) ? NULL : arena_text(L, arena, -1);
    lua_rawgeti(L, -3, 3); // name column function field parameter
    out->parameter = lua_tonumber(L, -1);
    lua_pop(L, 3); // name column
    return true;
}

static void insert_sorted(struct agg_column *columns, uint32_t count, struct agg_column column)
{
    uint32_t at = count;
    for (; at > 0 && strcmp(columns[at - 1].name, column.name) > 0; at--)
        columns[at] = columns[at - 1];
    columns[at] = column;
}

uint32_t agg_read(lua_State *L, int index, struct arena *arena, struct agg_column **out)
{
    enum { MAX = 256 };
    struct agg_column *columns = ARENA_ARRAY(arena, struct agg_column, MAX);
    if (!columns)
        vm_raise(L, ERR_NOMEM, NULL);
    uint32_t count = 0;
    index = lua_absindex(L, index);
    lua_pushnil(L);              // nil
    while (lua_next(L, index)) { // name column
        struct agg_column column;
        if (read_column(L, arena, &column)) {
            if (count == MAX)
                luaL_error(L, "agg: more than %d columns", MAX);
            insert_sorted(columns, count++, column);
        }
        lua_pop(L, 1); // name
    }
    if (count == 0)
        luaL_error(L, "agg: no columns");
    *out = columns;
    return count;
}

static void set_meta(lua_State *L, const char *key, const char *name) // [-0, +0]
{
    lua_createtable(L, 0, 2);               // meta
    lua_pushboolean(L, 0);                  // meta false
    lua_setfield(L, -2, "__metatable");     // meta
    lua_pushstring(L, name);                // meta name
    lua_setfield(L, -2, "__name");          // meta
    lua_rawsetp(L, LUA_REGISTRYINDEX, key); //
}

void library_agg(lua_State *L)
{
    set_meta(L, &column_key, "agg column");
    set_meta(L, &agg_key, "agg");
    lua_newtable(L);          // globals agg
    lua_createtable(L, 0, 4); // globals agg meta
    lua_createtable(L, 0, 8); // globals agg meta functions
    for (int i = 0; function_names[i]; i++) {
        lua_pushinteger(L, i);                  // globals agg meta functions i
        lua_pushcclosure(L, make_column, 1);    // globals agg meta functions function
        lua_setfield(L, -2, function_names[i]); // globals agg meta functions
    }
    lua_createtable(L, 0, 1);           // globals agg meta functions fallback
    lua_pushcfunction(L, no_function);  // globals agg meta functions fallback function
    lua_setfield(L, -2, "__index");     // globals agg meta functions fallback
    lua_setmetatable(L, -2);            // globals agg meta functions
    lua_setfield(L, -2, "__index");     // globals agg meta
    lua_pushcfunction(L, make_agg);     // globals agg meta function
    lua_setfield(L, -2, "__call");      // globals agg meta
    lua_pushcfunction(L, no_write);     // globals agg meta function
    lua_setfield(L, -2, "__newindex");  // globals agg meta
    lua_pushboolean(L, 0);              // globals agg meta false
    lua_setfield(L, -2, "__metatable"); // globals agg meta
    lua_setmetatable(L, -2);            // globals agg
    lua_setfield(L, -2, "agg");         // globals
}
