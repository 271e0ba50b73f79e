// SPDX-License-Identifier: MIT
#include "config/topology.h"
#include "base/alloc.h"
#include "base/error.h"
#include "config/build.h"
#include "config/defaults.h"
#include "config/graph.h"
#include "config/load.h"
#include "config/text.h"

#include <string.h>

// The top level without what has its own rules, so that sections are not made data as well.
static struct tree *plain_top(struct build *build)
{
    static const char *const aside[] = {"connections", "sources", "operators", "sinks",
                                        "defaults",    "tests",   "include",   NULL};
    struct tree *map = tree_new(build->pool, TREE_MAP, build->top->place);
    for (uint32_t i = 0; map && i < build->top->count; i++) {
        const struct tree_item *item = &build->top->items[i];
        const char *const *name = aside;
        while (*name && strcmp(*name, item->key) != 0)
            name++;
        if (!*name && !tree_add(build->pool, map, item->key, item->place, item->value))
            return NULL;
    }
    return map;
}

static void check_pipeline_name(struct build *build, const struct tide_config *top)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    const struct tide_config *name = setting_at(top, "pipeline");
    if (!name)
        return;
    size_t len = strlen(name->text);
    if (!len || len > 64 || strspn(name->text, letters) != len || strchr("._-", *name->text))
        problem_add(build->problems, name->place, REASON_BAD_NAME,
                    "pipeline: '%s' cannot name a pipeline: letters, digits, '_', '-' and '.', a "
                    "letter or digit first, at most 64",
                    name->text);
}

static int build_top(struct build *build, const char *file, struct topology *topology)
{
    const struct tree *map = plain_top(build);
    const tide_option *table = top_options;
    struct tide_config *top = NULL;
    if (!map)
        return tree_failure(build->pool);
    struct place start = {file, 1, 1};
    int code = schema_check(&build->schema, map, start, NULL, &table, 1, false, &top);
    if (code)
        return code;
    topology->top = top;
    check_pipeline_name(build, top);
    topology->pipeline = setting_text(top, "pipeline");
    const struct tree *tests = tree_at(build->top, "tests");
    if (!tests || tree_is_null(tests))
        return 0;
    if (tests->kind != TREE_LIST) {
        problem_add(build->problems, tests->place, REASON_WRONG_VALUE,
                    "tests: expected a list of cases, found %s", tree_kind_name(tests));
        return 0;
    }
    struct tide_config *data = ARENA_NEW(build->arena, struct tide_config);
    if (!data)
        return ERR_NOMEM;
    *data = (struct tide_config){.name = "tests"};
    topology->tests = data;
    return schema_data(&build->schema, tests, data);
}

static void check_parts(struct build *build, const char *file)
{
    uint32_t counts[4] = {0};
    for (uint32_t i = 0; i < build->node_count; i++)
        counts[build->nodes[i].kind]++;
    struct place place = {file, 1, 1};
    if (!counts[NODE_SOURCE] && !tree_find(build->top, "sources"))
        problem_add(build->problems, place, REASON_NO_SOURCE,
                    "no sources: a pipeline reads from at least one");
    if (!counts[NODE_SINK] && !tree_find(build->top, "sinks"))
        problem_add(build->problems, place, REASON_NO_SINK,
                    "no sinks: a pipeline writes to at least one");
    for (uint32_t c = 0; c < build->connection_count; c++) {
        bool used = false;
        for (uint32_t i = 0; i < build->node_count; i++)
            used |= build->nodes[i].connection == (int32_t)c;
        if (!used)
            problem_warn(build->problems, build->connections[c].place, REASON_UNUSED_CONNECTION,
                         "connection '%s' is not used", build->connections[c].name);
    }
}

// All edges, dead letters too: their sinks come behind those who feed them.
static struct graph_edge *all_edges(struct build *build, uint32_t *count)
{
    uint32_t most = build->node_count;
    for (uint32_t i = 0; i < build->node_count; i++)
        most += build->nodes[i].edge_count;
    struct graph_edge *edges = ARENA_ARRAY(build->arena, struct graph_edge, most + 1);
    *count = 0;
    for (uint32_t i = 0; edges && i < build->node_count; i++) {
        const struct draft *draft = &build->nodes[i];
        for (uint32_t e = 0; e < draft->edge_count; e++)
            edges[(*count)++] = (struct graph_edge){draft->edges[e].from, i};
        if (draft->has_dlq)
            edges[(*count)++] = (struct graph_edge){i, draft->dlq};
    }
    return edges;
}

static void say_circle(struct build *build, const uint32_t *order, uint32_t count)
{
    struct buf path;
    buf_init(&path, 1024);
    uint32_t first = 0; // begin with the node that stands first in the file
    for (uint32_t i = 1; i < count; i++)
        if (order[i] < order[first])
            first = i;
    for (uint32_t i = 0; i <= count; i++)
        if (buf_printf(&path, "%s%s", i ? " -> " : "",
                       build->nodes[order[(first + i) % count]].name))
            break;
    problem_add(build->problems, build->nodes[order[first]].place, REASON_CIRCLE,
                "records would go in a circle: %s", buf_cstr(&path));
    buf_deinit(&path);
}

