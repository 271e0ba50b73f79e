// SPDX-License-Identifier: MIT
#include "lua/dump.h"
#include "lua/keeper.h"

#include <string.h>

// The ports that a script which declares none emits to, read from its bytecode: the strings that
// stand as second arguments in calls of a field `emit`. A name that is made at run time is not
// found; then `ports = { … }` says it.

enum { REGISTERS = 256, TEXTS = 4, DEPTH_MAX = 8, FUNCTIONS_MAX = 200, NAME_MAX_LEN = 64 };

// Of Lua 5.4.
enum {
    OP_MOVE = 0,
    OP_LOADK = 3,
    OP_GETFIELD = 14,
    OP_MMBIN = 46,
    OP_MMBINK = 48,
    OP_CLOSE = 54,
    OP_TEST = 66,
    OP_CALL = 68,
    OP_TAILCALL = 69,
    OP_RETURN = 70,
    OP_RETURN1 = 72,
};

struct seen {
    bool emit;                // the function
    uint32_t count;           // of texts: a register may be given one or the other
    const char *texts[TEXTS]; // strings that it may hold
};

struct search {
    lua_State *L;
    struct script *script;
    uint32_t functions;
};

static uint32_t arg_a(uint32_t code)
{
    return code >> 7 & 0xff;
}

static const char *text_of(const struct dump_function *function, uint32_t constant)
{
    return constant < function->constant_count ? function->constants[constant].text : NULL;
}

static bool is_name(const char *text)
{
    size_t len = strlen(text);
    return len > 0 && len <= NAME_MAX_LEN &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == len;
}

static void forget_from(struct seen *registers, uint32_t first)
{
    for (uint32_t i = first; i < REGISTERS; i++)
        registers[i] = (struct seen){0};
}

static void see_call(struct search *search, struct seen *registers, uint32_t code)
{
    uint32_t a = arg_a(code), arguments = (code >> 16 & 0xff) - 1;
    if (registers[a].emit && arguments == 2 && a + 2 < REGISTERS)
        for (uint32_t i = 0; i < registers[a + 2].count; i++)
            if (is_name(registers[a + 2].texts[i]))
                ports_add(search->L, search->script, registers[a + 2].texts[i]);
    forget_from(registers, a);
}

static void see(struct search *search, const struct dump_function *function, struct seen *registers,
                uint32_t code)
{
    uint32_t op = code & 0x7f, a = arg_a(code), b = code >> 16 & 0xff;
    const char *text;
    switch (op) {
    case OP_MOVE:
        registers[a] = registers[b];
        return;
    case OP_LOADK:
        text = text_of(function, code >> 15);
        if (text && registers[a].count < TEXTS)
            registers[a].texts[registers[a].count++] = text;
        return;
    case OP_GETFIELD:
        text = text_of(function, code >> 24);
        forget_from(registers, a);
        registers[a].emit = text && strcmp(text, "emit") == 0;
        return;
    case OP_CALL:
    case OP_TAILCALL:
        see_call(search, registers, code);
        return;
    default:
        break;
    }
    bool writes = !(op >= OP_MMBIN && op <= OP_MMBINK) && !(op >= OP_CLOSE && op <= OP_TEST) &&
                  !(op >= OP_RETURN && op <= OP_RETURN1);
    if (writes)
        registers[a] = (struct seen){0};
}

static void look(struct search *search, const struct dump_function *function)
{
    struct seen registers[REGISTERS];
    memset(registers, 0, sizeof registers);
    for (uint32_t i = 0; i < function->code_count; i++)
        see(search, function, registers, function->code[i]);
    for (uint32_t i = 0; i < function->function_count; i++)
        look(search, &function->functions[i]);
}

static void visit(struct search *search, int depth) // function at -1 [-1, +0]
{
    lua_State *L = search->L;
    bool readable = lua_isfunction(L, -1) && !lua_iscfunction(L, -1);
    if (!readable || depth > DEPTH_MAX || search->functions++ > FUNCTIONS_MAX) {
        lua_pop(L, 1); //
        return;
    }
    luaL_checkstack(L, 4, "functions nested too deep");
    struct dump_function function = {0};
    struct arena *arena = &search->script->accs.arena;
    arena_reset(arena, 16 * 1024);
    if (dump_read(L, arena, &function) == 0)
        look(search, &function);
    for (int i = 1; lua_getupvalue(L, -1, i); i++) // function value
        visit(search, depth + 1);                  // function
    lua_pop(L, 1);                                 //
}

void ports_find(lua_State *L, struct script *script)
{
    struct search search = {.L = L, .script = script};
    for (int i = FN_ON_RECORD; i <= FN_ON_BROADCAST; i++) {
        if (script->refs[i] == LUA_NOREF)
            continue;
        lua_rawgeti(L, LUA_REGISTRYINDEX, script->refs[i]); // function
        visit(&search, 0);                                  //
    }
}
