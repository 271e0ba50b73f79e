// SPDX-License-Identifier: MIT
#include "source.h"

#include <stdlib.h>
#include <string.h>

// The kick. When its queue holds `queued.min.messages`, librdkafka's broker thread goes to sleep
// for up to a second, and taking messages from the queue does not wake it: without more, half of
// the throughput is lost, or a queue of 100,000 messages needed to hide it. Any request through
// the same thread wakes it; a query of watermarks is the cheapest there is.
//
// A stall begins with a full queue, so a kick is due when the queue is seen to fall below the mark,
// or may have done so unseen: when many messages were taken since the last kick.

#define KICK_EVERY_NS INT64_C(10000000)

static void run(struct ask *ask, rd_kafka_t *rk)
{
    struct kick *kick = (struct kick *)ask;
    int64_t low, high;
    ask->err = rd_kafka_query_watermark_offsets(rk, kick->topic, kick->number, &low, &high,
                                                SCOUT_TIMEOUT_MS / 2);
}

void kick_init(struct kick *kick)
{
    kick->ask.run = run;
}

static int is_due(const struct source *source, size_t backlog, int64_t now)
{
    if (backlog >= source->low_mark)
        return 0;
    if (backlog == 0 && source->since_kick >= source->low_mark)
        return 1; // it may have been full, and nothing else would tell
    return source->backlog >= source->low_mark ||
           (source->since_kick >= source->low_mark / 4 && now - source->kicked_ns > KICK_EVERY_NS);
}

// The next partition that is read, so that every broker has its turn.
static const struct partition *choose(const struct source *source)
{
    const struct partitions *all = &source->partitions;
    size_t first = 0;
    while (first < all->count && source->kick.topic &&
           !(all->items[first]->number == source->kick.number &&
             strcmp(all->items[first]->topic, source->kick.topic) == 0))
        first++;
    for (size_t i = 1; i <= all->count; i++) {
        const struct partition *partition = all->items[(first + i) % all->count];
        if (partition->state == PARTITION_ACTIVE)
            return partition;
    }
    return NULL;
}

int kick_if_stalled(struct source *source, size_t taken)
{
    source->since_kick += taken;
    size_t backlog = rd_kafka_queue_length(source->queue);
    int64_t now = source->host->mono_ns(source->ctx);
    if (!is_due(source, backlog, now)) {
        if (backlog >= source->low_mark)
            source->backlog = backlog;
        return 0;
    }
    const struct partition *partition = choose(source);
    if (!partition)
        return 0;
    if (!scout_done(source->scout, &source->kick.ask))
        return 1; // still due: source->backlog stays as it is
    char *topic = strdup(partition->topic);
    if (!topic)
        return 1;
    free(source->kick.topic);
    source->kick.topic = topic;
    source->kick.number = partition->number;
    scout_ask_quietly(source->scout, &source->kick.ask);
    source->backlog = 0;
    source->since_kick = 0;
    source->kicked_ns = now;
    return 0;
}
