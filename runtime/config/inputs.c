// SPDX-License-Identifier: MIT
#include "config/build.h"
#include "base/error.h"

#include <string.h>

// Edges: each node's `inputs`, and where its dead letters go.

struct reader { // one node's inputs while they are read
    struct build *build;
    struct draft *draft;
};

static const char *const *names_of(struct build *build, bool sinks)
{
    const char **names = ARENA_ARRAY(build->arena, const char *, build->node_count + 1);
    uint32_t count = 0;
    for (uint32_t i = 0; names && i < build->node_count; i++)
        if ((build->nodes[i].kind == NODE_SINK) == sinks)
            names[count++] = build->nodes[i].name;
    if (names)
        names[count] = NULL;
    return names;
}

// A near name is taken for the one that was meant: what it leads to needs no word of its own.
static void say_no_node(struct build *build, const char *name, const char *what, bool sinks,
                        struct place place)
{
    const char *const *names = names_of(build, sinks);
    const char *near = names ? nearest_name(name, names) : NULL;
    problem_add(build->problems, place, REASON_UNKNOWN_NODE, "'%s' names no %s%s%s%s", name, what,
                near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    int32_t meant = near ? find_draft(build->nodes, build->node_count, near) : -1;
    if (meant >= 0) {
        build->nodes[meant].out_read = build->nodes[meant].any_read = true;
        build->nodes[meant].takes_dlq |= sinks;
    }
}

// The named ports of a node besides `out`, NULL-terminated, in the arena; NULL: out of memory.
static const char *const *ports_of(struct build *build, const struct draft *draft)
{
    const struct catalogue_entry *entry = draft->entry;
    const struct tide_config *more =
        entry->ports_option ? setting_at(draft->options, entry->ports_option) : NULL;
    uint32_t count = 0, fixed = 0;
    while (entry->ports && entry->ports[fixed])
        fixed++;
    const char **ports = ARENA_ARRAY(build->arena, const char *,
                                     fixed + (more ? more->count : 0) + draft->own_count + 3);
    if (!ports)
        return NULL;
    if (entry->has_out || draft->kind == NODE_SOURCE)
        ports[count++] = "out";
    for (uint32_t i = 0; i < fixed; i++)
        ports[count++] = entry->ports[i];
    for (uint32_t i = 0; more && i < more->count; i++)
        ports[count++] = more->is_list ? more->items[i].text : more->items[i].name;
    for (uint32_t i = 0; i < draft->own_count; i++)
        ports[count++] = draft->own_ports[i];
    ports[count++] = "errors"; // of every node: its failed records
    ports[count] = NULL;
    return ports;
}

static void say_no_port(struct build *build, const struct draft *draft, const char *port,
                        const char *const *ports, struct place place)
{
    struct buf list;
    buf_init(&list, 512);
    for (uint32_t i = 0; ports[i]; i++)
        if (buf_printf(&list, "%s%s", i ? ", " : "", ports[i]))
            break;
    const char *near = port ? nearest_name(port, ports) : NULL;
    if (!port)
        problem_add(build->problems, place, REASON_UNKNOWN_PORT,
                    "'%s' has no unnamed output; name one of its ports: %s", draft->name,
                    list.len ? buf_cstr(&list) : "there is none");
    else if (near)
        problem_add(build->problems, place, REASON_UNKNOWN_PORT,
                    "'%s' has no port '%s'; did you mean '%s'?", draft->name, port, near);
    else
        problem_add(build->problems, place, REASON_UNKNOWN_PORT, "'%s' has no port '%s'; it has %s",
                    draft->name, port, list.len ? buf_cstr(&list) : "none");
    buf_deinit(&list);
}

// False: out of memory.
static bool add_own_port(struct build *build, struct draft *draft, const char *name)
{
    const char **ports = ARENA_ARRAY(build->arena, const char *, draft->own_count + 2);
    if (!ports)
        return false;
    if (draft->own_count)
        memcpy(ports, draft->own_ports, draft->own_count * sizeof *ports);
    ports[draft->own_count++] = name;
    ports[draft->own_count] = NULL;
    draft->own_ports = ports;
    return true;
}

static bool is_listed(const struct draft *draft, const char *name)
{
    const char *option = draft->entry->ports_option;
    const struct tide_config *list = option ? setting_at(draft->options, option) : NULL;
    for (uint32_t i = 0; list && list->is_list && i < list->count; i++)
        if (strcmp(list->items[i].text, name) == 0)
            return true;
    return false;
}

// The ports that nodes name in themselves, but for those that their options list.
static int read_own_ports(struct build *build, struct draft *draft)
{
    const char *const *ports = NULL;
    if (!draft->entry || !draft->entry->own_ports || draft->broken || !draft->common)
        return 0;
    draft->ports_unknown =
        !draft->entry->own_ports(build->topology, draft->common, build->arena, &ports);
    for (uint32_t i = 0; !draft->ports_unknown && ports && ports[i]; i++)
        if (!is_listed(draft, ports[i]) && !add_own_port(build, draft, ports[i]))
            return ERR_NOMEM;
    return 0;
}

// The port as an edge names it, NULL when there is none (said) or memory is out.
static const char *find_port(struct build *build, struct draft *from, const char *port,
                             struct place place)
{
    const char *name = port ? port : "out";
    if (!from->entry) // its type is unknown: anything may be right
        return name;
    const char *const *ports = ports_of(build, from);
    for (uint32_t i = 0; ports && ports[i]; i++)
        if (strcmp(ports[i], name) == 0)
            return ports[i];
    if (ports && from->ports_unknown && port)
        return add_own_port(build, from, name) ? name : NULL;
    if (ports)
        say_no_port(build, from, port, ports, place);
    return NULL;
}

static int add_edge(struct build *build, struct draft *to, struct draft_edge edge)
{
    for (uint32_t i = 0; i < to->edge_count; i++)
        if (to->edges[i].from == edge.from && strcmp(to->edges[i].port, edge.port) == 0 &&
            !edge.side) {
            problem_add(build->problems, edge.place, REASON_REPEATED_INPUT,
                        "'%s' is named twice in the inputs of %s", build->nodes[edge.from].name,
                        draft_where(build, to));
            return 0;
        }
    if (to->edge_count == to->edge_cap) {
        uint32_t cap = to->edge_cap ? to->edge_cap * 2 : 4;
        struct draft_edge *edges = ARENA_ARRAY(build->arena, struct draft_edge, cap);
        if (!edges)
            return ERR_NOMEM;
        if (to->edge_count)
            memcpy(edges, to->edges, to->edge_count * sizeof *edges);
        to->edges = edges;
        to->edge_cap = cap;
    }
    to->edges[to->edge_count++] = edge;
    struct draft *from = &build->nodes[edge.from];
    from->any_read = true;
    from->out_read |= strcmp(edge.port, "out") == 0;
    return 0;
}

// "node" or "node.port".
static int read_input(struct build *build, struct draft *to, const struct tide_config *input,
                      const char *side)
{
    if (!input->text || !*input->text || (input->plain && input->look == LOOKS_NULL)) {
        to->inputs_bad = true;
        build->edges_unknown = true;
        problem_add(build->problems, input->place, REASON_WRONG_VALUE,
                    "%s.inputs: expected a node or node.port, found %s", draft_where(build, to),
                    input->is_map    ? "a map"
                    : input->is_list ? "a list"
                                     : "nothing");
        return 0;
    }
    const char *dot = strchr(input->text, '.');
    size_t len = dot ? (size_t)(dot - input->text) : strlen(input->text);
    char *name = arena_alloc(build->arena, len + 1, 1);
    if (!name)
        return ERR_NOMEM;
    memcpy(name, input->text, len);
    name[len] = 0;
    to->inputs_bad = true; // until the edge is there
    int32_t index = find_draft(build->nodes, build->node_count, name);
    if (index < 0) {
        say_no_node(build, name, "node", false, input->place);
        return 0;
    }
    struct draft *from = &build->nodes[index];
    if (from->kind == NODE_SINK) {
        problem_add(build->problems, input->place, REASON_SINK_AS_INPUT,
                    "'%s' is a sink: nothing comes out of it", name);
        return 0;
    }
    const char *port = find_port(build, from, dot ? dot + 1 : NULL, input->place);
    if (!port) {
        from->out_read = from->any_read = true; // meant: do not complain that nobody reads it
        return 0;
    }
    to->inputs_bad = false;
    return add_edge(build, to, (struct draft_edge){(uint32_t)index, port, side, input->place});
}

static int read_list(struct build *build, struct draft *to, const struct tide_config *list,
                     const char *side)
{
    bool bad = false;
    int code = 0;
    if (!list->is_list)
        return read_input(build, to, list, side);
    for (uint32_t i = 0; i < list->count && !code; i++) {
        code = read_input(build, to, &list->items[i], side);
        bad |= to->inputs_bad;
    }
    to->inputs_bad = bad;
    return code;
}

static int read_sides(struct build *build, struct draft *to, const struct tide_config *map)
{
    bool bad = false;
    int code = 0;
    for (uint32_t i = 0; i < map->count && !code; i++) {
        code = read_list(build, to, &map->items[i], map->items[i].name);
        bad |= to->inputs_bad;
    }
    to->inputs_bad = bad;
    return code;
}

static int read_inputs(struct build *build, struct draft *to)
{
    const struct tide_config *inputs = setting_at(to->common, "inputs");
    if (!inputs || to->kind == NODE_SOURCE)
        return 0;
    bool sides = to->entry && to->entry->sides;
    bool both = to->entry && to->entry->optional_sides;
    if (inputs->is_map == sides || both || !to->entry)
        return inputs->is_map ? read_sides(build, to, inputs) : read_list(build, to, inputs, NULL);
    to->inputs_bad = build->edges_unknown = true;
    problem_add(build->problems, inputs->place, REASON_WRONG_VALUE,
                sides ? "%s.inputs: expected its sides: { left: node, right: node }"
                      : "%s.inputs: expected a node or a list of nodes, found a map",
                draft_where(build, to));
    return 0;
}

static void read_dead_letters(struct build *build, struct draft *draft)
{
    const struct on_error_spec *spec = &draft->on_error;
    if (!spec->dlq_sink)
        return;
    int32_t index = find_draft(build->nodes, build->node_count, spec->dlq_sink);
    if (index < 0) {
        say_no_node(build, spec->dlq_sink, "sink", true, spec->place);
        return;
    }
    struct draft *sink = &build->nodes[index];
    if (sink->kind != NODE_SINK)
        problem_add(build->problems, spec->place, REASON_DEAD_LETTERS,
                    "'%s' is %s; dead letters go to a sink", sink->name,
                    node_kind_name(sink->kind, true));
    else if (sink == draft)
        problem_add(build->problems, spec->place, REASON_DEAD_LETTERS,
                    "%s cannot take its own dead letters", draft_where(build, draft));
    draft->has_dlq = sink->kind == NODE_SINK && sink != draft;
    draft->dlq = (uint32_t)index;
    sink->takes_dlq = true;
}

// Ports that the user names must not be those that are there anyway.
static void check_port_names(struct build *build, const struct draft *draft)
{
    const struct catalogue_entry *entry = draft->entry;
    if (!entry || !entry->ports_option)
        return;
    const struct tide_config *named = setting_at(draft->options, entry->ports_option);
    for (uint32_t i = 0; named && i < named->count; i++) {
        const char *name = named->is_list ? named->items[i].text : named->items[i].name;
        bool taken = strcmp(name, "out") == 0 || strcmp(name, "errors") == 0;
        for (uint32_t k = 0; entry->ports && entry->ports[k] && !taken; k++)
            taken = strcmp(name, entry->ports[k]) == 0;
        if (taken)
            problem_add(build->problems, named->items[i].place, REASON_RESERVED_PORT,
                        "%s.%s: '%s' is a port of its own; choose another name",
                        draft_where(build, draft), entry->ports_option, name);
    }
}

static void check_missing(struct build *build, const struct draft *draft)
{
    if (draft->kind == NODE_SOURCE || draft->broken || draft->edge_count || draft->inputs_bad ||
        draft->takes_dlq)
        return;
    problem_add(build->problems, draft->place, REASON_MISSING_INPUTS,
                draft->kind == NODE_SINK ? "%s needs 'inputs' (or an on_error that names it as dlq)"
                                         : "%s needs 'inputs'",
                draft_where(build, draft));
}

static void check_unread(struct build *build, const struct draft *draft)
{
    if (build->edges_unknown || draft->kind == NODE_SINK || !draft->entry ||
        draft->entry->optional_out)
        return;
    bool has_out = (draft->entry->has_out || draft->kind == NODE_SOURCE) && !draft->entry->any_out;
    if (has_out ? draft->out_read : draft->any_read)
        return;
    problem_add(build->problems, draft->place, REASON_UNREAD_OUTPUT,
                has_out ? "nothing reads %s: name it in the inputs of an operator or a sink"
                        : "nothing reads a port of %s: name one in the inputs of a node",
                draft_where(build, draft));
}

int build_inputs(struct build *build)
{
    int code = 0;
    for (uint32_t i = 0; i < build->node_count && !code; i++)
        code = read_own_ports(build, &build->nodes[i]);
    for (uint32_t i = 0; i < build->node_count && !code; i++)
        code = read_inputs(build, &build->nodes[i]);
    for (uint32_t i = 0; i < build->node_count && !code; i++)
        read_dead_letters(build, &build->nodes[i]);
    for (uint32_t i = 0; i < build->node_count && !code; i++) {
        check_port_names(build, &build->nodes[i]);
        check_missing(build, &build->nodes[i]);
        check_unread(build, &build->nodes[i]);
    }
    return code;
}
