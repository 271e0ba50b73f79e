// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>

// The checkpoints of one pipeline, in a directory of its own. A checkpoint is a head and parts,
// written between store_begin and store_prepare; prepared, it is durable and whole, or it is not
// there. What is saved of an operator's state may be only what has changed since the parent
// checkpoint: loading follows the parents back to one that has all of it, and merges (image.h says
// what an entry replaces).
//
//   <dir>/lock                    held (flock) by the one process that runs the pipeline; its id
//   <dir>/pipeline                whose this is: format version, the pipeline's name
//   <dir>/00000000000000000007/   a generation: a journal that begins with a checkpoint which has
//                                 everything, then those that build on it; numbered in order
//   <dir>/00000000000000000008.tmp/      one that is being made
//   <dir>/00000000000000000006.damaged/  one that was damaged, kept for who wants to look into it
//
// Compaction writes the newest decided checkpoint, merged, into a new generation while others are
// added to the old one; the old one stays until the next compaction, so that damage to the newest
// file leaves something to go back to. Damage is found by checksums: a checkpoint is loaded as it
// was saved, or not at all.
//
// Numbers are never used twice in a store, also those of checkpoints that were given up.
// A store belongs to one thread at a time, but for store_compact, see there.

struct store;

enum { STORE_INCARNATION_BYTES = 16 };

struct checkpoint_head {
    unsigned char incarnation[STORE_INCARNATION_BYTES]; // of the state: new with a fresh start
    uint64_t attempt;                                   // random, new with each start
    uint64_t number;                                    // from 1
    uint64_t parent;                                    // that it builds on; 0: on none
    int64_t wall_ms;
    bool finished; // all sources were bounded and are drained: there is nothing to go on with
};

enum store_kind {
    STORE_PLAN = 1, // what ran: the topology, versions of scripts (node: "")
    STORE_SOURCE,   // splits and positions
    STORE_STATE,    // an image of an operator; several (one a lane) make one
    STORE_SINK,     // what a sink gave at prepare
    STORE_COUNTERS  // of a node
};

struct store_part {
    enum store_kind kind;
    const char *node; // name, terminated
    bool changes;     // STATE: builds on the parent's; else it replaces the parent's. The same for
                      // all of a node's parts; a node without any has no state in this checkpoint
    const char *bytes;
    size_t len;
};

struct store_options {
    uint32_t keep;         // checkpoints that can be gone back to; at least 1
    uint32_t lock_wait_ms; // a process that was just killed may hold the lock for a moment
    bool read_only; // takes no lock, makes nothing: to look into a pipeline that may be running
};

// Opens or makes the store. ERR_REFUSED: it is another pipeline's, is locked (names the process),
// is of a newer version, or is damaged beyond its last resort; nothing was changed. read_only and
// not there, or changed faster by who writes it than it could be read: ERR_RETRY.
int store_open(struct store **out, const char *dir, const char *pipeline,
               const struct store_options *options, struct error *err);
void store_close(struct store *store);

// What can be loaded, oldest first. Heads of checkpoints that were damaged are not among them:
// store_damage says which, if any (NULL: none), for the log.
uint32_t store_count(const struct store *store);
// Borrowed until the next call that is not const.
const struct checkpoint_head *store_at(const struct store *store, uint32_t index);
const char *store_damage(const struct store *store);
uint64_t store_highest(const struct store *store); // number ever used; 0: none

// A checkpoint with all that it builds on.
struct checkpoint {
    struct checkpoint_head head;
    struct store_part *parts; // STATE: one for each node, merged, whole
    uint32_t part_count;
};

int store_load(struct store *store, uint64_t number, struct checkpoint **out, struct error *err);
void checkpoint_free(struct checkpoint *checkpoint);
// NULL: it has none.
const struct store_part *checkpoint_part(const struct checkpoint *checkpoint, enum store_kind kind,
                                         const char *node);

// Writing: begin, put (each part copied or written before it returns), prepare or give up. After
// store_prepare the checkpoint survives a power cut. An error other than from prepare leaves the
// store as it was (a put that failed: when it was given up); a failed prepare is final (ERR_FATAL
// from then on): open anew, and see whether it is there. The parent must be among what can be
// loaded. A number that was begun and given up is known on disk, but for a power cut, or a
// process's end while a new generation is made; a prepared one always.
int store_begin(struct store *store, const struct checkpoint_head *head, struct error *err);
int store_put(struct store *store, const struct store_part *part, struct error *err);
int store_prepare(struct store *store, struct error *err);
void store_give_up(struct store *store);

// The number is decided: it is what a start goes on from, and what it built on may go, as far as
// `keep` allows.
int store_decided(struct store *store, uint64_t number, struct error *err);
// Whether so much has been added that a compaction pays (the changes outweigh the state).
bool store_wants_compaction(const struct store *store);
// Merges in the background: may run on another thread than the store's (one at a time) while that
// begins, puts and prepares. The store's thread takes the result over with its next store_begin.
int store_compact(struct store *store, struct error *err);
uint64_t store_bytes(const struct store *store); // on disk
