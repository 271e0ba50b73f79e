// SPDX-License-Identifier: MIT
#include "lua/process.h"
#include "base/alloc.h"
#include "lua/call.h"
#include "lua/convert.h"
#include "lua/keeper.h"

// A batch, or the timers that are due, through a process script: one protected call, in it a loop.
// What a record or timer emits waits until its function has returned, so that one that fails has
// emitted nothing.

enum { EMITS_MAX = 1 << 20, STAGE_KEEP = 64 * 1024 };

struct process_run {
    struct script *script;
    struct keeper *keeper;
    const struct script_process *process;
    struct batch *batch; // NULL: timers
};

// -- emit --

static uint32_t port_of(lua_State *L, const struct script_process *process)
{
    if (lua_isnoneornil(L, 2))
        return 0;
    if (lua_type(L, 2) != LUA_TSTRING)
        luaL_error(L, "ctx.emit: a port's name is a string, not a %s", luaL_typename(L, 2));
    struct error *err = &vm_of(L)->last;
    int32_t port = process->port(process->arg, lua_tostring(L, 2), err);
    if (port < 0)
        luaL_error(L, "ctx.emit: %s", err->text);
    return (uint32_t)port;
}

static struct emitted *add_emitted(lua_State *L, struct keeper *keeper, uint32_t port)
{
    if (keeper->emitted_count == EMITS_MAX)
        luaL_error(L, "ctx.emit: more than %d records in one call", EMITS_MAX);
    if (mem_grow(&keeper->emitted, &keeper->emitted_cap, (size_t)keeper->emitted_count + 1,
                 sizeof *keeper->emitted))
        vm_raise(L, ERR_NOMEM, NULL);
    struct emitted *emitted = &keeper->emitted[keeper->emitted_count];
    emitted->port = port;
    emitted->made = true;
    return emitted;
}

// The input as it is now: what is written to it later does not show.
static void take_input(lua_State *L, struct keeper *keeper, struct emitted *emitted)
{
    struct vm *vm = vm_of(L);
    if (vm->slots.count == 1) {
        if (vm->record->cells)
            vm->record->flags |= RECORD_SHARED_CELLS;
        emitted->made = false;
        emitted->record = *vm->record;
        return;
    }
    struct record copy; // nested values that the script holds may still change
    keeper->stage.records = &copy;
    keeper->stage.cap = 1;
    bool cloned = batch_clone(&keeper->stage, vm->batch, vm->record) != NULL;
    keeper->stage.records = NULL;
    keeper->stage.count = keeper->stage.cap = 0;
    if (!cloned)
        vm_raise(L, ERR_NOMEM, NULL);
    emitted->record = copy;
}

int ctx_emit(lua_State *L) // (record, port)
{
    struct vm *vm = vm_of(L);
    struct keeper *keeper = keeper_at_work(L, "ctx.emit");
    if (!convert_is_object(L, 1))
        return luaL_error(L, "ctx.emit: a record or a table of fields is wanted, not a %s",
                          luaL_typename(L, 1));
    uint32_t port = port_of(L, keeper->process);
    struct emitted *emitted = add_emitted(L, keeper, port);
    if (vm->current && lua_touserdata(L, 1) == vm->current) {
        take_input(L, keeper, emitted);
    } else {
        struct record made;
        if (vm->record)
            made = *vm->record;
        else
            record_init(&made, shape_empty(vm->shapes));
        made.meta = NULL;
        made.time = keeper->time;
        convert_record(L, &keeper->stage, 1, &made); // does not emit, so `emitted` holds
        emitted->record = made;
    }
    vm_check_arena(L, vm, &keeper->stage);
    keeper->emitted_count++;
    return 0;
}

static void forget_emitted(struct keeper *keeper)
{
    if (keeper->emitted_count)
        arena_reset(&keeper->stage.arena, STAGE_KEEP);
    keeper->emitted_count = keeper->emitted_out = 0;
}

// False: a port is full.
static bool deliver(struct keeper *keeper, const struct script_process *process,
                    struct batch *batch)
{
    for (; keeper->emitted_out < keeper->emitted_count; keeper->emitted_out++) {
        struct emitted *emitted = &keeper->emitted[keeper->emitted_out];
        if (!process->deliver(process->arg, emitted->port, batch, &emitted->record, emitted->made))
            return false;
    }
    forget_emitted(keeper);
    return true;
}

bool script_process_rests(const struct script *script)
{
    return script->keeper->emitted_count > 0;
}

// -- the loops --

// What was written stays; what was emitted leaves. False: leave the loop.
static bool finish(struct process_run *run, uint32_t index)
{
    struct keeper *keeper = run->keeper;
    const struct script_process *process = run->process;
    cells_done(process->cells);
    keeper->marked = false;
    if (keeper->emitted_count && !deliver(keeper, process, run->batch)) {
        keeper->verdict = SCRIPT_PAUSE;
        return false;
    }
    keeper->verdict = process->done(process->arg, index);
    return keeper->verdict == SCRIPT_NEXT;
}

static void begin(lua_State *L, struct process_run *run, struct record *record)
{
    struct keeper *keeper = run->keeper;
    keeper->time = record->time;
    if (run->process->marks) {
        if (record_mark(run->batch, record, &keeper->mark) != 0)
            vm_raise(L, ERR_NOMEM, NULL);
        keeper->marked = true;
    }
    vm_begin(&run->script->vm, run->batch, record);
}