static void fill_node(struct node_spec *spec, const struct draft *draft)
{
    *spec = (struct node_spec){.name = draft->name,
                               .type = draft->type,
                               .kind = draft->kind,
                               .place = draft->place,
                               .common = draft->common,
                               .options = draft->options,
                               .connection = draft->connection,
                               .own_ports = (const char *const *)draft->own_ports};
}

// Drafts in their order to nodes; indices change on the way.
static int emit(struct build *build, const uint32_t *order, struct topology *topology)
{
    uint32_t count = build->node_count;
    topology->nodes = ARENA_ARRAY(build->arena, struct node_spec, count + 1);
    topology->connections =
        ARENA_ARRAY(build->arena, struct node_spec, build->connection_count + 1);
    uint32_t *place_of = ARENA_ARRAY(build->arena, uint32_t, count + 1);
    if (!topology->nodes || !topology->connections || !place_of)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        place_of[order[i]] = i;
    for (uint32_t i = 0; i < count; i++) {
        const struct draft *draft = &build->nodes[order[i]];
        struct node_spec *spec = &topology->nodes[i];
        fill_node(spec, draft);
        spec->inputs = ARENA_ARRAY(build->arena, struct edge_spec, draft->edge_count + 1);
        if (!spec->inputs)
            return ERR_NOMEM;
        spec->input_count = draft->edge_count;
        for (uint32_t e = 0; e < draft->edge_count; e++)
            spec->inputs[e] =
                (struct edge_spec){place_of[draft->edges[e].from], draft->edges[e].port,
                                   draft->edges[e].side, draft->edges[e].place};
    }
    for (uint32_t i = 0; i < build->connection_count; i++)
        fill_node(&topology->connections[i], &build->connections[i]);
    topology->node_count = count;
    topology->connection_count = build->connection_count;
    return 0;
}

static int order_nodes(struct build *build, struct topology *topology)
{
    uint32_t edge_count, circle = 0;
    const struct graph_edge *edges = all_edges(build, &edge_count);
    uint32_t *order = ARENA_ARRAY(build->arena, uint32_t, build->node_count + 1);
    if (!edges || !order)
        return ERR_NOMEM;
    int code = graph_order(build->arena, build->node_count, edges, edge_count, order, &circle);
    if (code)
        return code;
    if (circle) {
        say_circle(build, order, circle);
        return 0;
    }
    return emit(build, order, topology);
}

static int build_all(struct build *build, const struct topology_input *input,
                     struct topology *topology)
{
    int code = load_tree(&build->top, build->pool, input, build->problems);
    if (!code)
        code = build_top(build, input->files[0], topology);
    if (!code)
        code = build_nodes(build);
    if (!code)
        check_parts(build, input->files[0]);
    if (!code)
        code = build_inputs(build);
    if (!code)
        code = order_nodes(build, topology);
    if (!code && !build->problems->errors)
        check_epoch_time(topology, build->problems);
    return code;
}

static int set_dir(struct arena *arena, const char *file, const char **out)
{
    char *dir = text_dirname(file);
    *out = dir ? arena_copy(arena, dir, strlen(dir) + 1) : NULL;
    mem_free(dir);
    return *out ? 0 : ERR_NOMEM;
}

int topology_load(struct topology **out, const struct topology_input *input,
                  const struct catalogue *catalogue, struct problems *problems)
{
    *out = NULL;
    struct tree_pool *pool = mem_alloc(sizeof *pool);
    if (!pool)
        return ERR_NOMEM;
    tree_pool_init(pool);
    struct build build = {.pool = pool,
                          .arena = &pool->arena,
                          .problems = problems,
                          .catalogue = catalogue,
                          .schema = {.arena = &pool->arena, .pool = pool, .problems = problems}};
    struct topology *topology = ARENA_NEW(&pool->arena, struct topology);
    int code = topology ? 0 : ERR_NOMEM;
    if (!code) {
        *topology = (struct topology){.memory = pool};
        build.topology = topology;
        code = set_dir(&pool->arena, input->files[0], &topology->dir);
    }
    if (!code)
        code = build_all(&build, input, topology);
    if (code == ERR_LIMIT) {
        problem_add(problems, (struct place){input->files[0], 0, 0}, REASON_TOO_LARGE,
                    "too large: more than %d values", TREE_NODES_MAX);
        code = ERR_INPUT;
    }
    if (!code && problems->errors)
        code = ERR_INPUT;
    if (!code) {
        *out = topology;
        return 0;
    }
    tree_pool_deinit(pool);
    mem_free(pool);
    return code;
}

void topology_free(struct topology *topology)
{
    if (!topology)
        return;
    struct tree_pool *pool = topology->memory; // it holds the topology as well
    tree_pool_deinit(pool);
    mem_free(pool);
}
