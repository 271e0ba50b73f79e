// SPDX-License-Identifier: MIT
#include "operators/route.h"
#include "base/alloc.h"
#include "operators/scripted.h"

#include <stdio.h>
#include <string.h>

enum { PORT_UNMATCHED = 1, PORT_FIRST_ROUTE = 2, NAME_MAX_LEN = 256 };

struct route {
    struct scripted base; // first
    uint32_t count;       // of routes; ports[0] is `unmatched`
    uint64_t sent;        // match: all: routes that the record at the cursor went to already
    const char *ports[SCRIPT_ROUTES_MAX + 2];
};

static const tide_option options[] = {
    {.name = "routes",
     .type = TIDE_DATA_MAP,
     .flags = TIDE_OPTION_REQUIRED,
     .help = "port: condition over the record's fields, tried in this order"},
    {.name = "match",
     .type = TIDE_CHOICE,
     .choices = "first|all",
     .default_text = "first",
     .help = "send to the first route that matches, or to all of them"},
    {.name = NULL}};

static const char *const fixed_ports[] = {"unmatched", NULL};

// False: that port is full.
static bool send(struct route *route, uint32_t port, uint32_t index, uint32_t *copies)
{
    struct batch *batch = route->base.batch;
    if (!outputs_wanted(route->base.outputs, port))
        return true;
    if (!outputs_share(route->base.outputs, port, batch, &batch->records[index]))
        return false;
    ++*copies;
    return true;
}

static enum script_verdict routed(void *arg, uint32_t index, uint64_t matches)
{
    struct route *route = arg;
    uint32_t copies = (uint32_t)__builtin_popcountll(route->sent);
    uint64_t wanted = matches ? matches & ~route->sent : 0;
    uint32_t before = copies;
    if (!matches && !send(route, PORT_UNMATCHED, index, &copies))
        return SCRIPT_PAUSE;
    for (uint32_t i = 0; wanted >> i; i++) {
        if (!(wanted >> i & 1))
            continue;
        uint32_t had = copies;
        if (!send(route, PORT_FIRST_ROUTE + i, index, &copies)) {
            route->base.op.stats.created += copies - before - (before == 0 && copies > 0);
            return SCRIPT_PAUSE;
        }
        if (copies > had)
            route->sent |= 1ull << i;
    }
    // The first copy is the record itself, each further one a created record.
    route->base.op.stats.created += copies - before - (before == 0 && copies > 0);
    route->base.op.stats.filtered += copies == 0;
    route->sent = 0;
    return SCRIPT_NEXT;
}

static enum op_status process(struct op *op, uint32_t input, struct batch *batch,
                              struct outputs *outputs)
{
    struct route *route = (struct route *)op;
    (void)input;
    struct script_sink sink = {.arg = route,
                               .routed = routed,
                               .failed = scripted_failed,
                               .traces = scripted_traces,
                               .reads = scripted_reads};
    return scripted_run(&route->base, SCRIPT_CALL_ROUTE, batch, outputs, &sink);
}

static void route_free(struct op *op)
{
    struct route *route = (struct route *)op;
    script_free(route->base.script);
    mem_free(route);
}

static int compile(struct route *route, const struct operator_spec *spec, struct error *err)
{
    const struct tide_config *routes = setting_at(spec->node->options, "routes");
    const char *match = setting_text(spec->node->options, "match");
    struct script_expression expressions[SCRIPT_ROUTES_MAX];
    char names[SCRIPT_ROUTES_MAX][NAME_MAX_LEN];
    uint32_t count = routes ? routes->count : 0;
    if (count == 0 || !routes->is_map)
        return error_set(err, ERR_INPUT, "%s: routes: wants a map of port: condition",
                         spec->node->name);
    if (count > SCRIPT_ROUTES_MAX)
        return error_set(err, ERR_INPUT, "%s: more than %d routes", spec->node->name,
                         SCRIPT_ROUTES_MAX);
    route->ports[0] = fixed_ports[0];
    for (uint32_t i = 0; i < count; i++) {
        const struct tide_config *item = &routes->items[i];
        if (!item->text)
            return error_set(err, ERR_INPUT, "%s: the route '%s' is no condition", spec->node->name,
                             item->name);
        scripted_place(names[i], NAME_MAX_LEN, item->place, spec->node->name);
        expressions[i] = (struct script_expression){.text = item->text, .name = names[i]};
        route->ports[i + 1] = item->name;
    }
    route->count = count;
    return scripted_routes(&route->base.script, spec, expressions, count,
                           match && strcmp(match, "all") == 0, err);
}

static int build(struct op **out, const struct operator_spec *spec, struct error *err)
{
    struct route *route = mem_zalloc(sizeof *route);
    if (!route)
        return error_nomem(err);
    int rc = compile(route, spec, err);
    if (rc != 0) {
        mem_free(route);
        return rc;
    }
    route->base.op.class = &route_class;
    route->base.op.ports = route->ports;
    route->base.op.process = process;
    route->base.op.free = route_free;
    *out = &route->base.op;
    return 0;
}

const struct operator_class route_class = {
    .type = "route",
    .help = "sends each record to the port whose condition is true",
    .entry = {.options = options, .ports = fixed_ports, .ports_option = "routes", .has_out = false},
    .keeps_records = true,
    .build = build};
