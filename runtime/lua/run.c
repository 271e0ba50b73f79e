// SPDX-License-Identifier: MIT
#include "lua/call.h"
#include "lua/convert.h"
#include "lua/script_parts.h"

// A batch through a function: one protected call, in it a loop over the records. A record that
// fails ends the protected call; the next one goes on behind it. Those behind it are then guarded
// one by one inside of the loop, as few fail alone: that is dearer where none fails and cheaper
// than to begin again where many do.

struct script_run {
    struct script *script;
    enum script_call call;
    struct batch *batch;
    const struct script_sink *sink;
    enum script_verdict verdict; // why the loop ended before the end of the batch
    bool marked;                 // the record at the cursor has `mark`
    struct record_mark mark;
    uint32_t emits; // of the record at the cursor in this run
    bool guarded;   // a record of this batch has failed
    int guard;      // what became of the record at the cursor where it was guarded
    struct error failure;
};

enum { AT_HANDLER = 2, AT_FUNCTION = 3 }; // where run_body has them on its stack

static void begin(lua_State *L, struct script_run *run, struct record *record)
{
    run->emits = 0;
    run->marked = false;
    if (run->sink->marks || run->call == SCRIPT_CALL_FLAT_MAP) {
        if (record_mark(run->batch, record, &run->mark) != 0)
            vm_raise(L, ERR_NOMEM, NULL);
        run->marked = true;
    }
    vm_begin(&run->script->vm, run->batch, record);
}

static int emit(lua_State *L);

// What an expression is, at the top of the stack.
static struct value plain_value(lua_State *L)
{
    size_t len;
    const char *text;
    switch (lua_type(L, -1)) {
    case LUA_TNIL:
        return value_absent();
    case LUA_TBOOLEAN:
        return value_bool(lua_toboolean(L, -1));
    case LUA_TNUMBER:
        return lua_isinteger(L, -1) ? value_int(lua_tointeger(L, -1))
                                    : value_float(lua_tonumber(L, -1));
    case LUA_TSTRING:
        text = lua_tolstring(L, -1, &len);
        return value_string(text, len > UINT32_MAX ? UINT32_MAX : (uint32_t)len);
    default:
        break;
    }
    if (lua_touserdata(L, -1) == VM_NULL)
        return value_null();
    luaL_error(L, "a number or a text is wanted, not a %s", luaL_typename(L, -1));
    return value_absent(); // not reached
}

// The function on the stack with its arguments. False: it failed, and they are gone. [-args-1,
// +results]
static inline bool call(lua_State *L, struct script_run *run, int args, int results)
{
    if (__builtin_expect(!run->guarded, 1)) {
        lua_call(L, args, results);
        return true;
    }
    run->guard = call_guarded(&run->script->vm, args, results, AT_HANDLER, &run->failure);
    return run->guard == 0;
}

// Calls the function for one record and looks at what it returned. The verdict is no one's where
// the guard has caught something. [-0, +0]
static enum script_verdict step(lua_State *L, struct script_run *run, uint32_t index)
{
    const struct script_sink *sink = run->sink;
    lua_pushvalue(L, AT_FUNCTION);                     // … f
    lua_pushlightuserdata(L, run->script->vm.current); // … f r
    if (run->call == SCRIPT_CALL_FLAT_MAP) {
        lua_pushcfunction(L, emit); // … f r emit
        if (!call(L, run, 2, 0))    // …
            return SCRIPT_NEXT;
        run->script->emitted = 0;
        return sink->done(sink->arg, index, false);
    }
    if (!call(L, run, 1, 1)) // … result
        return SCRIPT_NEXT;
    if (run->call == SCRIPT_CALL_ROUTE) {
        uint64_t matches = (uint64_t)lua_tointeger(L, -1);
        lua_settop(L, AT_FUNCTION); // …
        return sink->routed(sink->arg, index, matches);
    }
    if (run->call == SCRIPT_CALL_VALUE) {
        enum script_verdict verdict = sink->valued(sink->arg, index, plain_value(L));
        lua_settop(L, AT_FUNCTION); // …
        return verdict;
    }
    bool kept =
        run->call == SCRIPT_CALL_MAP
            ? script_result(L, run->script, FN_MAIN, run->batch, &run->batch->records[index])
            : lua_toboolean(L, -1) && lua_touserdata(L, -1) != VM_DROP;
    lua_settop(L, AT_FUNCTION); // …
    return sink->done(sink->arg, index, kept);
}

static void settle(struct script_run *run, int rc);

static int run_body(lua_State *L) // (run)
{
    struct script_run *run = lua_touserdata(L, 1);
    struct batch *batch = run->batch;
    lua_pushcfunction(L, call_on_error);                           // run handler
    lua_rawgeti(L, LUA_REGISTRYINDEX, run->script->refs[FN_MAIN]); // run handler f
    while (batch->cursor < batch->count) {
        uint32_t index = batch->cursor;
        begin(L, run, &batch->records[index]);
        enum script_verdict verdict = step(L, run, index);
        if (__builtin_expect(run->guard != 0, 0)) {
            settle(run, run->guard);
            if (run->verdict != SCRIPT_NEXT)
                return 0;
            continue;
        }
        run->verdict = verdict;
        bool taken = run->verdict == SCRIPT_NEXT || run->call != SCRIPT_CALL_ROUTE;
        batch->cursor = index + (taken ? 1 : 0);
        if (run->verdict != SCRIPT_NEXT)
            return 0;
    }
    return 0;
}

