// SPDX-License-Identifier: MIT
#include "base/log.h"
#include "script_fixture.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

// conf, time, json, log and require.

static struct tide_config item(const char *name, const char *text, bool plain)
{
    return (struct tide_config){.name = name, .text = text, .plain = plain, .given = true};
}

// A script that asserts what `conf` is loads.
static void check_conf(const struct tide_config *params, const char *text)
{
    struct fixture f;
    fixture_init(&f);
    struct script_source source = fixture_source(&f, text);
    source.params = params;
    struct script *script = NULL;
    CU_ASSERT_EQUAL(script_load(&script, &source, &f.err), 0);
    if (!script)
        fprintf(stderr, "\n  %s\n", f.err.text);
    script_free(script);
    fixture_deinit(&f);
}

static void conf(void)
{
    struct tide_config list[] = {item(NULL, "1", true), item(NULL, "x", true)};
    struct tide_config inner[] = {item("deep", "2.5", true)};
    struct tide_config items[] = {item("int", "42", true),
                                  item("quoted", "42", false),
                                  item("float", "1.5", true),
                                  item("yes", "true", true),
                                  item("text", "5m", true),
                                  item("none", "null", true),
                                  {.name = "list", .is_list = true, .count = 2, .items = list},
                                  {.name = "map", .is_map = true, .count = 1, .items = inner}};
    struct tide_config params = {.is_map = true, .count = 8, .items = items};
    check_conf(&params,
               "assert(math.type(conf.int) == 'integer' and conf.int == 42)\n"
               "assert(conf.quoted == '42' and conf.float == 1.5 and conf.yes == true)\n"
               "assert(conf.text == '5m' and conf.none == nil and conf.absent == nil)\n"
               "assert(#conf.list == 2 and conf.list[1] == 1 and conf.list[2] == 'x')\n"
               "assert(conf.map.deep == 2.5)\n"
               "local n = 0 for k in pairs(conf) do n = n + 1 end assert(n == 7)\n"
               "local s = '' for i, v in ipairs(conf.list) do s = s .. v end assert(s == '1x')\n"
               "assert(not pcall(function() conf.map.deep = 1 end))\n"
               "return function(r) return r end");
}

// What is checked by a table of options comes as what its row says, however it was written.
static void conf_of_options(void)
{
    static const tide_option rows[] = {
        {.name = "wait", .type = TIDE_DURATION}, {.name = "room", .type = TIDE_SIZE},
        {.name = "count", .type = TIDE_INT},     {.name = "share", .type = TIDE_NUMBER},
        {.name = "on", .type = TIDE_BOOL},       {.name = "name", .type = TIDE_TEXT}};
    struct tide_config items[] = {
        {.name = "wait", .option = &rows[0], .text = "5m", .integer = 300000},
        {.name = "room", .option = &rows[1], .text = "4KiB", .integer = 4096},
        {.name = "count", .option = &rows[2], .text = "7", .integer = 7},
        {.name = "share", .option = &rows[3], .text = "2", .number = 2},
        {.name = "on", .option = &rows[4], .text = "yes", .flag = true},
        {.name = "name", .option = &rows[5], .text = "42"}};
    struct tide_config params = {.is_map = true, .count = 6, .items = items};
    check_conf(&params,
               "assert(conf.wait == 300000 and conf.room == 4096 and conf.count == 7)\n"
               "assert(math.type(conf.count) == 'integer' and math.type(conf.share) == 'float')\n"
               "assert(conf.on == true and conf.name == '42')\n"
               "return function(r) return r end");
}

struct call {
    const char *expression, *wanted; // as JSON, or part of the error
};

