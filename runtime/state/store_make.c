// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "state/store_parts.h"

#include <string.h>

static int write_first(struct journal *journal, struct generation *generation,
                       const struct checkpoint *first, struct error *err)
{
    struct store_out out;
    int code = store_out_head(&out, journal, &first->head, err);
    for (uint32_t i = 0; i < first->part_count && !code; i++)
        code = store_out_part(&out, &first->parts[i], err);
    if (!code)
        code = store_out_end(&out, err);
    struct saved saved = {.head = first->head, .sequence = out.sequence, .whole = true};
    if (!code && generation_add(generation, &saved))
        code = error_nomem(err);
    generation->first_bytes = out.bytes;
    return code;
}

int store_make(const struct store *store, uint64_t number, uint64_t highest,
               const struct checkpoint *first, struct journal **journal,
               struct generation *generation, struct error *err)
{
    *generation = (struct generation){.number = number};
    int code = store_open_journal(store, number, ".tmp", journal, err);
    if (!code)
        code = store_out_generation(*journal, highest, store->pipeline, err);
    if (!code && first)
        code = write_first(*journal, generation, first, err);
    if (!code)
        return 0;
    journal_abandon(*journal);
    *journal = NULL;
    generation_deinit(generation);
    store_remove_unfinished(store, number);
    return code;
}

// Everything that memory is needed for comes before the name is given.
static int name_it(struct store *store, struct journal *journal,
                   const struct generation *generation, struct error *err)
{
    size_t heads = generation->count + 1;
    for (size_t i = 0; i < store->count; i++)
        heads += store->generations[i].count;
    int code = mem_grow(&store->heads, &store->head_cap, heads, sizeof *store->heads);
    pthread_mutex_lock(&store->lock);
    if (!code)
        code = mem_grow(&store->generations, &store->cap, store->count + 1,
                        sizeof *store->generations);
    pthread_mutex_unlock(&store->lock);
    if (code) {
        journal_abandon(journal);
        return error_nomem(err);
    }
    code = journal_close(journal, err);
    return code ? code : store_name_generation(store, generation->number, err);
}

static void add(struct store *store, struct journal *journal, const struct generation *generation)
{
    pthread_mutex_lock(&store->lock);
    if (store->journal)
        store->generations[store->count - 1].bytes = journal_bytes(store->journal);
    store->generations[store->count++] = *generation;
    pthread_mutex_unlock(&store->lock);
    (void)journal_close(store->journal, NULL); // all in it is durable
    store->journal = journal;
}

int store_publish(struct store *store, struct journal *journal, struct generation *generation,
                  struct error *err)
{
    int code = name_it(store, journal, generation, err);
    if (!code)
        code = store_open_journal(store, generation->number, "", &journal, err);
    if (code) {
        store_remove_unfinished(store, generation->number); // unless it has its name
        generation_deinit(generation);
        return code;
    }
    add(store, journal, generation);
    *generation = (struct generation){0};
    return store_refresh_heads(store, err);
}
