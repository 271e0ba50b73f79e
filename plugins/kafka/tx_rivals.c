// SPDX-License-Identifier: MIT
#include "tx.h"

#include <stdio.h>
#include <string.h>

// Who else is in the consumer group of the connection? Asked before init_transactions, which would
// fence a healthy process. A member that has just died stays in its group for the session timeout,
// so that one is waited for. Static members (group.instance.id) do not count: one that comes back
// replaces the old one at once, and Kafka itself fences the loser.

// (rd_kafka_DescribeConsumerGroups would tell them apart, but librdkafka 2.0.2 aborts the process
// when the broker goes away during that call.)

#define ASK_MS 1000
#define ASK_AGAIN_MS 200
#define SESSION_NS INT64_C(20000000000) // twice the session timeout of a source

// Kafka makes a member's id of its instance id, or where it has none of its client id.
static int is_static(const struct rd_kafka_group_member_info *member)
{
    size_t len = strlen(member->client_id);
    return strncmp(member->member_id, member->client_id, len) != 0 || member->member_id[len] != '-';
}

static int find(const struct rd_kafka_group_info *group, char *out, size_t size)
{
    for (int i = 0; i < group->member_cnt; i++) {
        const struct rd_kafka_group_member_info *member = &group->members[i];
        if (is_static(member))
            continue;
        snprintf(out, size, "group \"%s\" has the member %s at %s", group->group, member->client_id,
                 member->client_host);
        return 1;
    }
    return 0;
}

// A group that cannot be described (it may be forbidden, or not be there yet) has no members as far
// as we know; who then is fenced will say so.
static int describe(rd_kafka_t *rk, const char *name, char *out, size_t size)
{
    const struct rd_kafka_group_list *list = NULL;
    int found = 0;
    if (rd_kafka_list_groups(rk, name, &list, ASK_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    for (int i = 0; i < list->group_cnt && !found; i++)
        found = find(&list->groups[i], out, size);
    rd_kafka_group_list_destroy(list);
    return found;
}

tide_result tx_look_for_rivals(struct tx *tx)
{
    char who[512];
    if (!describe(tx_reader_client(tx)->rk, connection_group(tx->connection, tx->host, tx->ctx),
                  who, sizeof who))
        return TIDE_OK;
    if (tx->host->mono_ns(tx->ctx) - tx->step_ns >= SESSION_NS)
        return tx->host->fail(tx->ctx, TIDE_FATAL,
                              "%s: another process runs this pipeline, and nothing was done to it",
                              who);
    client_say(tx_reader_client(tx), TIDE_LOG_WARN, "%s; waiting for it to go away", who);
    return tx_again(tx, ASK_AGAIN_MS);
}
