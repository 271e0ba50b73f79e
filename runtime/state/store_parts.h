// SPDX-License-Identifier: MIT
#pragma once
#include "state/store_format.h"

#include <limits.h>
#include <pthread.h>

// The inside of a store, shared by the store_*.c files.
//
// A generation is made under <number>.tmp and gets its name when its first checkpoint is durable:
// one with a name and without a whole first checkpoint is damaged. Only the newest is written to.
// A checkpoint builds on others of its own generation only.

struct saved { // a whole checkpoint in a generation
    struct checkpoint_head head;
    uint64_t sequence; // of its head in the journal
    bool whole;        // builds on nothing
};

struct generation {
    uint64_t number;
    struct saved *saved; // by sequence
    size_t count, cap;
    uint64_t bytes;       // on disk, when it was last looked at
    uint64_t first_bytes; // of its first checkpoint
    uint64_t next;        // journal's number behind the last entry that was read
    bool damaged;
};

struct node_mode { // how the state of a node is saved in the checkpoint that is being written
    char *node;
    bool changes;
};

struct writing {
    bool on;
    bool failed; // a put failed: it can only be given up
    bool whole;
    struct checkpoint_head head;
    struct store_out out;
    struct journal_place place; // behind its head
    struct node_mode *nodes;
    size_t node_count, node_cap;
};

struct compacted { // a generation that store_compact has made, not yet named
    struct journal *journal;
    struct generation generation;
    uint64_t from; // generation it was made of
};

struct store {
    char *dir, *pipeline;
    struct store_options options;
    int lock_fd;
    char damage[1024]; // empty: none was found
    bool broken;       // a prepare failed

    // Changed by the store's thread with the lock held; read by it without, by others with it.
    pthread_mutex_t lock;
    struct generation *generations; // oldest first
    size_t count, cap;
    uint64_t next_generation;
    uint64_t highest, decided;
    _Atomic bool compacting;
    struct compacted *_Atomic ready;

    struct checkpoint_head *heads; // what can be loaded: by number
    size_t head_count, head_cap;

    struct journal *journal;  // of the newest generation; NULL: that cannot be written to
    struct journal *fresh;    // of one that is being made, while `writing`
    struct generation making; // that one
    struct writing writing;
};

// -- store_dir.c: names and files --

enum { STORE_NAME_DIGITS = 20 };
int store_path(char out[PATH_MAX], const struct store *store, uint64_t generation,
               const char *suffix, struct error *err);
// Generations with a name, oldest first, into store->generations; next_generation. ERR_RETRY: there
// is no directory.
int store_list(struct store *store, struct error *err);
int store_sweep(struct store *store, struct error *err); // removes what was left unfinished
// Gives it its name, durably.
int store_name_generation(const struct store *store, uint64_t generation, struct error *err);
// A damaged one is put aside under another name, any other removed. *gone also when it failed.
int store_drop_generation(const struct store *store, const struct generation *generation,
                          bool *gone, struct error *err);
uint64_t store_generation_bytes(const struct store *store, uint64_t generation);
void store_remove_unfinished(const struct store *store, uint64_t generation);
// *known: the file is there and says this pipeline. ERR_REFUSED: it says another one or a newer
// version. Damage is no error.
int store_check_pipeline(struct store *store, bool *known, struct error *err);
int store_write_pipeline(const struct store *store, struct error *err);

// -- store_scan.c --

// Reads all of a generation and fills it. What is damaged goes into store->damage.
int store_scan(struct store *store, struct generation *generation, struct error *err);
void store_say_damage(struct store *store, const struct error *err);
struct saved *generation_find(const struct generation *generation, uint64_t number);
// What `saved`, which is not whole, builds on: it lies before it.
const struct saved *generation_parent(const struct saved *saved);
int generation_add(struct generation *generation, const struct saved *saved); // 0, ERR_NOMEM
void generation_deinit(struct generation *generation);

// -- store.c --

// The newest generation that has the checkpoint; NULL: none.
const struct generation *store_find(const struct store *store, uint64_t number,
                                    const struct saved **saved);
int store_refresh_heads(struct store *store, struct error *err);
// Removes old generations as far as `keep` allows.
int store_drop_old(struct store *store, struct error *err);
int store_open_journal(const struct store *store, uint64_t generation, const char *suffix,
                       struct journal **out, struct error *err);
const struct generation *store_newest(const struct store *store); // NULL: there is none

// -- store_load.c --

struct chain { // what a checkpoint is made of
    char dir[PATH_MAX];
    struct checkpoint_head head;
    struct saved *links; // oldest, which is whole, to newest
    size_t count;
};
int chain_init(struct chain *chain, const struct store *store, uint64_t number, struct error *err);
void chain_deinit(struct chain *chain);
int chain_load(const struct chain *chain, struct checkpoint **out, struct error *err);

// -- store_make.c: new generations --

// Makes an unfinished generation of one checkpoint (NULL: of none).
int store_make(const struct store *store, uint64_t number, uint64_t highest,
               const struct checkpoint *first, struct journal **journal,
               struct generation *generation, struct error *err);
// Makes it durable and the newest one, and goes on with it. Both are taken in any case. When it
// fails, the store is as it was, or has one more generation at the next start.
int store_publish(struct store *store, struct journal *journal, struct generation *generation,
                  struct error *err);

// -- store_compact.c --

// Goes on with what a compaction has made, if any; if that fails, with what there is.
void store_take_over(struct store *store);
void compacted_free(const struct store *store, struct compacted *compacted);