static void check_calls(const struct call *calls, size_t count)
{
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < count; i++) {
        char text[512], wanted[512];
        (void)snprintf(text, sizeof text, "return function(r) return { x = %s } end",
                       calls[i].expression);
        const char *out = fixture_map(&f, text, "{}");
        (void)snprintf(wanted, sizeof wanted, "{\"x\":%s}\n", calls[i].wanted);
        if (f.failed)
            CHECK_HAS(f.err.text, calls[i].wanted);
        else
            CHECK_TEXT(out, wanted);
    }
    fixture_deinit(&f);
}

static void times(void)
{
    static const struct call calls[] = {
        {"time.now()", "1700000000123"},
        {"time.parse('2023-11-14T22:13:20Z')", "1700000000000"},
        {"time.parse('2023-11-15T00:13:20.5+02:00')", "1700000000500"},
        {"time.parse('14/11/2023 22:13', '%d/%m/%Y %H:%M')", "1699999980000"},
        {"time.parse('2023-11-14 22:13:20 +0200', '%Y-%m-%d %H:%M:%S %z')", "1699992800000"},
        {"time.parse('yesterday')", "time.parse: "},
        {"time.parse('x', '%Y')", "'x' is not as the format says"},
        {"time.format(1700000000123)", "\"2023-11-14T22:13:20.123Z\""},
        {"time.format(1700000000123, '%Y/%j')", "\"2023/318\""},
        {"time.format(-1, '%S')", "\"59\""},
        {"time.format(1 << 60)", "not in the years 1 to 9999"},
        {"time.format(0, ('%c'):rep(100))", "the format is too long"},
        {"time.duration('1h30m')", "5400000"},
        {"time.duration('soon')", "is no duration"}};
    check_calls(calls, sizeof calls / sizeof *calls);
}

static void json(void)
{
    static const struct call calls[] = {
        {"json.decode('[1,2.0,\"x\",null,{}]')", "[1,2.0,\"x\",null,{}]"},
        {"json.decode('[]')", "[]"},
        {"json.decode('9007199254740993')", "9007199254740993"},
        {"json.decode(' \"a\\\\u0041\" ')", "\"aA\""},
        {"json.decode('{\"a\":{\"b\":[[1]]}}').a.b[1][1]", "1"},
        {"json.decode('{\"a\":1')", "byte"},
        {"json.decode('')", "byte"},
        {"json.encode({b = 1, a = {null, true}})", "\"{\\\"a\\\":[null,true],\\\"b\\\":1}\""},
        {"json.encode(nil)", "\"null\""},
        {"json.encode(0/0)", "NaN"},
        {"json.decode(json.encode(r)) ~= nil", "true"}};
    check_calls(calls, sizeof calls / sizeof *calls);
}

struct lines {
    uint32_t count;
    char last[512];
};

static void keep_line(void *arg, enum log_level level, const char *line)
{
    struct lines *lines = arg;
    (void)level;
    lines->count++;
    (void)snprintf(lines->last, sizeof lines->last, "%s", line);
}

static void logging(void)
{
    struct lines lines = {0};
    struct fixture f;
    fixture_init(&f);
    log_set_sink(keep_line, &lines);
    (void)fixture_map(&f,
                      "return function(r) for i = 1, 100 do log.warn('%s is %d', r.name, i) end "
                      "return r end",
                      "{\"name\":\"x\"}");
    CU_ASSERT_EQUAL(lines.count, 1); // the rest is held back
    CHECK_HAS(lines.last, "node: x is 1");
    (void)fixture_map(&f, "return function(r) print(r, 1, nil) return r end", "{\"a\":1}");
    CHECK_HAS(lines.last, "node: {\"a\":1} 1 nil");
    (void)fixture_map(&f, "return function(r) log.info('%d', 'x') return r end", "{}");
    CU_ASSERT_EQUAL(f.failed, 1);
    log_set_sink(NULL, NULL);
    fixture_deinit(&f);
}

