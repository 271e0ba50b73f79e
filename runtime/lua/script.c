// SPDX-License-Identifier: MIT
#include "lua/script.h"
#include "base/alloc.h"
#include "lua/agg.h"
#include "lua/call.h"
#include "lua/chunk.h"
#include "lua/conf.h"
#include "lua/keeper.h"
#include "lua/kept.h"
#include "lua/script_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const function_names[FN_COUNT] = {
    NULL, "init", "add", "merge", "finish", "on_record", "on_timer", "on_broadcast"};

// -- what the script returned --

static void take_function(lua_State *L, struct script *script, const char *name) // value at -1
{
    for (int i = FN_INIT; i < FN_COUNT; i++) {
        if (strcmp(function_names[i], name) == 0) {
            lua_pushvalue(L, -1);                             // value value
            script->refs[i] = luaL_ref(L, LUA_REGISTRYINDEX); // value
        }
    }
}

// The named functions and the version of the table at `index`.
static void take_table(lua_State *L, struct script *script, int index)
{
    enum { MAX = 32 };
    uint32_t count = 0;
    script->names = ARENA_ARRAY(&script->arena, const char *, MAX + 1);
    if (!script->names)
        vm_raise(L, ERR_NOMEM, NULL);
    lua_pushnil(L);              // nil
    while (lua_next(L, index)) { // name value
        if (lua_type(L, -2) == LUA_TSTRING && lua_isfunction(L, -1) && count < MAX) {
            const char *name = lua_tostring(L, -2);
            char *kept = arena_copy(&script->arena, name, strlen(name) + 1);
            if (!kept)
                vm_raise(L, ERR_NOMEM, NULL);
            script->names[count++] = kept;
            take_function(L, script, name); // name value
        }
        lua_pop(L, 1); // name
    }
    script->names[count] = NULL;
    lua_pushliteral(L, "version"); // "version"
    lua_rawget(L, index);          // version
    if (!lua_isnil(L, -1) && !lua_isinteger(L, -1))
        luaL_error(L, "version is no integer");
    script->version = lua_isnil(L, -1) ? 0 : lua_tointeger(L, -1);
    lua_pop(L, 1); //
}

static void take_result(lua_State *L, struct script *script, int index)
{
    if (lua_isfunction(L, index)) {
        script->kind = SCRIPT_FUNCTION;
        lua_pushvalue(L, index);                                // function
        script->refs[FN_MAIN] = luaL_ref(L, LUA_REGISTRYINDEX); //
    } else if (agg_is(L, index)) {
        script->kind = SCRIPT_AGG;
        script->column_count = agg_read(L, index, &script->arena, &script->columns);
        take_table(L, script, index);
    } else if (lua_istable(L, index)) {
        script->kind = SCRIPT_TABLE;
        take_table(L, script, index);
        if (!script->names[0])
            luaL_error(L, "the table that the script returned has no functions");
        if (script->refs[FN_ON_RECORD] != LUA_NOREF)
            keeper_read(L, script, index);
    } else if (lua_isnil(L, index)) {
        luaL_error(L, "the script returned nothing; it has to end with 'return function(r) … end', "
                      "'return agg { … }' or a table of functions");
    } else {
        luaL_error(L,
                   "the script returned a %s; it has to return a function, agg { … } or a table "
                   "of functions",
                   luaL_typename(L, index));
    }
}

// -- loading --

struct load {
    struct script *script;
    const struct script_source *source;
    const char *text;
    size_t len;
    const char *name;
    int first_line;
};

static int load_body(lua_State *L) // (load)
{
    struct load *load = lua_touserdata(L, 1);
    vm_begin(&load->script->vm, NULL, NULL);
    conf_define(L, load->source->params);                                  // load
    chunk_compile(L, load->text, load->len, load->name, load->first_line); // load chunk
    lua_call(L, 0, 1);                                                     // load result
    take_result(L, load->script, lua_gettop(L));                           // load result
    kept_find(L, load->script);                                            // load result
    return 0;
}

int script_start_at(struct script *script, const struct script_source *source, const char *text,
                    size_t len, int first_line, struct error *err)
{
    struct load load = {.script = script,
                        .source = source,
                        .text = text,
                        .len = len,
                        .name = source->name ? source->name : source->path,
                        .first_line = first_line};
    int rc = call_protected(&script->vm, load_body, &load, err);
    script->vm.loading = false;
    if (rc == 0)
        return 0;
    bool placed = !err || strncmp(err->text, load.name, strlen(load.name)) == 0 ||
                  strncmp(err->text, "lib/", 4) == 0;
    if (rc != ERR_NOMEM && !placed)
        error_prefix(err, "%s", load.name);
    if (rc == ERR_DATA) {
        rc = ERR_INPUT;
        if (err)
            err->code = rc;
    }
    return rc;
}

