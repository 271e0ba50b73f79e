// SPDX-License-Identifier: MIT
#include "lua/kept.h"
#include "lua/convert.h"
#include "lua/dump.h"
#include "lua/sandbox.h"

#include <string.h>

static const char scratch_key; // registry key: the tables of scratch{…}, as keys

enum { PLACES_MAX = 32, REGISTERS = 256, DEPTH_MAX = 60 };

// What a register or upvalue holds, as far as it matters.
enum what { OTHER, KEPT, GLOBALS, TABLE_LIBRARY, TABLE_CHANGE };

struct origin {
    enum what what;
    bool outer;       // upvalues: lives longer than a call
    const char *name; // of the variable
};

struct finder {
    lua_State *L;
    struct script *script;
    int visited; // stack index
    const char *source;
    int function; // stack index of the closure at work
};

// -- opcodes (of Lua 5.4) --

enum {
    OP_MOVE = 0,
    OP_LOADNIL = 8,
    OP_GETUPVAL = 9,
    OP_SETUPVAL = 10,
    OP_GETTABUP = 11,
    OP_GETTABLE = 12,
    OP_GETI = 13,
    OP_GETFIELD = 14,
    OP_SETTABUP = 15,
    OP_SETTABLE = 16,
    OP_SETI = 17,
    OP_SETFIELD = 18,
    OP_SELF = 20,
    OP_MMBIN = 46,
    OP_MMBINK = 48,
    OP_CLOSE = 54,
    OP_TEST = 66,
    OP_TESTSET = 67,
    OP_CALL = 68,
    OP_TAILCALL = 69,
    OP_RETURN = 70,
    OP_RETURN1 = 72,
    OP_TFORCALL = 76,
    OP_SETLIST = 78,
    OP_VARARG = 80,
    OP_VARARGPREP = 81
};

static uint32_t arg_a(uint32_t code)
{
    return code >> 7 & 0xff;
}

static uint32_t arg_b(uint32_t code)
{
    return code >> 16 & 0xff;
}

static uint32_t arg_c(uint32_t code)
{
    return code >> 24;
}

// -- what values are --

static bool is_scratch(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &scratch_key); // set
    lua_pushvalue(L, index);                         // set value
    bool is = lua_rawget(L, -2) != LUA_TNIL;         // set found
    lua_pop(L, 2);                                   //
    return is;
}

// A table of the runtime's, which no script can change; an array{} it can.
static bool is_read_only(lua_State *L, int index)
{
    if (luaL_getmetafield(L, index, "__metatable") == LUA_TNIL) // [value]
        return false;
    bool is = !lua_toboolean(L, -1);
    lua_pop(L, 1); //
    return is && !convert_is_marked(L, index);
}

// The value on the top: popped. [-1, +0]
static enum what what_is(lua_State *L)
{
    enum what what = OTHER;
    if (lua_istable(L, -1)) {
        sandbox_push_env(L); // value env
        bool globals = lua_rawequal(L, -1, -2);
        lua_pop(L, 1); // value
        what = globals ? GLOBALS : is_scratch(L, -1) || is_read_only(L, -1) ? OTHER : KEPT;
    } else if (lua_type(L, -1) == LUA_TUSERDATA) {
        what = KEPT; // copy(r)
    }
    lua_pop(L, 1); //
    return what;
}

static struct origin global(struct finder *finder, const char *name)
{
    if (!name)
        return (struct origin){.what = OTHER};
    if (strcmp(name, "table") == 0)
        return (struct origin){.what = TABLE_LIBRARY};
    sandbox_push_global(finder->L, name); // value
    return (struct origin){.what = what_is(finder->L), .name = name};
}

// -- places --

static void found(struct finder *finder, uint32_t line, const char *name, const char *how)
{
    lua_State *L = finder->L;
    struct script *script = finder->script;
    if (script->kept_count == PLACES_MAX)
        return;
    lua_pushfstring(L, "%s:%d: '%s' %s", finder->source, (int)line, name, how); // text
    const char *text = lua_tostring(L, -1);
    for (uint32_t i = 0; i < script->kept_count; i++) {
        if (strcmp(script->kept[i], text) == 0) {
            lua_pop(L, 1); //
            return;
        }
    }
    if (!script->kept)
        script->kept = ARENA_ARRAY(&script->arena, const char *, PLACES_MAX);
    char *copy = arena_copy(&script->arena, text, strlen(text) + 1);
    if (!script->kept || !copy)
        vm_raise(L, ERR_NOMEM, NULL);
    script->kept[script->kept_count++] = copy;
    lua_pop(L, 1); //
}

static void changed(struct finder *finder, uint32_t line, const struct origin *origin)
{
    if (origin->what == KEPT)
        found(finder, line, origin->name, "is changed, and kept between records");
}

