// SPDX-License-Identifier: MIT
#include "cli/command.h"
#include "cli/http_get.h"
#include "cli/peer.h"

#include <string.h>

// tidemill why: asks a running pipeline what holds a watermark, or a window.

static const struct args_option options[] = {
    PEER_OPTIONS,
    {"pipeline", 0, "NAME", "which, where several that run together have such a node"},
    {"json", 'j', NULL, "as JSON"},
    {0},
};

enum { PATH_MAX_BYTES = 8192 };

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

static json_t *ask(const struct args *args, struct error *err)
{
    struct peer peer;
    struct buf path;
    json_t *object = NULL;
    buf_init(&path, PATH_MAX_BYTES);
    int code = peer_init(&peer, args, err);
    if (!code && write_path(args->operands[0], args_text(args, "pipeline"), &path))
        code = error_set(err, ERR_INPUT, "a name that is too long");
    if (!code)
        object = peer_get(&peer, buf_cstr(&path), err);
    buf_deinit(&path);
    peer_deinit(&peer);
    return object;
}

static void print_list(const json_t *object, const char *name, const char *before)
{
    size_t i;
    json_t *line;
    json_array_foreach (json_object_get(object, name), i, line)
        printf("%s%s\n", before, json_string_value(line));
}

static void show(const json_t *object, bool as_json)
{
    if (as_json) {
        json_dumpf(object, stdout, JSON_COMPACT);
        puts("");
        return;
    }
    print_list(object, "lines", "");
    if (json_array_size(json_object_get(object, "release")))
        puts("let go by:");
    print_list(object, "release", "  - ");
}

static enum exit_status run(const struct args *args)
{
    if (args->operand_count != 1)
        return command_misused(&command_why,
                               args->operand_count ? "one node at a time" : "which node?");
    struct error err = ERROR_INIT;
    json_t *object = ask(args, &err);
    if (!object)
        return command_fail(&err);
    show(object, args_flag(args, "json"));
    json_decref(object);
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
