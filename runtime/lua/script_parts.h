// SPDX-License-Identifier: MIT
#pragma once
#include "base/arena.h"
#include "lua/script.h"
#include "lua/vm.h"

// What a script consists of; for the files of this folder only.

// Functions of a table, or of an agg, that the runtime calls.
enum script_function {
    FN_MAIN,
    FN_INIT,
    FN_ADD,
    FN_MERGE,
    FN_FINISH,
    FN_ON_RECORD,
    FN_ON_TIMER,
    FN_ON_BROADCAST,
    FN_COUNT
};

struct script_run;
struct keeper;

struct script {
    struct vm vm;
    enum script_kind kind;
    int64_t version;
    int refs[FN_COUNT]; // in Lua's registry; LUA_NOREF: there is none
    struct arena arena; // names and columns
    const char **names; // of the functions of a table, NULL-terminated
    struct agg_column *columns;
    uint32_t column_count;
    const char **kept; // places where something is kept between records
    uint32_t kept_count;
    const char **fields;    // a condition: the fields it reads, NULL-terminated; else NULL
    struct script_run *run; // the batch at work
    struct batch accs;      // accumulators and windows of the call at work
    uint32_t folded;        // windows that the record at the cursor went into before a pause
    struct keeper *keeper;  // of a process script, else NULL
    uint32_t emitted;       // emits of the record at the cursor that were taken before a pause
};

// What a function that makes records returned, at the top of the stack: the record itself or what
// replaces it (true), or `drop`. Raises for anything else.
bool script_result(lua_State *L, struct script *script, enum script_function function,
                   struct batch *batch, struct record *record);
// Puts a hint behind the error of a condition that reads an absent field.
void condition_hint(const struct script *script, struct batch *batch, struct record *record,
                    struct error *err);
// A machine without a script in it yet; freed by script_free.
int script_new(struct script **out, const struct script_source *source, struct error *err);
// Runs the text, whose first line has that number, and looks at what it returned.
int script_start_at(struct script *script, const struct script_source *source, const char *text,
                    size_t len, int first_line, struct error *err);
