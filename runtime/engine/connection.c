// SPDX-License-Identifier: MIT
#include "engine/connection.h"
#include "base/alloc.h"

int connections_init(struct connections *connections, const struct topology *topology,
                     const struct registry *registry, struct clock *clock, struct waker *waker,
                     struct problems *problems)
{
    connections->count = 0;
    connections->items = mem_zalloc(sizeof *connections->items * (topology->connection_count + 1));
    if (!connections->items)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < topology->connection_count; i++) {
        const struct node_spec *spec = &topology->connections[i];
        struct connection *connection = &connections->items[connections->count++];
        ctx_init(&connection->ctx, topology->pipeline, spec->name, spec->options, clock, waker);
        const tide_plugin *plugin = registry_find(registry, spec->type);
        if (!plugin || !plugin->connection)
            problem_add(problems, spec->place, REASON_UNKNOWN_TYPE,
                        "no plugin '%s' that has connections", spec->type);
        else
            connection->vtable = plugin->connection;
    }
    return 0;
}

tide_result connections_open(struct connections *connections, struct error *err)
{
    for (uint32_t i = 0; i < connections->count; i++) {
        struct connection *connection = &connections->items[i];
        if (connection->open)
            continue;
        tide_result rc = connection->vtable->open(&host_table, &connection->ctx, &connection->self);
        if (rc == TIDE_AGAIN)
            return rc;
        if (rc < 0) {
            ctx_take_failure(&connection->ctx, rc, err);
            error_prefix(err, "%s", connection->ctx.node);
            if (connection->self)
                connection->vtable->close(connection->self);
            connection->self = NULL;
            return rc;
        }
        connection->open = true;
    }
    return TIDE_OK;
}

void connections_close(struct connections *connections)
{
    for (uint32_t i = connections->count; i--;) {
        struct connection *connection = &connections->items[i];
        if (connection->self)
            connection->vtable->close(connection->self);
        connection->self = NULL;
        connection->open = false;
    }
}

void connections_deinit(struct connections *connections)
{
    for (uint32_t i = 0; i < connections->count; i++)
        ctx_deinit(&connections->items[i].ctx);
    mem_free(connections->items);
}