// Inline text is named by the place in the YAML, "pipeline.yaml:12": its lines count from there
// (a block of several lines begins on the line behind).
static int start(struct script *script, const struct script_source *source, const char *text,
                 size_t len, struct error *err)
{
    const char *colon = source->text && source->name ? strrchr(source->name, ':') : NULL;
    if (!colon || colon[1] < '1' || colon[1] > '9')
        return script_start_at(script, source, text, len, 1, err);
    char *end;
    long line = strtol(colon + 1, &end, 10);
    char name[VM_TEXT];
    if (*end || line > 1000000 || (size_t)(colon - source->name) >= sizeof name)
        return script_start_at(script, source, text, len, 1, err);
    memcpy(name, source->name, (size_t)(colon - source->name));
    name[colon - source->name] = 0;
    struct script_source named = *source;
    named.name = name;
    bool block = memchr(text, '\n', len) != NULL;
    return script_start_at(script, &named, text, len, (int)line + (block ? 1 : 0), err);
}

static char *lib_dir(const struct script_source *source)
{
    if (source->lib_dir)
        return mem_strdup(source->lib_dir);
    const char *slash = source->path ? strrchr(source->path, '/') : NULL;
    size_t len = slash ? (size_t)(slash - source->path) + 1 : 0;
    char *dir = mem_alloc(len + sizeof "lib");
    if (dir) {
        if (len)
            memcpy(dir, source->path, len);
        memcpy(dir + len, "lib", sizeof "lib");
    }
    return dir;
}

int script_new(struct script **out, const struct script_source *source, struct error *err)
{
    enum { MEMORY = 64 << 20, TIME_MS = 200 };
    struct script *script = mem_zalloc(sizeof *script);
    if (!script)
        return error_nomem(err);
    for (int i = 0; i < FN_COUNT; i++)
        script->refs[i] = LUA_NOREF;
    struct vm_config config = {
        .memory_bytes = source->limits.memory_bytes ? source->limits.memory_bytes : MEMORY,
        .time_ms = source->limits.time_ms ? source->limits.time_ms : TIME_MS,
        .shapes = source->shapes,
        .clock = source->clock,
        .node = source->node};
    int rc = vm_init(&script->vm, &config, err);
    if (rc != 0) {
        mem_free(script);
        return rc;
    }
    arena_init(&script->arena, 1024);
    arena_init(&script->accs.arena, 16 * 1024);
    script->accs.shapes = script->vm.shapes;
    if (source->path || source->lib_dir) {
        script->vm.lib_dir = lib_dir(source);
        if (!script->vm.lib_dir) {
            script_free(script);
            return error_nomem(err);
        }
    }
    *out = script;
    return 0;
}

int script_load(struct script **out, const struct script_source *source, struct error *err)
{
    char *file = NULL;
    const char *text = source->text;
    size_t len = source->text_len;
    if (!text) {
        int rc =
            chunk_read(&file, &len, source->path, source->name ? source->name : source->path, err);
        if (rc != 0)
            return rc;
        text = file;
    }
    struct script *script = NULL;
    int rc = script_new(&script, source, err);
    if (rc == 0)
        rc = start(script, source, text, len, err);
    mem_free(file);
    if (rc != 0) {
        script_free(script);
        return rc;
    }
    *out = script;
    return 0;
}

void script_free(struct script *script)
{
    if (!script)
        return;
    vm_deinit(&script->vm);
    keeper_free(script->keeper);
    arena_deinit(&script->arena);
    arena_deinit(&script->accs.arena);
    mem_free(script);
}

enum script_kind script_kind(const struct script *script)
{
    return script->kind;
}

int64_t script_version(const struct script *script)
{
    return script->version;
}

const char *script_traceback(const struct script *script)
{
    return script->vm.traceback ? script->vm.traceback : "";
}

bool script_has(const struct script *script, const char *function)
{
    for (const char **name = script->names; name && *name; name++) {
        if (strcmp(*name, function) == 0)
            return true;
    }
    return false;
}

uint32_t script_kept(const struct script *script, const char *const **out)
{
    *out = script->kept;
    return script->kept_count;
}

uint32_t script_agg_columns(const struct script *script, const struct agg_column **out)
{
    *out = script->columns;
    return script->column_count;
}