static int records_body(lua_State *L) // (run)
{
    struct process_run *run = lua_touserdata(L, 1);
    const struct script_process *process = run->process;
    struct batch *batch = run->batch;
    int function = process->call == PROCESS_BROADCAST ? FN_ON_BROADCAST : FN_ON_RECORD;
    lua_rawgeti(L, LUA_REGISTRYINDEX, run->script->refs[function]); // run f
    lua_rawgeti(L, LUA_REGISTRYINDEX, run->keeper->ctx);            // run f ctx
    while (batch->cursor < batch->count) {
        uint32_t index = batch->cursor;
        if (process->enter(process->arg, index, &run->keeper->failure) != 0) {
            run->keeper->verdict = process->failed(process->arg, index, &run->keeper->failure);
            if (run->keeper->verdict != SCRIPT_NEXT)
                return 0;
            batch->cursor++;
            continue;
        }
        begin(L, run, &batch->records[index]);
        lua_pushvalue(L, 2);                               // run f ctx f
        lua_pushlightuserdata(L, run->script->vm.current); // run f ctx f r
        lua_pushvalue(L, 3);                               // run f ctx f r ctx
        lua_call(L, 2, 0);                                 // run f ctx
        batch->cursor++;
        if (!finish(run, index))
            return 0;
    }
    return 0;
}

static int timers_body(lua_State *L) // (run)
{
    struct process_run *run = lua_touserdata(L, 1);
    const struct script_process *process = run->process;
    struct timer *timer;
    lua_rawgeti(L, LUA_REGISTRYINDEX, run->script->refs[FN_ON_TIMER]); // run f
    lua_rawgeti(L, LUA_REGISTRYINDEX, run->keeper->ctx);               // run f ctx
    while ((timer = process->next(process->arg))) {
        vm_begin(&run->script->vm, NULL, NULL);
        lua_pushvalue(L, 2);                              // run f ctx f
        lua_pushlstring(L, timer->name, timer->name_len); // run f ctx f name
        lua_pushvalue(L, 3);                              // run f ctx f name ctx
        run->keeper->time = timer->at;
        if (cells_fire(process->cells, timer) != 0)
            vm_raise(L, ERR_NOMEM, NULL);
        lua_call(L, 2, 0); // run f ctx
        if (!finish(run, 0))
            return 0;
    }
    return 0;
}

// -- around them --

static void take_back(struct process_run *run)
{
    struct keeper *keeper = run->keeper;
    if (keeper->marked)
        record_rollback(&run->batch->records[run->batch->cursor], &keeper->mark);
    keeper->marked = false;
    forget_emitted(keeper);
    cells_undo(run->process->cells);
}

static void name_timer(struct process_run *run, struct error *err)
{
    struct buf key;
    buf_init(&key, sizeof err->text / 4);
    if (run->process->cells->has_key && cells_key_json(run->process->cells, &key) == 0)
        error_prefix(err, "on_timer of key %s", buf_cstr(&key));
    buf_deinit(&key);
}

// The timer is taken back, too: it is dropped unless it is to be tried again.
static void timer_failed(struct process_run *run)
{
    const struct script_process *process = run->process;
    struct keeper *keeper = run->keeper;
    name_timer(run, &keeper->failure);
    keeper->verdict = process->failed(process->arg, 0, &keeper->failure);
    struct timer *timer = keeper->verdict == SCRIPT_NEXT ? process->next(process->arg) : NULL;
    if (timer && cells_fire(process->cells, timer) == 0)
        cells_done(process->cells);
}

static void record_failed(struct process_run *run)
{
    const struct script_process *process = run->process;
    struct keeper *keeper = run->keeper;
    keeper->verdict = process->failed(process->arg, run->batch->cursor, &keeper->failure);
    if (keeper->verdict == SCRIPT_NEXT)
        run->batch->cursor++;
}

static bool more(const struct process_run *run)
{
    return run->batch ? run->batch->cursor < run->batch->count
                      : run->process->next(run->process->arg) != NULL;
}

static void protected_run(struct process_run *run)
{
    struct keeper *keeper = run->keeper;
    struct vm *vm = &run->script->vm;
    error_clear(&keeper->failure);
    keeper->verdict = SCRIPT_NEXT;
    vm->no_traceback = run->process->traces && !run->process->traces(run->process->arg);
    int rc = call_protected(vm, run->batch ? records_body : timers_body, run, &keeper->failure);
    if (rc == 0)
        return;
    take_back(run);
    if (run->batch)
        record_failed(run);
    else
        timer_failed(run);
}

int script_process(struct script *script, const struct script_process *process, struct batch *batch,
                   struct error *err)
{
    struct keeper *keeper = script->keeper;
    if (!deliver(keeper, process, batch))
        return 0;
    struct process_run run = {
        .script = script, .keeper = keeper, .process = process, .batch = batch};
    keeper->process = process;
    if (batch)
        vm_batch(&script->vm, batch);
    keeper->verdict = SCRIPT_NEXT;
    while (keeper->verdict == SCRIPT_NEXT && more(&run))
        protected_run(&run);
    keeper->process = NULL;
    script->vm.no_traceback = false;
    return keeper->verdict == SCRIPT_HALT ? error_set(err, ERR_FATAL, "%s", keeper->failure.text)
                                          : 0;
}
