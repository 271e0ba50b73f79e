// SPDX-License-Identifier: MIT
#include "lua/acc.h"
#include "lua/call.h"

#include <string.h>

// Aggregates by hand: init, add for a whole batch in one protected call, merge, finish; and the
// finish of a declarative one.

static int missing(const struct script *script, enum script_function function, struct error *err)
{
    if (script->refs[function] != LUA_NOREF)
        return 0;
    static const char *const names[FN_COUNT] = {"", "init", "add", "merge", "finish"};
    return error_set(err, ERR_INPUT, "the script has no function '%s'", names[function]);
}

// -- init --

struct one_call {
    struct script *script;
    struct buf *acc;
    const struct buf *other;
    const struct script_window *window;
    struct batch *batch;
    struct record *record;
    bool kept;
};

static void push_function(lua_State *L, struct script *script, enum script_function function)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, script->refs[function]); // f
}

static int init_body(lua_State *L) // (call)
{
    struct one_call *call = lua_touserdata(L, 1);
    vm_begin(&call->script->vm, NULL, NULL);
    push_function(L, call->script, FN_INIT); // call f
    lua_call(L, 0, 1);                       // call acc
    acc_store(L, call->script, FN_INIT, NULL, call->acc);
    return 0;
}

int script_init(struct script *script, struct buf *acc, struct error *err)
{
    struct one_call call = {.script = script, .acc = acc};
    int rc = missing(script, FN_INIT, err);
    acc_reset(script);
    return rc != 0 ? rc : call_protected(&script->vm, init_body, &call, err);
}

// -- merge --

static int merge_body(lua_State *L) // (call)
{
    struct one_call *call = lua_touserdata(L, 1);
    vm_begin(&call->script->vm, NULL, NULL);
    push_function(L, call->script, FN_MERGE);                 // call f
    struct node *node = acc_push(L, call->script, call->acc); // call f a
    (void)acc_push(L, call->script, call->other);             // call f a b
    lua_call(L, 2, 1);                                        // call acc
    acc_store(L, call->script, FN_MERGE, node, call->acc);
    return 0;
}

int script_merge(struct script *script, struct buf *a, const struct buf *b, struct error *err)
{
    struct one_call call = {.script = script, .acc = a, .other = b};
    int rc = missing(script, FN_MERGE, err);
    acc_reset(script);
    return rc != 0 ? rc : call_protected(&script->vm, merge_body, &call, err);
}

// -- finish --

static int finish_body(lua_State *L) // (call)
{
    struct one_call *call = lua_touserdata(L, 1);
    struct script *script = call->script;
    vm_begin(&script->vm, call->batch, NULL);
    push_function(L, script, FN_FINISH);      // call f
    (void)acc_push(L, script, call->acc);     // call f acc
    acc_push_window(L, script, call->window); // call f acc w
    lua_call(L, 2, 1);                        // call result
    call->kept = script_result(L, script, FN_FINISH, call->batch, call->record);
    return 0;
}

int script_finish(struct script *script, const struct buf *acc, const struct script_window *window,
                  struct batch *out, bool *kept, struct error *err)
{
    int rc = missing(script, FN_FINISH, err);
    if (rc != 0)
        return rc;
    struct record made;
    record_init(&made, shape_empty(script->vm.shapes));
    struct buf held = *acc; // only read
    struct one_call call = {
        .script = script, .acc = &held, .window = window, .batch = out, .record = &made};
    acc_reset(script);
    rc = call_protected(&script->vm, finish_body, &call, err);
    *kept = call.kept;
    if (rc != 0 || !call.kept)
        return rc;
    struct record *record = batch_add(out);
    if (!record)
        return error_nomem(err);
    *record = made;
    return 0;
}

static int agg_finish_body(lua_State *L) // (call)
{
    struct one_call *call = lua_touserdata(L, 1);
    struct script *script = call->script;
    vm_begin(&script->vm, call->batch, call->record);
    push_function(L, script, FN_FINISH);          // call f
    lua_pushlightuserdata(L, script->vm.current); // call f r
    acc_push_window(L, script, call->window);     // call f r w
    lua_call(L, 2, 1);                            // call result
    call->kept = script_result(L, script, FN_FINISH, call->batch, call->record);
    return 0;
}

int script_agg_finish(struct script *script, struct batch *batch, uint32_t index,
                      const struct script_window *window, bool *kept, struct error *err)
{
    int rc = missing(script, FN_FINISH, err);
    if (rc != 0)
        return rc;
    struct one_call call = {
        .script = script, .window = window, .batch = batch, .record = &batch->records[index]};
    acc_reset(script);
    rc = call_protected(&script->vm, agg_finish_body, &call, err);
    *kept = call.kept;
    return rc;
}

// -- add, for a batch --

struct fold_call {
    struct script *script;
    struct batch *batch;
    const struct script_fold *fold;
};

static int fold_body(lua_State *L) // (call)
{
    struct fold_call *call = lua_touserdata(L, 1);
    struct script *script = call->script;
    struct batch *batch = call->batch;
    push_function(L, script, FN_ADD); // call f
    while (batch->cursor < batch->count) {
        uint32_t index = batch->cursor;
        struct buf *acc = call->fold->next(call->fold->arg, index, script->folded);
        if (!acc) {
            batch->cursor++;
            script->folded = 0;
            continue;
        }
        acc_reset(script);
        vm_begin(&script->vm, batch, &batch->records[index]);
        lua_pushvalue(L, 2);                          // call f f
        struct node *node = acc_push(L, script, acc); // call f f acc
        lua_pushlightuserdata(L, script->vm.current); // call f f acc r
        lua_call(L, 2, 1);                            // call f acc
        acc_store(L, script, FN_ADD, node, acc);
        lua_settop(L, 2); // call f
        script->folded++;
    }
    return 0;
}

int script_fold(struct script *script, struct batch *batch, const struct script_fold *fold,
                struct error *err)
{
    int rc = missing(script, FN_ADD, err);
    if (rc != 0)
        return rc;
    struct fold_call call = {.script = script, .batch = batch, .fold = fold};
    vm_batch(&script->vm, batch);
    while (batch->cursor < batch->count) {
        struct error failure = ERROR_INIT;
        if (call_protected(&script->vm, fold_body, &call, &failure) == 0)
            return 0;
        switch (fold->failed(fold->arg, batch->cursor, &failure)) {
        case SCRIPT_NEXT:
            batch->cursor++;
            script->folded = 0;
            break;
        case SCRIPT_PAUSE:
            return 0;
        case SCRIPT_HALT:
            return error_set(err, ERR_FATAL, "%s", failure.text);
        }
    }
    return 0;
}
