// SPDX-License-Identifier: MIT
#include "cli/state.h"
#include "cli/pipeline.h"
#include "cli/state_json.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

// tidemill state: looks into the checkpoints of a pipeline, also of one that runs.

static const struct args_option options[] = {
    PIPELINE_OPTIONS,
    {"checkpoint", 'c', "N", "get, export: of this one, not of the newest"},
    {"key", 'k', "JSON", "get: the entries of this key alone: '[\"a\", 3]', or '\"a\"'"},
    {"json", 'j', NULL, "ls: as JSON"},
    {0},
};

enum { KEY_MAX_BYTES = 1 << 20 };

// -- where --

// The directory <checkpoint.dir>/<pipeline>.
static int place_of_dir(const char *path, struct state_place *out, struct error *err)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    (void)snprintf(out->dir, sizeof out->dir, "%.*s", (int)len, path);
    const char *slash = strrchr(out->dir, '/');
    const char *name = slash ? slash + 1 : out->dir;
    if (len >= sizeof out->dir || strlen(name) >= sizeof out->pipeline)
        return error_set(err, ERR_INPUT, "%.64s...: the name is too long", path);
    (void)snprintf(out->pipeline, sizeof out->pipeline, "%s", name);
    return 0;
}

static int place_of_pipeline(const struct pipeline *pipeline, struct state_place *out,
                             struct error *err)
{
    const struct topology *topology = pipeline->topology;
    const char *dir = setting_text(topology->top, "checkpoint.dir");
    if (!dir)
        return error_set(err, ERR_INPUT, "%s makes no checkpoints: it has no `checkpoint:`",
                         topology->pipeline);
    int len = snprintf(out->dir, sizeof out->dir, "%s/%s", dir, topology->pipeline);
    int name = snprintf(out->pipeline, sizeof out->pipeline, "%s", topology->pipeline);
    if (len >= (int)sizeof out->dir || name >= (int)sizeof out->pipeline)
        return error_set(err, ERR_INPUT, "%.64s...: the name is too long", dir);
    out->of_pipeline = true;
    out->keep = (uint32_t)setting_int(topology->top, "checkpoint.keep", 1);
    out->decided_elsewhere = engine_connection_decides(pipeline->engine);
    return 0;
}

static enum exit_status find_place(const struct args *args, const char *path,
                                   struct state_place *out)
{
    struct error err = ERROR_INIT;
    struct stat st;
    *out = (struct state_place){.keep = 1};
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return place_of_dir(path, out, &err) ? command_fail(&err) : EXIT_DONE;
    struct pipeline pipeline;
    enum exit_status status = pipeline_load(&pipeline, path, args);
    if (status)
        return status;
    int code = place_of_pipeline(&pipeline, out, &err);
    pipeline_free(&pipeline);
    return code ? command_fail(&err) : EXIT_DONE;
}

static int print(json_t *line, struct error *err)
{
    int bad = line ? json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(17)) : -1;
    json_decref(line);
    if (bad)
        return error_nomem(err);
    return putchar('\n') == '\n' ? 0 : error_set(err, ERR_IO, "standard output");
}

// -- ls --

static uint64_t count_entries(const struct store_part *part)
{
    struct image_reader reader = {part->bytes, part->bytes + part->len};
    struct image_entry entry;
    uint64_t count = 0;
    for (int bad = 0; image_next(&reader, &entry, &bad);)
        count++;
    return count;
}

static bool is_shown(const struct store_part *part)
{
    return part->kind == STORE_SOURCE || part->kind == STORE_STATE || part->kind == STORE_SINK;
}

static json_t *parts_json(const struct checkpoint *checkpoint)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < checkpoint->part_count; i++) {
        const struct store_part *part = &checkpoint->parts[i];
        if (is_shown(part))
            json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I}", "part",
                                                  state_kind_name(part->kind), "node", part->node,
                                                  "entries", (json_int_t)count_entries(part),
                                                  "bytes", (json_int_t)part->len));
    }
    return list;
}

static int list_json(const struct store *store, const struct checkpoint *newest,
                     const struct state_place *place, struct error *err)
{
    json_t *heads = json_array();
    for (uint32_t i = 0; i < store_count(store); i++)
        json_array_append_new(heads, state_head_json(store_at(store, i), place->pipeline));
    return print(json_pack("{s:o, s:o, s:I}", "checkpoints", heads, "nodes", parts_json(newest),
                           "bytes", (json_int_t)store_bytes(store)),
                 err);
}

static void print_head(const struct checkpoint_head *head)
{
    char when[32] = "?";
    time_t seconds = (time_t)(head->wall_ms / 1000);
    struct tm utc;
    if (gmtime_r(&seconds, &utc))
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    printf("checkpoint %" PRIu64 "  %s%s\n", head->number, when,
           head->finished ? "  finished" : "");
}

static int list(struct store *store, const struct checkpoint *newest,
                const struct state_place *place, const struct args *args, struct error *err)
{
    if (args_flag(args, "json"))
        return list_json(store, newest, place, err);
    for (uint32_t i = 0; i < store_count(store); i++)
        print_head(store_at(store, i));
    for (uint32_t i = 0; i < newest->part_count; i++) {
        const struct store_part *part = &newest->parts[i];
        if (is_shown(part))
            printf("  %-8s %-24s %10" PRIu64 " entries %12zu bytes\n", state_kind_name(part->kind),
                   part->node, count_entries(part), part->len);
    }
    return 0;
}

// -- get, export --

