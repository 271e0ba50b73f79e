// SPDX-License-Identifier: MIT
#include "state/store.h"
#include "base/alloc.h"
#include "base/io.h"
#include "state/lock.h"
#include "state/store_parts.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOCK_WAIT_MIN_MS = 1000 };

const struct generation *store_newest(const struct store *store)
{
    return store->count ? &store->generations[store->count - 1] : NULL;
}

const struct generation *store_find(const struct store *store, uint64_t number,
                                    const struct saved **saved)
{
    for (size_t i = store->count; i-- > 0;) {
        *saved = generation_find(&store->generations[i], number);
        if (*saved)
            return &store->generations[i];
    }
    return NULL;
}

// -- what can be loaded --

static int by_number(const void *a, const void *b)
{
    uint64_t left = ((const struct checkpoint_head *)a)->number;
    uint64_t right = ((const struct checkpoint_head *)b)->number;
    return (left > right) - (left < right);
}

int store_refresh_heads(struct store *store, struct error *err)
{
    size_t total = 0, count = 0;
    for (size_t i = 0; i < store->count; i++)
        total += store->generations[i].count;
    if (mem_grow(&store->heads, &store->head_cap, total + 1, sizeof *store->heads))
        return error_nomem(err);
    for (size_t i = 0; i < store->count; i++) {
        const struct generation *generation = &store->generations[i];
        for (size_t j = 0; j < generation->count; j++)
            store->heads[count++] = generation->saved[j].head;
    }
    if (count)
        qsort(store->heads, count, sizeof *store->heads, by_number);
    store->head_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!i || store->heads[i].number != store->heads[i - 1].number)
            store->heads[store->head_count++] = store->heads[i];
    }
    return 0;
}

uint32_t store_count(const struct store *store)
{
    return (uint32_t)store->head_count;
}

const struct checkpoint_head *store_at(const struct store *store, uint32_t index)
{
    return index < store->head_count ? &store->heads[index] : NULL;
}

const char *store_damage(const struct store *store)
{
    return store->damage[0] ? store->damage : NULL;
}

uint64_t store_highest(const struct store *store)
{
    return store->highest;
}

uint64_t store_bytes(const struct store *store)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < store->count; i++) {
        bool written = store->journal && i + 1 == store->count;
        bytes += written ? journal_bytes(store->journal) : store->generations[i].bytes;
    }
    return bytes;
}

// -- opening --

int store_open_journal(const struct store *store, uint64_t generation, const char *suffix,
                       struct journal **out, struct error *err)
{
    char path[PATH_MAX];
    uint32_t wait_ms = store->options.lock_wait_ms;
    // Who ends lets go of the store and of its journal one after the other.
    struct journal_options options = {.lock_wait_ms =
                                          wait_ms > LOCK_WAIT_MIN_MS ? wait_ms : LOCK_WAIT_MIN_MS};
    *out = NULL;
    int code = store_path(path, store, generation, suffix, err);
    return code ? code : journal_open(out, path, &options, err);
}

static int scan_all(struct store *store, struct error *err)
{
    int code = store_list(store, err);
    for (size_t i = 0; i < store->count && !code; i++)
        code = store_scan(store, &store->generations[i], err);
    return code;
}

// Opens the newest generation for writing, which cuts a torn end off.
static int resume(struct store *store, struct error *err)
{
    struct generation *newest = store->count ? &store->generations[store->count - 1] : NULL;
    if (!newest || newest->damaged)
        return 0;
    struct error local = ERROR_INIT;
    int code = store_open_journal(store, newest->number, "", &store->journal, &local);
    if (code == ERR_CORRUPT) {
        newest->damaged = true;
        store_say_damage(store, &local);
        return 0;
    }
    if (code)
        return error_set(err, code, "%s", local.text);
    return journal_next(store->journal) == newest->next ? 0 : store_scan(store, newest, err);
}

static bool nothing_left(const struct store *store)
{
    size_t count = 0;
    for (size_t i = 0; i < store->count; i++)
        count += store->generations[i].count;
    return store->count && !count;
}