// -- one function --

static const char *text_of(const struct dump_function *function, uint32_t constant)
{
    return constant < function->constant_count ? function->constants[constant].text : NULL;
}

// A field read from `from`.
static struct origin field(struct finder *finder, const struct origin *from, const char *name)
{
    static const char *const changes[] = {"insert", "remove", "sort", "move"};
    if (from->what == GLOBALS)
        return global(finder, name);
    if (from->what == TABLE_LIBRARY) {
        for (size_t i = 0; name && i < sizeof changes / sizeof *changes; i++)
            if (strcmp(name, changes[i]) == 0)
                return (struct origin){.what = TABLE_CHANGE};
    }
    return from->what == KEPT ? *from : (struct origin){.what = OTHER};
}

static void forget_from(struct origin *registers, uint32_t first)
{
    for (uint32_t i = first; i < REGISTERS; i++)
        registers[i].what = OTHER;
}

// Instructions that write; false: it is none of them.
static bool see_write(struct finder *finder, const struct dump_function *function,
                      const struct origin *upvalues, const struct origin *registers, uint32_t at)
{
    uint32_t code = function->code[at], line = function->lines[at];
    switch (code & 0x7f) {
    case OP_SETUPVAL:
        if (arg_b(code) < function->upvalue_count && upvalues[arg_b(code)].outer)
            found(finder, line, function->upvalues[arg_b(code)].name,
                  "is assigned, and kept between records");
        return true;
    case OP_SETTABUP:
        if (arg_a(code) < function->upvalue_count)
            changed(finder, line, &upvalues[arg_a(code)]);
        return true;
    case OP_SETTABLE:
    case OP_SETI:
    case OP_SETFIELD:
        changed(finder, line, &registers[arg_a(code)]);
        return true;
    default:
        return false;
    }
}

// Instructions that read what is followed; false: it is none of them.
static bool see_read(struct finder *finder, const struct dump_function *function,
                     const struct origin *upvalues, struct origin *registers, uint32_t code)
{
    struct origin *to = &registers[arg_a(code)];
    uint32_t b = arg_b(code);
    bool up = b < function->upvalue_count;
    switch (code & 0x7f) {
    case OP_MOVE:
    case OP_TESTSET:
        *to = registers[b];
        return true;
    case OP_GETUPVAL:
        *to = up ? upvalues[b] : (struct origin){.what = OTHER};
        return true;
    case OP_GETTABUP:
        *to = up ? field(finder, &upvalues[b], text_of(function, arg_c(code)))
                 : (struct origin){.what = OTHER};
        return true;
    case OP_GETTABLE:
    case OP_GETI:
        *to = field(finder, &registers[b], NULL);
        return true;
    case OP_GETFIELD:
        *to = field(finder, &registers[b], text_of(function, arg_c(code)));
        return true;
    default:
        return false;
    }
}

static bool writes_nothing(uint32_t op)
{
    return (op >= OP_MMBIN && op <= OP_MMBINK) || (op >= OP_CLOSE && op <= OP_TEST) ||
           (op >= OP_RETURN && op <= OP_RETURN1) || op == OP_SETLIST || op >= OP_VARARGPREP;
}

// All others put something that is not followed into their first register, or from it on.
static void see_other(struct finder *finder, struct origin *registers, uint32_t code, uint32_t line)
{
    uint32_t op = code & 0x7f, a = arg_a(code);
    if (writes_nothing(op))
        return;
    if ((op == OP_CALL || op == OP_TAILCALL) && registers[a].what == TABLE_CHANGE &&
        a + 1 < REGISTERS)
        changed(finder, line, &registers[a + 1]);
    if (op == OP_SELF && a + 1 < REGISTERS)
        registers[a + 1] = registers[arg_b(code)];
    registers[a].what = OTHER;
    if (op == OP_CALL || op == OP_TAILCALL || op == OP_VARARG || op == OP_LOADNIL)
        forget_from(registers, a);
    if (op == OP_TFORCALL)
        forget_from(registers, a + 4);
}

static void look(struct finder *finder, const struct dump_function *function,
                 const struct origin *upvalues)
{
    struct origin registers[REGISTERS];
    memset(registers, 0, sizeof registers);
    for (uint32_t i = 0; i < function->code_count; i++) {
        uint32_t code = function->code[i];
        if (!see_write(finder, function, upvalues, registers, i) &&
            !see_read(finder, function, upvalues, registers, code))
            see_other(finder, registers, code, function->lines[i]);
    }
    for (uint32_t i = 0; i < function->function_count; i++) {
        const struct dump_function *inner = &function->functions[i];
        struct origin of_inner[REGISTERS];
        memset(of_inner, 0, sizeof of_inner);
        for (uint32_t u = 0; u < inner->upvalue_count && u < REGISTERS; u++) {
            uint8_t index = inner->upvalues[u].index;
            if (!inner->upvalues[u].of_parent && index < function->upvalue_count)
                of_inner[u] = upvalues[index];
        }
        look(finder, inner, of_inner);
    }
}

