// SPDX-License-Identifier: MIT
#include "state/table.h"
#include "base/alloc.h"
#include "base/hash.h"
#include <sys/mman.h>

enum {
    FEW = 8,                   // entries that are searched without an index
    FIRST_CAP = 2,             // entries of a new table's page
    FIRST_CELLS = 32,          // of a new index
    PAGE_BYTES_MAX = 16 << 20, // full pages
    HUGE_PAGE = 2 << 20,       // of the processor
    HUGE_FROM = 4 << 20,       // allocations from here on are advised to use them
    COUNT_MAX = 1 << 30,
    DIRTY_MIN = 64,      // entries that there are bits for at least
    DOUBLE_TO = 1 << 12, // entries up to which the first page doubles
};

void table_init(struct table *table, uint32_t slot_size, struct state_budget *budget)
{
    *table = (struct table){.budget = budget};
    table->stride = (uint32_t)sizeof(struct table_entry) + ((slot_size + 7u) & ~7u);
    while (((size_t)table->stride << (table->page_shift + 1)) <= PAGE_BYTES_MAX)
        table->page_shift++;
}

// Entries that the page with this number has room for.
static uint32_t page_entries(const struct table *table, uint32_t page)
{
    return page == 0 ? table->first_cap : 1u << table->page_shift;
}

size_t table_size(const struct table *table)
{
    size_t entries = 0;
    for (uint32_t i = 0; i < table->page_count; i++)
        entries += page_entries(table, i);
    size_t cells = table->index ? (size_t)table->mask + 1 : 0;
    return entries * table->stride + cells * sizeof *table->index +
           table->page_count * sizeof *table->pages + table->dirty_room / 8;
}

void table_deinit(struct table *table)
{
    size_t size = table_size(table);
    for (uint32_t i = 0; i < table->count; i++) {
        struct table_key *key = &table_at(table, i)->key;
        if (key->near.len == TABLE_KEY_FAR) {
            size += key->far.len;
            mem_free((void *)(uintptr_t)key->far.bytes);
        }
    }
    for (uint32_t i = 0; i < table->page_count; i++)
        mem_free(table->pages[i]);
    mem_free(table->pages);
    mem_free(table->index);
    mem_free(table->dirty);
    budget_give(table->budget, size);
    *table = (struct table){.budget = table->budget};
}

uint32_t table_number(const struct table *table, const struct table_entry *entry)
{
    uintptr_t at = (uintptr_t)entry;
    for (uint32_t i = 0; i < table->page_count; i++) {
        uintptr_t page = (uintptr_t)table->pages[i];
        size_t size = (size_t)page_entries(table, i) * table->stride;
        if (at >= page && at < page + size)
            return (i << table->page_shift) + (uint32_t)((at - page) / table->stride);
    }
    return UINT32_MAX; // not one of this table's
}

void table_key_set(struct table_key *key, const char *bytes, uint32_t len)
{
    key->hash = hash_bytes(bytes, len);
    key->words[0] = key->words[1] = key->words[2] = 0;
    if (len <= TABLE_KEY_NEAR) {
        key->near.len = (uint8_t)len;
        memcpy(key->near.bytes, bytes, len);
    } else {
        key->far.mark = TABLE_KEY_FAR;
        key->far.len = len;
        key->far.bytes = bytes;
    }
}

static bool same_key(const struct table_key *a, const struct table_key *b)
{
    if (a->hash != b->hash || a->words[0] != b->words[0])
        return false;
    if (a->near.len == TABLE_KEY_FAR)
        return memcmp(a->far.bytes, b->far.bytes, a->far.len) == 0; // words[0] has the length
    return a->words[1] == b->words[1] && a->words[2] == b->words[2];
}

static struct table_entry *find_few(const struct table *table, const struct table_key *key)
{
    for (uint32_t i = 0; i < table->count; i++) {
        struct table_entry *entry = table_at(table, i);
        if (same_key(&entry->key, key))
            return entry;
    }
    return NULL;
}

// The entry; or NULL with the free cell for it in *at.
static inline struct table_entry *probe(const struct table *table, const struct table_key *key,
                                        uint32_t *at)
{
    uint32_t tag = (uint32_t)(key->hash >> 32), i = tag & table->mask;
    for (;; i = (i + 1) & table->mask) {
        uint64_t cell = table->index[i];
        if (cell == 0) {
            *at = i;
            return NULL;
        }
        if ((uint32_t)(cell >> 32) != tag)
            continue;
        struct table_entry *entry = table_at(table, (uint32_t)cell - 1);
        if (same_key(&entry->key, key)) {
            *at = i;
            return entry;
        }
    }
}

struct table_entry *table_find(const struct table *table, const struct table_key *key)
{
    uint32_t at;
    return table->index ? probe(table, key, &at) : find_few(table, key);
}