// What error() says of each value, as the caller of pcall and the node see it.
static void raising(void)
{
    static const struct {
        const char *script, *caught, *failed;
    } rows[] = {
        {"error('bad')", "t.lua:1: bad", "t.lua:1: bad"},
        {"error('bad', 0)", "bad", "t.lua:1: bad"},
        {"error('x.lua:7: bad', 0)", "x.lua:7: bad", "x.lua:7: bad"},
        {"error(('y'):rep(1000))", "t.lua:1: yyyy", "t.lua:1: yyyy"},
        {"error({ message = 'in it' })", "table", "in it"},
        {"error(12)", "12", "t.lua:1: 12"},
        {"error()", "nil", "error raised with a nil"},
        {"error(nil)", "nil", "error raised with a nil"},
        {"(nil)()", "attempt to call a nil value", "attempt to call a nil value"},
        {"coroutine.wrap(function() error('deep') end)()", "deep", "deep"},
        {"error('two\\nlines')", "two\\nlines", "two lines"},
        {"pcall(error, 'in') error('out')", "t.lua:1: out", "t.lua:1: out"},
        {"xpcall(error, function(e) error(e) end, 'in') error('out')", "t.lua:1: out",
         "t.lua:1: out"},
    };
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[512];
        (void)snprintf(text, sizeof text, "return function(r) %s end", rows[i].script);
        (void)fixture_map(&f, text, "{}");
        CU_ASSERT_EQUAL(f.failed, 1);
        CHECK_HAS(f.err.text, rows[i].failed);
        (void)snprintf(text, sizeof text,
                       "return function(r) local ok, e = pcall(function() %s end) "
                       "r.e = type(e) == 'string' and e or type(e) == 'number' and e .. '' or "
                       "type(e) return r end",
                       rows[i].script);
        CHECK_HAS(fixture_map(&f, text, "{}"), rows[i].caught);
    }
    fixture_deinit(&f);
}

static bool nobody(void *arg)
{
    (void)arg;
    return false;
}

// Where nobody reads the text of an error it is not made, but for what a script catches.
static void unread_errors(void)
{
    static const char text[] =
        "return function(r) if r.n == 1 then error('bad') end "
        "local ok, e = pcall(function() error('caught') end) "
        "r.co = coroutine.wrap(function() return select(2, pcall(error, 'deep')) end)() "
        "r.e = e if r.n == 2 then local x = r.none + 1 end return r end";
    struct fixture f;
    fixture_init(&f);
    struct script *script = fixture_load(&f, text);
    CU_ASSERT_FATAL(script != NULL);
    fixture_input(&f, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":1}");
    struct script_sink sink = {.arg = &f,
                               .done = fixture_done,
                               .failed = fixture_failed,
                               .traces = nobody,
                               .reads = nobody};
    struct error err = ERROR_INIT;
    CU_ASSERT_EQUAL(script_run(script, SCRIPT_CALL_MAP, f.batch, &sink, &err), 0);
    CU_ASSERT_EQUAL(f.failed, 3);
    CU_ASSERT_EQUAL(f.err.code, ERR_DATA);
    CU_ASSERT_EQUAL(f.err.len, 0);
    CHECK_HAS(buf_cstr(&f.text), "\"e\":\"t.lua:1: caught\"");
    CHECK_HAS(buf_cstr(&f.text), "\"co\":\"deep\"");
    script_free(script);
    fixture_deinit(&f);
}

static void put(const char *dir, const char *name, const char *text)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    fclose(file);
}

