// SPDX-License-Identifier: MIT
#include "state/image_merge.h"
#include "base/alloc.h"
#include "base/hash.h"
#include "state/image.h"

#include <stdbool.h>
#include <string.h>

// Goes from the newest image to the oldest. The names in the changes go into a set, with the number
// of the newest image that has them; entries of the oldest image, by far the most, only ask it.

struct name {
    uint64_t hash;
    const char *key; // NULL: none
    const char *identity;
    size_t key_len, identity_len;
    uint32_t section;
    uint32_t image; // the newest that has it
};

struct merge {
    uint64_t *index; // lower half of the hash, number of the name + 1; 0: free; open addressing
    size_t cells;    // a power of two, or 0
    struct name *names;
    size_t count, cap;
    uint32_t *whole; // sections that later images have all of
    size_t whole_count, whole_cap;
    size_t whole_later; // how many of them are of images later than the one in hand
};

static void name_of(const struct image_entry *entry, struct name *name)
{
    *name = (struct name){.key = entry->key,
                          .identity = entry->at,
                          .key_len = entry->key_len,
                          .identity_len = entry->identity_len,
                          .section = entry->section};
    uint64_t hash = entry->section * 0x9e3779b97f4a7c15u;
    if (entry->key)
        hash ^= hash_bytes(entry->key, entry->key_len);
    if (entry->identity_len)
        hash = (hash << 17 | hash >> 47) ^ hash_bytes(entry->at, entry->identity_len);
    name->hash = hash * 0x9e3779b97f4a7c15u;
}

static bool same(const struct name *a, const struct name *b)
{
    return a->hash == b->hash && a->section == b->section && !a->key == !b->key &&
           a->key_len == b->key_len && a->identity_len == b->identity_len &&
           (!a->key_len || memcmp(a->key, b->key, a->key_len) == 0) &&
           (!a->identity_len || memcmp(a->identity, b->identity, a->identity_len) == 0);
}

static size_t first_cell(const struct merge *merge, uint64_t hash)
{
    return (size_t)(hash >> 32) & (merge->cells - 1);
}

// The name as it is in the set; NULL: it is not, and *cell is where it would go. There is always a
// free one.
static struct name *find(const struct merge *merge, const struct name *name, size_t *cell)
{
    size_t at = first_cell(merge, name->hash);
    for (; merge->index[at]; at = (at + 1) & (merge->cells - 1)) {
        struct name *known = &merge->names[(merge->index[at] & UINT32_MAX) - 1];
        if (merge->index[at] >> 32 == (uint32_t)name->hash && same(known, name))
            return known;
    }
    *cell = at;
    return NULL;
}

static int grow(struct merge *merge)
{
    size_t cells = merge->cells ? 2 * merge->cells : 256;
    uint64_t *index = mem_array(cells, sizeof *index);
    if (!index || merge->count >= UINT32_MAX - 1) {
        mem_free(index);
        return ERR_NOMEM;
    }
    memset(index, 0, cells * sizeof *index);
    mem_free(merge->index);
    merge->index = index;
    merge->cells = cells;
    for (size_t i = 0; i < merge->count; i++) {
        size_t at = first_cell(merge, merge->names[i].hash);
        while (index[at])
            at = (at + 1) & (cells - 1);
        index[at] = merge->names[i].hash << 32 | (i + 1);
    }
    return 0;
}

// Puts the name into the set; *later: an image after `image` has it already.
static int note(struct merge *merge, const struct name *name, uint32_t image, bool *later)
{
    size_t cell;
    if (4 * merge->count >= merge->cells && grow(merge))
        return ERR_NOMEM;
    const struct name *known = find(merge, name, &cell);
    *later = known && known->image > image;
    if (known)
        return 0;
    if (mem_grow(&merge->names, &merge->cap, merge->count + 1, sizeof *merge->names))
        return ERR_NOMEM;
    merge->names[merge->count] = *name;
    merge->names[merge->count].image = image;
    merge->index[cell] = name->hash << 32 | ++merge->count;
    return 0;
}

static bool is_whole(const struct merge *merge, size_t count, uint32_t section)
{
    for (size_t i = 0; i < count; i++) {
        if (merge->whole[i] == section)
            return true;
    }
    return false;
}

static int note_whole(struct merge *merge, uint32_t section)
{
    if (is_whole(merge, merge->whole_count, section))
        return 0;
    if (mem_grow(&merge->whole, &merge->whole_cap, merge->whole_count + 1, sizeof *merge->whole))
        return ERR_NOMEM;
    merge->whole[merge->whole_count++] = section;
    return 0;
}

