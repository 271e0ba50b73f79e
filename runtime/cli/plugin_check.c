// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "cli/plugin.h"
#include "cli/terminal.h"
#include "kit/kit.h"

#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// tidemill plugin check: one line a check, as they come.

enum { TIMEOUT_MS = 20000, TIMEOUT_MAX_MS = 3600000 };

struct report {
    json_t *json; // a list; NULL: text
    unsigned passed, failed, skipped;
    bool wrong;
};

static const char *status_name(int32_t status)
{
    static const char *const names[] = {"ok", "FAIL", "skip", "wrong"};
    return names[status];
}

static void print_json(struct report *report, const struct kit_result *result)
{
    json_t *row = json_pack("{s:s, s:s}", "check", result->name, "status",
                            result->status == KIT_FAIL ? "fail" : status_name(result->status));
    if (result->found[0])
        json_object_set_new(row, "found", json_string(result->found));
    if (result->wanted[0])
        json_object_set_new(row, "wanted", json_string(result->wanted));
    if (result->rule[0])
        json_object_set_new(row, "rule", json_string(result->rule));
    json_array_append_new(report->json, row);
}

static void print_text(const struct kit_result *result)
{
    enum style style = result->status == KIT_FAIL ? STYLE_BAD : STYLE_OFF;
    printf("%s%-4s%s %s", terminal_style(stdout, style), status_name(result->status),
           terminal_style(stdout, STYLE_OFF), result->name);
    if (result->found[0])
        printf(": %s", result->found);
    if (result->wanted[0])
        printf("; wanted: %s (%s)", result->wanted, result->rule);
    putchar('\n');
    (void)fflush(stdout);
}

static void take(void *arg, const struct kit_result *result)
{
    struct report *report = arg;
    if (result->status == KIT_WRONG) {
        report->wrong = true;
        fprintf(stderr, "tidemill: error: %s\n", result->found);
        return;
    }
    report->passed += result->status == KIT_OK;
    report->failed += result->status == KIT_FAIL;
    report->skipped += result->status == KIT_SKIP;
    if (report->json)
        print_json(report, result);
    else
        print_text(result);
}

static bool is_part(const char *name)
{
    return !strcmp(name, "source") || !strcmp(name, "sink") || !strcmp(name, "connection");
}

static int read_options(struct kit_options *kit, const struct args *args, const char **sets,
                        struct error *err)
{
    int64_t ms;
    struct stat st;
    size_t cursor = 0;
    for (const char *set; (set = args_next(args, "set", &cursor));)
        sets[kit->set_count++] = set;
    kit->sets = sets;
    kit->only = args_text(args, "only");
    kit->feed = args_flag(args, "feed");
    if (kit->only && !is_part(kit->only))
        return error_set(err, ERR_INPUT, "--only '%s': source, sink or connection wanted",
                         kit->only);
    if (args_duration(args, "timeout", TIMEOUT_MS, &ms, err))
        return err->code;
    if (ms < 1 || ms > TIMEOUT_MAX_MS)
        return error_set(err, ERR_INPUT, "--timeout: 1ms to 1h wanted");
    kit->timeout_ms = (uint32_t)ms;
    if (stat(kit->file, &st) || !S_ISREG(st.st_mode))
        return error_set(err, ERR_INPUT, "%s: no such file; a plugin's .so wanted", kit->file);
    return 0;
}

static enum exit_status finish(struct report *report, const char *file)
{
    if (report->json) {
        json_t *all = json_pack("{s:s, s:i, s:i, s:i, s:O}", "file", file, "passed",
                                (int)report->passed, "failed", (int)report->failed, "skipped",
                                (int)report->skipped, "checks", report->json);
        (void)json_dumpf(all, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(all);
        json_decref(report->json);
    } else if (!report->wrong) {
        printf("%u passed, %u failed, %u skipped\n", report->passed, report->failed,
               report->skipped);
    }
    if (fflush(stdout))
        return EXIT_FAILED;
    return report->wrong ? EXIT_WRONG_INPUT : report->failed ? EXIT_FAILED : EXIT_DONE;
}

enum exit_status plugin_check(const struct args *args, const char *file)
{
    struct error err = ERROR_INIT;
    struct kit_options kit = {0};
    struct report report = {.json = args_flag(args, "json") ? json_array() : NULL};
    char real[PATH_MAX]; // checks have other working directories
    const char **sets = mem_array(args->given_count + 1, sizeof *sets);
    kit.file = realpath(file, real) ? real : file;
    int code = sets ? read_options(&kit, args, sets, &err) : error_nomem(&err);
    if (!code)
        code = kit_run(&kit, take, &report, &err);
    enum exit_status status = code ? command_fail(&err) : finish(&report, file);
    mem_free(sets);
    return status;
}
