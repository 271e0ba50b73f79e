// SPDX-License-Identifier: MIT
#include "lua/vm.h"
#include "base/alloc.h"
#include "lua/sandbox.h"
#include "record/json.h"

#include <stdio.h>
#include <string.h>

enum { STACK_FLOOR = 128 };

void vm_where(lua_State *L, char *out, size_t cap)
{
    lua_Debug ar;
    out[0] = 0;
    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        if (lua_getinfo(L, "Sl", &ar) && ar.currentline > 0) {
            (void)snprintf(out, cap, "%s:%d: ", ar.short_src, ar.currentline);
            return;
        }
    }
}

static void write_memory_text(const struct vm *vm, char *out, size_t cap)
{
    bool large = vm->cap >= 1u << 20;
    (void)snprintf(out, cap, "memory limit of %zu %s", vm->cap >> (large ? 20 : 10),
                   large ? "MiB" : "KiB");
}

const char *vm_memory_text(struct vm *vm)
{
    write_memory_text(vm, vm->last.text, sizeof vm->last.text);
    return vm->last.text;
}

// Lua asks again after a full collection, so a refusal is no error yet; but when it becomes one
// nobody knows the line any more, so the place is noted here. Reading the call stack allocates
// nothing. What is asked for where no Lua function is, is asked for on the way out of the error (a
// smaller stack is a new block for Lua), and says nothing about where it came from.
static void note_refusal(struct vm *vm)
{
    if (vm->stop != VM_GO || !vm->L)
        return;
    char where[LUA_IDSIZE + 16];
    vm_where(vm_running(vm), where, sizeof where);
    if (!where[0] && vm->stop_text[0])
        return;
    size_t at = strlen(where);
    memcpy(vm->stop_text, where, at);
    write_memory_text(vm, vm->stop_text + at, VM_TEXT - at);
}

static void *allocate(void *arg, void *ptr, size_t old_size, size_t size)
{
    struct vm *vm = arg;
    size_t old = ptr ? old_size : 0; // for new objects old_size is their type
    if (size > old && vm->used - old + size > vm->cap) {
        note_refusal(vm);
        return NULL;
    }
    void *block = heap_move(&vm->heap, ptr, old, size);
    if (!block && size) {
        if (size <= old)
            return ptr; // what shrinks cannot fail
        vm->stop_text[0] = 0;
        return NULL;
    }
    vm->used += size - old;
    return block;
}

void vm_out_of_time(lua_State *L)
{
    int64_t budget_ns = vm_of(L)->watch.budget_ns;
    vm_stop(L, VM_TIME, "time limit of %lld ms", (long long)(budget_ns / 1000000));
}

static void on_time(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    struct vm *vm = vm_of(L);
    if (watch_expired(&vm->watch) || vm->stop != VM_GO)
        vm_out_of_time(L);
    lua_sethook(L, NULL, 0, 0); // the record was done before the signal came
}

void vm_stop(lua_State *L, enum vm_stop stop, const char *fmt, ...)
{
    struct vm *vm = vm_of(L);
    if (vm->stop == VM_GO) {
        vm->stop = stop;
        vm_where(L, vm->stop_text, VM_TEXT);
        size_t at = strlen(vm->stop_text);
        va_list args;
        va_start(args, fmt);
        (void)vsnprintf(vm->stop_text + at, VM_TEXT - at, fmt, args);
        va_end(args);
    }
    lua_pushlightuserdata(L, VM_NULL); // the text is in the machine: pushing it could fail
    lua_error(L);
    __builtin_unreachable();
}

void vm_raise(lua_State *L, int code, const char *what)
{
    if (code == ERR_NOMEM)
        vm_stop(L, VM_NOMEM, "out of memory");
    luaL_error(L, "%s", what ? what : error_meaning(code));
    __builtin_unreachable();
}

void vm_check_arena(lua_State *L, struct vm *vm, const struct batch *batch)
{
    enum { BATCH_LEAST = 64 << 20 };
    size_t used = batch->arena.used_bytes;
    if (used - (batch == vm->batch ? vm->arena_start : 0) > vm->cap)
        vm_stop(L, VM_MEMORY, "%s", vm_memory_text(vm));
    size_t all = vm->cap > BATCH_LEAST ? vm->cap : BATCH_LEAST;
    if (batch == vm->came && used - vm->batch_start > all)
        vm_stop(L, VM_MEMORY, "memory limit of %zu MiB for what the records of a batch are given",
                all >> 20);
}

