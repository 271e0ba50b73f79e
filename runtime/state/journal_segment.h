// SPDX-License-Identifier: MIT
#pragma once
#include "state/journal_format.h"
#include <limits.h>

// Segment files as writer and reader both see them: names, headers, and a walk over the frames of
// one file that reads their headers only.

struct segment_list { // sorted
    uint64_t *firsts;
    size_t count, cap;
};

void segment_path(char out[PATH_MAX], const char *dir, uint64_t first);
// All segments in `dir`. ERR_RETRY: there is no such directory.
int segment_list_read(struct segment_list *list, const char *dir, struct error *err);
void segment_list_free(struct segment_list *list);
int segment_list_add(struct segment_list *list, uint64_t first); // at the end; 0 or ERR_NOMEM
// Opens one and checks its header, its name included.
int segment_open(int *fd, const char *path, uint64_t first, int flags,
                 struct segment_header *header, struct error *err);

// A walk from frame to frame. Entries are taken by their header (their sums are for who reads them
// whole), commits are checked whole. It stops at the first thing that is no whole good frame, with
// `why`; what it found may then be the end, a write on its way, a torn tail, or damage.
struct skim {
    int fd; // borrowed
    const char *path;
    const unsigned char *id;
    uint64_t at;              // next frame
    uint64_t sequence;        // that an entry there must have
    uint64_t sealed;          // behind the last good commit
    uint64_t sealed_sequence; // ... the number that comes next
    uint64_t durable;         // as the last commit says
    uint64_t size;            // of the file, when last asked
    uint64_t window_at;
    size_t window_len;
    char why[160]; // empty: the file ends here
    unsigned char window[4096];
};

void skim_init(struct skim *skim, int fd, const char *path, const unsigned char *id,
               uint64_t first);
// Back to behind the last commit, forgetting what was read beyond.
void skim_rewind(struct skim *skim);
// 1: *frame begins at *offset; 0: stopped; or an error.
int skim_next(struct skim *skim, struct frame_header *frame, uint64_t *offset, struct error *err);
// After a stop: ERR_CORRUPT when a commit that lies further on says that more was whole and durable
// once than the walk found sealed. Needed when skim_unsealed.
static inline bool skim_unsealed(const struct skim *skim)
{
    return skim->why[0] || skim->at != skim->sealed;
}
int skim_check_tail(struct skim *skim, struct error *err);
// The same while a writer may be at work: what it has completed meanwhile is no damage.
int skim_check_live(struct skim *skim, struct error *err);
// 1: `offset` is a sealed place of this file (behind its header or a good commit), with the number
// that comes next; 0: it is not; or an error.
int sealed_at(int fd, const char *path, const unsigned char *id, uint64_t first, uint64_t offset,
              uint64_t *sequence, struct error *err);
