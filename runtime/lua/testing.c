// SPDX-License-Identifier: MIT
#include "lua/testing.h"
#include "base/alloc.h"
#include "config/text.h"
#include "lua/call.h"
#include "lua/chunk.h"
#include "lua/convert.h"
#include "lua/process.h"
#include "lua/sandbox.h"
#include "lua/script.h"
#include "record/json.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { MEMORY = 256 << 20, TIME_MS = 10000, TEXT_MAX = 64 << 20 };

struct harness {
    struct harness *next;
    void *op; // NULL: not open
    char *script;
    char *type;
    char *options; // JSON
};

struct testing {
    struct vm vm; // first: found by vm_of
    const struct script_test_host *host;
    struct script_test_report *report;
    struct harness *harnesses;
    struct buf text;
    const char *path;
    char *source;
    size_t source_len;
};

static struct testing *testing_of(lua_State *L)
{
    return (struct testing *)(void *)vm_of(L);
}

static _Noreturn void raise(lua_State *L)
{
    luaL_error(L, "%s", vm_of(L)->last.text);
    __builtin_unreachable();
}

static const char harness_key; // registry key of the metatable

// The value at `index` as JSON in testing->text. [-0, +0]
static const char *to_json(lua_State *L, int index, const char *what)
{
    struct testing *testing = testing_of(L);
    struct value value = convert_value(L, vm_scratch(&testing->vm), index, what);
    buf_clear(&testing->text);
    if (json_write_value(value, &testing->text, &testing->vm.last) != 0)
        raise(L);
    return buf_cstr(&testing->text);
}

// -- harness --

static struct harness *harness_at(lua_State *L, int index)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &harness_key); // … wanted
    bool has_meta = lua_getmetatable(L, index);      // … wanted [meta]
    bool right = lua_isuserdata(L, index) && has_meta && lua_rawequal(L, -1, -2);
    lua_pop(L, has_meta ? 2 : 1); // …
    if (!right)
        luaL_error(L, "call it with a colon, as in h:send(…), on what test.load returned");
    return lua_touserdata(L, index);
}

static void *open_op(lua_State *L, struct harness *harness)
{
    const struct testing *testing = testing_of(L);
    if (!harness->op && testing->host->open(testing->host->arg, &harness->op, harness->script,
                                            harness->type, harness->options, &vm_of(L)->last) != 0)
        raise(L);
    return harness->op;
}

static void close_all(struct testing *testing)
{
    for (struct harness *harness = testing->harnesses; harness; harness = harness->next) {
        if (harness->op)
            testing->host->close(harness->op);
        harness->op = NULL;
    }
}

static int64_t ms_at(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TSTRING)
        return luaL_checkinteger(L, index);
    int64_t ms;
    if (!text_parse_duration(lua_tostring(L, index), &ms))
        luaL_error(L, "'%s' is no duration such as 5m", lua_tostring(L, index));
    return ms;
}

static int harness_send(lua_State *L) // (harness, value, {key, time})
{
    void *op = open_op(L, harness_at(L, 1));
    luaL_checkany(L, 2);
    int64_t time = INT64_MIN;
    const char *key = NULL;
    if (!lua_isnoneornil(L, 3)) {
        luaL_checktype(L, 3, LUA_TTABLE);
        if (lua_getfield(L, 3, "time") != LUA_TNIL) // … time
            time = ms_at(L, -1);
        if (lua_getfield(L, 3, "key") != LUA_TNIL) // … time key
            key = luaL_checkstring(L, -1);
    }
    const char *json = to_json(L, 2, "send");
    if (testing_of(L)->host->send(op, json, strlen(json), time, key, &vm_of(L)->last) != 0)
        raise(L);
    return 0;
}

static int harness_watermark(lua_State *L) // (harness, ms | duration | "end")
{
    void *op = open_op(L, harness_at(L, 1));
    const char *text = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    int64_t ms = strcmp(text, "end") == 0 ? INT64_MAX : ms_at(L, 2);
    if (testing_of(L)->host->watermark(op, ms, &vm_of(L)->last) != 0)
        raise(L);
    return 0;
}

static int harness_advance(lua_State *L) // (harness, ms | duration)
{
    void *op = open_op(L, harness_at(L, 1));
    if (testing_of(L)->host->advance(op, ms_at(L, 2), &vm_of(L)->last) != 0)
        raise(L);
    return 0;
}

