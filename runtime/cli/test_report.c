// SPDX-License-Identifier: MIT
#include "cli/test_report.h"

#include "base/alloc.h"
#include "cli/verdict.h"
#include "config/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const verdict_names[TEST_VERDICTS] = {"passed", "failed", "broken"};

void test_report_init(struct test_report *report, bool silent)
{
    *report = (struct test_report){.silent = silent};
}

static void free_case(struct test_case *one)
{
    mem_free(one->file);
    mem_free(one->name);
    mem_free(one->message);
}

void test_report_deinit(struct test_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        free_case(&report->cases[i]);
    mem_free(report->cases);
    test_report_init(report, report->silent);
}

void test_report_file(struct test_report *report, const char *file)
{
    if (report->silent)
        return;
    printf("%s\n", file);
    fflush(stdout);
}

// A copy that can be printed; line ends stay.
static char *clean_copy(const char *text)
{
    char *copy = mem_strdup(text);
    for (char *line = copy; line && *line;) {
        size_t len = strcspn(line, "\n");
        (void)text_clean(line, len, len);
        line += len + (line[len] == '\n');
    }
    return copy;
}

int test_report_add(struct test_report *report, const char *file, const char *name,
                    enum test_verdict verdict, const char *message)
{
    report->counts[verdict]++;
    if (mem_grow(&report->cases, &report->cap, report->count + 1, sizeof *report->cases))
        return ERR_NOMEM;
    struct test_case one = {.file = clean_copy(file),
                            .name = clean_copy(name),
                            .message = message ? clean_copy(message) : NULL,
                            .verdict = verdict};
    if (!one.file || !one.name || (message && !one.message)) {
        free_case(&one);
        return ERR_NOMEM;
    }
    report->cases[report->count++] = one;
    if (!report->silent) {
        verdict_print(one.name, verdict == TEST_PASSED);
        if (message)
            verdict_detail(one.message);
    }
    return 0;
}

int test_report_line(const struct test_report *report, struct buf *out)
{
    int code = buf_printf(out, "%zu passed, %zu failed", report->counts[TEST_PASSED],
                          report->counts[TEST_FAILED]);
    if (!code && report->counts[TEST_BROKEN])
        code = buf_printf(out, ", %zu could not be run", report->counts[TEST_BROKEN]);
    return code ? code : buf_putc(out, '\n');
}

// -- JSON --

static int put_json(struct buf *out, const char *name, const char *text)
{
    int code = buf_printf(out, "\"%s\":", name);
    if (!code)
        code = text ? text_json(text, out) : buf_puts(out, "null");
    return code;
}

static int put_case(struct buf *out, const struct test_case *one)
{
    int code = buf_putc(out, '{');
    if (!code)
        code = put_json(out, "file", one->file);
    if (!code)
        code = buf_putc(out, ',');
    if (!code)
        code = put_json(out, "name", one->name);
    if (!code)
        code = buf_printf(out, ",\"verdict\":\"%s\",", verdict_names[one->verdict]);
    if (!code)
        code = put_json(out, "message", one->message);
    return code ? code : buf_putc(out, '}');
}

int test_report_json(const struct test_report *report, struct buf *out)
{
    int code = buf_putc(out, '{');
    for (int i = 0; !code && i < TEST_VERDICTS; i++)
        code = buf_printf(out, "\"%s\":%zu,", verdict_names[i], report->counts[i]);
    if (!code)
        code = buf_puts(out, "\"cases\":[");
    for (size_t i = 0; !code && i < report->count; i++) {
        code = i ? buf_puts(out, ",\n") : 0;
        if (!code)
            code = put_case(out, &report->cases[i]);
    }
    return code ? code : buf_puts(out, "]}\n");
}

// -- JUnit XML --

static int put_xml(struct buf *out, const char *text)
{
    int code = 0;
    for (; !code && *text; text++)
        switch (*text) {
        case '&':
            code = buf_puts(out, "&amp;");
            break;
        case '<':
            code = buf_puts(out, "&lt;");
            break;
        case '>':
            code = buf_puts(out, "&gt;");
            break;
        case '"':
            code = buf_puts(out, "&quot;");
            break;
        case '\n':
            code = buf_puts(out, "&#10;");
            break;
        default:
            code = buf_putc(out, *text);
        }
    return code;
}

static int put_attribute(struct buf *out, const char *name, const char *text)
{
    int code = buf_printf(out, " %s=\"", name);
    if (!code)
        code = put_xml(out, text);
    return code ? code : buf_putc(out, '"');
}

static int put_junit_case(struct buf *out, const struct test_case *one)
{
    int code = buf_puts(out, "    <testcase");
    if (!code)
        code = put_attribute(out, "classname", one->file);
    if (!code)
        code = put_attribute(out, "name", one->name);
    if (code || one->verdict == TEST_PASSED)
        return code ? code : buf_puts(out, "/>\n");
    const char *element = one->verdict == TEST_FAILED ? "failure" : "error";
    code = buf_printf(out, "><%s", element);
    if (!code)
        code = put_attribute(out, "message", one->message ? one->message : "");
    return code ? code : buf_puts(out, "/></testcase>\n");
}

static int put_suite(struct buf *out, const struct test_report *report, size_t from, size_t to)
{
    size_t counts[TEST_VERDICTS] = {0};
    for (size_t i = from; i < to; i++)
        counts[report->cases[i].verdict]++;
    int code = buf_puts(out, "  <testsuite");
    if (!code)
        code = put_attribute(out, "name", report->cases[from].file);
    if (!code)
        code = buf_printf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\">\n", to - from,
                          counts[TEST_FAILED], counts[TEST_BROKEN]);
    for (size_t i = from; !code && i < to; i++)
        code = put_junit_case(out, &report->cases[i]);
    return code ? code : buf_puts(out, "  </testsuite>\n");
}

int test_report_junit(const struct test_report *report, struct buf *out)
{
    int code = buf_printf(out,
                          "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                          "<testsuites tests=\"%zu\" failures=\"%zu\" errors=\"%zu\">\n",
                          report->count, report->counts[TEST_FAILED], report->counts[TEST_BROKEN]);
    for (size_t from = 0, to; !code && from < report->count; from = to) {
        for (to = from + 1; to < report->count; to++)
            if (strcmp(report->cases[to].file, report->cases[from].file) != 0)
                break;
        code = put_suite(out, report, from, to);
    }
    return code ? code : buf_puts(out, "</testsuites>\n");
}
