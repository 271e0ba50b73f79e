// SPDX-License-Identifier: MIT
#include "script_fixture.h"

// Records as scripts see them: reading, writing, nested values, what is refused.

struct row {
    const char *body; // of function(r)
    const char *in;
    const char *out;   // the record behind; NULL: an error
    const char *error; // part of its text
};

static void check_row(struct fixture *f, const struct row *row)
{
    char text[1024];
    (void)snprintf(text, sizeof text, "return function(r)\n%s\nend", row->body);
    struct script *script = fixture_load(f, text);
    CU_ASSERT_PTR_NOT_NULL(script);
    if (!script) {
        fprintf(stderr, "\n  %s\n  %s\n", row->body, f->err.text);
        return;
    }
    const char *out = fixture_run(f, script, SCRIPT_CALL_MAP, row->in);
    char wanted[1024];
    (void)snprintf(wanted, sizeof wanted, "%s%s", row->out ? row->out : "", row->out ? "\n" : "");
    CHECK_TEXT(out, wanted);
    CU_ASSERT_EQUAL(f->failed, row->error ? 1 : 0);
    if (row->error)
        CHECK_HAS(f->err.text, row->error);
    else if (f->failed)
        fprintf(stderr, "\n  %s\n  %s\n", row->body, f->err.text);
    script_free(script);
}

static void check_rows(const struct row *rows, size_t count)
{
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < count; i++)
        check_row(&f, &rows[i]);
    fixture_deinit(&f);
}

#define ROWS(...)                                                                                  \
    do {                                                                                           \
        static const struct row rows[] = {__VA_ARGS__};                                            \
        check_rows(rows, sizeof rows / sizeof *rows);                                              \
    } while (0)

static void scalars(void)
{
    ROWS({"return r", "{\"a\":1,\"b\":[]}", "{\"a\":1,\"b\":[]}", NULL},
         {"r.b = r.a + 1 return r", "{\"a\":9007199254740993}",
          "{\"a\":9007199254740993,\"b\":9007199254740994}", NULL},
         {"r.avg = r.a / r.b return r", "{\"a\":100,\"b\":2}", "{\"a\":100,\"b\":2,\"avg\":50.0}",
          NULL},
         {"r.q = r.a // r.b return r", "{\"a\":7,\"b\":2}", "{\"a\":7,\"b\":2,\"q\":3}", NULL},
         {"r.a = nil return r", "{\"a\":1,\"b\":2}", "{\"b\":2}", NULL},
         {"r.a = nil r.a = 5 return r", "{\"a\":1,\"b\":2}", "{\"a\":5,\"b\":2}", NULL},
         {"r.a = null return r", "{\"a\":1}", "{\"a\":null}", NULL},
         {"r.t = r.n == nil r.u = r.x == nil return r", "{\"n\":null}",
          "{\"n\":null,\"t\":true,\"u\":true}", NULL},
         {"r.h = has(r,'n') r.i = has(r,'x') return r", "{\"n\":null}",
          "{\"n\":null,\"h\":true,\"i\":false}", NULL},
         {"r.s = r.s .. 'ö\"\\n' return r", "{\"s\":\"a\\u0041\"}", "{\"s\":\"aAö\\\"\\n\"}", NULL},
         {"r.b = not r.b return r", "{\"b\":true}", "{\"b\":false}", NULL},
         {"r.f = 0.1 + 0.2 return r", "{}", "{\"f\":0.30000000000000004}", NULL},
         {"r['a b'] = 1 return r", "{}", "{\"a b\":1}", NULL},
         {"r.x = #r return r", "{\"a\":1,\"b\":null}", "{\"a\":1,\"b\":null,\"x\":2}", NULL},
         {"r.x = r.nothing or 'd' return r", "{\"nothing\":null}", "{\"nothing\":null,\"x\":\"d\"}",
          NULL},
         {"r.t = math.type(r.i) .. math.type(r.f) return r", "{\"i\":1,\"f\":1.0}",
          "{\"i\":1,\"f\":1.0,\"t\":\"integerfloat\"}", NULL},
         {"for i = 1, 40 do r['k' .. i] = i end for i = 1, 39 do r['k' .. i] = nil end return r",
          "{}", "{\"k40\":40}", NULL});
}