static int print_entries(const struct store_part *part, const struct buf *key, struct error *err)
{
    struct image_reader reader = {part->bytes, part->bytes + part->len};
    struct image_entry entry;
    int bad = 0, code = 0;
    while (!code && image_next(&reader, &entry, &bad))
        if (!key ||
            (entry.key && entry.key_len == key->len && memcmp(entry.key, key->data, key->len) == 0))
            code = print(state_entry_json(part->node, &entry), err);
    return bad ? error_set(err, ERR_CORRUPT, "%s: what the checkpoint has of it is damaged",
                           part->node)
               : code;
}

// "a" is short for ["a"].
static int read_key(const char *text, struct buf *out, struct error *err)
{
    json_t *fields = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (fields && !json_is_array(fields))
        fields = json_pack("[o]", fields);
    int code = fields ? state_key_read(fields, out, err)
                      : error_set(err, ERR_INPUT, "'%s' is not JSON", text);
    json_decref(fields);
    return code ? error_prefix(err, "--key") : 0;
}

static int get(const struct checkpoint *from, const char *node, const struct args *args,
               struct error *err)
{
    const struct store_part *part = checkpoint_part(from, STORE_STATE, node);
    const char *text = args_text(args, "key");
    struct buf key;
    if (!part)
        return error_set(err, ERR_INPUT, "checkpoint %" PRIu64 " has no state of a node '%s'",
                         from->head.number, node);
    buf_init(&key, KEY_MAX_BYTES);
    int code = text ? read_key(text, &key, err) : 0;
    if (!code)
        code = print_entries(part, text ? &key : NULL, err);
    buf_deinit(&key);
    return code;
}

static int export(const struct checkpoint *from, const char *node, const struct state_place *place,
                  struct error *err)
{
    bool any = !node;
    int code = print(state_head_json(&from->head, place->pipeline), err);
    for (uint32_t i = 0; i < from->part_count && !code; i++) {
        const struct store_part *part = &from->parts[i];
        if (node && strcmp(node, part->node) != 0)
            continue;
        any = true;
        code = print(state_part_json(part), err);
        if (!code && part->kind == STORE_STATE)
            code = print_entries(part, NULL, err);
    }
    return code || any ? code
                       : error_set(err, ERR_INPUT, "checkpoint %" PRIu64 " has no node '%s'",
                                   from->head.number, node);
}

// -- the command --

static int show(struct store *store, const struct state_place *place, const struct args *args,
                struct error *err)
{
    const char *what = args->operands[0];
    const char *node = args->operand_count > 2 ? args->operands[2] : NULL;
    uint32_t count = store_count(store);
    struct checkpoint *from;
    int64_t number = 0;
    int code = args_count(args, "checkpoint", 1, INT64_MAX,
                          count ? (int64_t)store_at(store, count - 1)->number : 0, &number, err);
    if (!code && !count)
        return error_set(err, ERR_INPUT, "%s: there is no checkpoint yet", place->dir);
    if (!code)
        code = store_load(store, (uint64_t)number, &from, err);
    if (code)
        return code;
    if (strcmp(what, "ls") == 0)
        code = list(store, from, place, args, err);
    else
        code =
            strcmp(what, "get") == 0 ? get(from, node, args, err) : export(from, node, place, err);
    checkpoint_free(from);
    return code;
}

static int look(const struct state_place *place, const struct args *args, struct error *err)
{
    const struct store_options read_only = {.keep = 1, .read_only = true};
    struct store *store;
    int code = store_open(&store, place->dir, place->pipeline, &read_only, err);
    if (code)
        return code;
    code = show(store, place, args, err);
    store_close(store);
    return code;
}

// Whether the operands are those of the word.
static bool is_well_said(const struct args *args)
{
    static const struct {
        const char *word;
        size_t least, most;
    } words[] = {{"ls", 2, 2}, {"get", 3, 3}, {"export", 2, 3}, {"import", 2, 2}};
    for (size_t i = 0; args->operand_count && i < sizeof words / sizeof *words; i++)
        if (strcmp(args->operands[0], words[i].word) == 0)
            return args->operand_count >= words[i].least && args->operand_count <= words[i].most;
    return false;
}

static enum exit_status run(const struct args *args)
{
    struct state_place place;
    struct error err = ERROR_INIT;
    if (!is_well_said(args))
        return command_misused(&command_state, "ls WHERE, get WHERE NODE, export WHERE [NODE], or "
                                               "import FILE");
    bool imports = strcmp(args->operands[0], "import") == 0;
    enum exit_status status = find_place(args, args->operands[1], &place);
    if (status)
        return status;
    if (imports && !place.of_pipeline)
        return command_misused(&command_state, "import is told the pipeline, which knows what else "
                                               "keeps its place, not a directory");
    if (imports ? state_import(&place, &err) : look(&place, args, &err))
        return command_fail(&err);
    return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
}

const struct command command_state = {
    .name = "state",
    .help = "look into a pipeline's checkpoints; take state out and put it in",
    .operands = "ls|get|export|import WHERE [NODE]",
    .options = options,
    .details =
        "WHERE: a pipeline, or the directory of its checkpoints (./state/NAME); it may run.\n"
        "ls: the checkpoints that can be gone back to, and what the newest has of each node.\n"
        "get: a node's entries, as JSON lines. export: all, or one node, as JSON lines.\n"
        "import: makes a checkpoint of such lines on standard input; what they do not have stays\n"
        "as in the newest. The pipeline must not run, and no connection may decide about its\n"
        "checkpoints. What the lines mean: docs/state-format.md.\n",
    .example = "  tidemill state ls totals.yaml\n"
               "  tidemill state get totals.yaml sums --key '\"a\"'\n",
    .run = run,
};
