// SPDX-License-Identifier: MIT
#include "reach.h"

#include <stdio.h>

// Any answer will do: who is there is asked, and of topics only what this handle knows already.
static void ask_cluster(struct ask *ask, rd_kafka_t *rk)
{
    const struct rd_kafka_metadata *metadata = NULL;
    ask->err = rd_kafka_metadata(rk, 0, NULL, &metadata, SCOUT_TIMEOUT_MS);
    snprintf(ask->why, sizeof ask->why, "%s", rd_kafka_err2str(ask->err));
    if (metadata)
        rd_kafka_metadata_destroy(metadata);
}

tide_result reach_cluster(struct reach *reach, struct client *client, struct scout *scout)
{
    tide_result result = reach->met ? TIDE_OK : client_check(client);
    if (reach->met || result != TIDE_OK)
        return result;
    client_drain_fd(client);
    if (!scout_done(scout, &reach->ask))
        return TIDE_AGAIN;
    reach->met = reach->asked && !reach->ask.err;
    if (reach->met)
        return TIDE_OK;
    if (reach->asked)
        client_say(client, TIDE_LOG_WARN, "no broker has answered yet: %s", reach->ask.why);
    reach->ask.run = ask_cluster;
    reach->asked = 1;
    scout_ask(scout, &reach->ask);
    return TIDE_AGAIN;
}
