// SPDX-License-Identifier: MIT
#include "script_fixture.h"

// agg {...} as columns, its finish, and aggregates by hand.

static void columns(void)
{
    struct fixture f;
    fixture_init(&f);
    struct script *script = fixture_load(
        &f,
        "return agg { total = agg.sum 'bytes', n = agg.count(), a = agg.avg 'x.y', version = 3,\n"
        "finish = function(r, w) return r end }");
    CU_ASSERT_PTR_NOT_NULL_FATAL(script);
    CU_ASSERT_EQUAL(script_kind(script), SCRIPT_AGG);
    CU_ASSERT_EQUAL(script_version(script), 3);
    CU_ASSERT_TRUE(script_has(script, "finish"));
    CU_ASSERT_FALSE(script_has(script, "init"));
    const struct agg_column *found;
    CU_ASSERT_EQUAL_FATAL(script_agg_columns(script, &found), 3);
    static const struct agg_column wanted[] = {
        {"a", AGG_AVG, "x.y", 0}, {"n", AGG_COUNT, NULL, 0}, {"total", AGG_SUM, "bytes", 0}};
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_STRING_EQUAL(found[i].name, wanted[i].name);
        CU_ASSERT_EQUAL(found[i].function, wanted[i].function);
        CU_ASSERT_EQUAL(found[i].field == NULL, wanted[i].field == NULL);
        if (found[i].field && wanted[i].field)
            CU_ASSERT_STRING_EQUAL(found[i].field, wanted[i].field);
    }
    script_free(script);
    fixture_deinit(&f);
}

