// SPDX-License-Identifier: MIT
#include "engine/script_trial.h"
#include "base/alloc.h"
#include "engine/engine.h"
#include "engine/trial.h"
#include "record/json.h"

#include <string.h>

enum { YAML_MAX = 1 << 20 };

struct script_trial {
    struct catalogue *catalogue;
    struct topology *topology;
    struct trial *trial;
};

static void trial_close(void *op)
{
    struct script_trial *it = op;
    trial_free(it->trial);
    topology_free(it->topology);
    engine_catalogue_free(it->catalogue);
    mem_free(it);
}

// Options as they stand in the test, with every `$` doubled: nothing is interpolated.
static int put_options(struct buf *yaml, const char *options)
{
    size_t len = strlen(options);
    int rc = len > 2 ? buf_puts(yaml, ", ") : 0;
    for (size_t i = 1; i + 1 < len && rc == 0; i++)
        rc = options[i] == '$' ? buf_puts(yaml, "$$") : buf_putc(yaml, options[i]);
    return rc;
}

// The pipeline stands where the script does, which is found by the last part of its path.
static int put_yaml(struct buf *yaml, const char *script, const char *type, const char *options)
{
    const char *slash = strrchr(script, '/');
    const char *name = slash ? slash + 1 : script;
    const char *from = strcmp(type, "route") == 0 ? "it.unmatched" : "it";
    int rc = buf_printf(yaml,
                        "pipeline: test\nsources: { in: { type: stdio, event_time: record } }\n"
                        "sinks: { out: { type: 'null', inputs: %s } }\n"
                        "operators: { it: { type: %s, inputs: in, script: ",
                        from, type);
    if (rc == 0)
        rc = json_write_string(name, strlen(name), yaml);
    if (rc == 0 && strcmp(type, "process") == 0 && !strstr(options, "\"key_by\""))
        rc = buf_puts(yaml, ", key_by: '@key'");
    if (rc == 0)
        rc = put_options(yaml, options);
    return rc != 0 ? rc : buf_puts(yaml, " } }\n");
}

static int load(struct script_trial *it, struct registry *registry, const char *script,
                struct buf *yaml, struct error *err)
{
    struct problems problems;
    problems_init(&problems);
    struct topology_input input = {.files = &script, .file_count = 1, .text = buf_cstr(yaml)};
    int rc = topology_load(&it->topology, &input, it->catalogue, &problems);
    if (rc == 0)
        rc = trial_new(&it->trial, it->topology, registry, 1, &problems);
    if (rc != 0)
        error_set(err, rc, "%s", problems.count ? problems.items[0].text : error_meaning(rc));
    problems_deinit(&problems);
    return rc;
}

static int trial_open(void *arg, void **op, const char *script, const char *type,
                      const char *options, struct error *err)
{
    struct registry *registry = arg;
    struct script_trial *it = mem_zalloc(sizeof *it);
    if (!it)
        return error_nomem(err);
    struct buf yaml;
    buf_init(&yaml, YAML_MAX);
    int rc = engine_catalogue(&it->catalogue, registry, err);
    if (rc == 0 && put_yaml(&yaml, script, type, options) != 0)
        rc = error_set(err, ERR_LIMIT, "the options are too long");
    if (rc == 0)
        rc = load(it, registry, script, &yaml, err);
    buf_deinit(&yaml);
    if (rc != 0)
        trial_close(it);
    else
        *op = it;
    return rc;
}

static int send(void *op, const char *json, size_t len, int64_t time, const char *key,
                struct error *err)
{
    const struct script_trial *it = op;
    struct trial_record record = {.json = json, .json_len = len, .time = time, .key = key};
    return trial_send(it->trial, "it", NULL, &record, err);
}

static int watermark(void *op, int64_t ms, struct error *err)
{
    const struct script_trial *it = op;
    return trial_watermark(it->trial, "it", NULL, -1, ms, err);
}

static int advance(void *op, int64_t ms, struct error *err)
{
    const struct script_trial *it = op;
    return trial_advance(it->trial, ms, err);
}

static int take(void *op, const char *port, struct buf *out, struct error *err)
{
    const struct script_trial *it = op;
    struct buf from;
    buf_init(&from, 256);
    int rc = strcmp(port, "out") == 0 ? buf_puts(&from, "it") : buf_printf(&from, "it.%s", port);
    rc = rc != 0 ? error_set(err, rc, "the port's name is too long")
                 : trial_take(it->trial, buf_cstr(&from), out, err);
    buf_deinit(&from);
    return rc;
}

struct script_test_host script_trial_host(struct registry *registry)
{
    return (struct script_test_host){.arg = registry,
                                     .open = trial_open,
                                     .close = trial_close,
                                     .send = send,
                                     .watermark = watermark,
                                     .advance = advance,
                                     .take = take};
}