static void requiring(void)
{
    static const struct {
        const char *text, *error; // NULL: fine
    } rows[] = {{"local m = require 'tables' assert(m.one == 1)", NULL},
                {"assert(require 'tables' == require 'tables')", NULL},
                {"assert(require 'geo.tables' == 'inner')", NULL},
                {"require 'bad'", "lib/bad.lua:1: unexpected symbol"},
                {"require 'fails'", "lib/fails.lua:2: mine"},
                {"require 'loop'", "require: 'loop' requires itself"},
                {"require 'geo'", "lib/geo.lua"},
                {"require '/etc/passwd'", "is no module name"},
                {"require 'geo..tables'", "is no module name"},
                {"require '..tables'", "is no module name"},
                {"require ''", "is no module name"}};
    char dir[] = "/tmp/tidemill-require-XXXXXX", lib[64], geo[80], script_path[64];
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    (void)snprintf(lib, sizeof lib, "%s/lib", dir);
    (void)snprintf(geo, sizeof geo, "%s/geo", lib);
    CU_ASSERT_EQUAL_FATAL(mkdir(lib, 0700) | mkdir(geo, 0700), 0);
    put(lib, "tables.lua", "return { one = 1 }");
    put(geo, "tables.lua", "return 'inner'");
    put(lib, "bad.lua", "= 1");
    put(lib, "fails.lua", "\nerror 'mine'");
    put(lib, "loop.lua", "require 'loop'");
    struct fixture f;
    fixture_init(&f);
    (void)snprintf(script_path, sizeof script_path, "%s/x.lua", dir);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[256];
        (void)snprintf(text, sizeof text, "%s return function() end", rows[i].text);
        put(dir, "x.lua", text);
        struct script_source source = fixture_source(&f, NULL);
        source.path = script_path;
        source.name = "x.lua";
        struct script *script = NULL;
        int rc = script_load(&script, &source, &f.err);
        CU_ASSERT_EQUAL(rc, rows[i].error ? ERR_INPUT : 0);
        if (rows[i].error)
            CHECK_HAS(f.err.text, rows[i].error);
        else if (rc)
            fprintf(stderr, "\n  %s\n", f.err.text);
        script_free(script);
    }
    fixture_deinit(&f);
    static const char *const files[] = {"lib/tables.lua", "lib/geo/tables.lua", "lib/bad.lua",
                                        "lib/fails.lua",  "lib/loop.lua",       "x.lua"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[256];
        (void)snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        (void)remove(path);
    }
    (void)rmdir(geo);
    (void)rmdir(lib);
    (void)rmdir(dir);
}

// What a script's file may begin with, and what is no file to load.
static void files(void)
{
    static const struct {
        const char *text, *error; // NULL: it loads
    } rows[] = {{"\xef\xbb\xbf#!/usr/bin/lua\nreturn function(r) return r end", NULL},
                {"# a comment alone", "nothing"},
                {"#!/usr/bin/lua\nreturn function(r", "t.lua:2: "},
                {"\x1bLua", "t.lua"}};
    char dir[] = "/tmp/tidemill-files-XXXXXX", path[64];
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/t.lua", dir);
    struct fixture f;
    fixture_init(&f);
    struct script_source source = fixture_source(&f, NULL);
    struct script *script = NULL;
    source.path = path;
    CU_ASSERT_EQUAL(script_load(&script, &source, &f.err), ERR_INPUT);
    CHECK_HAS(f.err.text, "t.lua: cannot open the script: No such file");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        put(dir, "t.lua", rows[i].text);
        error_clear(&f.err);
        script = NULL;
        CU_ASSERT_EQUAL(script_load(&script, &source, &f.err), rows[i].error ? ERR_INPUT : 0);
        if (rows[i].error)
            CHECK_HAS(f.err.text, rows[i].error);
        script_free(script);
    }
    CU_ASSERT_EQUAL(unlink(path), 0);
    source.path = dir;
    script = NULL;
    CU_ASSERT_EQUAL(script_load(&script, &source, &f.err), ERR_INPUT);
    CHECK_HAS(f.err.text, "not a file");
    CU_ASSERT_EQUAL(rmdir(dir), 0);
    fixture_deinit(&f);
}

static CU_TestInfo cases[] = {{"conf", conf},
                              {"conf of options", conf_of_options},
                              {"time", times},
                              {"json", json},
                              {"log", logging},
                              {"require", requiring},
                              {"files", files},
                              {"what error() says", raising},
                              {"errors that nobody reads", unread_errors},
                              CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("lua/library", cases))