static void parsing(void)
{
    static const struct {
        const char *text;
        int rc;
        enum agg_function function;
        const char *field; // or part of the error
    } rows[] = {
        {"sum(receive_bytes)", 0, AGG_SUM, "receive_bytes"},
        {"count()", 0, AGG_COUNT, NULL},
        {"stddev(a.b)", 0, AGG_STDDEV, "a.b"},
        {"rate()", 0, AGG_RATE, NULL},
        {"rate(bytes)", 0, AGG_RATE, "bytes"},
        {"quantile(rtt, 0.95)", 0, AGG_QUANTILE, "rtt"},
        {"quantile(rtt ,1 )", 0, AGG_QUANTILE, "rtt"},
        {"topk(a.b,3)", 0, AGG_TOPK, "a.b"},
        {"ewma(x)", 0, AGG_EWMA, "x"},
        {"sum(a,b)", 0, AGG_SUM, "a,b"},
        {"quantile(rtt)", ERR_INPUT, AGG_SUM, "wants q as well, as in quantile(field, 0.95)"},
        {"quantile(rtt, p)", ERR_INPUT, AGG_SUM, "' p' is no number"},
        {"quantile(rtt, 0.5x)", ERR_INPUT, AGG_SUM, "' 0.5x' is no number"},
        {"quantile(rtt, 95)", ERR_INPUT, AGG_SUM, "q is a number from 0 to 1, not 95"},
        {"quantile(rtt, nan)", ERR_INPUT, AGG_SUM, "q is a number from 0 to 1, not nan"},
        {"topk(x, 2.5)", ERR_INPUT, AGG_SUM, "k is a whole number from 1 to 100, not 2.5"},
        {"ewma(x, 0)", ERR_INPUT, AGG_SUM, "alpha is a number from above 0 to 1, not 0"},
        {"collect(x, 0)", ERR_INPUT, AGG_SUM, "limit is a whole number from 1"},
        {"collect(, 3)", ERR_INPUT, AGG_SUM, "wants a field"},
        {"sum()", ERR_INPUT, AGG_SUM, "wants a field"},
        {"sun(x)", ERR_INPUT, AGG_SUM, "did you mean 'sum'?"},
        {"sum", ERR_INPUT, AGG_SUM, "is not like sum(field)"},
        {"sum(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa)", ERR_INPUT, AGG_SUM, "too long"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct agg_column column = {0};
        char field[32];
        struct error err = ERROR_INIT;
        CU_ASSERT_EQUAL(agg_parse(rows[i].text, &column, field, sizeof field, &err), rows[i].rc);
        if (rows[i].rc != 0) {
            CHECK_HAS(err.text, rows[i].field);
            continue;
        }
        CU_ASSERT_EQUAL(column.function, rows[i].function);
        CU_ASSERT_EQUAL(column.field == NULL, rows[i].field == NULL);
        if (column.field && rows[i].field)
            CU_ASSERT_STRING_EQUAL(column.field, rows[i].field);
    }
}

static void parameters(void)
{
    static const struct {
        const char *column, *error; // NULL: none
        double parameter;
    } rows[] = {
        {"agg.quantile('rtt', 0.95)", NULL, 0.95},
        {"agg.topk('src', 3)", NULL, 3},
        {"agg.ewma 'x'", NULL, 0.3},
        {"agg.rate()", NULL, 0},
        {"agg.distinct 'x'", NULL, 0},
        {"agg.quantile 'x'", "agg.quantile wants q as well, as in agg.quantile(\"bytes\", 0.95)",
         0},
        {"agg.quantile('x', 2)", "agg.quantile(field, q): q is a number from 0 to 1, not 2", 0},
        {"agg.collect('x', 1.5)", "limit is a whole number from 1 to 100000, not 1.5", 0},
        {"agg.topk(nil, 1)", "agg.topk wants the name of a field", 0},
        {"agg.sum('x', 1)", "agg.sum wants the name of a field, and nothing else", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fixture f;
        char source[128];
        const struct agg_column *found;
        fixture_init(&f);
        snprintf(source, sizeof source, "return agg { a = %s }", rows[i].column);
        struct script *script = fixture_load(&f, source);
        CU_ASSERT_EQUAL_FATAL(script == NULL, rows[i].error != NULL);
        if (script) {
            CU_ASSERT_EQUAL_FATAL(script_agg_columns(script, &found), 1);
            CU_ASSERT_EQUAL(found[0].parameter, rows[i].parameter);
        } else {
            CHECK_HAS(f.err.text, rows[i].error);
        }
        script_free(script);
        fixture_deinit(&f);
    }
}

static const struct script_window minute = {
    .start = 60000, .end = 120000, .pane = 1, .key_json = "[\"r1\",7]"};

static void declared_finish(void)
{
    struct fixture f;
    fixture_init(&f);
    struct script *script = fixture_load(
        &f, "return agg { total = agg.sum 'bytes', finish = function(r, w)\n"
            "if r.total == 0 then return drop end\nr.rate = r.total / (w.duration / 1000)\n"
            "r.w = { w.start, w['end'], w.pane, w.key[1], w.key[2] }\nreturn r end }");
    CU_ASSERT_PTR_NOT_NULL_FATAL(script);
    fixture_input(&f, "{\"total\":120}\n{\"total\":0}\n{}");
    bool kept;
    CU_ASSERT_EQUAL(script_agg_finish(script, f.batch, 0, &minute, &kept, &f.err), 0);
    CU_ASSERT_TRUE(kept);
    (void)fixture_done(&f, 0, true);
    CHECK_TEXT(buf_cstr(&f.text), "{\"total\":120,\"rate\":2.0,\"w\":[60000,120000,1,\"r1\",7]}\n");
    CU_ASSERT_EQUAL(script_agg_finish(script, f.batch, 1, &minute, &kept, &f.err), 0);
    CU_ASSERT_FALSE(kept);
    CU_ASSERT_EQUAL(script_agg_finish(script, f.batch, 2, &minute, &kept, &f.err), ERR_DATA);
    CHECK_HAS(f.err.text, "t.lua:3: attempt to perform arithmetic on a nil value (field 'total')");
    script_free(script);
    fixture_deinit(&f);
}

struct folding {
    struct fixture *f;
    struct buf accs[2];
};

static struct buf *next_acc(void *arg, uint32_t index, uint32_t round)
{
    struct folding *folding = arg;
    return round < 2 && index != 1 ? &folding->accs[round] : NULL; // record 1 is left out
}

static enum script_verdict fold_failed(void *arg, uint32_t index, const struct error *err)
{
    struct folding *folding = arg;
    return fixture_failed(folding->f, index, err);
}

static void by_hand(void)
{
    struct fixture f;
    fixture_init(&f);
    struct script *script = fixture_load(
        &f, "return { version = 2,\ninit = function() return { n = 0, list = array{} } end,\n"
            "add = function(a, r) if r.skip then return a end\na.n = a.n + r.v\n"
            "a.list[#a.list + 1] = r.v\nreturn a end,\n"
            "merge = function(a, b) return { n = a.n + b.n, list = b.list } end,\n"
            "finish = function(a, w) return { n = a.n, l = a.list, at = w.start } end }");
    CU_ASSERT_PTR_NOT_NULL_FATAL(script);
    CU_ASSERT_EQUAL(script_kind(script), SCRIPT_TABLE);
    CU_ASSERT_EQUAL(script_version(script), 2);
    struct folding folding = {.f = &f};
    for (int i = 0; i < 2; i++) {
        buf_init(&folding.accs[i], 1000);
        CU_ASSERT_EQUAL(script_init(script, &folding.accs[i], &f.err), 0);
    }
    CHECK_TEXT(buf_cstr(&folding.accs[0]), "{\"list\":[],\"n\":0}");
    fixture_input(&f, "{\"v\":1}\n{\"v\":100}\n{\"v\":\"x\"}\n{\"skip\":true}\n{\"v\":2.5}");
    struct script_fold fold = {.arg = &folding, .next = next_acc, .failed = fold_failed};
    CU_ASSERT_EQUAL(script_fold(script, f.batch, &fold, &f.err), 0);
    CU_ASSERT_EQUAL(f.failed, 1);
    CHECK_HAS(f.err.text, "t.lua:4: attempt to add a 'number' with a 'string'");
    CHECK_TEXT(buf_cstr(&folding.accs[0]), "{\"list\":[1,2.5],\"n\":3.5}");
    CHECK_TEXT(buf_cstr(&folding.accs[1]), "{\"list\":[1,2.5],\"n\":3.5}");
    CU_ASSERT_EQUAL(script_merge(script, &folding.accs[0], &folding.accs[1], &f.err), 0);
    CHECK_TEXT(buf_cstr(&folding.accs[0]), "{\"list\":[1,2.5],\"n\":7.0}");
    bool kept;
    uint32_t at = f.batch->count;
    CU_ASSERT_EQUAL(script_finish(script, &folding.accs[0], &minute, f.batch, &kept, &f.err), 0);
    CU_ASSERT_TRUE(kept);
    CU_ASSERT_EQUAL_FATAL(f.batch->count, at + 1);
    (void)fixture_done(&f, at, true);
    CHECK_TEXT(buf_cstr(&f.text), "{\"at\":60000,\"l\":[1,2.5],\"n\":7.0}\n");
    for (int i = 0; i < 2; i++)
        buf_deinit(&folding.accs[i]);
    script_free(script);
    fixture_deinit(&f);
}

// Accumulators that are no tables, and what init and add must not return.
static void accumulators(void)
{
    struct fixture f;
    fixture_init(&f);
    struct buf acc;
    buf_init(&acc, 100);
    struct script *script = fixture_load(&f, "return { init = function() return 40 end,\n"
                                             "merge = function(a, b) return a + b end,\n"
                                             "finish = function(a) return { a = a } end }");
    CU_ASSERT_PTR_NOT_NULL_FATAL(script);
    CU_ASSERT_EQUAL(script_init(script, &acc, &f.err), 0);
    struct buf two = {.data = (char[]){"2"}, .len = 1};
    CU_ASSERT_EQUAL(script_merge(script, &acc, &two, &f.err), 0);
    CHECK_TEXT(buf_cstr(&acc), "42");
    CU_ASSERT_EQUAL(script_fold(script, NULL, NULL, &f.err), ERR_INPUT);
    CHECK_TEXT(f.err.text, "the script has no function 'add'");
    script_free(script);
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"return { init = function() end }", "init returned nothing"},
        {"return { init = function() return drop end }", "init returned drop"},
        {"return { init = function() return 0/0 end }", "NaN"},
        {"return { init = function() return ('x'):rep(200) end }", "larger than 100 bytes"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        script = fixture_load(&f, rows[i].text);
        CU_ASSERT_PTR_NOT_NULL_FATAL(script);
        CU_ASSERT_EQUAL(script_init(script, &acc, &f.err), ERR_DATA);
        CHECK_HAS(f.err.text, rows[i].error);
        CHECK_TEXT(buf_cstr(&acc), "42"); // as it was
        script_free(script);
    }
    buf_deinit(&acc);
    fixture_deinit(&f);
}

static CU_TestInfo cases[] = {{"columns", columns},       {"columns of YAML", parsing},
                              {"parameters", parameters}, {"finish of agg", declared_finish},
                              {"by hand", by_hand},       {"accumulators", accumulators},
                              CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("lua/agg", cases))