static int load_index(struct store *store, struct error *err)
{
    bool known;
    int code = store_check_pipeline(store, &known, err);
    if (!code)
        code = scan_all(store, err);
    if (!code && nothing_left(store))
        code = store->damage[0] ? error_set(err, ERR_REFUSED, "%s: no checkpoint can be used: %s",
                                            store->dir, store->damage)
                                : error_set(err, ERR_RETRY, "%s: is being changed", store->dir);
    if (!code && store->options.read_only && !known && !store->count)
        code = error_set(err, ERR_RETRY, "%s: there are no checkpoints yet", store->dir);
    if (!code && !store->options.read_only) {
        code = store_sweep(store, err);
        if (!code && !known)
            code = store_write_pipeline(store, err);
        if (!code)
            code = io_fsync_dir(store->dir, err); // a name may be there, but not yet durable
        if (!code)
            code = resume(store, err);
    }
    return code ? code : store_refresh_heads(store, err);
}

static int open_here(struct store *store, const char *dir, const char *pipeline, struct error *err)
{
    store->dir = mem_strdup(dir);
    store->pipeline = mem_strdup(pipeline);
    if (!store->dir || !store->pipeline)
        return error_nomem(err);
    if (store->options.read_only)
        return load_index(store, err);
    int code = io_mkdir_all(dir, err);
    if (!code)
        code = dir_lock(&store->lock_fd, dir, store->options.lock_wait_ms, "is being used", err);
    return code ? code : load_index(store, err);
}

int store_open(struct store **out, const char *dir, const char *pipeline,
               const struct store_options *options, struct error *err)
{
    *out = NULL;
    struct store *store = mem_zalloc(sizeof *store);
    if (!store)
        return error_nomem(err);
    pthread_mutex_init(&store->lock, NULL);
    store->options = *options;
    if (!store->options.keep)
        store->options.keep = 1;
    store->lock_fd = -1;
    store->next_generation = 1;
    int code = open_here(store, dir, pipeline, err);
    if (code) {
        store_close(store);
        return code;
    }
    *out = store;
    return 0;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    if (store->writing.on)
        store_give_up(store);
    compacted_free(store, store->ready);
    // What was prepared is durable; all that closing adds is a mark.
    if (store->broken)
        journal_abandon(store->journal);
    else
        (void)journal_close(store->journal, NULL);
    for (size_t i = 0; i < store->count; i++)
        generation_deinit(&store->generations[i]);
    mem_free(store->generations);
    mem_free(store->heads);
    if (store->lock_fd >= 0)
        close(store->lock_fd); // unlocks
    pthread_mutex_destroy(&store->lock);
    mem_free(store->writing.nodes);
    mem_free(store->pipeline);
    mem_free(store->dir);
    mem_free(store);
}

// -- what may go --

// Decided checkpoints, as far as `enough`, that would be there without the oldest generation. What
// a decided one builds on was decided.
static uint32_t count_decided(const struct store *store, uint32_t enough)
{
    uint32_t count = 0;
    for (uint64_t number = store->decided; number && count < enough; count++) {
        const struct saved *saved = NULL;
        const struct generation *generation = store_find(store, number, &saved);
        if (!generation || generation == store->generations)
            break;
        number = saved->head.parent;
    }
    return count;
}

int store_drop_old(struct store *store, struct error *err)
{
    int code = 0;
    bool any = false, gone;
    pthread_mutex_lock(&store->lock);
    while (!code && store->count > 2 && !atomic_load(&store->compacting) &&
           count_decided(store, store->options.keep) >= store->options.keep) {
        code = store_drop_generation(store, store->generations, &gone, err);
        if (!gone)
            break;
        generation_deinit(store->generations);
        store->count--;
        memmove(store->generations, store->generations + 1,
                store->count * sizeof *store->generations);
        any = true;
    }
    pthread_mutex_unlock(&store->lock);
    if (any)
        (void)store_refresh_heads(store, NULL); // has room: there are fewer now
    return code;
}

int store_decided(struct store *store, uint64_t number, struct error *err)
{
    const struct saved *saved;
    if (store->options.read_only || !store_find(store, number, &saved))
        return error_set(err, ERR_BUG, "%s: there is no checkpoint %" PRIu64, store->dir, number);
    pthread_mutex_lock(&store->lock);
    store->decided = number;
    pthread_mutex_unlock(&store->lock);
    return store_drop_old(store, err);
}
