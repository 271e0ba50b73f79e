// SPDX-License-Identifier: MIT
#include "config/build.h"
#include "config/setting.h"
#include <inttypes.h>
#include <string.h>

// A connection that decides may have to end an epoch within a time of its own (a transaction that
// stays open longer is aborted by the brokers). An epoch lasts from one checkpoint's commit to the
// next one's: it has to fit.

enum { EVERY_DEFAULT_MS = 5000 };

static bool decides(const struct topology *topology, int32_t connection)
{
    for (uint32_t i = 0; i < topology->node_count; i++) {
        const struct node_spec *node = &topology->nodes[i];
        const char *own = setting_text(node->common, "delivery");
        if (node->kind == NODE_SINK && node->connection == connection &&
            !(own && strcmp(own, "at_least_once") == 0))
            return true;
    }
    return false;
}

static void check_one(const struct node_spec *connection, int64_t every, struct place place,
                      struct problems *problems)
{
    int64_t longest = setting_int(connection->options, "transaction_timeout", 0);
    int64_t commit = setting_int(connection->options, "commit_timeout", 0);
    if (longest && every + commit >= longest)
        problem_add(
            problems, place, REASON_OUT_OF_RANGE,
            "connections.%s: an epoch may take checkpoint.every and commit_timeout (%" PRId64
            " ms), but is aborted after transaction_timeout (%" PRId64
            " ms): make that longer, or checkpoints more frequent",
            connection->name, every + commit, longest);
}

void check_epoch_time(const struct topology *topology, struct problems *problems)
{
    const char *delivery = setting_text(topology->top, "delivery");
    if (!delivery || strcmp(delivery, "exactly_once") != 0)
        return;
    int64_t every = setting_int(topology->top, "checkpoint.every", EVERY_DEFAULT_MS);
    for (uint32_t i = 0; i < topology->connection_count; i++) {
        const struct node_spec *connection = &topology->connections[i];
        const struct tide_config *limit = setting_at(connection->options, "transaction_timeout");
        if (limit && decides(topology, (int32_t)i))
            check_one(connection, every, limit->given ? limit->place : connection->place, problems);
    }
}
