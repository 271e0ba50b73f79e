// SPDX-License-Identifier: MIT
#pragma once
#include "state/journal_segment.h"

// The inside of a writer, shared by journal_open.c, journal_recover.c,
// journal_write.c and journal_space.c.

struct segment_file { // the one that is appended to
    int fd;
    char path[PATH_MAX];
    uint64_t first;
    uint64_t offset; // bytes in the file; behind them comes what is in the buffer
    uint64_t sealed, sealed_sequence;
    uint64_t durable, durable_sequence;
    uint64_t kicked; // bytes that the kernel was asked to write out in the background
};

struct journal {
    char *dir;
    int lock_fd;
    unsigned char id[JOURNAL_ID_BYTES];
    struct journal_options options;
    struct segment_list segments; // the last one is `file` (but for compaction)
    struct segment_file file;
    uint64_t older_bytes; // in the segments before
    uint64_t next;
    unsigned char *buffer; // of options.buffer_size + COMMIT_BYTES
    size_t buffer_len;
    bool broken;
    bool compacting;
    struct segment_file aside; // while compacting: where it would go on
    uint64_t aside_next;
};

// 0, or why nothing can be done any more.
int journal_usable(const struct journal *journal, struct error *err);
static inline bool journal_unsealed(const struct journal *journal)
{
    return journal->next != journal->file.sealed_sequence;
}

// Makes a segment with nothing but its header, under a temporary name ...
int segment_create(struct segment_file *file, const char *temporary,
                   const struct segment_header *header, struct error *err);
// ... and the same under its own, durably, in one step.
int segment_begin(struct journal *journal, struct segment_file *file,
                  const struct segment_header *header, struct error *err);
// Takes the last segment up where it ends, cutting what is torn.
int journal_resume(struct journal *journal, struct error *err);
// Writes a commit that says that the whole file is durable. It lies behind what is durable.
int journal_mark(struct journal *journal, struct error *err);
int journal_roll(struct journal *journal, struct error *err); // begins the next segment
