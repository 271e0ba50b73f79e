// SPDX-License-Identifier: MIT
#include "engine/plan.h"
#include "base/alloc.h"
#include <string.h>

static const struct operator_class *find_class(const char *type)
{
    for (const struct operator_class *const *c = operator_classes; *c; c++)
        if (!strcmp((*c)->type, type))
            return *c;
    return NULL;
}

static uint32_t count_names(const char *const *names)
{
    uint32_t n = 0;
    while (names && names[n])
        n++;
    return n;
}

// The map option whose keys are ports as well (routes), or NULL.
static const struct tide_config *port_map(const struct plan_node *node)
{
    const char *option = node->class ? node->class->entry.ports_option : NULL;
    return option ? setting_at(node->spec->options, option) : NULL;
}

static uint32_t count_ports(const struct plan_node *node)
{
    uint32_t n = 1; // out
    if (node->class) {
        const struct tide_config *map = port_map(node);
        n += count_names(node->class->entry.ports) + (map ? map->count : 0) +
             count_names(node->spec->own_ports);
    }
    return n + 1; // errors
}

static const char *map_port(const struct tide_config *map, uint32_t index)
{
    const struct tide_config *item = &map->items[index];
    return map->is_list ? item->text : item->name;
}

const char *plan_port_name(const struct plan_node *node, uint32_t port)
{
    if (port == PORT_OUT)
        return "out";
    if (port == plan_errors_port(node))
        return "errors";
    uint32_t fixed = count_names(node->class->entry.ports);
    if (port <= fixed)
        return node->class->entry.ports[port - 1];
    const struct tide_config *map = port_map(node);
    uint32_t listed = fixed + (map ? map->count : 0);
    return port <= listed ? map_port(map, port - 1 - fixed)
                          : node->spec->own_ports[port - 1 - listed];
}

static int find_port(const struct plan_node *node, const char *name, uint32_t *out)
{
    for (uint32_t port = 0; port < node->ports; port++)
        if (!strcmp(plan_port_name(node, port), name)) {
            *out = port;
            return 0;
        }
    return ERR_INPUT;
}

static int add_edge(struct plan *plan, uint32_t from, uint32_t port, uint32_t to)
{
    if (mem_grow(&plan->edges, &plan->edge_cap, plan->edge_count + 1, sizeof *plan->edges))
        return ERR_NOMEM;
    plan->edges[plan->edge_count++] =
        (struct plan_edge){.from = from, .port = port, .to = to, .input = plan->nodes[to].inputs++};
    return 0;
}

static void find_plugin(struct plan_node *node, const struct registry *registry,
                        struct problems *problems)
{
    const struct node_spec *spec = node->spec;
    node->plugin = registry_find(registry, spec->type);
    if (node->plugin)
        return;
    const char *why = registry_refusal(registry, spec->type);
    problem_add(problems, spec->place, REASON_UNUSABLE_PLUGIN, "no plugin '%s'%s%s", spec->type,
                why ? ": " : "", why ? why : "");
}

// The topology has read it before and said what is wrong. A source tries again by itself (it polls,
// it reopens): what retrying cannot mend is counted and left out unless `then` says otherwise.
static void read_on_error(struct plan_node *node)
{
    const struct tide_config *common = node->spec->common;
    on_error_read(&node->on_error, common, node->spec->name, NULL);
    if (node->spec->kind == NODE_SOURCE && node->on_error.kind == ON_ERROR_RETRY &&
        !setting_at(common, "on_error.then"))
        node->on_error.then = ON_ERROR_SKIP;
}

static void init_node(struct plan_node *node, const struct node_spec *spec,
                      const struct registry *registry, struct problems *problems)
{
    node->spec = spec;
    if (spec->kind == NODE_OPERATOR)
        node->class = find_class(spec->type);
    else
        find_plugin(node, registry, problems);
    read_on_error(node);
    node->ports = count_ports(node);
    node->has_event_time = spec->kind == NODE_SOURCE && setting_at(spec->common, "event_time");
}

static int connect_inputs(struct plan *plan, uint32_t to, struct problems *problems)
{
    struct plan_node *node = &plan->nodes[to];
    bool timed = node->spec->input_count > 0;
    for (uint32_t i = 0; i < node->spec->input_count; i++) {
        const struct edge_spec *input = &node->spec->inputs[i];
        const struct plan_node *from = &plan->nodes[input->from];
        uint32_t port;
        if (find_port(from, input->port, &port)) {
            problem_add(problems, input->place, REASON_UNKNOWN_PORT, "%s has no port '%s'",
                        from->spec->name, input->port);
            continue;
        }
        bool timeless = !from->has_event_time && plan_share(node, node->inputs).how == OP_SHARE_ALL;
        timed = timed && (from->has_event_time || timeless);
        if (add_edge(plan, input->from, port, to))
            return ERR_NOMEM;
        plan->edges[plan->edge_count - 1].timeless = timeless;
    }
    if (node->spec->kind != NODE_SOURCE)
        node->has_event_time = timed;
    return 0;
}

static int find_node(const struct plan *plan, const char *name)
{
    for (uint32_t i = 0; i < plan->node_count; i++)
        if (!strcmp(plan->nodes[i].spec->name, name))
            return (int)i;
    return -1;
}

static int connect_letters(struct plan *plan, uint32_t from)
{
    const struct plan_node *node = &plan->nodes[from];
    if (!node->on_error.dlq_sink)
        return 0;
    int to = find_node(plan, node->on_error.dlq_sink);
    if (to < 0)
        return 0; // the topology has said so already
    return add_edge(plan, from, plan_errors_port(node), (uint32_t)to);
}

void plan_reach(const struct plan *plan, uint32_t from, bool *seen)
{
    for (size_t i = 0; i < plan->edge_count; i++) {
        const struct plan_edge *edge = &plan->edges[i];
        if (edge->from != from || seen[edge->to])
            continue;
        seen[edge->to] = true;
        plan_reach(plan, edge->to, seen); // as deep as there are nodes, at the most
    }
}

int plan_new(struct plan **out, const struct topology *topology, const struct registry *registry,
             uint32_t lanes, struct problems *problems)
{
    struct plan *plan = mem_zalloc(sizeof *plan);
    if (!plan)
        return ERR_NOMEM;
    *out = plan;
    plan->topology = topology;
    plan->node_count = topology->node_count;
    plan->nodes = mem_zalloc(sizeof *plan->nodes * (plan->node_count + 1));
    if (!plan->nodes)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < plan->node_count; i++)
        init_node(&plan->nodes[i], &topology->nodes[i], registry, problems);
    for (uint32_t i = 0; i < plan->node_count; i++)
        if (connect_inputs(plan, i, problems) || connect_letters(plan, i))
            return ERR_NOMEM;
    if (problems->errors)
        return ERR_INPUT;
    plan_spread(plan, lanes, problems);
    plan_warn_of_time(plan, problems);
    return 0;
}

void plan_free(struct plan *plan)
{
    if (!plan)
        return;
    mem_free(plan->nodes);
    mem_free(plan->edges);
    mem_free(plan);
}
