// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "state/store_parts.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

// Adding checkpoints to the newest generation; to a new one, if there is none that can be written
// to or that has what the checkpoint builds on.

static int usable(const struct store *store, struct error *err)
{
    if (store->options.read_only)
        return error_set(err, ERR_BUG, "%s: was opened to be read", store->dir);
    if (store->broken)
        return error_set(err, ERR_FATAL, "%s: cannot go on after a failure: open it anew",
                         store->dir);
    return 0;
}

static void end_writing(struct store *store)
{
    struct writing *writing = &store->writing;
    for (size_t i = 0; i < writing->node_count; i++)
        mem_free(writing->nodes[i].node);
    *writing = (struct writing){.nodes = writing->nodes, .node_cap = writing->node_cap};
}

static uint64_t take_generation_number(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    uint64_t number = store->next_generation++;
    pthread_mutex_unlock(&store->lock);
    return number;
}

// Begins a generation that starts with `parent`, merged; 0: with nothing.
static int begin_generation(struct store *store, uint64_t parent, struct error *err)
{
    struct checkpoint *first = NULL;
    int code = parent ? store_load(store, parent, &first, err) : 0;
    if (!code)
        code = store_make(store, take_generation_number(store), store->highest, first,
                          &store->fresh, &store->making, err);
    checkpoint_free(first);
    return code;
}

static void drop_fresh(struct store *store)
{
    if (!store->fresh)
        return;
    journal_abandon(store->fresh);
    store->fresh = NULL;
    store_remove_unfinished(store, store->making.number);
    generation_deinit(&store->making);
}

// The journal that the checkpoint goes to.
static int choose_journal(struct store *store, uint64_t parent, struct journal **out,
                          struct error *err)
{
    const struct generation *newest = store_newest(store);
    int code = 0;
    if (!store->journal || (parent && !generation_find(newest, parent)))
        code = begin_generation(store, parent, err);
    *out = store->fresh ? store->fresh : store->journal;
    return code;
}

static int check_head(const struct store *store, const struct checkpoint_head *head,
                      struct error *err)
{
    const struct saved *saved;
    int code = usable(store, err);
    if (code)
        return code;
    if (store->writing.on)
        return error_set(err, ERR_BUG, "%s: a checkpoint within a checkpoint", store->dir);
    if (head->number <= store->highest)
        return error_set(err, ERR_BUG, "%s: checkpoint %" PRIu64 ", but %" PRIu64 " was used",
                         store->dir, head->number, store->highest);
    if (head->parent && !store_find(store, head->parent, &saved))
        return error_set(err, ERR_BUG,
                         "%s: checkpoint %" PRIu64 " builds on %" PRIu64 ", which is not there",
                         store->dir, head->number, head->parent);
    return 0;
}

int store_begin(struct store *store, const struct checkpoint_head *head, struct error *err)
{
    struct writing *writing = &store->writing;
    struct journal *journal;
    int code = check_head(store, head, err);
    if (code)
        return code;
    store_take_over(store);
    code = usable(store, err);
    if (!code)
        code = choose_journal(store, head->parent, &journal, err);
    if (!code)
        code = store_out_head(&writing->out, journal, head, err);
    if (code) {
        drop_fresh(store);
        return code;
    }
    pthread_mutex_lock(&store->lock);
    store->highest = head->number;
    pthread_mutex_unlock(&store->lock);
    writing->on = writing->whole = true;
    writing->head = *head;
    writing->place = journal_end(journal);
    return 0;
}