static void nested(void)
{
    ROWS({"r.v = r.a.b.c return r", "{\"a\":{\"b\":{\"c\":3}}}",
          "{\"a\":{\"b\":{\"c\":3}},\"v\":3}", NULL},
         {"r.a.b.c = 4 return r", "{\"a\":{\"b\":{\"c\":3}},\"z\":1}",
          "{\"a\":{\"b\":{\"c\":4}},\"z\":1}", NULL},
         {"local a = r.a r.new = 1 a.x = 2 return r", "{\"a\":{}}", "{\"a\":{\"x\":2},\"new\":1}",
          NULL},
         {"r.b = r.a r.b.x = 9 return r", "{\"a\":{\"x\":1}}", "{\"a\":{\"x\":1},\"b\":{\"x\":9}}",
          NULL},
         {"r.l[2] = 'x' r.l[#r.l + 1] = null return r", "{\"l\":[1,2]}", "{\"l\":[1,\"x\",null]}",
          NULL},
         {"table.insert(r.l, 3) table.insert(r.l, 1, 0) return r", "{\"l\":[1,2]}",
          "{\"l\":[0,1,2,3]}", NULL},
         {"r.x = table.remove(r.l) r.y = table.remove(r.l, 1) return r", "{\"l\":[1,2,3]}",
          "{\"l\":[2],\"x\":3,\"y\":1}", NULL},
         {"table.sort(r.l) r.s = table.concat(r.l, '-') return r", "{\"l\":[3,1,2]}",
          "{\"l\":[1,2,3],\"s\":\"1-2-3\"}", NULL},
         {"local n = 0 for i, v in ipairs(r.l) do n = n + i * v end r.n = n return r",
          "{\"l\":[1,2,3]}", "{\"l\":[1,2,3],\"n\":14}", NULL},
         {"r.t = r.l[2] == null return r", "{\"l\":[1,null]}", "{\"l\":[1,null],\"t\":true}", NULL},
         {"r.t = r.l[0] == nil and r.l[9] == nil and r.l.x == nil return r", "{\"l\":[1]}",
          "{\"l\":[1],\"t\":true}", NULL},
         {"r.t = (r.a == r.a) and type(r.a) == 'table' return r", "{\"a\":{}}",
          "{\"a\":{},\"t\":true}", NULL},
         {"r.o = {b=1,a={c={}}} r.l = {1,{2}} r.e = array{} r.m = {} return r", "{}",
          "{\"o\":{\"a\":{\"c\":{}},\"b\":1},\"l\":[1,[2]],\"e\":[],\"m\":{}}", NULL},
         {"r.l[1].x = nil r.l[2] = nil return r", "{\"l\":[{\"x\":1},5]}", "{\"l\":[{}]}", NULL},
         {"r.self = r return r", "{\"a\":1}", "{\"a\":1,\"self\":{\"a\":1}}", NULL},
         {"r.k = '' for k, v in pairs(r.o) do r.k = r.k .. k .. tostring(v) end return r",
          "{\"o\":{\"z\":1,\"a\":null,\"m\":[1]}}",
          "{\"o\":{\"z\":1,\"a\":null,\"m\":[1]},\"k\":\"z1anullm[1]\"}", NULL},
         {"local s = '' for k in pairs(r) do s = s .. k end r.s = s return r",
          "{\"z\":1,\"a\":2,\"z\":3}", "{\"z\":1,\"a\":2,\"z\":3,\"s\":\"az\"}", NULL},
         {"r.n = next(r.o) == nil r.m = next(r.p) return r", "{\"o\":{},\"p\":{\"k\":1}}",
          "{\"o\":{},\"p\":{\"k\":1},\"n\":true,\"m\":\"k\"}", NULL});
}

