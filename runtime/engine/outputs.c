// SPDX-License-Identifier: MIT
#include "engine/outputs.h"
#include "base/alloc.h"
#include "time/watermark.h"
#include <string.h>

int outputs_init(struct outputs *outputs, const struct plan_node *plan, uint16_t node,
                 struct batch_pool *pool, struct clock *clock, struct node_stats *stats)
{
    *outputs = (struct outputs){.plan = plan,
                                .node = node,
                                .pool = pool,
                                .clock = clock,
                                .stats = stats,
                                .random = 0x9e3779b97f4a7c15u + node};
    outputs->ports = mem_zalloc(sizeof *outputs->ports * plan->ports);
    outputs->late_port = UINT32_MAX;
    for (uint32_t port = 1; port + 1 < plan->ports; port++)
        if (!strcmp(plan_port_name(plan, port), "late"))
            outputs->late_port = port;
    return outputs->ports ? 0 : ERR_NOMEM;
}

void outputs_deinit(struct outputs *outputs)
{
    for (uint32_t i = 0; outputs->ports && i < outputs->plan->ports; i++) {
        batch_unref(outputs->ports[i].pending);
        mem_free(outputs->ports[i].edges);
    }
    mem_free(outputs->ports);
    outputs->ports = NULL;
}

int outputs_connect(struct outputs *outputs, uint32_t port, struct edge *edge)
{
    struct port *p = &outputs->ports[port];
    struct edge **edges = mem_realloc(p->edges, sizeof *edges * (p->edge_count + 1));
    if (!edges)
        return ERR_NOMEM;
    p->edges = edges;
    p->edges[p->edge_count++] = edge;
    return 0;
}

static bool port_open(const struct port *port)
{
    for (uint32_t i = 0; i < port->edge_count; i++)
        if (edge_full(port->edges[i]))
            return false;
    return true;
}

bool outputs_open(const struct outputs *outputs)
{
    for (uint32_t i = 0; i < outputs->plan->ports; i++)
        if (!port_open(&outputs->ports[i]))
            return false;
    return true;
}

// A batch of its own for one more consumer: copies of the record structs over the same bytes.
static struct batch *share(struct outputs *outputs, struct batch *batch)
{
    struct batch *copy = batch_new(outputs->pool);
    if (!copy)
        return NULL;
    batch_set_base(copy, batch);
    for (uint32_t i = 0; i < batch->count; i++)
        if (!batch_share(copy, &batch->records[i])) {
            batch_unref(copy);
            return NULL;
        }
    copy->marks = batch->marks;
    copy->watermark = batch->watermark;
    copy->epoch = batch->epoch;
    return copy;
}

// False: an edge is full, or memory is out (tried again later).
static bool send(struct outputs *outputs, uint32_t index)
{
    struct port *port = &outputs->ports[index];
    struct batch *batch = port->pending;
    if (!port_open(port))
        return false;
    struct batch *copies[16];
    uint32_t extra = port->edge_count > 1 ? port->edge_count - 1 : 0;
    for (uint32_t i = 0; i < extra; i++)
        if (i >= 16 || !(copies[i] = share(outputs, batch))) {
            while (i--)
                batch_unref(copies[i]);
            return false;
        }
    if (outputs->tap)
        outputs->tap(outputs->tap_arg, outputs->node, index, batch);
    if (index != plan_errors_port(outputs->plan) && index != outputs->late_port)
        stat_add(&outputs->stats->out, batch->count);
    if (!port->edge_count)
        batch_unref(batch);
    else
        edge_push(port->edges[0], batch);
    for (uint32_t i = 0; i < extra; i++)
        edge_push(port->edges[i + 1], copies[i]);
    port->pending = NULL;
    return true;
}

static bool wants_marks(const struct port *port)
{
    return port->edge_count > 0;
}

// Whether every port could be handed on with marks; nothing is sent before that is sure, so that a
// repeated call does not mark a port twice.
static bool prepare_marks(struct outputs *outputs, uint32_t marks)
{
    for (uint32_t i = 0; i < outputs->plan->ports; i++) {
        struct port *port = &outputs->ports[i];
        if (port->pending || (marks && wants_marks(port))) {
            if (!port_open(port))
                return false;
            if (!port->pending && !(port->pending = batch_new(outputs->pool)))
                return false;
        }
    }
    return true;
}

bool outputs_flush(struct outputs *outputs, uint32_t marks, int64_t watermark, uint64_t epoch)
{
    if (!prepare_marks(outputs, marks))
        return false;
    for (uint32_t i = 0; i < outputs->plan->ports; i++) {
        struct batch *batch = outputs->ports[i].pending;
        if (!batch)
            continue;
        batch->marks |= marks;
        batch->watermark = watermark;
        batch->epoch = epoch;
        outputs->ports[i].forwarded = false;
        if (!send(outputs, i)) {
            batch->marks &= ~marks; // memory is out while sharing: all of it again later
            return false;
        }
    }
    return true;
}

bool outputs_forward(struct outputs *outputs, uint32_t port, struct batch *batch)
{
    struct port *p = &outputs->ports[port];
    if (!batch->count)
        return true;
    if (p->pending && p->pending->count && !send(outputs, port))
        return false;
    batch_unref(p->pending);
    p->pending = batch_ref(batch);
    p->forwarded = true;
    return true;
}

struct batch *outputs_batch(struct outputs *outputs, uint32_t port)
{
    struct port *p = &outputs->ports[port];
    if (p->pending && (p->forwarded || p->pending->base || p->pending->count == BATCH_RECORDS) &&
        !send(outputs, port))
        return NULL;
    if (!p->pending) {
        p->forwarded = false;
        p->pending = batch_new(outputs->pool);
    }
    return p->pending;
}

bool outputs_share(struct outputs *outputs, uint32_t port, struct batch *batch,
                   struct record *record)
{
    struct port *p = &outputs->ports[port];
    if (p->pending &&
        (p->forwarded || p->pending->base != batch || p->pending->count == BATCH_RECORDS) &&
        (p->pending->count || p->pending->base) && !send(outputs, port))
        return false;
    if (!p->pending) {
        p->forwarded = false;
        if (!(p->pending = batch_new(outputs->pool)))
            return false;
    }
    if (!p->pending->base)
        batch_set_base(p->pending, batch);
    return batch_share(p->pending, record) != NULL;
}

bool outputs_wanted(const struct outputs *outputs, uint32_t port)
{
    return outputs->ports[port].edge_count > 0 || outputs->tap;
}

bool outputs_late(struct outputs *outputs)
{
    return clock_mono_ns(outputs->clock) >= outputs->step_ends_ns;
}