static int damaged(struct error *err)
{
    return error_set(err, ERR_CORRUPT, "an image of state is damaged");
}

// What survives of an image of changes goes into *out.
static int take_changes(struct merge *merge, const struct buf *image, uint32_t number,
                        struct buf *out, struct error *err)
{
    struct image_reader reader = {image->data, image->data + image->len};
    struct image_entry entry;
    const char *begin = reader.at;
    int code;
    for (; image_next_any(&reader, &entry, &code); begin = reader.at) {
        struct name name;
        bool later = false;
        if (entry.mark == IMAGE_WHOLE) {
            code = note_whole(merge, entry.section);
        } else if (!is_whole(merge, merge->whole_later, entry.section)) {
            name_of(&entry, &name);
            code = note(merge, &name, number, &later);
            if (!code && !later && entry.mark == IMAGE_ENTRY)
                code = buf_append(out, begin, (size_t)(reader.at - begin));
        }
        if (code)
            return error_set(err, code, "%s", error_meaning(code));
    }
    merge->whole_later = merge->whole_count;
    return code ? damaged(err) : 0;
}

// A few entries at a time, so that the cells of all of them are on their way before the first is
// looked at.
enum { AHEAD = 32 };

struct block {
    const char *begins[AHEAD + 1]; // the last one: behind them
    struct name names[AHEAD];
    bool stays[AHEAD];
    size_t count;
};

static int take_block(const struct merge *merge, struct image_reader *reader, struct block *block)
{
    struct image_entry entry;
    int code = 0;
    block->count = 0;
    block->begins[0] = reader->at;
    while (block->count < AHEAD && image_next_any(reader, &entry, &code)) {
        size_t i = block->count++;
        block->begins[i + 1] = reader->at;
        block->stays[i] =
            entry.mark == IMAGE_ENTRY && !is_whole(merge, merge->whole_count, entry.section);
        if (!block->stays[i] || !merge->count)
            continue;
        name_of(&entry, &block->names[i]);
        __builtin_prefetch(&merge->index[first_cell(merge, block->names[i].hash)]);
    }
    return code;
}

// What does not survive is closed up, in place.
static int thin_out(const struct merge *merge, struct buf *image, struct error *err)
{
    struct image_reader reader = {image->data, image->data + image->len};
    struct block block;
    char *to = image->data;
    const char *run = reader.at; // entries that stay, and are not yet moved
    do {
        size_t cell;
        if (take_block(merge, &reader, &block))
            return damaged(err);
        for (size_t i = 0; i < block.count; i++) {
            if (block.stays[i] && (!merge->count || !find(merge, &block.names[i], &cell)))
                continue;
            size_t len = (size_t)(block.begins[i] - run);
            if (to != run && len)
                memmove(to, run, len);
            to += len;
            run = block.begins[i + 1];
        }
    } while (block.count == AHEAD);
    size_t len = (size_t)(reader.end - run);
    if (to != run && len)
        memmove(to, run, len);
    image->len = (size_t)(to - image->data) + len;
    return 0;
}

static int merge_all(struct merge *merge, struct buf *images, struct buf *kept, size_t count,
                     struct error *err)
{
    int code = 0;
    size_t extra = 0;
    for (size_t i = count; i-- > 1 && !code;) {
        code = take_changes(merge, &images[i], (uint32_t)i, &kept[i], err);
        extra += kept[i].len;
    }
    if (!code)
        code = thin_out(merge, &images[0], err);
    if (!code && buf_reserve(&images[0], extra))
        code = error_nomem(err);
    for (size_t i = 1; i < count && !code; i++) {
        if (buf_append(&images[0], kept[i].data, kept[i].len))
            code = error_nomem(err);
    }
    return code;
}

int image_merge(struct buf *images, size_t count, struct error *err)
{
    struct merge merge = {0};
    struct buf *kept = mem_array(count, sizeof *kept);
    if (!kept)
        return error_nomem(err);
    for (size_t i = 0; i < count; i++)
        buf_init(&kept[i], SIZE_MAX);
    int code = merge_all(&merge, images, kept, count, err);
    for (size_t i = 0; i < count; i++)
        buf_deinit(&kept[i]);
    mem_free(kept);
    mem_free(merge.index);
    mem_free(merge.names);
    mem_free(merge.whole);
    return code;
}
