// SPDX-License-Identifier: MIT
#include "config/build.h"
#include "base/error.h"
#include "config/defaults.h"

#include <string.h>

static const struct {
    enum node_kind kind;
    const char *word, *a_word;
} sections[] = {{NODE_CONNECTION, "connection", "a connection"}, // in the order of section_names
                {NODE_SOURCE, "source", "a source"},
                {NODE_OPERATOR, "operator", "an operator"},
                {NODE_SINK, "sink", "a sink"}};

const char *node_kind_name(enum node_kind kind, bool article)
{
    for (int i = 0; i < 4; i++)
        if (sections[i].kind == kind)
            return article ? sections[i].a_word : sections[i].word;
    return "";
}

int32_t find_draft(const struct draft *drafts, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(drafts[i].name, name) == 0)
            return (int32_t)i;
    return -1;
}

const char *draft_where(struct build *build, const struct draft *draft)
{
    const struct where section = {NULL, draft->section}, where = {&section, draft->name};
    return where_text(&build->schema, &where);
}

static const tide_option *common_table(enum node_kind kind)
{
    switch (kind) {
    case NODE_SOURCE:
        return common_source_options;
    case NODE_OPERATOR:
        return common_operator_options;
    case NODE_SINK:
        return common_sink_options;
    default:
        return common_connection_options;
    }
}

static bool good_name(const char *name)
{
    size_t len = strlen(name);
    const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    return len && len <= 64 && strspn(name, letters) &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-0123456789") == len;
}

static void check_name(struct build *build, const struct tree_item *item, const char *a_word)
{
    if (!good_name(item->key)) {
        problem_add(build->problems, item->place, REASON_BAD_NAME,
                    "'%s' cannot name %s: letters, digits, _ and -, a letter or _ first, at most "
                    "64",
                    item->key, a_word);
    }
    const struct draft *other = NULL;
    int32_t at = find_draft(build->connections, build->connection_count, item->key);
    if (at >= 0)
        other = &build->connections[at];
    else if ((at = find_draft(build->nodes, build->node_count, item->key)) >= 0)
        other = &build->nodes[at];
    if (other)
        problem_add(build->problems, item->place, REASON_NAME_TAKEN,
                    "'%s' names %s already (%s:%u)", item->key, node_kind_name(other->kind, true),
                    other->place.file ? other->place.file : "", other->place.line);
}

static int collect_node(struct build *build, const char *section, int index,
                        const struct tree_item *item)
{
    check_name(build, item, sections[index].a_word);
    if (item->value->kind != TREE_MAP) {
        problem_add(build->problems, item->value->place, REASON_WRONG_VALUE,
                    "%s.%s: expected a map of options such as { type: ... }, found %s", section,
                    item->key,
                    tree_is_empty(item->value) ? "nothing" : tree_kind_name(item->value));
        build->edges_unknown = true;
    }
    if (build->node_count + build->connection_count >= NODES_MAX) {
        problem_add(build->problems, item->place, REASON_TOO_LARGE, "more than %d nodes",
                    NODES_MAX);
        return ERR_INPUT;
    }
    bool is_connection = sections[index].kind == NODE_CONNECTION;
    struct draft *draft = is_connection ? &build->connections[build->connection_count++]
                                        : &build->nodes[build->node_count++];
    *draft = (struct draft){.section = section,
                            .name = item->key,
                            .kind = sections[index].kind,
                            .place = item->place,
                            .tree = item->value,
                            .broken = item->value->kind != TREE_MAP,
                            .connection = -1};
    return 0;
}

static int collect_section(struct build *build, int index)
{
    const char *name = section_names[index];
    const struct tree_item *section = tree_find(build->top, name);
    if (!section)
        return 0;
    const struct tree *tree = section->value;
    bool empty = !tree->count && (tree->kind != TREE_SCALAR || tree_is_empty(tree));
    if (empty || tree_is_null(tree))
        problem_add(build->problems, section->place, REASON_WRONG_VALUE,
                    "%s: nothing in it; name %s or leave the section out", name,
                    sections[index].a_word);
    else if (tree->kind != TREE_MAP)
        problem_add(build->problems, section->place, REASON_WRONG_VALUE,
                    "%s: expected a map of named nodes, found %s", name, tree_kind_name(tree));
    build->edges_unknown |= tree->kind != TREE_MAP;
    for (uint32_t i = 0; tree->kind == TREE_MAP && i < tree->count; i++)
        if (collect_node(build, name, index, &tree->items[i]))
            return 0; // too many: said once
    return 0;
}

