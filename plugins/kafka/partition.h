// SPDX-License-Identifier: MIT
#pragma once
#include "scout.h"

// The partitions that a source knows, by the id that the host gave them. One is never forgotten
// before close: an id stays what it was, also over a rebalance.

enum partition_state {
    PARTITION_LOST,      // not ours (any longer)
    PARTITION_ANNOUNCED, // splits_added was told, assign has not come
    PARTITION_LOOKUP,    // assigned; the scout asks where to begin
    PARTITION_READY,     // `next` is known; rd_kafka_assign is due
    PARTITION_ACTIVE,    // read
    PARTITION_ENDED      // bounded: read to its end, the host was told
};

#define OFFSET_NONE INT64_C(-1)

struct partition {
    struct ask ask; // first: the lookup
    char *topic;
    int32_t number;
    uint32_t id;
    int has_id;
    int placed; // the host has said where to begin
    int paused; // the host does not want more of it now
    enum partition_state state;
    int at_end;                  // bounded: nothing more is to come, the host not yet told
    const rd_kafka_topic_t *rkt; // as in its messages; NULL: none seen yet

    int64_t next;         // the first offset that was not handed over
    int64_t end;          // bounded: where to end; OFFSET_NONE: not known
    int64_t asked_commit; // the last offset that was sent to the group

    // The lookup's answers; OFFSET_NONE: none.
    int want_committed;
    int64_t committed, low, high;
    int64_t ask_again_ns;
};

struct partitions {
    struct partition **items; // in the order of discovery
    size_t count, cap;
    struct partition **by_id; // NULL: no such id here
    size_t id_cap;
};

// Finds or adds; NULL: memory is out.
struct partition *partitions_get(struct partitions *all, const char *topic, int32_t number);
// By the split's name ("topic/3"); NULL: no such partition.
struct partition *partitions_named(const struct partitions *all, const void *name, size_t len);
// By a message's topic handle; NULL: not known.
struct partition *partitions_of(const struct partitions *all, const rd_kafka_topic_t *rkt,
                                int32_t number);
int partitions_number(struct partitions *all, struct partition *partition, uint32_t id); // 0, -1
void partitions_deinit(struct partitions *all);

static inline struct partition *partitions_at(const struct partitions *all, uint32_t id)
{
    return id < all->id_cap ? all->by_id[id] : NULL;
}

// A position, as the host keeps it: the offset of the next record.
enum { POSITION_BYTES = 8 };
void position_write(int64_t offset, unsigned char out[POSITION_BYTES]);
int position_read(tide_bytes position, int64_t *offset); // -1: it is none of Kafka's

size_t partition_name(const struct partition *partition, char *out, size_t size);
