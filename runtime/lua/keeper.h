// SPDX-License-Identifier: MIT
#pragma once
#include "lua/process.h"
#include "lua/script_parts.h"

// What a process script has beside its functions, and its call at work. For the files of this
// folder only.

// A record that was emitted and has not left yet.
struct emitted {
    uint32_t port;
    bool made; // else the input
    struct record record;
};

struct keeper {
    struct cell_spec *specs;
    uint32_t spec_count;
    const char **ports;
    uint32_t port_count;
    int ctx; // in Lua's registry

    const struct script_process *process; // at work, or NULL
    struct batch *batch;                  // of the records at work
    int64_t time;                         // of the record or timer at work; TIME_NONE
    bool marked;
    struct record_mark mark;
    enum script_verdict verdict;
    struct error failure;

    struct emitted *emitted;
    uint32_t emitted_count, emitted_out; // how many of them have left
    size_t emitted_cap;
    struct batch stage; // what made ones live in

    struct buf key, text; // scratch
};

// Reads `state` and `ports` of the table at `index`, makes ctx. May raise.
void keeper_read(lua_State *L, struct script *script, int index);
void keeper_free(struct keeper *keeper);
static inline struct keeper *keeper_of(lua_State *L)
{
    return ((struct script *)(void *)vm_of(L))->keeper; // the machine is its first member
}
// The keeper while a call is at work; else raises, naming `what`.
struct keeper *keeper_at_work(lua_State *L, const char *what);

// Parts of ctx. [-0, +1]
void ctx_push(lua_State *L, struct script *script);
void cell_push(lua_State *L, struct script *script, uint32_t spec);
int ctx_emit(lua_State *L);
int ctx_timer(lua_State *L);

// state.value() and so on: reads `states` at `index`. May raise.
void states_read(lua_State *L, int index, struct script *script);
// Ports that functions of the script name in calls of emit. May raise.
void ports_find(lua_State *L, struct script *script);
void ports_add(lua_State *L, struct script *script, const char *name);