// What there is of a kind, with `topic` where that is resolved by the connection.
static const char *const *type_names(struct build *build, enum node_kind kind)
{
    const char *const *names = build->catalogue->names(build->catalogue, kind);
    uint32_t count = 0;
    while (names && names[count])
        count++;
    const char **all = ARENA_ARRAY(build->arena, const char *, count + 2);
    if (!all)
        return NULL;
    for (uint32_t i = 0; i < count; i++)
        all[i] = names[i];
    if (kind == NODE_SOURCE || kind == NODE_SINK)
        all[count++] = "topic";
    all[count] = NULL;
    return all;
}

static void say_no_type(struct build *build, const struct draft *draft, struct place place)
{
    const char *const *names = type_names(build, draft->kind);
    const char *near = names ? nearest_name(draft->type, names) : NULL;
    const char *word = node_kind_name(draft->kind, false);
    const char *refusal = draft->kind != NODE_OPERATOR && build->catalogue->refusal
                              ? build->catalogue->refusal(build->catalogue, draft->type)
                              : NULL;
    if (refusal) {
        problem_add(build->problems, place, REASON_UNUSABLE_PLUGIN,
                    "the plugin '%s' cannot be used: %s", draft->type, refusal);
        return;
    }
    if (near) {
        problem_add(build->problems, place, REASON_UNKNOWN_TYPE,
                    "there is no %s of type '%s'; did you mean '%s'?", word, draft->type, near);
        return;
    }
    struct buf list;
    buf_init(&list, 1024);
    for (uint32_t i = 0; names && names[i]; i++)
        if (buf_printf(&list, "%s%s", i ? ", " : "", names[i]))
            break;
    problem_add(build->problems, place, REASON_UNKNOWN_TYPE,
                "there is no %s of type '%s'; there are: %s", word, draft->type,
                list.len ? buf_cstr(&list) : "none");
    buf_deinit(&list);
}

// The connection a node names; -1: none, or unknown (said, *bad).
static int32_t named_connection(struct build *build, const struct draft *draft, bool *bad)
{
    const struct tree *name = draft->kind == NODE_SOURCE || draft->kind == NODE_SINK
                                  ? tree_at(draft->tree, "connection")
                                  : NULL;
    if (!name || name->kind != TREE_SCALAR || tree_is_null(name))
        return -1;
    int32_t index = find_draft(build->connections, build->connection_count, name->text);
    if (index >= 0)
        return index;
    *bad = true;
    const char **names = ARENA_ARRAY(build->arena, const char *, build->connection_count + 1);
    uint32_t count = 0;
    for (; names && count < build->connection_count; count++)
        names[count] = build->connections[count].name;
    if (names)
        names[count] = NULL;
    const char *near = names ? nearest_name(name->text, names) : NULL;
    problem_add(build->problems, name->place, REASON_UNKNOWN_CONNECTION,
                "'%s' names no connection%s%s%s", name->text,
                near    ? "; did you mean '"
                : count ? ""
                        : "; there are none",
                near ? near : "", near ? "'?" : "");
    return -1;
}

// `topic` becomes the type of its connection. False: it cannot (said).
static bool resolve_topic(struct build *build, struct draft *draft, struct place place)
{
    if (draft->connection < 0) {
        problem_add(build->problems, place, REASON_MISSING_KEY,
                    "%s: type 'topic' needs 'connection', which says where topics are (a 'log' or "
                    "'kafka')",
                    draft_where(build, draft));
        return false;
    }
    const struct draft *connection = &build->connections[draft->connection];
    if (!connection->type || !connection->entry)
        return false;
    draft->type = connection->type;
    draft->entry = build->catalogue->find(build->catalogue, draft->kind, draft->type);
    if (!draft->entry)
        problem_add(build->problems, place, REASON_WRONG_CONNECTION,
                    "%s: connection '%s' is a '%s', which has no topics", draft_where(build, draft),
                    connection->name, connection->type);
    return draft->entry != NULL;
}

static void check_connection_type(struct build *build, const struct draft *draft)
{
    if (draft->connection < 0 || !draft->entry)
        return;
    const struct draft *connection = &build->connections[draft->connection];
    if (connection->type && connection->entry && strcmp(connection->type, draft->type) != 0)
        problem_add(build->problems, tree_at(draft->tree, "connection")->place,
                    REASON_WRONG_CONNECTION, "%s: connection '%s' is a '%s', not a '%s'",
                    draft_where(build, draft), connection->name, connection->type, draft->type);
}

