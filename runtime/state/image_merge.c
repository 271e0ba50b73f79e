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
    uint32_t image; // that it was last seen in, + 1; 0: a free place
};

struct merge {
    struct name *names; // open addressing
    size_t cap, count;  // cap: a power of two, or 0
    uint32_t *whole;    // sections that later images have all of
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

// The place of the name, or the free one where it belongs. There is always a free one.
static struct name *find(const struct merge *merge, const struct name *name)
{
    size_t at = (size_t)(name->hash >> 32) & (merge->cap - 1);
    while (merge->names[at].image && !same(&merge->names[at], name))
        at = (at + 1) & (merge->cap - 1);
    return &merge->names[at];
}

static int grow(struct merge *merge)
{
    size_t old_cap = merge->cap, cap = old_cap ? 2 * old_cap : 64;
    struct name *old = merge->names, *names = mem_array(cap, sizeof *names);
    if (!names)
        return ERR_NOMEM;
    memset(names, 0, cap * sizeof *names);
    merge->names = names;
    merge->cap = cap;
    for (size_t i = 0; i < old_cap; i++) {
        if (old[i].image)
            *find(merge, &old[i]) = old[i];
    }
    mem_free(old);
    return 0;
}

// Puts the name into the set; *later: an image after `image` has it already.
static int note(struct merge *merge, struct name *name, uint32_t image, bool *later)
{
    if (2 * merge->count >= merge->cap && grow(merge))
        return ERR_NOMEM;
    struct name *place = find(merge, name);
    *later = place->image > image + 1;
    if (place->image)
        return 0;
    *place = *name;
    place->image = image + 1;
    merge->count++;
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

static bool survives(const struct merge *merge, const struct image_entry *entry)
{
    if (entry->mark != IMAGE_ENTRY || is_whole(merge, merge->whole_count, entry->section))
        return false;
    if (!merge->count)
        return true;
    struct name name;
    name_of(entry, &name);
    return find(merge, &name)->image == 0;
}

// What does not survive is closed up, in place.
static int thin_out(const struct merge *merge, struct buf *image, struct error *err)
{
    struct image_reader reader = {image->data, image->data + image->len};
    struct image_entry entry;
    char *to = image->data;
    const char *run = reader.at, *begin = reader.at; // entries that stay, and not yet moved
    int code;
    for (; image_next_any(&reader, &entry, &code); begin = reader.at) {
        if (survives(merge, &entry))
            continue;
        if (to != run)
            memmove(to, run, (size_t)(begin - run));
        to += begin - run;
        run = reader.at;
    }
    if (code)
        return damaged(err);
    if (to != run && begin > run)
        memmove(to, run, (size_t)(begin - run));
    image->len = (size_t)(to - image->data) + (size_t)(begin - run);
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
    mem_free(merge.names);
    mem_free(merge.whole);
    return code;
}
