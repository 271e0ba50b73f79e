// SPDX-License-Identifier: MIT
#pragma once
#include "base/clock.h"
#include "base/log.h"
#include "lua/fields.h"
#include "lua/heap.h"
#include "lua/watchdog.h"
#include "record/batch.h"
#include <lauxlib.h>
#include <lua.h>

// The machine that a script runs in: one lua_State with an allocator that has a ceiling, a time
// budget, and the place of the call that is going on. It is reached from inside Lua by vm_of(L).
// Owned by one script; one thread at a time.

// What ends a call and no script may catch: pcall and xpcall in scripts throw it on.
enum vm_stop {
    VM_GO,
    VM_TIME,   // the time limit
    VM_MEMORY, // the memory limit
    VM_NOMEM,  // the process has no memory
    VM_PAUSE,  // an output is full: leave, run this record again later
    VM_HALT    // leave for good
};

enum { VM_TEXT = 320 };

// A nested object or array that the call at work has seen.
struct vm_slot {
    struct node *node;
    struct batch *batch; // what its bytes live in
};

struct vm_slots {
    struct vm_slot *items; // [0] stands for the record itself
    size_t count, cap;
    uint32_t *index; // by node: number of the slot, 0 none; of `index_size`, a power of two
    size_t index_size;
    uint64_t index_call; // the call that filled it
};

struct vm {
    lua_State *L; // the main one; see vm_running
    struct watch watch;
    uint64_t call; // number of the call at work, from 1; handles carry it

    struct heap heap;
    size_t used, cap;        // bytes: Lua's own, and what copies of records hold
    enum vm_stop stop;       // why the call at work must end
    char stop_text[VM_TEXT]; // "scripts/x.lua:12: memory limit of 64 MiB"

    // The call at work. `current` is the handle of its record; NULL: none.
    void *current;
    struct batch *batch;
    struct record *record;
    size_t arena_start;       // of batch, when the call began
    size_t batch_start;       // of batch, when it came
    const struct batch *came; // the batch that batch_start is of
    struct vm_slots slots;

    struct fields fields;
    struct batch scratch; // for values on their way through C; reset by its users
    struct shape_table *shapes;
    struct shape_table *own_shapes; // when none was given
    struct json_reader *json;       // made on first use
    struct clock *clock;
    const char *node; // for log lines; may be NULL
    struct log_limit log_limits[4];
    struct error last;    // scratch for functions called from Lua: nothing to free on a raise
    char *traceback;      // of the last error
    bool no_traceback;    // of the next one: nobody wants it
    bool no_text;         // of the next one either
    char raised[VM_TEXT]; // what error() said where no script can catch it
    size_t raised_len;    // 0: nothing
    // The place in front of it, which is that of the error before it more often than not.
    const void *raised_by; // the function, which is kept; NULL: none yet
    int raised_line;
    size_t raised_source, raised_place; // lengths of "x.lua:" and "x.lua:12: "
    uint32_t catching;                  // calls of pcall and xpcall that the main state is in
    size_t traceback_cap;
    char *lib_dir;   // where `require` looks, or NULL
    bool loading;    // globals may still be made
    bool bad_syntax; // what was compiled last is no Lua
};

// Handles: light userdata of the call's number and the slot.
enum { VM_SLOT_BITS = 20 };
#define VM_NULL ((void *)1)
#define VM_DROP ((void *)2)

static inline struct vm *vm_of(lua_State *L)
{
    return *(struct vm **)lua_getextraspace(L);
}

static inline void *vm_handle(const struct vm *vm, uint32_t slot)
{
    return (void *)(uintptr_t)(vm->call << VM_SLOT_BITS | slot);
}

struct vm_config {
    size_t memory_bytes;
    int64_t time_ms;
    struct shape_table *shapes;
    struct clock *clock;
    const char *node; // outlives the machine
};

// A machine with the sandbox's globals in it. `vm` is not moved afterwards.
int vm_init(struct vm *vm, const struct vm_config *config, struct error *err);
void vm_deinit(struct vm *vm);

// A new call: handles of the one before go stale, the time budget starts. `record` may be NULL.
static inline void vm_begin(struct vm *vm, struct batch *batch, struct record *record)
{
    vm->call++;
    watch_call(&vm->watch, vm->call);
    vm->current = record ? vm_handle(vm, 0) : NULL;
    vm->batch = batch;
    vm->record = record;
    vm->slots.count = 1;
    vm->arena_start = batch ? batch->arena.used_bytes : 0;
}

// A batch comes to the script: what is in its arena already does not count.
static inline void vm_batch(struct vm *vm, const struct batch *batch)
{
    if (batch->cursor > 0 && batch == vm->came)
        return; // on with it
    vm->came = batch;
    vm->batch_start = batch->arena.used_bytes;
}

static inline void vm_end(struct vm *vm)
{
    vm->call++;
    vm->current = NULL;
    vm->batch = NULL;
    vm->record = NULL;
}

// The handle of a nested value in the call at work; raises when memory is out.
void *vm_enter(struct vm *vm, struct node *node, struct batch *batch);
// The slot of a handle of the call at work; NULL: stale, or none at all.
struct vm_slot *vm_slot(struct vm *vm, const void *handle);

// What runs: the main state or a coroutine. What raises has to raise there.
static inline lua_State *vm_running(const struct vm *vm)
{
    return vm->watch.L;
}

// Ends the call at work when it is over its time. For loops inside C, which the hook does not
// reach; cheap enough for each round.
void vm_out_of_time(lua_State *L);
static inline void vm_check_time(lua_State *L)
{
    if (__builtin_expect(watch_expired(&vm_of(L)->watch), 0))
        vm_out_of_time(L);
}

// Ends the call at work with `stop`; the text is put behind script:line. Does not return.
_Noreturn void vm_stop(lua_State *L, enum vm_stop stop, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// Raises what a code of the record layer means. Does not return.
_Noreturn void vm_raise(lua_State *L, int code, const char *what);
// Ends the call when it has written more than the memory limit into a batch, or when all records of
// the batch together made the script write more than that (of 64 MiB at least).
void vm_check_arena(lua_State *L, struct vm *vm, const struct batch *batch);
// Both checks, for loops inside C that write into a batch.
static inline void vm_check_work(lua_State *L, const struct batch *batch)
{
    vm_check_time(L);
    vm_check_arena(L, vm_of(L), batch);
}
// "scripts/x.lua:12: " of the innermost Lua function, or "".
void vm_where(lua_State *L, char *out, size_t cap);
// Whether no part of the script will see the error that is raised now. (Objects cannot have
// `__close`, which would see it.)
static inline bool vm_raises_out(const struct vm *vm, const lua_State *L)
{
    return !vm->catching && L == vm->L;
}
// The scratch batch, emptied.
struct batch *vm_scratch(struct vm *vm);
// "memory limit of 64 MiB"; borrowed until the next call.
const char *vm_memory_text(struct vm *vm);
// Bytes that Lua does not see but that count: a copy of a record grew by `more`.
int vm_account(struct vm *vm, size_t more);
void vm_unaccount(struct vm *vm, size_t less);