// -- emit --

static uint32_t port_of(lua_State *L, struct script_run *run, int index)
{
    if (lua_isnoneornil(L, index))
        return 0;
    struct error *err = &run->script->vm.last;
    int32_t port = run->sink->port(run->sink->arg, luaL_checkstring(L, index), err);
    if (port < 0)
        luaL_error(L, "emit: %s", err->text);
    return (uint32_t)port;
}

static void leave(lua_State *L, struct script_run *run, enum script_verdict verdict)
{
    if (verdict == SCRIPT_NEXT)
        return;
    run->verdict = verdict;
    vm_stop(L, verdict == SCRIPT_PAUSE ? VM_PAUSE : VM_HALT, "left");
}

// A table, or a record with nested values that the script may still change: made in the port's
// batch, with the time and origin of the input.
static void emit_made(lua_State *L, struct script_run *run, uint32_t index, uint32_t port)
{
    enum script_verdict verdict = SCRIPT_NEXT;
    struct batch *target = run->sink->emit_into(run->sink->arg, index, port, &verdict);
    if (!target) {
        leave(L, run, verdict);
        return;
    }
    struct record *input = &run->batch->records[index];
    if (lua_touserdata(L, 1) == run->script->vm.current) {
        if (!batch_clone(target, run->batch, input))
            leave(L, run, SCRIPT_PAUSE);
        run->sink->made(run->sink->arg);
        return;
    }
    struct record made = *input;
    made.meta = NULL;
    convert_record(L, target, 1, &made);
    struct record *record = batch_add(target);
    if (!record) {
        leave(L, run, SCRIPT_PAUSE);
        return; // not reached
    }
    *record = made;
    run->sink->made(run->sink->arg);
}

static int emit(lua_State *L) // (record, port)
{
    struct vm *vm = vm_of(L);
    struct script_run *run = ((struct script *)(void *)vm)->run; // the machine is its first member
    if (!run || !vm->current || run->call != SCRIPT_CALL_FLAT_MAP)
        return luaL_error(L, "emit was called outside of the function it was given to");
    if (!convert_is_object(L, 1))
        return luaL_error(L, "emit: a record or a table of fields is wanted, not a %s",
                          luaL_typename(L, 1));
    uint32_t port = port_of(L, run, 2);
    uint32_t index = run->batch->cursor;
    if (run->emits >= run->script->emitted) {
        bool plain = lua_touserdata(L, 1) == vm->current && vm->slots.count == 1;
        if (plain)
            leave(L, run, run->sink->emit_input(run->sink->arg, index, port));
        else
            emit_made(L, run, index, port);
    }
    run->emits++;
    return 0;
}

// -- the loop around --

// The record at the cursor failed, or an output was full in the middle of it.
static void take_back(struct script_run *run)
{
    struct script *script = run->script;
    if (run->marked)
        record_rollback(&run->batch->records[run->batch->cursor], &run->mark);
    run->marked = false;
    if (run->emits > script->emitted)
        script->emitted = run->emits;
}

static void record_failed(struct script_run *run)
{
    struct batch *batch = run->batch;
    struct error *err = &run->failure;
    if (run->script->fields && err->len)
        condition_hint(run->script, batch, &batch->records[batch->cursor], err);
    run->verdict = run->sink->failed(run->sink->arg, batch->cursor, err);
    if (run->verdict == SCRIPT_NEXT) {
        batch->cursor++;
        run->script->emitted = 0;
    }
}

// What the next error is to say.
static void listen(struct script_run *run)
{
    const struct script_sink *sink = run->sink;
    run->guard = 0;
    run->verdict = SCRIPT_NEXT;
    error_clear(&run->failure);
    run->script->vm.no_traceback = sink->traces && !sink->traces(sink->arg);
    run->script->vm.no_text = sink->reads && !sink->reads(sink->arg);
}

// After a call that did not end as it should: rc is what call_inside returned, not 0.
static void settle(struct script_run *run, int rc)
{
    take_back(run);
    if (rc < 0) {
        record_failed(run);
        run->guarded = true;
    }
    if (run->verdict == SCRIPT_NEXT)
        listen(run);
}

static int run_batch(struct script_run *run, struct error *err)
{
    struct script *script = run->script;
    script->run = run;
    vm_batch(&script->vm, run->batch);
    call_enter(&script->vm);
    listen(run);
    while (run->batch->cursor < run->batch->count && run->verdict == SCRIPT_NEXT) {
        int rc = call_inside(&script->vm, run_body, run, &run->failure);
        if (rc != 0)
            settle(run, rc);
    }
    call_leave(&script->vm);
    script->run = NULL;
    script->vm.no_traceback = false;
    script->vm.no_text = false;
    return run->verdict == SCRIPT_HALT ? error_set(err, ERR_FATAL, "%s", run->failure.text) : 0;
}

int script_run(struct script *script, enum script_call call, struct batch *batch,
               const struct script_sink *sink, struct error *err)
{
    if (script->kind != SCRIPT_FUNCTION)
        return error_set(err, ERR_BUG, "a script that is no function was run");
    struct script_run run; // its error's text is long: not to be cleared for each batch
    run.script = script;
    run.call = call;
    run.batch = batch;
    run.sink = sink;
    run.marked = false;
    run.emits = 0;
    run.guarded = false;
    return run_batch(&run, err);
}