static void advise_huge(void *bytes, size_t size)
{
    uintptr_t from = ((uintptr_t)bytes + HUGE_PAGE - 1) & ~((uintptr_t)HUGE_PAGE - 1);
    uintptr_t to = ((uintptr_t)bytes + size) & ~((uintptr_t)HUGE_PAGE - 1);
    if (size >= HUGE_FROM && to > from)
        (void)madvise((void *)from, to - from, MADV_HUGEPAGE); // advice: may be refused
}

static void put_cell(uint64_t *index, uint32_t mask, uint64_t cell)
{
    uint32_t i = (uint32_t)(cell >> 32) & mask;
    while (index[i])
        i = (i + 1) & mask;
    index[i] = cell;
}

static uint64_t cell_of(uint64_t hash, uint32_t number)
{
    return (hash & 0xffffffff00000000u) | (number + 1);
}

// An index of `cells`, filled from the old one, or from the entries when there is none.
static int make_index(struct table *table, uint32_t cells)
{
    size_t old_size = table->index ? ((size_t)table->mask + 1) * sizeof *table->index : 0;
    size_t size = (size_t)cells * sizeof *table->index;
    int rc = budget_take(table->budget, size);
    if (rc)
        return rc;
    uint64_t *index = mem_zalloc(size);
    if (!index) {
        budget_give(table->budget, size);
        return ERR_NOMEM;
    }
    advise_huge(index, size);
    if (table->index) {
        for (size_t i = 0; i <= table->mask; i++)
            if (table->index[i])
                put_cell(index, cells - 1, table->index[i]);
    } else {
        for (uint32_t i = 0; i < table->count; i++)
            put_cell(index, cells - 1, cell_of(table_at(table, i)->key.hash, i));
    }
    mem_free(table->index);
    budget_give(table->budget, old_size);
    table->index = index;
    table->mask = cells - 1;
    return 0;
}

static int make_index_room(struct table *table)
{
    if (table->count >= COUNT_MAX)
        return ERR_LIMIT;
    if (!table->index)
        return table->count < FEW ? 0 : make_index(table, FIRST_CELLS);
    uint32_t cells = table->mask + 1;
    if (table->count < cells / 4 * 3)
        return 0;
    return make_index(table, cells * 2);
}

// The first page grows up to a full page: by doubling, then, as moving large blocks is cheap (their
// pages are mapped elsewhere), by a quarter.
static int grow_first_page(struct table *table)
{
    uint32_t full = 1u << table->page_shift;
    uint32_t more = table->first_cap < DOUBLE_TO ? table->first_cap : table->first_cap / 4;
    uint32_t cap = table->first_cap + more < full ? table->first_cap + more : full;
    size_t extra = (size_t)(cap - table->first_cap) * table->stride;
    int rc = budget_take(table->budget, extra);
    if (rc)
        return rc;
    char *page = mem_realloc(table->pages[0], (size_t)cap * table->stride);
    if (!page) {
        budget_give(table->budget, extra);
        return ERR_NOMEM;
    }
    advise_huge(page, (size_t)cap * table->stride);
    table->pages[0] = page;
    table->first_cap = cap;
    return 0;
}

static int add_page(struct table *table)
{
    uint32_t entries = table->page_count ? 1u << table->page_shift : FIRST_CAP;
    if (entries > 1u << table->page_shift)
        entries = 1u << table->page_shift;
    size_t size = (size_t)entries * table->stride;
    int rc = budget_take(table->budget, size + sizeof *table->pages);
    if (rc)
        return rc;
    char **pages = mem_realloc(table->pages, (table->page_count + 1) * sizeof *pages);
    char *page = pages ? mem_alloc(size) : NULL;
    if (pages)
        table->pages = pages;
    if (!page) {
        budget_give(table->budget, size + sizeof *table->pages);
        return ERR_NOMEM;
    }
    advise_huge(page, size);
    pages[table->page_count++] = page;
    if (table->page_count == 1)
        table->first_cap = entries;
    return 0;
}

static int make_entry_room(struct table *table)
{
    uint32_t full = 1u << table->page_shift;
    if (table->page_count == 1 && table->count == table->first_cap && table->first_cap < full)
        return grow_first_page(table);
    uint32_t page = table->count >> table->page_shift;
    return page < table->page_count ? 0 : add_page(table);
}

// -- what has changed --

// Bits for at least one entry more than there are.
static int make_dirty_room(struct table *table)
{
    if (table->count < table->dirty_room)
        return 0;
    uint32_t room = table->count < DIRTY_MIN / 2 ? DIRTY_MIN : (table->count * 2 + 63) & ~63u;
    size_t had = table->dirty_room / 8, bytes = room / 8;
    int rc = budget_take(table->budget, bytes - had);
    if (rc)
        return rc;
    uint64_t *dirty = mem_realloc(table->dirty, bytes);
    if (!dirty) {
        budget_give(table->budget, bytes - had);
        return ERR_NOMEM;
    }
    memset((char *)dirty + had, 0, bytes - had);
    table->dirty = dirty;
    table->dirty_room = room;
    return 0;
}

