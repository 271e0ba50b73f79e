// SPDX-License-Identifier: MIT
#include "cli/command.h"
#include "cli/data.h"
#include "cli/http_get.h"

#include <string.h>

// tidemill why: asks a running pipeline what holds a watermark, or a window.

static const struct args_option options[] = {
    {"http", 0, "ADDR", "where the pipeline serves (run --http); default 127.0.0.1:9090"},
    {"http-token-file", 0, "FILE", "the token that it wants, if it wants one"},
    {"pipeline", 0, "NAME", "which, where several that run together have such a node"},
    {"json", 'j', NULL, "as JSON"},
    {0},
};

enum { ANSWER_MAX_BYTES = 16 << 20, PATH_MAX_BYTES = 8192, TOKEN_MAX_BYTES = 4096 };

// "average" or "average@2026-11-22T22:50:00Z".
static int write_path(const char *operand, const char *pipeline, struct buf *out)
{
    const char *at = strchr(operand, '@');
    struct buf node;
    buf_init(&node, PATH_MAX_BYTES);
    int code = buf_append(&node, operand, at ? (size_t)(at - operand) : strlen(operand));
    if (!code)
        code = buf_puts(out, "/api/v1/why?node=");
    if (!code)
        code = http_escape(buf_cstr(&node), out);
    if (!code && at)
        code = buf_puts(out, "&end=");
    if (!code && at)
        code = http_escape(at + 1, out);
    if (!code && pipeline)
        code = buf_puts(out, "&pipeline=");
    if (!code && pipeline)
        code = http_escape(pipeline, out);
    buf_deinit(&node);
    return code;
}

static int ask(const struct args *args, int *status, struct buf *answer, struct error *err)
{
    struct buf path, token;
    const char *address = args_text(args, "http"), *file = args_text(args, "http-token-file");
    buf_init(&path, PATH_MAX_BYTES);
    buf_init(&token, TOKEN_MAX_BYTES);
    int code = http_read_token(file, &token, err);
    if (!code && write_path(args->operands[0], args_text(args, "pipeline"), &path))
        code = error_set(err, ERR_INPUT, "a name that is too long");
    if (!code)
        code = http_get(address ? address : "127.0.0.1:9090", buf_cstr(&path),
                        file ? buf_cstr(&token) : NULL, status, answer, err);
    buf_deinit(&path);
    buf_deinit(&token);
    return code;
}

static void print_list(const json_t *object, const char *name, const char *before)
{
    size_t i;
    json_t *line;
    json_array_foreach (json_object_get(object, name), i, line)
        printf("%s%s\n", before, json_string_value(line));
}

// Prints what was answered, or makes it an error.
static int show(int status, struct buf *answer, bool as_json, struct error *err)
{
    json_t *object = json_loadb(answer->data, answer->len, 0, NULL);
    const char *why = json_string_value(json_object_get(object, "error"));
    int code = 0;
    if (status == 404 && why)
        code = error_set(err, ERR_INPUT, "%s", why);
    else if (status != 200 || !object)
        code = error_set(err, ERR_RETRY, "%s", why ? why : buf_cstr(answer));
    else if (as_json)
        fputs(buf_cstr(answer), stdout);
    if (!code && !as_json) {
        print_list(object, "lines", "");
        if (json_array_size(json_object_get(object, "release")))
            puts("let go by:");
        print_list(object, "release", "  - ");
    }
    json_decref(object);
    return code;
}

static enum exit_status run(const struct args *args)
{
    if (args->operand_count != 1)
        return command_misused(&command_why,
                               args->operand_count ? "one node at a time" : "which node?");
    struct error err = ERROR_INIT;
    struct buf answer;
    int status = 0;
    buf_init(&answer, ANSWER_MAX_BYTES);
    int code = ask(args, &status, &answer, &err);
    if (!code)
        code = show(status, &answer, args_flag(args, "json"), &err);
    buf_deinit(&answer);
    if (code)
        return command_fail(&err);
    return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
}

const struct command command_why = {
    .name = "why",
    .help = "what holds a node's watermark, or one of its windows, in a running pipeline",
    .operands = "NODE[@END]",
    .options = options,
    .details =
        "Names the inputs from NODE to the split that has come least far, since when it has not\n"
        "moved, and what would let it go. END: the end of a window, in ms or RFC 3339. The "
        "pipeline\n"
        "must run with --http. A pipeline with TLS is asked with another client, at\n"
        "/api/v1/why?node=NODE&end=END, which answers what --json prints.\n",
    .example = "  tidemill why average --http 127.0.0.1:9090\n",
    .run = run,
};
