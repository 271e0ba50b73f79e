// SPDX-License-Identifier: MIT
#include "source.h"

#include <stdlib.h>
#include <string.h>

// Which partitions are read, and from where: the group's (or all), the host's word, the cluster's
// answers, in this order. See source.h.

#define REVOKE_GRACE_NS INT64_C(1000000000) // for a last checkpoint and its offsets
#define ASK_AGAIN_NS INT64_C(200000000)

// Called from within a look at the queue; the step after it does the work.
static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct source *source = ((struct client *)opaque)->owner;
    if (!source || (err != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS &&
                    err != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)) {
        rd_kafka_assign(rk, NULL);
        return;
    }
    if (source->turned)
        rd_kafka_topic_partition_list_destroy(source->turned);
    source->turned = rd_kafka_topic_partition_list_copy(list);
    source->revoke_by_ns = 0;
    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        source->turn = TURN_ASSIGN;
    else
        source->turn = rd_kafka_assignment_lost(rk) ? TURN_LOST : TURN_REVOKE;
}

void group_configure(rd_kafka_conf_t *conf)
{
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
}

// -- the topics, then the group --

static void take_all(struct source *source)
{
    source->turned = rd_kafka_topic_partition_list_new(16);
    for (size_t i = 0; i < source->topic_count; i++)
        rd_kafka_topic_partition_list_add_range(source->turned, source->topics[i].name, 0,
                                                source->topics[i].partitions - 1);
    source->turn = TURN_ASSIGN;
}

