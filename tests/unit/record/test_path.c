// SPDX-License-Identifier: MIT
#include "record/path.h"
#include "record/template.h"
#include "support/unit.h"
#include "unit/record/lane.h"

static const char text[] =
    "{\"a\":1,\"o\":{\"x\":{\"y\":\"deep\"},\"l\":[10,{\"k\":true},[7]],\"a.b\":2,\"\\u00e9\":3,"
    "\"d\":1,\"d\":2,\"e\":\"\\n\"},\"a.b\":4,\"n\":null,\"f\":1.5,\"0\":5}";

static const struct {
    const char *path, *wanted; // as JSON; NULL: absent
} paths[] = {
    {"a", "1"},          {"o.x.y", "\"deep\""},
    {"o.l.0", "10"},     {"o.l.1.k", "true"},
    {"o.l.2.0", "7"},    {"o.l.3", NULL},
    {"o.l.x", NULL},     {"o.a\\.b", "2"},
    {"a\\.b", "4"},      {"a.b", NULL},
    {"o.\xc3\xa9", "3"}, {"o.d", "2"},
    {"o.e", "\"\\n\""},  {"n", "null"},
    {"n.x", NULL},       {"o.x", "{\"y\":\"deep\"}"},
    {"zz.y", NULL},      {"0", "5"},
    {"o.l.00", NULL},    {"o.x.y.z", NULL},
};

static void check_paths(struct lane *lane, struct record *r)
{
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct path path;
        CU_ASSERT_EQUAL_FATAL(path_compile(&path, paths[i].path, &lane->err), 0);
        struct value value = path_read(lane->batch, r, &path);
        buf_clear(&lane->out);
        if (value.type != VALUE_ABSENT)
            CU_ASSERT_EQUAL(json_write_value(value, &lane->out, NULL), 0);
        CHECK_TEXT(buf_cstr(&lane->out), paths[i].wanted ? paths[i].wanted : "");
        path_deinit(&path);
    }
}

static void test_reads(void)
{
    struct lane lane;
    lane_init(&lane);
    struct record *r = lane_record(&lane, text);
    check_paths(&lane, r);
    CU_ASSERT_PTR_NULL(r->cells); // nothing was entered for that
    struct node *o = node_enter(lane.batch, r, 1);
    CU_ASSERT_PTR_NOT_NULL(node_enter_member(lane.batch, o, 1));
    check_paths(&lane, r);
    lane_deinit(&lane);
}

static void test_bad_paths(void)
{
    static const char *const bad[] = {"", ".", "a.", ".a", "a..b", "a\\b", "a\\"};
    struct path path;
    struct error err = ERROR_INIT;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_EQUAL(path_compile(&path, bad[i], &err), ERR_INPUT);
    CU_ASSERT_EQUAL(path_compile(&path, "a..b", &err), ERR_INPUT);
    CHECK_TEXT(err.text, "field path 'a..b': an empty name");
}

static const struct {
    const char *tpl;
    int64_t time;
    const char *wanted; // an error starts with '!'
} templates[] = {
    {"plain.txt", TIME_NONE, "plain.txt"},
    {"", TIME_NONE, ""},
    {"{a}", TIME_NONE, "1"},
    {"x-{o.x.y}-{f}-{a}.{{y}}", TIME_NONE, "x-deep-1.5-1.{y}"},
    {"{date}/{hour}", 1700000123456, "2023-11-14/22"},
    {"{date}/{hour}", -1, "1969-12-31/23"},
    {"{date}", TIME_NONE, "!{date}: the record has neither such a field nor a time"},
    {"{gone}", 0, "!{gone}: the field is absent; expected a string, number or boolean"},
    {"ab{n}", 0, "!{n}: the field is null; expected a string, number or boolean"},
    {"{o.l}", 0, "!{o.l}: the field is array; expected a string, number or boolean"},
    {"a{b", 0, "!template 'a{b': '{b': the brace is not closed"},
    {"a{}b", 0, "!template 'a{}b': '{}': a field name is missing"},
    {"a}b", 0, "!template 'a}b': a closing brace without an opening one (write '}}')"},
    {"{a{b}", 0, "!template '{a{b}': '{a{b}': a brace inside a field name"},
    {"{a..b}", 0, "!template '{a..b}': field path 'a..b': an empty name"},
};

static void test_templates(void)
{
    struct lane lane;
    lane_init(&lane);
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++) {
        struct template *tpl;
        struct record *r = lane_record(&lane, text);
        r->time = templates[i].time;
        buf_clear(&lane.out);
        int code = template_new(&tpl, templates[i].tpl, &lane.err);
        if (!code) {
            CU_ASSERT_EQUAL(template_is_constant(tpl), !strchr(templates[i].tpl, '{'));
            code = template_expand(lane.batch, r, tpl, &lane.out, &lane.err);
            CU_ASSERT(code == 0 || lane.out.len == 0);
            template_free(tpl);
        }
        if (code) {
            buf_puts(&lane.out, "!");
            buf_puts(&lane.out, lane.err.text);
        }
        CHECK_TEXT(buf_cstr(&lane.out), templates[i].wanted);
    }
    lane_deinit(&lane);
}

// A field of that name comes before the time.
static void test_date_field(void)
{
    struct lane lane;
    struct template *tpl;
    lane_init(&lane);
    struct record *r = lane_record(&lane, "{\"date\":\"today\"}");
    r->time = 0;
    CU_ASSERT_EQUAL_FATAL(template_new(&tpl, "{date}-{hour}", NULL), 0);
    CU_ASSERT_EQUAL(template_expand(lane.batch, r, tpl, &lane.out, NULL), 0);
    CHECK_TEXT(buf_cstr(&lane.out), "today-00");
    template_free(tpl);
    lane_deinit(&lane);
}

static CU_TestInfo cases[] = {
    {"paths lead to members", test_reads},
    {"paths that are none", test_bad_paths},
    {"templates", test_templates},
    {"a field named date", test_date_field},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("path", cases))
