// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "operators/enrich.h"

// Entries in a list, the one used last in front, and in a table by key.

struct entry {
    struct entry *newer, *older;
    uint32_t number; // in the table
    uint32_t len;
    int64_t made_ms;
    enum enrich_outcome outcome;
    char text[];
};

struct enrich_cache {
    struct state_budget budget;
    struct table table; // slot: struct entry *
    struct entry *newest, *oldest;
    uint32_t limit;
    int64_t ttl_ms;
};

static struct entry **slot_of(struct table_entry *entry)
{
    return (struct entry **)(void *)entry->slot;
}

int enrich_cache_new(struct enrich_cache **out, uint32_t entries, int64_t ttl_ms)
{
    struct enrich_cache *cache = mem_zalloc(sizeof *cache);
    if (!cache)
        return ERR_NOMEM;
    table_init(&cache->table, sizeof(struct entry *), &cache->budget);
    cache->limit = entries;
    cache->ttl_ms = ttl_ms;
    *out = cache;
    return 0;
}

static void unlink_entry(struct enrich_cache *cache, struct entry *entry)
{
    *(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void push(struct enrich_cache *cache, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = entry;
    cache->newest = entry;
}

static void drop(struct enrich_cache *cache, struct entry *entry)
{
    uint32_t number = entry->number;
    unlink_entry(cache, entry);
    budget_give(&cache->budget, sizeof *entry + entry->len);
    mem_free(entry);
    table_remove(&cache->table, number);
    if (number < cache->table.count)
        (*slot_of(table_at(&cache->table, number)))->number = number;
}

void enrich_cache_free(struct enrich_cache *cache)
{
    if (!cache)
        return;
    while (cache->oldest)
        drop(cache, cache->oldest);
    table_deinit(&cache->table);
    mem_free(cache);
}

static struct entry *find(const struct enrich_cache *cache, const struct table_key *key)
{
    struct table_entry *at = table_find(&cache->table, key);
    return at ? *slot_of(at) : NULL;
}

bool enrich_cache_get(struct enrich_cache *cache, const struct table_key *key, int64_t now_ms,
                      struct enrich_answer *answer)
{
    struct entry *entry = find(cache, key);
    if (!entry)
        return false;
    if (cache->ttl_ms && now_ms - entry->made_ms >= cache->ttl_ms) {
        drop(cache, entry);
        return false;
    }
    unlink_entry(cache, entry);
    push(cache, entry);
    answer->outcome = entry->outcome;
    answer->text = entry->text;
    answer->len = entry->len;
    return true;
}

void enrich_cache_put(struct enrich_cache *cache, const struct table_key *key, int64_t now_ms,
                      const struct enrich_answer *answer)
{
    struct entry *old = find(cache, key), *entry;
    struct table_entry *at;
    bool made;
    if (answer->outcome == ENRICH_FAILED)
        return;
    if (old)
        drop(cache, old);
    while (cache->table.count >= cache->limit)
        drop(cache, cache->oldest);
    uint32_t len = answer->outcome == ENRICH_FOUND ? answer->len : 0;
    entry = mem_alloc(sizeof *entry + len);
    if (!entry)
        return;
    *entry = (struct entry){.len = len, .made_ms = now_ms, .outcome = answer->outcome};
    if (len)
        memcpy(entry->text, answer->text, len);
    if (table_take(&cache->table, key, &at, &made)) {
        mem_free(entry);
        return;
    }
    *slot_of(at) = entry;
    entry->number = table_number(&cache->table, at);
    (void)budget_take(&cache->budget, sizeof *entry + len); // has no limit
    push(cache, entry);
}

uint64_t enrich_cache_bytes(const struct enrich_cache *cache)
{
    return cache->budget.used_bytes;
}
