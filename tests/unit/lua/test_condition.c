// SPDX-License-Identifier: MIT
#include "lua/condition_text.h"
#include "script_fixture.h"

// Expressions over a record's fields: what becomes a field and what the library, truth, errors.

static void rewriting(void)
{
    static const struct {
        const char *text, *lua, *calls, *fields; // lists: names with a blank behind each
    } rows[] = {
        {"status >= 500", "status >= 500", "", "status "},
        {"string.lower(method) ~= \"get\"", "library__.string.lower(method) ~= \"get\"", "string ",
         "method "},
        {"time == time.now()", "time == library__.time.now()", "time ", "time "},
        {"tostring (x) == 'x'", "library__.tostring (x) == 'x'", "tostring ", "x "},
        {"type'x' == type{a=b}", "library__.type'x' == library__.type{a=b}", "type type ", "b "},
        {"method:lower() == 'a'", "method:lower() == 'a'", "", "method "},
        {"r['device-id'] == 1 and has(r, 'x')", "r['device-id'] == 1 and library__.has(r, 'x')",
         "has ", ""},
        {"a.b.c..d == 'x'", "a.b.c..d == 'x'", "", "a d "},
        {"not (a and b or nil)", "not (a and b or nil)", "", "a b "},
        {"n > 0x1F and m < 1e-3 and k == .5", "n > 0x1F and m < 1e-3 and k == .5", "", "n m k "},
        {"s == 'it\\'s end'", "s == 'it\\'s end'", "", "s "},
        {"math.max(a, math.pi) > 2", "library__.math.max(a, math.pi) > 2", "math ", "a math "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out, calls, fields;
        buf_init(&out, 1000);
        buf_init(&calls, 1000);
        buf_init(&fields, 1000);
        CU_ASSERT_EQUAL(condition_rewrite(rows[i].text, &out, &calls, &fields, NULL), 0);
        for (size_t j = 0; j < calls.len; j++)
            calls.data[j] = calls.data[j] ? calls.data[j] : ' ';
        for (size_t j = 0; j < fields.len; j++)
            fields.data[j] = fields.data[j] ? fields.data[j] : ' ';
        CHECK_TEXT(buf_cstr(&out), rows[i].lua);
        CHECK_TEXT(buf_cstr(&calls), rows[i].calls);
        CHECK_TEXT(buf_cstr(&fields), rows[i].fields);
        buf_deinit(&out);
        buf_deinit(&calls);
        buf_deinit(&fields);
    }
}

static struct script *condition(struct fixture *f, const char *text)
{
    struct script_source source = fixture_source(f, NULL);
    source.name = "p.yaml:12";
    struct script *script = NULL;
    error_clear(&f->err);
    return script_condition(&script, &source, text, &f->err) == 0 ? script : NULL;
}

static void truth(void)
{
    static const struct {
        const char *text, *in;
        bool kept;
    } rows[] = {
        {"status >= 500", "{\"status\":500}", true},
        {"status >= 500", "{\"status\":499}", false},
        {"(status or 0) >= 500", "{}", false},
        {"math.floor(x / 2) == 3 and x % 2 == 1", "{\"x\":7}", true},
        {"string.lower(m) == 'get'", "{\"m\":\"GeT\"}", true},
        {"m:upper() == 'GET'", "{\"m\":\"GeT\"}", true},
        {"has(r, 'x') and x == nil", "{\"x\":null}", true},
        {"r['device-id'] == 7", "{\"device-id\":7}", true},
        {"a.b[2] == 'y'", "{\"a\":{\"b\":[1,\"y\"]}}", true},
        {"time == 5", "{\"time\":5}", true},
        {"time.duration('1m') == wait", "{\"wait\":60000}", true},
        {"flag", "{\"flag\":false}", false},
        {"flag", "{\"flag\":0}", true},
        {"status >= 500 and\nmethod ~= 'GET'", "{\"status\":500,\"method\":\"PUT\"}", true},
    };
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct script *script = condition(&f, rows[i].text);
        CU_ASSERT_PTR_NOT_NULL(script);
        if (!script) {
            fprintf(stderr, "\n  %s: %s\n", rows[i].text, f.err.text);
            continue;
        }
        const char *out = fixture_run(&f, script, SCRIPT_CALL_FILTER, rows[i].in);
        CU_ASSERT_EQUAL(out[0] != 0, rows[i].kept);
        CU_ASSERT_EQUAL(f.failed, 0);
        if (f.failed)
            fprintf(stderr, "\n  %s: %s\n", rows[i].text, f.err.text);
        script_free(script);
    }
    fixture_deinit(&f);
}

static void wrong(void)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"", "p.yaml:12: the condition is empty"},
        {"a b", "p.yaml:12: "},
        {"return a", "'return' has no place in a condition"},
        {"x end os = 1 if y then", "'end' has no place in a condition"},
        {"x) (y", "p.yaml:12: a ')' without its '('"},
        {"a -- comment", "a comment has no place"},
        {"a == 'x", "a string is not closed"},
        {"math.floo(x) == 1", NULL},
        {"foo(x)", "p.yaml:12: global 'foo' is not defined"},
        {"a = 1", "p.yaml:12:"},
        {"a; b", "';' has no place"},
    };
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct script *script = condition(&f, rows[i].text);
        if (rows[i].error) {
            CU_ASSERT_PTR_NULL(script);
            CHECK_HAS(f.err.text, rows[i].error);
        }
        script_free(script);
    }
    struct script *script = condition(&f, "status >= 500");
    CU_ASSERT_PTR_NOT_NULL_FATAL(script);
    (void)fixture_run(&f, script, SCRIPT_CALL_FILTER, "{\"x\":1}");
    CHECK_TEXT(f.err.text,
               "p.yaml:12: attempt to compare number with nil; field 'status' is absent "
               "in this record: write (status or 0)");
    (void)fixture_run(&f, script, SCRIPT_CALL_FILTER, "{\"status\":null}");
    CHECK_HAS(f.err.text, "field 'status' is null in this record");
    (void)fixture_run(&f, script, SCRIPT_CALL_FILTER, "{\"status\":\"x\"}");
    CHECK_TEXT(f.err.text, "p.yaml:12: attempt to compare number with string");
    script_free(script);
    script = condition(&f, "a and\n\nb + 1 > 2");
    CU_ASSERT_PTR_NOT_NULL_FATAL(script);
    (void)fixture_run(&f, script, SCRIPT_CALL_FILTER, "{\"a\":1}");
    CHECK_HAS(f.err.text, "p.yaml:14: attempt to perform arithmetic on a nil value (field 'b')");
    script_free(script);
    fixture_deinit(&f);
}

static CU_TestInfo cases[] = {
    {"rewriting", rewriting}, {"truth", truth}, {"errors", wrong}, CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("lua/condition", cases))
