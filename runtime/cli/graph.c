// SPDX-License-Identifier: MIT
#include "cli/pipeline.h"
#include "config/on_error.h"

#include <string.h>

// tidemill graph: the pipeline as a drawing, in Mermaid or DOT. Names of nodes are letters, digits,
// _ and -; types and pipelines are as harmless, so that nothing needs escaping. In Mermaid nodes
// get numbers as well, since a name such as `end` is a word of its language.

static const struct args_option options[] = {
    PIPELINE_OPTIONS,
    {"dot", 'd', NULL, "for Graphviz instead of Mermaid"},
    {0},
};

struct edge {
    const struct topology *topology;
    uint32_t from, to;
    const char *label; // "": none
    bool dead_letters;
};

struct style {
    void (*begin)(const struct topology *topology);
    void (*node)(const struct topology *topology, uint32_t index);
    void (*edge)(const struct edge *edge);
    void (*end)(void);
};

static void mermaid_begin(const struct topology *topology)
{
    printf("---\ntitle: \"%s\"\n---\nflowchart LR\n", topology->pipeline);
}

static void mermaid_node(const struct topology *topology, uint32_t index)
{
    static const char *const shapes[][2] = {
        [NODE_SOURCE] = {"([", "])"},
        [NODE_OPERATOR] = {"[", "]"},
        [NODE_SINK] = {"[(", ")]"},
    };
    const struct node_spec *node = &topology->nodes[index];
    printf("  n%u%s\"%s<br><small>%s</small>\"%s\n", index, shapes[node->kind][0], node->name,
           node->type, shapes[node->kind][1]);
}

static void mermaid_edge(const struct edge *edge)
{
    const char *line = edge->dead_letters ? "-.->" : "-->";
    if (*edge->label)
        printf("  n%u %s|\"%s\"| n%u\n", edge->from, line, edge->label, edge->to);
    else
        printf("  n%u %s n%u\n", edge->from, line, edge->to);
}

static void mermaid_end(void)
{
}

static void dot_begin(const struct topology *topology)
{
    printf("digraph \"%s\" {\n  rankdir=LR;\n", topology->pipeline);
}

static void dot_node(const struct topology *topology, uint32_t index)
{
    static const char *const shapes[] = {
        [NODE_SOURCE] = "oval", [NODE_OPERATOR] = "box", [NODE_SINK] = "cylinder"};
    const struct node_spec *node = &topology->nodes[index];
    printf("  \"%s\" [label=\"%s\\n%s\", shape=%s];\n", node->name, node->name, node->type,
           shapes[node->kind]);
}

static void dot_edge(const struct edge *edge)
{
    const struct node_spec *nodes = edge->topology->nodes;
    printf("  \"%s\" -> \"%s\"", nodes[edge->from].name, nodes[edge->to].name);
    if (*edge->label)
        printf(" [label=\"%s\"%s]", edge->label, edge->dead_letters ? ", style=dashed" : "");
    puts(";");
}

static void dot_end(void)
{
    puts("}");
}

static const struct style mermaid = {mermaid_begin, mermaid_node, mermaid_edge, mermaid_end};
static const struct style dot = {dot_begin, dot_node, dot_edge, dot_end};

static void draw_inputs(const struct topology *topology, uint32_t to, const struct style *style)
{
    const struct node_spec *node = &topology->nodes[to];
    for (uint32_t i = 0; i < node->input_count; i++) {
        const struct edge_spec *input = &node->inputs[i];
        char label[256];
        snprintf(label, sizeof label, "%s%s%s", strcmp(input->port, "out") == 0 ? "" : input->port,
                 input->side ? " as " : "", input->side ? input->side : "");
        struct edge edge = {topology, input->from, to, label, false};
        style->edge(&edge);
    }
}

static void draw_dead_letters(const struct topology *topology, uint32_t from,
                              const struct style *style)
{
    const struct node_spec *node = &topology->nodes[from];
    struct on_error_spec spec;
    if (on_error_read(&spec, node->common, node->name, NULL) || !spec.dlq_sink)
        return;
    for (uint32_t i = 0; i < topology->node_count; i++) {
        struct edge edge = {topology, from, i, "dead letters", true};
        if (strcmp(topology->nodes[i].name, spec.dlq_sink) == 0)
            style->edge(&edge);
    }
}

static enum exit_status draw(const struct topology *topology, const struct style *style)
{
    style->begin(topology);
    for (uint32_t i = 0; i < topology->node_count; i++)
        style->node(topology, i);
    for (uint32_t i = 0; i < topology->node_count; i++) {
        draw_inputs(topology, i, style);
        draw_dead_letters(topology, i, style);
    }
    style->end();
    return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
}

static enum exit_status run(const struct args *args)
{
    if (args->operand_count != 1)
        return command_misused(&command_graph,
                               args->operand_count ? "one pipeline at a time" : "which pipeline?");
    struct pipeline pipeline;
    enum exit_status status = pipeline_load(&pipeline, args->operands[0], args);
    if (status)
        return status;
    status = draw(pipeline.topology, args_flag(args, "dot") ? &dot : &mermaid);
    pipeline_free(&pipeline);
    return status;
}

const struct command command_graph = {
    .name = "graph",
    .help = "draw a pipeline: Mermaid, or DOT for Graphviz",
    .operands = "FILE",
    .options = options,
    .details = "Lines that are not solid are the way of dead letters.\n",
    .example = "  tidemill graph traffic.yaml\n"
               "  tidemill graph traffic.yaml --dot | dot -Tsvg > traffic.svg\n",
    .run = run,
};
