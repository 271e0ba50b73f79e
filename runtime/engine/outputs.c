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
                                .complaints = {.node = plan->spec->name},
                                .random = 0x9e3779b97f4a7c15u + node};
    letters_init(&outputs->letters, plan, node);
    pthread_mutex_init(&outputs->look, NULL);
    outputs->ports = mem_zalloc(sizeof *outputs->ports * plan->ports);
    outputs->late_port = UINT32_MAX;
    for (uint32_t port = 1; port + 1 < plan->ports; port++)
        if (!strcmp(plan_port_name(plan, port), "late"))
            outputs->late_port = port;
    return outputs->ports ? 0 : ERR_NOMEM;
}

void outputs_deinit(struct outputs *outputs)
{
    complaints_end(&outputs->complaints);
    for (uint32_t i = 0; outputs->ports && i < outputs->plan->ports; i++) {
        batch_unref(outputs->ports[i].pending);
        for (uint32_t k = 0; k < outputs->ports[i].outlet_count; k++)
            outlet_deinit(&outputs->ports[i].outlets[k]);
        mem_free(outputs->ports[i].outlets);
    }
    mem_free(outputs->ports);
    outputs->ports = NULL;
    pthread_mutex_destroy(&outputs->look);
}

int outputs_connect(struct outputs *outputs, const struct plan_edge *plan, uint32_t lanes,
                    struct outlet **out, struct error *err)
{
    struct port *p = &outputs->ports[plan->port];
    struct outlet *outlets = mem_realloc(p->outlets, sizeof *outlets * (p->outlet_count + 1));
    if (!outlets)
        return error_nomem(err);
    p->outlets = outlets;
    *out = &p->outlets[p->outlet_count++];
    return outlet_init(*out, plan, lanes, err);
}

static bool port_open(const struct port *port)
{
    for (uint32_t i = 0; i < port->outlet_count; i++)
        if (!outlet_open(&port->outlets[i]))
            return false;
    return true;
}

static bool port_takes_marks(const struct port *port)
{
    for (uint32_t i = 0; i < port->outlet_count; i++)
        if (!outlet_takes_marks(&port->outlets[i]))
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

void outputs_out_of_memory(struct outputs *outputs)
{
    if (outputs->failed)
        return;
    outputs->failed = true;
    error_nomem(&outputs->failure);
    error_prefix(&outputs->failure, "%s", outputs->plan->spec->name);
}

static struct batch *new_batch(struct outputs *outputs)
{
    struct batch *batch = batch_new(outputs->pool);
    if (!batch)
        outputs_out_of_memory(outputs);
    return batch;
}

// A batch of its own for one more consumer: copies of the record structs over the same bytes.
static struct batch *share(struct outputs *outputs, struct batch *batch)
{
    struct batch *copy = new_batch(outputs);
    if (!copy)
        return NULL;
    batch_set_base(copy, batch);
    for (uint32_t i = 0; i < batch->count; i++)
        batch_share(copy, &batch->records[i]); // as large as the other
    copy->marks = batch->marks;
    copy->watermark = batch->watermark;
    copy->epoch = batch->epoch;
    return copy;
}

static bool send_to(struct outputs *outputs, struct outlet *outlet, struct batch *batch)
{
    if (!outlet_send(outlet, batch, outputs->pool))
        return true;
    batch_unref(batch);
    outputs_out_of_memory(outputs);
    return false;
}

// False: an edge is full, or memory is out, which fails the node.
static bool send(struct outputs *outputs, uint32_t index)
{
    struct port *port = &outputs->ports[index];
    struct batch *batch = port->pending;
    if (batch->count ? !port_open(port) : !port_takes_marks(port))
        return false;
    for (uint32_t i = 1; i < port->outlet_count; i++) {
        struct batch *copy = share(outputs, batch);
        if (!copy || !send_to(outputs, &port->outlets[i], copy))
            return false;
    }
    if (outputs->tap)
        outputs->tap(outputs->tap_arg, outputs->node, index, batch);
    if (index != plan_errors_port(outputs->plan) && index != outputs->late_port)
        stat_add(&outputs->stats->out, batch->count);
    port->pending = NULL;
    if (port->outlet_count)
        return send_to(outputs, &port->outlets[0], batch);
    batch_unref(batch);
    return true;
}

// Whether every port can be handed on; nothing is sent before that is sure, so that a repeated call
// does not mark a port twice. With marks each connected port gets a batch to carry them.
static bool prepare(struct outputs *outputs, uint32_t marks)
{
    for (uint32_t i = 0; i < outputs->plan->ports; i++) {
        struct port *port = &outputs->ports[i];
        bool sends = port->pending || (marks && port->outlet_count);
        bool records = port->pending && port->pending->count;
        if (sends && !(records ? port_open(port) : port_takes_marks(port)))
            return false;
        if (sends && !port->pending && !(port->pending = new_batch(outputs)))
            return false;
    }
    return true;
}

bool outputs_flush(struct outputs *outputs, uint32_t marks, int64_t watermark, uint64_t epoch)
{
    if (!prepare(outputs, marks))
        return false;
    for (uint32_t i = 0; i < outputs->plan->ports; i++) {
        struct batch *batch = outputs->ports[i].pending;
        if (!batch)
            continue;
        batch->marks |= marks;
        batch->watermark = watermark;
        batch->epoch = epoch;
        outputs->ports[i].forwarded = false;
        if (!send(outputs, i))
            return false;
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
        p->pending = new_batch(outputs);
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
        if (!(p->pending = new_batch(outputs)))
            return false;
    }
    if (!p->pending->base)
        batch_set_base(p->pending, batch);
    return batch_share(p->pending, record) != NULL;
}

bool outputs_letter_room(const struct outputs *outputs)
{
    const struct batch *letters = outputs->ports[plan_errors_port(outputs->plan)].pending;
    return !letters || letters->count < BATCH_RECORDS;
}

bool outputs_wanted(const struct outputs *outputs, uint32_t port)
{
    return outputs->ports[port].outlet_count > 0 || outputs->tap;
}

void outputs_begin_step(struct outputs *outputs, int64_t now_ns, int64_t ends_ns)
{
    outputs->step_ends_ns = ends_ns;
    complaints_tick(&outputs->complaints, now_ns);
}

bool outputs_late(struct outputs *outputs)
{
    return clock_mono_ns(outputs->clock) >= outputs->step_ends_ns;
}