// All parts of a node's state are changes, or none is.
static int check_mode(struct store *store, const struct store_part *part, struct error *err)
{
    struct writing *writing = &store->writing;
    if (part->changes && !writing->head.parent)
        return error_set(err, ERR_BUG, "%s: changes, but the checkpoint builds on none",
                         part->node);
    for (size_t i = 0; i < writing->node_count; i++) {
        if (strcmp(writing->nodes[i].node, part->node) != 0)
            continue;
        if (writing->nodes[i].changes != part->changes)
            return error_set(err, ERR_BUG, "%s: changes of one lane, but all of another",
                             part->node);
        return 0;
    }
    if (mem_grow(&writing->nodes, &writing->node_cap, writing->node_count + 1,
                 sizeof *writing->nodes))
        return error_nomem(err);
    char *node = mem_strdup(part->node);
    if (!node)
        return error_nomem(err);
    writing->nodes[writing->node_count++] = (struct node_mode){node, part->changes};
    return 0;
}

int store_put(struct store *store, const struct store_part *part, struct error *err)
{
    struct writing *writing = &store->writing;
    if (!writing->on)
        return error_set(err, ERR_BUG, "%s: a part of no checkpoint", store->dir);
    int code = part->kind == STORE_STATE ? check_mode(store, part, err) : 0;
    if (!code)
        code = store_out_part(&writing->out, part, err);
    if (code)
        writing->failed = true;
    else if (part->kind == STORE_STATE && part->changes)
        writing->whole = false;
    return code;
}

static int prepare_fresh(struct store *store, const struct saved *saved, struct error *err)
{
    struct journal *journal = store->fresh;
    int code = generation_add(&store->making, saved) ? error_nomem(err) : 0;
    if (code) {
        drop_fresh(store);
        return code;
    }
    store->fresh = NULL;
    if (store->making.count == 1)
        store->making.first_bytes = store->writing.out.bytes;
    return store_publish(store, journal, &store->making, err);
}

static int prepare_here(struct store *store, const struct saved *saved, struct error *err)
{
    struct generation *newest = &store->generations[store->count - 1];
    int code =
        mem_grow(&store->heads, &store->head_cap, store->head_count + 1, sizeof *store->heads);
    if (!code) {
        pthread_mutex_lock(&store->lock);
        code = mem_grow(&newest->saved, &newest->cap, newest->count + 1, sizeof *newest->saved);
        pthread_mutex_unlock(&store->lock);
    }
    if (code)
        return error_nomem(err);
    code = journal_sync(store->journal, err);
    if (code)
        return code;
    pthread_mutex_lock(&store->lock);
    (void)generation_add(newest, saved); // has room
    pthread_mutex_unlock(&store->lock);
    store->heads[store->head_count++] = saved->head; // has the highest number
    return 0;
}

int store_prepare(struct store *store, struct error *err)
{
    struct writing *writing = &store->writing;
    if (!writing->on)
        return error_set(err, ERR_BUG, "%s: no checkpoint to prepare", store->dir);
    if (writing->failed)
        return error_set(err, ERR_BUG, "%s: checkpoint %" PRIu64 " has failed, give it up",
                         store->dir, writing->head.number);
    struct saved saved = {
        .head = writing->head, .sequence = writing->out.sequence, .whole = writing->whole};
    int code = store_out_end(&writing->out, err);
    if (!code)
        code = store->fresh ? prepare_fresh(store, &saved, err) : prepare_here(store, &saved, err);
    store->broken = code != 0;
    if (code)
        drop_fresh(store);
    end_writing(store);
    return code;
}

void store_give_up(struct store *store)
{
    struct writing *writing = &store->writing;
    if (!writing->on)
        return;
    if (store->fresh)
        drop_fresh(store);
    else // what stays is passed over by readers; or the journal says from now on that it is broken
        (void)journal_cut(store->journal, writing->place, NULL);
    end_writing(store);
}

bool store_wants_compaction(const struct store *store)
{
    enum { FLOOR_BYTES = 4 << 20 };
    const struct generation *newest = store_newest(store);
    if (!newest || !store->journal || atomic_load(&store->compacting) ||
        atomic_load(&store->ready) || newest->count < 2)
        return false;
    uint64_t first = newest->first_bytes;
    return store->decided > newest->saved[0].head.number &&
           journal_bytes(store->journal) > 2 * first + FLOOR_BYTES;
}