static int harness_out(lua_State *L) // (harness, port)
{
    struct testing *testing = testing_of(L);
    void *op = open_op(L, harness_at(L, 1));
    const char *port = luaL_optstring(L, 2, "out");
    buf_clear(&testing->text);
    if (testing->host->take(op, port, &testing->text, &testing->vm.last) != 0)
        raise(L);
    struct batch *scratch = vm_scratch(&testing->vm);
    lua_newtable(L); // … list
    size_t at = 0;
    for (lua_Integer i = 1; at < testing->text.len; i++) {
        const char *line = testing->text.data + at;
        const char *end = memchr(line, '\n', testing->text.len - at);
        size_t len = end ? (size_t)(end - line) : testing->text.len - at;
        convert_push_deep(L, scratch, convert_json(L, scratch, line, len)); // … list value
        lua_rawseti(L, -2, i);                                              // … list
        at += len + 1;
    }
    return 1;
}

// -- test.* --

// Where the script says it: tables with on_record are processes, agg {…} and other tables
// aggregates, functions maps.
static const char *guess_type(const char *path)
{
    struct script_source source = {.path = path};
    struct script *script = NULL;
    if (script_load(&script, &source, NULL) != 0)
        return "map"; // the operator will say what is wrong
    const char *type = script_kind(script) == SCRIPT_FUNCTION ? "map"
                       : script_processes(script)             ? "process"
                                                              : "aggregate";
    script_free(script);
    return type;
}

static char *keep(lua_State *L, const char *text)
{
    char *copy = mem_strdup(text);
    if (!copy)
        vm_stop(L, VM_NOMEM, "out of memory");
    return copy;
}

static void make_path(lua_State *L, const char *name, char out[PATH_MAX])
{
    const char *path = testing_of(L)->path;
    const char *slash = strrchr(path, '/');
    int dir = slash && name[0] != '/' ? (int)(slash - path) + 1 : 0;
    if (snprintf(out, PATH_MAX, "%.*s%s", dir, path, name) >= PATH_MAX)
        luaL_error(L, "test.load: the path is too long");
}

static int test_load(lua_State *L) // (file, options)
{
    struct testing *testing = testing_of(L);
    char path[PATH_MAX];
    make_path(L, luaL_checkstring(L, 1), path);
    lua_settop(L, 2); // file options
    if (lua_isnil(L, 2)) {
        lua_newtable(L);   // file options {}
        lua_replace(L, 2); // file options
    }
    luaL_checktype(L, 2, LUA_TTABLE);
    struct harness *harness = lua_newuserdatauv(L, sizeof *harness, 0); // file options h
    memset(harness, 0, sizeof *harness);
    harness->next = testing->harnesses;
    testing->harnesses = harness;
    lua_pushvalue(L, -1);                                  // file options h h
    luaL_ref(L, LUA_REGISTRYINDEX);                        // file options h
    lua_rawgetp(L, LUA_REGISTRYINDEX, &harness_key);       // file options h meta
    lua_setmetatable(L, -2);                               // file options h
    bool told = lua_getfield(L, 2, "type") == LUA_TSTRING; // file options h type
    harness->type = keep(L, told ? lua_tostring(L, -1) : guess_type(path));
    harness->script = keep(L, path);
    lua_newtable(L);          // file options h type rest
    lua_pushnil(L);           // … rest nil
    while (lua_next(L, 2)) {  // … rest name value
        lua_pushvalue(L, -2); // … rest name value name
        lua_insert(L, -2);    // … rest name name value
        lua_rawset(L, -4);    // … rest name
    }
    lua_pushnil(L);              // … rest nil
    lua_setfield(L, -2, "type"); // … rest
    harness->options = keep(L, to_json(L, lua_gettop(L), "test.load"));
    lua_settop(L, 3); // file options h
    return 1;
}

static void report_case(lua_State *L, const char *name, const char *message)
{
    struct script_test_report *report = testing_of(L)->report;
    if (message)
        report->failed++;
    else
        report->passed++;
    if (report->done)
        report->done(report->arg, name, message == NULL, message);
}

static int test_case(lua_State *L) // (name, function)
{
    struct testing *testing = testing_of(L);
    luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2); // name function
    close_all(testing);
    vm_begin(&testing->vm, NULL, NULL);
    vm_of(L)->catching++;
    int status = lua_pcall(L, 0, 0, 0); // name [error]
    vm_of(L)->catching--;
    close_all(testing);
    if (status == LUA_OK) {
        report_case(L, lua_tostring(L, 1), NULL);
        return 0;
    }
    if (testing->vm.stop != VM_GO || status == LUA_ERRMEM) {
        report_case(L, lua_tostring(L, 1), testing->vm.stop_text);
        return lua_error(L);
    }
    const char *message = lua_tostring(L, -1);
    report_case(L, lua_tostring(L, 1), message ? message : "an error that is no text");
    return 0;
}

