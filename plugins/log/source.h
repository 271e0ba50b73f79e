// SPDX-License-Identifier: MIT
#pragma once
#include "entry.h"
#include "log.h"

// A source and its partitions.

enum { POSITION_BYTES = 8 + 16, LEND_MAX = 1024 };

struct topic {
    char *name;
    uint32_t partitions; // that the host was told of; 0: not there yet
};

struct part { // an assigned partition
    uint32_t id;
    char topic[TOPIC_NAME_MAX + 1];
    uint32_t partition;
    tide_journal_reader *reader; // NULL: it has no journal yet
    unsigned char journal[16];   // its id; zeros: not known
    uint64_t next;               // offset to hand out next
    uint64_t end;                // bounded: where to end
    uint64_t limit;              // not to be read beyond (committed.h); UINT64_MAX: none
    bool fresh;                  // no position was given: begin as `start` says
    bool at_start;               // it was there when the source opened
    bool ended;
    bool paused;    // the host does not want more of it now
    bool has_entry; // `unpacker` is in the middle of an entry, its next record being `at`
    uint64_t at;
    struct unpacker unpacker;
};

struct source {
    const tide_host *host;
    tide_ctx *ctx;
    struct log_connection *connection;
    struct log_listener listener;
    bool listening, from_latest, bounded;
    bool opening;          // splits told now were there at the start
    uint32_t told;         // splits
    uint32_t opening_told; // ... in open
    struct topic *topics;
    uint32_t topic_count;
    struct part *parts;
    uint32_t part_count;
    uint32_t turn;
    bool full; // the host took less than it was offered
    int64_t discover_at;
    int32_t lost;           // metric
    tide_message *messages; // LEND_MAX
};

tide_result part_init(struct source *source, struct part *part, const tide_split *split);
// Opens its journal where reading begins. AGAIN: it has none yet.
tide_result part_open(struct source *source, struct part *part);
void part_close(struct source *source, struct part *part);
// Hands over at most `max` records, adding to *taken.
tide_result part_read(struct source *source, struct part *part, tide_out *out, uint32_t max,
                      uint32_t *taken);
void part_position(const struct part *part, unsigned char out[POSITION_BYTES]);
