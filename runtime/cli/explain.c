// SPDX-License-Identifier: MIT
#include "base/reason.h"
#include "cli/command.h"
#include "cli/error_pages.h"
#include "config/problems.h"

#include <string.h>

// tidemill explain: what an error's code means, and what to do about it.

static const struct args_option options[] = {
    {"json", 'j', NULL, "as JSON"},
    {0},
};

enum { TEXT_MAX_BYTES = 1 << 20, CODE_MAX = 64 };

static int list(struct buf *out)
{
    struct error_page page;
    size_t cursor = 0;
    int code = 0;
    while (!code && error_page_next(&page, &cursor))
        code = buf_printf(out, "%-20.*s %.*s\n", (int)page.code_len, page.code,
                          (int)page.summary_len, page.summary);
    return code;
}

static int list_json(struct buf *out)
{
    struct error_page page;
    size_t cursor = 0;
    int code = buf_putc(out, '[');
    for (bool first = true; !code && error_page_next(&page, &cursor); first = false) {
        if (!first)
            code = buf_puts(out, ",\n");
        if (!code)
            code = error_page_json(&page, out);
    }
    return code ? code : buf_puts(out, "]\n");
}

// "[unknown-key]", as it stands in a message, will do as well.
static void strip(const char *given, char code[CODE_MAX])
{
    given += *given == '[';
    snprintf(code, CODE_MAX, "%s", given);
    size_t len = strlen(code);
    if (len && code[len - 1] == ']')
        code[len - 1] = 0;
}

static int explain(const char *given, bool json, struct buf *out, struct error *err)
{
    struct error_page page;
    char code[CODE_MAX];
    strip(given, code);
    if (!error_page_find(&page, code)) {
        const char *near = nearest_name(code, reason_codes());
        return error_set(err, ERR_INPUT, "no error has the code '%s'%s%s%s", given,
                         near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    int failed = json ? error_page_json(&page, out) : error_page_print(&page, out);
    if (!failed && json)
        failed = buf_putc(out, '\n');
    return failed;
}

static enum exit_status run(const struct args *args)
{
    if (args->operand_count > 1)
        return command_misused(&command_explain, "one code at a time");
    struct error err = ERROR_INIT;
    struct buf text;
    buf_init(&text, TEXT_MAX_BYTES);
    bool json = args_flag(args, "json");
    int code = args->operand_count ? explain(args->operands[0], json, &text, &err)
               : json              ? list_json(&text)
                                   : list(&text);
    if (code && !err.len)
        error_nomem(&err);
    if (!code)
        fputs(buf_cstr(&text), stdout);
    buf_deinit(&text);
    if (code)
        return command_fail(&err);
    return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
}

const struct command command_explain = {
    .name = "explain",
    .help = "what the code of an error means, with an example that is wrong and one that is right",
    .operands = "[CODE]",
    .options = options,
    .details = "Each error ends with its code in brackets. Without CODE: all of them.\n",
    .example = "  tidemill explain unknown-key\n",
    .run = run,
};