static void results(void)
{
    ROWS({"return {b=2,a=1}", "{\"x\":1}", "{\"a\":1,\"b\":2}", NULL},
         {"return r.inner", "{\"inner\":{\"q\":[1]}}", "{\"q\":[1]}", NULL},
         {"local c = copy(r) c.x = 2 c.n.d = 5 r.x = 7 return c", "{\"x\":1,\"n\":{}}",
          "{\"x\":2,\"n\":{\"d\":5}}", NULL},
         {"return {a=r.a, all=r}", "{\"a\":[1]}", "{\"a\":[1],\"all\":{\"a\":[1]}}", NULL},
         {"local t = json.decode('{\"a\":[],\"b\":null,\"c\":{}}') return t", "{}",
          "{\"a\":[],\"b\":null,\"c\":{}}", NULL},
         {"r.j = json.encode{1,'a',{x=null}} return r", "{}",
          "{\"j\":\"[1,\\\"a\\\",{\\\"x\\\":null}]\"}", NULL},
         {"r.t = tostring(r) return r", "{\"a\":1}", "{\"a\":1,\"t\":\"{\\\"a\\\":1}\"}", NULL},
         {"local m = meta(r) return {o=m.offset,t=m.time,s=m.split}", "{}",
          "{\"o\":0,\"s\":0,\"t\":1000}", NULL});
}

static void errors(void)
{
    ROWS({"", "{}", NULL, "t.lua:1: the function returned nothing (forgot 'return r'?)"},
         {"return 5", "{}", NULL, "returned a number"},
         {"return true", "{}", NULL, "returned a boolean"},
         {"return array{}", "{}", NULL, "returned a table"},
         {"return r.a < 1", "{}", NULL, "t.lua:2: attempt to compare nil with number"},
         {"r.x = 0/0 return r", "{}", NULL, "x: NaN has no place"},
         {"r.x = -math.huge return r", "{}", NULL, "x: infinity"},
         {"r.x = {1,nil,3} return r", "{}", NULL, "hole"},
         {"r.x = {[1]=1,[3]=3} return r", "{}", NULL, "hole"},
         {"r.x = {1, a=2} return r", "{}", NULL, "an array with a key of type string"},
         {"r.x = {a=2, [true]=1} return r", "{}", NULL, "keys of type boolean"},
         {"local t = {} t.t = t r.x = t return r", "{}", NULL, "contains itself"},
         {"r.x = print return r", "{}", NULL, "a function has no place"},
         {"r.x = '\\xff' return r", "{}", NULL, "not UTF-8"},
         {"r['\\xff'] = 1 return r", "{}", NULL, "not UTF-8"},
         {"r[1] = 1 return r", "{}", NULL, "a field's name is a string, not a number"},
         {"r.x = drop return r", "{}", NULL, "drop is no value"},
         {"return null.x", "{}", NULL, "null has no fields"},
         {"return drop.x", "{}", NULL, "drop has no fields"},
         {"return r.l[1].x", "{\"l\":[null]}", NULL, "null has no fields"},
         {"r.l[5] = 1 return r", "{\"l\":[1]}", NULL, "would leave a hole"},
         {"r.l[1] = nil return r", "{\"l\":[1,2]}", NULL, "would leave a hole"},
         {"r.l[0] = 1 return r", "{\"l\":[1]}", NULL, "arrays start at 1"},
         {"r.l.x = 1 return r", "{\"l\":[1]}", NULL, "an array's index is an integer"},
         {"count = 1 return r", "{}", NULL, "t.lua:2: assignment to global 'count'"},
         {"return contn", "{}", NULL, "global 'contn' is not defined"},
         {"return tostrin(1)", "{}", NULL, "did you mean 'tostring'?"},
         {"string.x = 1", "{}", NULL, "string is read-only"},
         {"conf.x = 1", "{}", NULL, "conf is read-only"},
         {"agg.sum = 1", "{}", NULL, "agg cannot be assigned"},
         {"getmetatable('').__index = nil", "{}", NULL, "attempt to index a boolean"},
         {"setmetatable({}, {__gc = print})", "{}", NULL, "'__gc' is not allowed"},
         {"error({message = 'mine'})", "{}", NULL, "mine"},
         {"error({})", "{}", NULL, "t.lua:2: error raised with a table"},
         {"error('two\\nlines')", "{}", NULL, "t.lua:2: two lines"},
         {"require 'x'", "{}", NULL, "only while the script loads"},
         {"return meta({})", "{}", NULL, "meta: wants the record"});
}