// -- all that is reached --

static void visit(struct finder *finder, int depth); // value [-1, +0]

static void visit_function(struct finder *finder, int depth) // function at -1 [-0, +0]
{
    lua_State *L = finder->L;
    struct dump_function function = {0};
    struct origin upvalues[REGISTERS];
    int index = lua_gettop(L);
    memset(upvalues, 0, sizeof upvalues);
    // In an arena of the script, so that nothing is held when something raises. What it holds is of
    // use for this one function.
    struct arena *arena = &finder->script->accs.arena;
    arena_reset(arena, 16 * 1024);
    if (dump_read(L, arena, &function) != 0)
        return;
    finder->source = function.source ? function.source + (function.source[0] == '=') : "?";
    for (uint32_t i = 0; i < function.upvalue_count; i++) {
        if (!lua_getupvalue(L, index, (int)i + 1)) // … value
            continue;
        upvalues[i] =
            (struct origin){.outer = true, .name = function.upvalues[i].name, .what = OTHER};
        if (lua_isthread(L, -1))
            found(finder, function.code_count ? function.lines[0] : 0, upvalues[i].name,
                  "is a coroutine that is kept between records");
        upvalues[i].what = what_is(L); // …
    }
    look(finder, &function, upvalues);
    for (uint32_t i = 0; i < function.upvalue_count; i++) {
        if (lua_getupvalue(L, index, (int)i + 1)) // … value
            visit(finder, depth + 1);             // …
    }
}

static void visit_table(struct finder *finder, int depth) // table at -1 [-0, +0]
{
    lua_State *L = finder->L;
    int index = lua_gettop(L);
    if (lua_getmetatable(L, index)) // … [meta]
        visit(finder, depth + 1);   // …
    lua_pushnil(L);                 // … key
    while (lua_next(L, index))      // … key value
        visit(finder, depth + 1);   // … key
}

static void visit(struct finder *finder, int depth)
{
    lua_State *L = finder->L;
    bool function = lua_isfunction(L, -1) && !lua_iscfunction(L, -1);
    bool table = lua_istable(L, -1) && !is_read_only(L, -1);
    if ((!function && !table) || depth > DEPTH_MAX) {
        lua_pop(L, 1); //
        return;
    }
    luaL_checkstack(L, 8, "values nested too deep");
    vm_check_time(L);
    lua_pushvalue(L, -1);                             // value value
    if (lua_rawget(L, finder->visited) == LUA_TNIL) { // value nil
        lua_pop(L, 1);                                // value
        lua_pushvalue(L, -1);                         // value value
        lua_pushboolean(L, 1);                        // value value true
        lua_rawset(L, finder->visited);               // value
        if (function)
            visit_function(finder, depth);
        else
            visit_table(finder, depth);
        lua_pushnil(L); // value nil
    }
    lua_pop(L, 2); //
}

void kept_find(lua_State *L, struct script *script)
{
    int top = lua_gettop(L);
    lua_newtable(L); // visited
    struct finder finder = {.L = L, .script = script, .visited = lua_gettop(L)};
    for (int i = 0; i < FN_COUNT; i++) {
        if (script->refs[i] == LUA_NOREF)
            continue;
        lua_rawgeti(L, LUA_REGISTRYINDEX, script->refs[i]); // visited function
        visit(&finder, 0);                                  // visited
    }
    sandbox_push_globals(L); // visited globals
    visit(&finder, 0);       // visited
    lua_settop(L, top);      //
}

// -- scratch --

static int scratch(lua_State *L) // (table)
{
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L); // table
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1); // table
    if (!vm_of(L)->loading)
        return luaL_error(L, "scratch: only while the script loads, not in its functions");
    lua_rawgetp(L, LUA_REGISTRYINDEX, &scratch_key); // table set
    lua_pushvalue(L, 1);                             // table set table
    lua_pushboolean(L, 1);                           // table set table true
    lua_rawset(L, -3);                               // table set
    lua_settop(L, 1);                                // table
    return 1;
}

void library_scratch(lua_State *L)
{
    lua_newtable(L);                                 // globals set
    lua_rawsetp(L, LUA_REGISTRYINDEX, &scratch_key); // globals
    lua_pushcfunction(L, scratch);                   // globals scratch
    lua_setfield(L, -2, "scratch");                  // globals
}