int table_track(struct table *table)
{
    if (table->dirty)
        memset(table->dirty, 0, table->dirty_room / 8);
    return make_dirty_room(table);
}

bool table_next_dirty(const struct table *table, uint32_t *number)
{
    uint32_t word = *number >> 6, words = table->dirty ? (table->count + 63) >> 6 : 0;
    if (word >= words)
        return false;
    uint64_t bits = table->dirty[word] & ~UINT64_C(0) << (*number & 63);
    while (!bits && ++word < words)
        bits = table->dirty[word];
    if (!bits)
        return false;
    *number = (word << 6) + (uint32_t)__builtin_ctzll(bits);
    return true;
}

// The last entry is about to have this number.
static void move_dirty(struct table *table, uint32_t number, uint32_t last)
{
    uint64_t bit = UINT64_C(1) << (last & 63);
    bool dirty = table->dirty[last >> 6] & bit;
    table->dirty[last >> 6] &= ~bit;
    if (number == last)
        return;
    table->dirty[number >> 6] &= ~(UINT64_C(1) << (number & 63));
    if (dirty)
        table_touch(table, number);
}

// The entry's key owns its bytes.
static int own_key(struct table *table, struct table_key *key)
{
    if (key->near.len != TABLE_KEY_FAR)
        return 0;
    int rc = budget_take(table->budget, key->far.len);
    if (rc)
        return rc;
    char *bytes = mem_alloc(key->far.len);
    if (!bytes) {
        budget_give(table->budget, key->far.len);
        return ERR_NOMEM;
    }
    memcpy(bytes, key->far.bytes, key->far.len);
    key->far.bytes = bytes;
    return 0;
}

static int add(struct table *table, const struct table_key *key, struct table_entry **out)
{
    int rc = make_index_room(table);
    if (!rc)
        rc = make_entry_room(table);
    if (!rc && table->dirty)
        rc = make_dirty_room(table);
    if (rc)
        return rc;
    struct table_entry *entry = table_at(table, table->count);
    entry->key = *key;
    rc = own_key(table, &entry->key);
    if (rc)
        return rc;
    memset(entry->slot, 0, table->stride - sizeof *entry);
    if (table->index)
        put_cell(table->index, table->mask, cell_of(key->hash, table->count));
    table_touch(table, table->count);
    table->count++;
    *out = entry;
    return 0;
}

int table_take(struct table *table, const struct table_key *key, struct table_entry **out,
               bool *made)
{
    uint32_t at = 0;
    struct table_entry *entry = table->index ? probe(table, key, &at) : find_few(table, key);
    *made = entry == NULL;
    if (!entry)
        return add(table, key, out);
    if (table->dirty)
        table_touch(table,
                    table->index ? (uint32_t)table->index[at] - 1 : table_number(table, entry));
    *out = entry;
    return 0;
}

// The place in the index of the cell of entry `number`.
static uint32_t cell_at(const struct table *table, uint64_t hash, uint32_t number)
{
    uint64_t cell = cell_of(hash, number);
    uint32_t i = (uint32_t)(hash >> 32) & table->mask;
    while (table->index[i] != cell)
        i = (i + 1) & table->mask;
    return i;
}

// Empties a cell and moves those back that it had pushed on.
static void drop_cell(struct table *table, uint32_t hole)
{
    uint64_t *index = table->index;
    uint32_t mask = table->mask;
    for (uint32_t i = (hole + 1) & mask; index[i]; i = (i + 1) & mask) {
        uint32_t home = (uint32_t)(index[i] >> 32) & mask;
        if (((i - home) & mask) < ((i - hole) & mask))
            continue; // its way from home does not lead over the hole
        index[hole] = index[i];
        hole = i;
    }
    index[hole] = 0;
}

void table_remove(struct table *table, uint32_t number)
{
    struct table_entry *entry = table_at(table, number);
    uint32_t last = table->count - 1;
    if (table->index)
        drop_cell(table, cell_at(table, entry->key.hash, number));
    if (entry->key.near.len == TABLE_KEY_FAR) {
        budget_give(table->budget, entry->key.far.len);
        mem_free((void *)(uintptr_t)entry->key.far.bytes);
    }
    if (number != last) {
        const struct table_entry *moved = table_at(table, last);
        if (table->index)
            table->index[cell_at(table, moved->key.hash, last)] = cell_of(moved->key.hash, number);
        memcpy(entry, moved, table->stride);
    }
    if (table->dirty)
        move_dirty(table, number, last);
    table->count--;
}
