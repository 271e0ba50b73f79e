// SPDX-License-Identifier: MIT
#pragma once
#include "state/journal.h"
#include "state/store.h"

// The entries of a generation's journal; docs/state-format.md shows their bytes. This file and
// store_format.c alone know them. Each is one record; a checkpoint is a head, chunks of its parts,
// and an end, and one without a right end is not there.

enum { STORE_VERSION = 1 };
enum { CHUNK_BYTES = 512 << 10, READ_BYTES = 4 << 20 };

enum entry_type { ENTRY_GENERATION = 'G', ENTRY_HEAD = 'H', ENTRY_PART = 'P', ENTRY_END = 'E' };

struct part_chunk {
    enum store_kind kind;
    bool changes;
    bool first;        // of its part
    uint64_t part_len; // of the whole part
    const char *node;  // not terminated
    uint32_t node_len;
    const char *bytes;
    size_t len;
};

struct store_entry {
    enum entry_type type;
    union {
        struct {
            uint32_t version;
            uint64_t highest;     // number that was ever used, when the generation was made
            const char *pipeline; // not terminated
            size_t pipeline_len;
        } generation;
        struct checkpoint_head head;
        struct part_chunk part;
        struct {
            uint64_t number, chunks, bytes; // what was written of it
        } end;
    };
};

// False: it is no entry of a version that is known; but a generation's version is always read.
bool store_entry_read(const struct journal_entry *bytes, struct store_entry *entry);

// A checkpoint on its way into a journal.
struct store_out {
    struct journal *journal;
    uint64_t number;
    uint64_t sequence; // of the head
    uint64_t chunks, bytes;
};

int store_out_generation(struct journal *journal, uint64_t highest, const char *pipeline,
                         struct error *err);
// The head is sealed, so that its number is known also if nothing more comes.
int store_out_head(struct store_out *out, struct journal *journal,
                   const struct checkpoint_head *head, struct error *err);
int store_out_part(struct store_out *out, const struct store_part *part, struct error *err);
int store_out_end(struct store_out *out, struct error *err); // neither sealed nor synced