// A record that is kept is stale in the next call, whichever way it is used.
static void stale(void)
{
    static const char *const uses[] = {
        "return kept.a", "kept.a = 1",           "return #kept",      "pairs(kept)",
        "r.x = kept",    "return has(kept,'a')", "return copy(kept)", "return tostring(kept)",
        "return kept"};
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        for (int nested = 0; nested < 2; nested++) {
            char text[512];
            (void)snprintf(text, sizeof text,
                           "local kept\nreturn function(r)\nif kept then %s end\nkept = %s\n"
                           "return r\nend",
                           uses[i], nested ? "r.o" : "r");
            struct script *script = fixture_load(&f, text);
            CU_ASSERT_PTR_NOT_NULL_FATAL(script);
            (void)fixture_run(&f, script, SCRIPT_CALL_MAP,
                              "{\"a\":1,\"o\":{\"a\":1}}\n{\"a\":2,\"o\":{\"a\":1}}\n");
            CU_ASSERT_EQUAL(f.failed, 1);
            CHECK_HAS(f.err.text, "kept beyond its call");
            script_free(script);
        }
    }
    // A copy may be kept.
    CHECK_TEXT(fixture_map(&f,
                           "local kept\nreturn function(r)\nlocal before = kept and kept.o.a\n"
                           "kept = copy(r)\nr.before = before\nr.o = nil\nreturn r\nend",
                           "{\"o\":{\"a\":1}}\n{\"o\":{\"a\":2}}\n"),
               "{}\n{\"before\":1}\n");
    fixture_deinit(&f);
}

// copy(r) is read and changed like the record, but a record of its own.
static void copies(void)
{
    ROWS({"local c = copy(r) local s = '' for k, v in pairs(c) do s = s .. k .. '=' .. tostring(v) "
          ".. ';' end return { s = s }",
          "{\"b\":1,\"a\":null}", "{\"s\":\"b=1;a=null;\"}", NULL},
         {"local c = copy(r) return { n = #c.list, two = c.list[2], x = c.list[9] }",
          "{\"list\":[1,null,3]}", "{\"n\":3,\"two\":null}", NULL},
         {"local c = copy(r) return { a = c == c, b = c == copy(r), c = c.o == c.o, d = c == r }",
          "{\"o\":{}}", "{\"a\":true,\"b\":false,\"c\":true,\"d\":false}", NULL},
         {"return { s = tostring(copy(r)), t = type(copy(r)) }", "{\"o\":1}",
          "{\"s\":\"{\\\"o\\\":1}\",\"t\":\"table\"}", NULL},
         {"return { a = copy(5), b = copy('x'), c = copy(null), d = copy { z = 1 }.z }", "{}",
          "{\"a\":5,\"b\":\"x\",\"c\":null,\"d\":1}", NULL},
         {"local c = copy(r) c.list[4] = 4 c.list = array(c.list) return c", "{\"list\":[1,2,3]}",
          NULL, "table"},
         {"copy(print) return r", "{}", NULL, "function"});
}