static tide_result subscribe(struct source *source)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(4);
    for (size_t i = 0; i < source->subscription_count; i++)
        rd_kafka_topic_partition_list_add(list, source->subscription[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(source->client->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (err)
        return source->host->fail(source->ctx, TIDE_FATAL, "subscribe: %s", rd_kafka_err2str(err));
    return TIDE_OK;
}

static tide_result look_at_topics(struct source *source)
{
    tide_result result = TIDE_OK;
    for (size_t i = 0; i < source->topic_count; i++) {
        tide_result one = topic_look(&source->topics[i], source->scout, source->client);
        if (one < 0)
            return one;
        if (one == TIDE_AGAIN)
            result = TIDE_AGAIN;
    }
    return result;
}

static tide_result start(struct source *source)
{
    tide_result result = look_at_topics(source);
    if (result != TIDE_OK)
        return result;
    source->stage = STAGE_RUNNING;
    if (!source->take_all)
        return subscribe(source);
    take_all(source);
    return TIDE_OK;
}

static tide_result check_topics(struct source *source)
{
    if (source->recheck == 1) {
        for (size_t i = 0; i < source->topic_count; i++)
            source->topics[i].partitions = 0;
        source->recheck = 2;
    }
    tide_result result = look_at_topics(source);
    if (result == TIDE_OK)
        source->recheck = 0;
    return result < 0 ? result : TIDE_OK;
}

// -- what the group gives --

enum { NAME_SIZE = 280 };

// In transactions one process reads all: what others of the group read would be missing here, and
// their offsets are none of our epochs.
static tide_result check_complete(struct source *source)
{
    int all = 0;
    for (size_t i = 0; i < source->topic_count; i++)
        all += source->topics[i].partitions;
    if (!source->tx || source->turned->cnt >= all)
        return TIDE_OK;
    return source->host->fail(source->ctx, TIDE_FATAL,
                              "the group has other members: %d of %d partitions are left for this "
                              "one, and with delivery: exactly_once one process reads them all",
                              source->turned->cnt, all);
}

static tide_result announce(struct source *source)
{
    tide_result complete = check_complete(source);
    if (complete != TIDE_OK)
        return complete;
    size_t count = (size_t)source->turned->cnt;
    tide_bytes *names = calloc(count + 1, sizeof *names + NAME_SIZE);
    if (!names)
        return source->host->fail(source->ctx, TIDE_FATAL, "out of memory");
    char *text = (char *)(names + count + 1);
    for (size_t i = 0; i < count; i++, text += NAME_SIZE) {
        const rd_kafka_topic_partition_t *item = &source->turned->elems[i];
        struct partition *partition =
            partitions_get(&source->partitions, item->topic, item->partition);
        if (!partition) {
            free(names);
            return source->host->fail(source->ctx, TIDE_FATAL, "out of memory");
        }
        partition->state = PARTITION_ANNOUNCED;
        names[i] = (tide_bytes){text, partition_name(partition, text, NAME_SIZE)};
    }
    source->turn = TURN_NONE;
    source->stale = 1; // an empty assignment has to be confirmed as well
    tide_result result = TIDE_OK;
    if (count)
        result = source->host->splits_added(source->ctx, names, (uint32_t)count);
    free(names);
    source->host->wake(source->ctx); // there is more to do when the host has given its word
    return result < 0 ? result : TIDE_OK;
}

// -- what the group takes back --

static tide_result tell_lost(struct source *source)
{
    queue_drop(source); // not handed over: the next owner reads it
    uint32_t *ids = calloc((size_t)source->turned->cnt + 1, sizeof *ids);
    if (!ids)
        return source->host->fail(source->ctx, TIDE_FATAL, "out of memory");
    uint32_t count = 0;
    for (int i = 0; i < source->turned->cnt; i++) {
        const rd_kafka_topic_partition_t *item = &source->turned->elems[i];
        struct partition *partition =
            partitions_get(&source->partitions, item->topic, item->partition);
        if (partition && partition->has_id && partition->state > PARTITION_ANNOUNCED)
            ids[count++] = partition->id;
        if (partition)
            partition->state = PARTITION_LOST;
    }
    int how = source->turn == TURN_LOST ? TIDE_SPLIT_LOST : TIDE_SPLIT_REVOKED;
    source->revoke_by_ns = source->turn == TURN_LOST || !count
                               ? 1
                               : source->host->mono_ns(source->ctx) + REVOKE_GRACE_NS;
    tide_result result = TIDE_OK;
    if (count)
        result = source->host->splits_lost(source->ctx, ids, count, how);
    free(ids);
    return result < 0 ? result : TIDE_OK;
}

static tide_result give_back(struct source *source)
{
    if (source->revoke_by_ns == 0) {
        tide_result result = tell_lost(source);
        if (result != TIDE_OK)
            return result;
    }
    if (source->host->mono_ns(source->ctx) < source->revoke_by_ns) {
        source->host->wait_until(source->ctx, source->revoke_by_ns);
        return TIDE_OK;
    }
    rd_kafka_assign(source->client->rk, NULL);
    source->turn = TURN_NONE;
    source->stale = 0;
    return TIDE_OK;
}

tide_result group_revoke(void *self, const uint32_t *ids, uint32_t count)
{
    struct source *source = self;
    for (uint32_t i = 0; i < count; i++) {
        struct partition *partition = partitions_at(&source->partitions, ids[i]);
        if (!partition || partition->state == PARTITION_LOST)
            continue;
        partition->state = PARTITION_LOST; // the host's own wish
        source->stale = 1;
    }
    queue_drop(source); // what is dropped is read again from `next`
    source->stale = source->stale || source->turn == TURN_NONE;
    if (source->revoke_by_ns > 1)
        source->revoke_by_ns = 1; // it has had its last word
    return TIDE_OK;
}

// -- the host's word --

static tide_result assign_one(struct source *source, const tide_split *split)
{
    struct partition *partition =
        partitions_named(&source->partitions, split->name.data, split->name.len);
    if (!partition)
        return source->host->fail(source->ctx, TIDE_FATAL, "split %.*s is not known here",
                                  (int)split->name.len, (const char *)split->name.data);
    int64_t next = OFFSET_NONE;
    if (split->position.data && position_read(split->position, &next))
        return source->host->fail(source->ctx, TIDE_FATAL,
                                  "%.*s: a position of %zu bytes, %d expected",
                                  (int)split->name.len, (const char *)split->name.data,
                                  split->position.len, POSITION_BYTES);
    if (partitions_number(&source->partitions, partition, split->id) != 0)
        return source->host->fail(source->ctx, TIDE_FATAL, "out of memory");
    if (partition->state != PARTITION_ANNOUNCED)
        return TIDE_OK; // taken back meanwhile
    // Without a position it is read on where it was left, if it was read before: the group had
    // taken it back, and what was handed over is on its way.
    partition->paused = 0;
    partition->placed = split->position.data != NULL;
    if (partition->placed)
        partition->next = next;
    partition->want_committed = source->start == START_COMMITTED; // never changes
    partition->asked_commit = OFFSET_NONE;
    partition->at_end = 0;
    partition->ask_again_ns = 0;
    partition->state = PARTITION_LOOKUP;
    scout_ask(source->scout, &partition->ask);
    return TIDE_OK;
}

tide_result group_assign(void *self, const tide_split *splits, uint32_t count, uint32_t stride)
{
    tide_result result = TIDE_OK;
    for (uint32_t i = 0; i < count && result == TIDE_OK; i++)
        result = assign_one(
            self, (const tide_split *)(const void *)((const char *)splits + (size_t)i * stride));
    return result;
}

// -- the cluster's answers --

static tide_result settle(struct source *source, struct partition *partition)
{
    int64_t from = partition->next;
    if (!partition->placed && partition->committed > from)
        from = partition->committed; // another member may have got further meanwhile
    if (from == OFFSET_NONE)
        from = source->start == START_LATEST ? partition->high : partition->low;
    else if ((from < partition->low || from > partition->high) &&
             (!source->resets || (source->tx && partition->placed)))
        return source->host->fail(
            source->ctx, TIDE_FATAL,
            "%s/%d: offset %lld, where to read on, is not there (the partition holds %lld to "
            "%lld): records were deleted before they were read, or the topic was made anew; "
            "options.auto.offset.reset says what to do then",
            partition->topic, partition->number, (long long)from, (long long)partition->low,
            (long long)partition->high);
    partition->next = from;
    if (partition->end == OFFSET_NONE)
        partition->end = partition->high;
    partition->at_end = source->bounded && from >= partition->end;
    partition->state = PARTITION_READY;
    source->stale = 1;
    return TIDE_OK;
}

// AGAIN: not yet answered.
static tide_result hear(struct source *source, struct partition *partition)
{
    if (!scout_done(source->scout, &partition->ask))
        return TIDE_AGAIN;
    int64_t now = source->host->mono_ns(source->ctx);
    rd_kafka_resp_err_t err = partition->ask.err;
    if (!err)
        return settle(source, partition);
    if (err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
        err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
        return source->host->fail(source->ctx, TIDE_FATAL, "%s/%d: %s", partition->topic,
                                  partition->number, partition->ask.why);
    if (!partition->ask_again_ns) {
        client_say(source->client, TIDE_LOG_WARN, "%s/%d: %s; asking again", partition->topic,
                   partition->number, partition->ask.why);
        partition->ask_again_ns = now + ASK_AGAIN_NS;
    }
    if (now < partition->ask_again_ns) {
        source->host->wait_until(source->ctx, partition->ask_again_ns);
        return TIDE_AGAIN;
    }
    partition->ask_again_ns = 0;
    scout_ask(source->scout, &partition->ask);
    return TIDE_AGAIN;
}

static tide_result hear_all(struct source *source)
{
    int open = 0;
    for (size_t i = 0; i < source->partitions.count; i++) {
        struct partition *partition = source->partitions.items[i];
        if (partition->state != PARTITION_LOOKUP)
            continue;
        tide_result result = hear(source, partition);
        if (result < 0)
            return result;
        open |= result == TIDE_AGAIN;
    }
    return open ? TIDE_AGAIN : TIDE_OK;
}

// -- who is not to be read now --

// What waits in the queue of a paused partition is dropped by librdkafka, and fetched again behind
// the last message that was taken of it.
static tide_result pause_list(struct source *source, rd_kafka_topic_partition_list_t *list, int on)
{
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (list->cnt)
        err = on ? rd_kafka_pause_partitions(source->client->rk, list)
                 : rd_kafka_resume_partitions(source->client->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (err)
        return source->host->fail(source->ctx, TIDE_FATAL, "%s: %s", on ? "pause" : "resume",
                                  rd_kafka_err2str(err));
    return TIDE_OK;
}

// An assignment forgets it.
static tide_result pause_again(struct source *source)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(4);
    for (size_t i = 0; i < source->partitions.count; i++) {
        const struct partition *partition = source->partitions.items[i];
        if (partition->state == PARTITION_ACTIVE && partition->paused)
            rd_kafka_topic_partition_list_add(list, partition->topic, partition->number);
    }
    return pause_list(source, list, 1);
}

tide_result group_pause(void *self, const uint32_t *ids, uint32_t count, int on)
{
    struct source *source = self;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(4);
    for (uint32_t i = 0; i < count; i++) {
        struct partition *partition = partitions_at(&source->partitions, ids[i]);
        if (!partition)
            continue;
        partition->paused = on;
        if (partition->state == PARTITION_ACTIVE)
            rd_kafka_topic_partition_list_add(list, partition->topic, partition->number);
    }
    return pause_list(source, list, on);
}

static tide_result assign_now(struct source *source)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    int waiting = 0;
    for (size_t i = 0; i < source->partitions.count; i++) {
        struct partition *partition = source->partitions.items[i];
        waiting |= partition->state == PARTITION_ANNOUNCED;
        if (partition->state != PARTITION_READY && partition->state != PARTITION_ACTIVE)
            continue;
        rd_kafka_topic_partition_list_add(list, partition->topic, partition->number)->offset =
            partition->next;
        partition->state = PARTITION_ACTIVE;
    }
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (list->cnt || !waiting)
        err = rd_kafka_assign(source->client->rk, list);
    source->stale = !list->cnt && waiting; // the host's word is still to come
    rd_kafka_topic_partition_list_destroy(list);
    if (err)
        return source->host->fail(source->ctx, TIDE_FATAL, "assign: %s", rd_kafka_err2str(err));
    return pause_again(source);
}

int group_all_ended(const struct source *source)
{
    size_t ended = 0;
    for (size_t i = 0; i < source->partitions.count; i++) {
        enum partition_state state = source->partitions.items[i]->state;
        ended += state == PARTITION_ENDED;
        if (state != PARTITION_ENDED && state != PARTITION_LOST)
            return 0;
    }
    return ended > 0 && source->turn == TURN_NONE;
}

tide_result group_step(struct source *source)
{
    if (*source->fatal)
        return source->host->fail(source->ctx, source->fenced ? TIDE_FENCED : TIDE_FATAL, "%s",
                                  source->fatal);
    tide_result result = client_check(source->client);
    if (result == TIDE_OK && source->stage == STAGE_TOPICS)
        result = start(source);
    if (result == TIDE_OK && source->recheck)
        result = check_topics(source);
    if (result == TIDE_OK && source->turn == TURN_ASSIGN)
        result = announce(source);
    else if (result == TIDE_OK && source->turn != TURN_NONE)
        result = give_back(source);
    if (result != TIDE_OK)
        return result;
    result = hear_all(source);
    // While a batch is held, an assignment would fetch its messages once more.
    if (result == TIDE_OK && source->stale && source->turn == TURN_NONE && !source->loan)
        result = assign_now(source);
    return result < 0 ? result : TIDE_OK;
}
