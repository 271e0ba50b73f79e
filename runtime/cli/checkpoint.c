// SPDX-License-Identifier: MIT
#include "base/clock.h"
#include "cli/command.h"
#include "cli/http_get.h"
#include "cli/peer.h"

#include <jansson.h>
#include <poll.h>
#include <string.h>

// tidemill checkpoint: has a running pipeline make one now, and waits until it is there.

static const struct args_option options[] = {
    PEER_OPTIONS,
    {"pipeline", 0, "NAME", "which, where several run together"},
    {"within", 0, "SECONDS", "how long to wait for it; default 60"},
    {"json", 'j', NULL, "as JSON"},
    {0},
};

enum { PATH_MAX_BYTES = 8192 };
enum { POLL_MS = 20, WITHIN_S = 60, WITHIN_MAX_S = 86400 };

struct asking {
    struct peer peer;
    char pipeline[256];
    uint64_t after;
};

static int begin(struct asking *asking, const char *pipeline, struct error *err)
{
    struct buf path;
    buf_init(&path, PATH_MAX_BYTES);
    int code = buf_puts(&path, "/api/v1/checkpoint");
    if (!code && pipeline)
        code = buf_puts(&path, "?pipeline=");
    if (!code && pipeline)
        code = http_escape(pipeline, &path);
    json_t *object = code ? NULL : peer_post(&asking->peer, buf_cstr(&path), err);
    if (code)
        error_set(err, ERR_INPUT, "a name that is too long");
    buf_deinit(&path);
    const char *name = json_string_value(json_object_get(object, "pipeline"));
    (void)snprintf(asking->pipeline, sizeof asking->pipeline, "%s", name ? name : "");
    asking->after = (uint64_t)json_integer_value(json_object_get(object, "after"));
    json_decref(object);
    return object ? 0 : err->code;
}

static json_t *find(const json_t *all, const char *pipeline)
{
    size_t i;
    json_t *one;
    json_array_foreach (json_object_get(all, "checkpoints"), i, one) {
        const char *name = json_string_value(json_object_get(one, "pipeline"));
        if (name && strcmp(name, pipeline) == 0)
            return one;
    }
    return NULL;
}

static bool will_come(const json_t *one)
{
    const char *status = json_string_value(json_object_get(one, "status"));
    return status && strcmp(status, "failed") != 0 && strcmp(status, "done") != 0 &&
           strcmp(status, "restarting") != 0;
}

// One look: the checkpoint in *out, or NULL when it is not there yet.
static int look(const struct asking *asking, json_t **out, struct error *err)
{
    json_t *all = peer_get(&asking->peer, "/api/v1/checkpoints", err);
    const json_t *one = find(all, asking->pipeline);
    if (all && json_integer_value(json_object_get(one, "number")) > (json_int_t)asking->after)
        *out = json_deep_copy(one);
    else if (all && !will_come(one))
        error_set(err, ERR_RETRY, "%s has ended before its checkpoint was there", asking->pipeline);
    json_decref(all);
    return err->code;
}

static int await(const struct asking *asking, int64_t within_s, json_t **out, struct error *err)
{
    int64_t end_ns = clock_mono_ns(clock_system()) + within_s * 1000000000;
    int code;
    while ((code = look(asking, out, err)) == 0 && !*out) {
        if (clock_mono_ns(clock_system()) > end_ns)
            return error_set(err, ERR_RETRY,
                             "no checkpoint of %s within %lld s: what holds it up "
                             "stands in its log",
                             asking->pipeline, (long long)within_s);
        poll(NULL, 0, POLL_MS);
    }
    return code;
}

static void show(const json_t *one, bool as_json)
{
    if (as_json) {
        json_dumpf(one, stdout, 0);
        puts("");
        return;
    }
    printf("%s: checkpoint %lld, %.1f ms, %lld bytes on disk\n",
           json_string_value(json_object_get(one, "pipeline")),
           (long long)json_integer_value(json_object_get(one, "number")),
           json_number_value(json_object_get(one, "took_ms")),
           (long long)json_integer_value(json_object_get(one, "bytes")));
}

static int make_one(const struct args *args, struct error *err)
{
    struct asking asking = {0};
    int64_t within = WITHIN_S;
    json_t *made = NULL;
    int code = peer_init(&asking.peer, args, err);
    if (!code)
        code = args_count(args, "within", 1, WITHIN_MAX_S, WITHIN_S, &within, err);
    if (!code)
        code = begin(&asking, args_text(args, "pipeline"), err);
    if (!code)
        code = await(&asking, within, &made, err);
    if (!code)
        show(made, args_flag(args, "json"));
    json_decref(made);
    peer_deinit(&asking.peer);
    return code;
}

static enum exit_status run(const struct args *args)
{
    if (args->operand_count)
        return command_misused(&command_checkpoint, "it takes options only");
    struct error err = ERROR_INIT;
    if (make_one(args, &err))
        return command_fail(&err);
    return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
}

const struct command command_checkpoint = {
    .name = "checkpoint",
    .help = "have a running pipeline make a checkpoint now",
    .options = options,
    .details =
        "Waits until it is made and durable, and prints its number, the time that it took and\n"
        "what the store takes on the disk. The pipeline must run with --http.\n",
    .example = "  tidemill checkpoint --http 127.0.0.1:9090\n",
    .run = run,
};
