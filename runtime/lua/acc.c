// SPDX-License-Identifier: MIT
#include "lua/acc.h"
#include "lua/convert.h"
#include "record/json.h"

#include <string.h>

enum { KEEP_BYTES = 64 * 1024 };

void acc_reset(struct script *script)
{
    arena_reset(&script->accs.arena, KEEP_BYTES);
}

struct node *acc_push(lua_State *L, struct script *script, const struct buf *acc)
{
    struct batch *batch = &script->accs;
    struct value value = convert_json(L, batch, acc->data, acc->len);
    if (value.type != VALUE_OBJECT && value.type != VALUE_ARRAY) {
        convert_push_element(L, value); // acc
        return NULL;
    }
    struct node *node = convert_node(L, batch, value);
    lua_pushlightuserdata(L, vm_enter(&script->vm, node, batch)); // acc
    return node;
}

static void wrong(lua_State *L, enum script_function function, const char *what)
{
    static const char *const names[FN_COUNT] = {"", "init", "add", "merge", "finish"};
    luaL_error(L, "%s returned %s; it has to return the accumulator%s", names[function], what,
               function == FN_ADD ? " (forgot 'return a'?)" : "");
}

void acc_store(lua_State *L, struct script *script, enum script_function function,
               const struct node *node, struct buf *acc)
{
    struct vm *vm = &script->vm;
    const void *result = lua_touserdata(L, -1);
    if (lua_isnil(L, -1))
        wrong(L, function, "nothing");
    if (result == VM_DROP)
        wrong(L, function, "drop");
    struct vm_slot *slot = result ? vm_slot(vm, result) : NULL;
    bool same = node && slot && slot->node == node;
    if (same && node->text)
        return; // as it was
    struct value value = {.type = VALUE_ABSENT};
    if (slot)
        value = (struct value){.type = slot->node->is_array ? VALUE_ARRAY : VALUE_OBJECT,
                               .flags = VALUE_IS_NODE,
                               .node = slot->node};
    else
        value = convert_value(L, &script->accs, -1, "the accumulator");
    // The value may point into `acc`, so that it is written beside it and then moved over.
    struct buf text;
    buf_init(&text, acc->max);
    int rc = json_write_value(value, &text, &vm->last);
    if (rc == 0) {
        struct buf old = *acc;
        *acc = text;
        text = old;
    }
    buf_deinit(&text);
    if (rc == ERR_LIMIT)
        luaL_error(L, "the accumulator is larger than %d bytes", (int)acc->max);
    if (rc != 0)
        vm_raise(L, rc, vm->last.text);
}

void acc_push_window(lua_State *L, struct script *script, const struct script_window *window)
{
    lua_createtable(L, 0, 5); // w
    if (window->start != INT64_MIN) {
        lua_pushinteger(L, window->start); // w start
        lua_setfield(L, -2, "start");      // w
    }
    if (window->end != INT64_MAX) {
        lua_pushinteger(L, window->end); // w end
        lua_setfield(L, -2, "end");      // w
    }
    if (window->start != INT64_MIN && window->end != INT64_MAX) {
        lua_pushinteger(L, window->end - window->start); // w duration
        lua_setfield(L, -2, "duration");                 // w
    }
    lua_pushinteger(L, (lua_Integer)window->pane); // w pane
    lua_setfield(L, -2, "pane");                   // w
    if (window->key_json && window->key_json[0]) {
        struct value key =
            convert_json(L, &script->accs, window->key_json, strlen(window->key_json));
        convert_push_deep(L, &script->accs, key); // w key
        lua_setfield(L, -2, "key");               // w
    }
}