static void has_next_array(void)
{
    ROWS({"return { a = has(r, 'a'), b = has(r, 'b'), c = r.a == nil }", "{\"a\":null}",
          "{\"a\":true,\"b\":false,\"c\":true}", NULL},
         {"return { a = has(r.o, 'a'), b = has(r.o, 'b'), c = has(r.l, 1), d = has(r.l, 2) }",
          "{\"o\":{\"a\":null},\"l\":[null]}", "{\"a\":true,\"b\":false,\"c\":true,\"d\":false}",
          NULL},
         {"local c = copy(r) return { a = has(c, 'a'), b = has(c, 'b') }", "{\"a\":null}",
          "{\"a\":true,\"b\":false}", NULL},
         {"return { a = has({ x = 1 }, 'x'), b = has({}, 'x') }", "{}", "{\"a\":true,\"b\":false}",
          NULL},
         {"return has('text', 'x')", "{}", NULL, "record expected"},
         {"local k, v = next(r.o) local l = next(r.o, k) return { k = k, v = v, l = l }",
          "{\"o\":{\"a\":7,\"b\":8}}", "{\"k\":\"a\",\"l\":\"b\",\"v\":7}", NULL},
         {"return { empty = next(r.o) == nil and next {} == nil, one = next { 5 } }", "{\"o\":{}}",
          "{\"empty\":true,\"one\":1}", NULL},
         {"next(r.o, 'zzz') return r", "{\"o\":{\"a\":7}}", NULL, "invalid key to 'next'"},
         {"next(r) return r", "{}", NULL, "table expected"},
         {"return { a = array(), b = array {}, c = array { 1 }, d = {} }", "{}",
          "{\"a\":[],\"b\":[],\"c\":[1],\"d\":{}}", NULL},
         {"array(setmetatable({}, {})) return r", "{}", NULL, "has a metatable already"},
         {"array(5) return r", "{}", NULL, "table expected"});
}

static void origins(void)
{
    static const struct header headers[] = {{.name = "h", .bytes = "v\0w", .len = 3},
                                            {.name = "none", .bytes = NULL, .len = 0}};
    static const struct record_meta meta = {
        .split = "t/3", .key = "k1", .key_len = 2, .header_count = 2, .headers = headers};
    struct fixture f;
    fixture_init(&f);
    struct script *script =
        fixture_load(&f, "return function(r)\n"
                         "local m = meta(r)\n"
                         "return { split = m.split, key = m.key, node = m.node, time = m.time,\n"
                         "offset = m.offset, h = m.headers.h, none = m.headers.none }\nend");
    CU_ASSERT_PTR_NOT_NULL_FATAL(script);
    CHECK_TEXT(fixture_run(&f, script, SCRIPT_CALL_MAP, "{}"),
               "{\"node\":0,\"offset\":0,\"split\":0,\"time\":1000}\n");
    fixture_input(&f, "{}");
    struct record *record = &f.batch->records[0];
    record->meta = &meta;
    record->node = 2;
    record->offset = -1;
    record->time = TIME_NONE;
    buf_clear(&f.text);
    struct script_sink sink = {.arg = &f, .done = fixture_done, .failed = fixture_failed};
    CU_ASSERT_EQUAL(script_run(script, SCRIPT_CALL_MAP, f.batch, &sink, &f.err), 0);
    CHECK_TEXT(buf_cstr(&f.text), "{\"h\":\"v\\u0000w\",\"key\":\"k1\",\"node\":2,\"none\":\"\","
                                  "\"split\":\"t/3\"}\n");
    script_free(script);
    fixture_deinit(&f);
    ROWS({"return { s = meta(copy(r)).split }", "{}", NULL, "the record that the function"});
}

static CU_TestInfo cases[] = {{"scalars", scalars},
                              {"nested values", nested},
                              {"what is returned", results},
                              {"errors", errors},
                              {"stale records", stale},
                              {"copies", copies},
                              {"has, next, array", has_next_array},
                              {"where it comes from", origins},
                              CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("lua/record", cases))