static bool same(lua_State *L, int a, int b, int depth);

static bool contains(lua_State *L, int a, int b, int depth) // all of a in b [-0, +0]
{
    lua_pushnil(L);           // nil
    while (lua_next(L, a)) {  // key value
        lua_pushvalue(L, -2); // key value key
        lua_rawget(L, b);     // key value other
        int top = lua_gettop(L);
        bool equal = same(L, top - 1, top, depth + 1);
        lua_pop(L, 2); // key
        if (!equal) {
            lua_pop(L, 1); //
            return false;
        }
    }
    return true;
}

static bool same(lua_State *L, int a, int b, int depth)
{
    if (depth > CONVERT_DEPTH)
        luaL_error(L, "test.eq: tables nested too deep");
    luaL_checkstack(L, 8, "tables nested too deep");
    if (lua_istable(L, a) && lua_istable(L, b))
        return contains(L, a, b, depth) && contains(L, b, a, depth);
    return lua_rawequal(L, a, b);
}

static void push_shown(lua_State *L, int index) // [-0, +1]
{
    if (lua_istable(L, index) || lua_type(L, index) == LUA_TSTRING)
        lua_pushstring(L, to_json(L, index, "test.eq")); // text
    else
        luaL_tolstring(L, index, NULL); // text
}

static int test_eq(lua_State *L) // (got, wanted)
{
    luaL_checkany(L, 2);
    lua_settop(L, 2); // got wanted
    if (same(L, 1, 2, 0))
        return 0;
    push_shown(L, 1); // got wanted text
    push_shown(L, 2); // got wanted text text
    return luaL_error(L, "got %s, expected %s", lua_tostring(L, -2), lua_tostring(L, -1));
}

static int test_ok(lua_State *L) // (value, message)
{
    if (lua_toboolean(L, 1))
        return 0;
    return luaL_error(L, "%s", luaL_optstring(L, 2, "not true"));
}

static void define(lua_State *L) // [-0, +0]
{
    static const luaL_Reg test[] = {
        {"load", test_load}, {"case", test_case}, {"eq", test_eq}, {"ok", test_ok}, {NULL, NULL}};
    static const luaL_Reg harness[] = {{"send", harness_send},
                                       {"watermark", harness_watermark},
                                       {"advance", harness_advance},
                                       {"out", harness_out},
                                       {NULL, NULL}};
    lua_createtable(L, 0, 2);                        // meta
    luaL_newlib(L, harness);                         // meta methods
    lua_setfield(L, -2, "__index");                  // meta
    lua_pushboolean(L, 0);                           // meta false
    lua_setfield(L, -2, "__metatable");              // meta
    lua_rawsetp(L, LUA_REGISTRYINDEX, &harness_key); //
    luaL_newlib(L, test);                            // test
    sandbox_freeze(L, "test");                       // view
    sandbox_define(L, "test");                       //
}

// -- the file --

static int file_body(lua_State *L) // (testing)
{
    struct testing *testing = lua_touserdata(L, 1);
    vm_begin(&testing->vm, NULL, NULL);
    define(L);
    chunk_compile(L, testing->source, testing->source_len, testing->path, 1); // testing chunk
    lua_call(L, 0, 0);                                                        // testing
    return 0;
}

static void release(struct testing *testing)
{
    close_all(testing);
    for (struct harness *harness = testing->harnesses; harness; harness = harness->next) {
        mem_free(harness->script);
        mem_free(harness->type);
        mem_free(harness->options);
    }
    vm_deinit(&testing->vm);
}

int script_test_file(const char *path, const struct script_test_host *host,
                     struct script_test_report *report, struct error *err)
{
    struct testing *testing = mem_zalloc(sizeof *testing);
    if (!testing)
        return error_nomem(err);
    testing->host = host;
    testing->report = report;
    testing->path = path;
    buf_init(&testing->text, TEXT_MAX);
    struct vm_config config = {.memory_bytes = MEMORY, .time_ms = TIME_MS};
    int rc = chunk_read(&testing->source, &testing->source_len, path, path, err);
    if (rc == 0)
        rc = vm_init(&testing->vm, &config, err);
    if (rc == 0) {
        rc = call_protected(&testing->vm, file_body, testing, err);
        release(testing);
    }
    if (rc == ERR_DATA) {
        rc = ERR_INPUT;
        if (err)
            err->code = rc;
    }
    buf_deinit(&testing->text);
    mem_free(testing->source);
    mem_free(testing);
    return rc;
}