int vm_account(struct vm *vm, size_t more)
{
    if (vm->used + more > vm->cap)
        lua_gc(vm_running(vm), LUA_GCCOLLECT);
    if (vm->used + more > vm->cap) {
        note_refusal(vm);
        return ERR_LIMIT;
    }
    vm->used += more;
    return 0;
}

void vm_unaccount(struct vm *vm, size_t less)
{
    vm->used -= less;
}

struct batch *vm_scratch(struct vm *vm)
{
    enum { KEEP = 64 * 1024 };
    arena_reset(&vm->scratch.arena, KEEP);
    return &vm->scratch;
}

static int panic(lua_State *L)
{
    // Every entry is protected; only a raise outside of one can come here.
    (void)L;
    log_line(LOG_ERROR, "lua", "an error was raised outside of a protected call");
    return 0; // Lua aborts
}

static int open_state(struct vm *vm, struct error *err)
{
    vm->L = lua_newstate(allocate, vm);
    if (!vm->L)
        return error_nomem(err);
    *(struct vm **)lua_getextraspace(vm->L) = vm;
    lua_atpanic(vm->L, panic);
    // A stack that is more than three times what is in use shrinks at each error, and grows again.
    return lua_checkstack(vm->L, STACK_FLOOR) ? 0 : error_nomem(err);
}

// Lua makes the metatable of its large string buffers on first use, in two steps; when memory is
// out between them, every large buffer fails from then on. So the first use is here.
static void make_buffer_type(lua_State *L) // [-0, +0]
{
    luaL_Buffer large;
    luaL_buffinitsize(L, &large, 4 * LUAL_BUFFERSIZE); // [box]
    luaL_pushresultsize(&large, 0);                    // ""
    lua_pop(L, 1);                                     //
}

static int set_up(lua_State *L)
{
    struct vm *vm = lua_touserdata(L, 1);
    fields_init(&vm->fields, L);
    make_buffer_type(L);
    sandbox_open(L);
    return 0;
}

int vm_init(struct vm *vm, const struct vm_config *config, struct error *err)
{
    memset(vm, 0, sizeof *vm);
    heap_init(&vm->heap);
    vm->cap = config->memory_bytes;
    vm->shapes = config->shapes;
    vm->clock = config->clock ? config->clock : clock_system();
    vm->node = config->node;
    vm->loading = true;
    if (!vm->shapes)
        vm->shapes = vm->own_shapes = shape_table_new();
    if (!vm->shapes)
        return error_nomem(err);
    arena_init(&vm->scratch.arena, 4096);
    vm->scratch.shapes = vm->shapes;
    int rc = open_state(vm, err);
    if (rc == 0)
        rc = watch_init(&vm->watch, vm->L, on_time, config->time_ms, err);
    if (rc != 0) {
        if (vm->L)
            lua_close(vm->L);
        shape_table_free(vm->own_shapes);
        heap_deinit(&vm->heap);
        return rc;
    }
    lua_pushcfunction(vm->L, set_up);          // set_up
    lua_pushlightuserdata(vm->L, vm);          // set_up vm
    if (lua_pcall(vm->L, 1, 0, 0) != LUA_OK) { //
        bool capped = vm->stop_text[0] != 0;
        vm_deinit(vm);
        return capped ? error_set(err, ERR_LIMIT, "memory limit is too low for any script")
                      : error_nomem(err);
    }
    return 0;
}

void vm_deinit(struct vm *vm)
{
    watch_deinit(&vm->watch);
    lua_close(vm->L);
    fields_deinit(&vm->fields);
    json_reader_free(vm->json);
    arena_deinit(&vm->scratch.arena);
    shape_table_free(vm->own_shapes);
    mem_free(vm->slots.items);
    mem_free(vm->slots.index);
    mem_free(vm->traceback);
    mem_free(vm->lib_dir);
    heap_deinit(&vm->heap);
}
