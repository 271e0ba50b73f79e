// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "state/store_parts.h"

#include <stdatomic.h>

// Compaction: one thread makes a generation of the newest decided checkpoint, aside; the store's
// thread adds what was prepared meanwhile, gives it its name, and goes on with it. Until then
// everything is in the old one.

void compacted_free(const struct store *store, struct compacted *compacted)
{
    if (!compacted)
        return;
    if (compacted->journal) {
        journal_abandon(compacted->journal);
        store_remove_unfinished(store, compacted->generation.number);
    }
    generation_deinit(&compacted->generation);
    mem_free(compacted);
}

// What is to be compacted, seen at one instant.
static int begin(struct store *store, struct chain *chain, struct compacted *compacted,
                 uint64_t *number, uint64_t *highest, struct error *err)
{
    pthread_mutex_lock(&store->lock);
    int code = store->compacting || store->ready
                   ? error_set(err, ERR_BUG, "%s: a compaction within a compaction", store->dir)
                   : chain_init(chain, store, store->decided, err);
    if (!code) {
        store->compacting = true; // keeps its files where they are
        *number = store->next_generation++;
        *highest = store->highest;
        compacted->from = store_newest(store)->number;
    }
    pthread_mutex_unlock(&store->lock);
    return code;
}

static int make(const struct store *store, const struct chain *chain, struct compacted *compacted,
                uint64_t number, uint64_t highest, struct error *err)
{
    struct checkpoint *all;
    int code = chain_load(chain, &all, err);
    if (!code)
        code = store_make(store, number, highest, all, &compacted->journal, &compacted->generation,
                          err);
    checkpoint_free(all);
    return code ? code : journal_sync(compacted->journal, err);
}

int store_compact(struct store *store, struct error *err)
{
    struct chain chain = {0};
    uint64_t number = 0, highest = 0;
    struct compacted *compacted = mem_zalloc(sizeof *compacted);
    if (!compacted)
        return error_nomem(err);
    int code = begin(store, &chain, compacted, &number, &highest, err);
    if (!code) {
        code = make(store, &chain, compacted, number, highest, err);
        if (code) {
            compacted_free(store, compacted);
            compacted = NULL;
        }
        atomic_store(&store->ready, compacted);
        atomic_store(&store->compacting, false);
        compacted = NULL;
    }
    mem_free(compacted);
    chain_deinit(&chain);
    return code;
}

// -- taking over --

static int copy_entries(struct journal_reader *reader, struct journal *journal,
                        const struct saved *saved, struct error *err)
{
    struct journal_entry bytes;
    struct store_entry entry = {.type = ENTRY_HEAD};
    int code = 0;
    if (journal_reader_at(reader) != saved->sequence)
        code = journal_reader_seek(reader, saved->sequence, err);
    while (!code && entry.type != ENTRY_END) {
        code = journal_reader_next(reader, &bytes, err);
        if (code == 0 || (code > 0 && !store_entry_read(&bytes, &entry)))
            return error_set(err, ERR_CORRUPT, "a checkpoint is no longer there");
        struct iovec part = {(void *)(uintptr_t)bytes.data, bytes.len};
        if (code > 0)
            code = journal_append(journal, &part, 1, 1, 0, NULL, err);
    }
    return code;
}

static int copy(const struct generation *from, struct journal_reader *reader, struct compacted *to,
                struct error *err)
{
    uint64_t base = to->generation.saved[0].head.number;
    int code = 0;
    for (size_t i = 0; i < from->count && !code; i++) {
        struct saved saved = from->saved[i];
        if (saved.head.number <= base ||
            (!saved.whole && !generation_find(&to->generation, saved.head.parent)))
            continue;
        uint64_t sequence = journal_next(to->journal);
        code = copy_entries(reader, to->journal, &saved, err);
        saved.sequence = sequence;
        if (!code && generation_add(&to->generation, &saved))
            code = error_nomem(err);
    }
    return code;
}

static int add_the_rest(const struct store *store, struct compacted *compacted, struct error *err)
{
    const struct generation *newest = store_newest(store);
    struct journal_reader *reader;
    char path[PATH_MAX];
    if (newest->number != compacted->from)
        return error_set(err, ERR_REFUSED, "a newer generation has come in between");
    int code = store_path(path, store, newest->number, "", err);
    if (!code)
        code = journal_reader_open(&reader, path, READ_BYTES, err);
    if (code)
        return code;
    code = copy(newest, reader, compacted, err);
    journal_reader_close(reader);
    return code;
}

void store_take_over(struct store *store)
{
    struct compacted *compacted = atomic_exchange(&store->ready, NULL);
    if (!compacted)
        return;
    if (add_the_rest(store, compacted, NULL) == 0) {
        struct journal *journal = compacted->journal;
        compacted->journal = NULL;
        if (store_publish(store, journal, &compacted->generation, NULL) == 0)
            (void)store_drop_old(store, NULL); // or the next time
    }
    compacted_free(store, compacted);
}