static void find_type(struct build *build, struct draft *draft)
{
    bool bad = false;
    draft->connection = named_connection(build, draft, &bad);
    const struct tree *type = tree_at(draft->tree, "type");
    if (!type || type->kind != TREE_SCALAR || tree_is_null(type) || !*type->text)
        return; // the schema says it
    draft->type = type->text;
    bool topics = draft->kind == NODE_SOURCE || draft->kind == NODE_SINK;
    if (topics && strcmp(draft->type, "topic") == 0) {
        if (!bad)
            (void)resolve_topic(build, draft, type->place);
        return;
    }
    draft->entry = build->catalogue->find(build->catalogue, draft->kind, draft->type);
    if (!draft->entry)
        say_no_type(build, draft, type->place);
    check_connection_type(build, draft);
}

static void check_together(struct build *build, const struct draft *draft)
{
    const struct tide_config *time = setting_at(draft->common, "event_time");
    if (time && (setting_at(time, "from") != NULL) == (setting_at(time, "field") != NULL))
        problem_add(build->problems, time->place, REASON_WRONG_VALUE,
                    "%s.event_time: expected record or { field, unit }", draft_where(build, draft));
    const struct tide_config *script = setting_at(draft->common, "script");
    const struct tide_config *lua = setting_at(draft->common, "lua");
    if (script && lua)
        problem_add(build->problems, lua->place, REASON_CONFLICT,
                    "%s: either 'script' or 'lua', not both", draft_where(build, draft));
}

static int check_options(struct build *build, struct draft *draft)
{
    if (draft->broken)
        return 0;
    const struct where section = {NULL, draft->section}, where = {&section, draft->name};
    const tide_option *tables[] = {common_table(draft->kind),
                                   draft->entry ? draft->entry->options : NULL};
    struct tide_config *settings[2] = {NULL, NULL};
    int code = schema_check(&build->schema, draft->tree, draft->place, &where, tables, 2,
                            !draft->entry, settings);
    if (code)
        return code;
    draft->common = settings[0];
    draft->options = settings[1];
    check_together(build, draft);
    (void)on_error_read(&draft->on_error, draft->common, draft_where(build, draft),
                        build->problems);
    return 0;
}

// An option of `defaults` that no node of the section knows is a mistake.
static void check_defaults(struct build *build, const char *section, enum node_kind kind)
{
    enum { MAX = 64 };
    const struct tree *defaults = tree_at(build->top, "defaults");
    const struct tree *map = defaults ? tree_at(defaults, section) : NULL;
    const tide_option *tables[MAX] = {common_table(kind)};
    uint32_t count = 1;
    bool unknown_type = false;
    const struct draft *drafts = kind == NODE_CONNECTION ? build->connections : build->nodes;
    uint32_t n = kind == NODE_CONNECTION ? build->connection_count : build->node_count;
    for (uint32_t i = 0; map && i < n; i++) {
        if (drafts[i].kind != kind)
            continue;
        unknown_type |= !drafts[i].entry;
        if (drafts[i].entry && drafts[i].entry->options && count < MAX)
            tables[count++] = drafts[i].entry->options;
    }
    const struct where where = {NULL, "defaults"}, here = {&where, section};
    if (map && map->kind == TREE_MAP && !unknown_type)
        schema_keys(&build->schema, map, &here, tables, count);
}

int build_nodes(struct build *build)
{
    build->connections = ARENA_ARRAY(build->arena, struct draft, NODES_MAX);
    build->nodes = ARENA_ARRAY(build->arena, struct draft, NODES_MAX);
    if (!build->connections || !build->nodes)
        return ERR_NOMEM;
    for (int i = 0; section_names[i]; i++)
        (void)collect_section(build, i);
    for (uint32_t i = 0; i < build->connection_count; i++)
        find_type(build, &build->connections[i]);
    for (uint32_t i = 0; i < build->node_count; i++)
        find_type(build, &build->nodes[i]);
    int code = 0;
    for (uint32_t i = 0; i < build->connection_count && !code; i++)
        code = check_options(build, &build->connections[i]);
    for (uint32_t i = 0; i < build->node_count && !code; i++)
        code = check_options(build, &build->nodes[i]);
    for (int i = 0; section_names[i] && !code; i++)
        check_defaults(build, section_names[i], sections[i].kind);
    return code;
}
