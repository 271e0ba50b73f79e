// SPDX-License-Identifier: MIT
#pragma once
#include "journal_support.h"
#include "state/image.h"
#include "state/store.h"

#include <ftw.h>

// What the store's tests share: checkpoints of a small model of state, which tells from the loaded
// bytes whether they are what was saved.

enum { MODEL_KEYS = 40, MODEL_SECTIONS = 3, MODEL_LANES = 3 };

// Sections 0 and 1 have keys; in 1 the entries of a key have identities, too. Section 2 is of the
// lanes, without keys, and saved whole each time.
struct model {
    int plain[MODEL_KEYS]; // 0: not there
    int named[MODEL_KEYS][3];
    int lanes[MODEL_LANES];
    int lane_count;
    int tag; // what the other parts of the checkpoint say
};

static inline struct store_options store_defaults(void)
{
    return (struct store_options){.keep = 2, .lock_wait_ms = 2000};
}

static inline struct store *open_store(const char *dir)
{
    struct store *store = NULL;
    struct error err = ERROR_INIT;
    struct store_options options = store_defaults();
    int code = store_open(&store, dir, "orders", &options, &err);
    if (code)
        printf("\n    %s\n", err.text);
    CU_ASSERT_EQUAL_FATAL(code, 0);
    return store;
}

static inline struct checkpoint_head head_of(uint64_t number, uint64_t parent)
{
    return (struct checkpoint_head){.incarnation = "incarnation-abc",
                                    .attempt = 77,
                                    .number = number,
                                    .parent = parent,
                                    .wall_ms = (int64_t)number * 1000 - 5000,
                                    .finished = number % 7 == 0};
}

// -- images of the model --

static inline void put_plain(struct image *image, int key, int value)
{
    char name[24];
    int len = snprintf(name, sizeof name, "key-%d", key);
    if (value) {
        image_i64(image, value);
        image_end(image, 0, name, (uint32_t)len);
    } else {
        image_gone(image, 0, name, (uint32_t)len);
    }
}

static inline void put_named(struct image *image, int key, int which, int value)
{
    char name[24];
    int len = snprintf(name, sizeof name, "key-%d", key);
    image_i64(image, which * 100000);
    if (value) {
        image_identify(image);
        image_i64(image, value);
        image_end(image, 1, name, (uint32_t)len);
    } else {
        image_gone(image, 1, name, (uint32_t)len);
    }
}

static inline void put_lane(struct image *image, int lane, int value)
{
    image_whole(image, 2);
    image_i64(image, lane);
    image_i64(image, value);
    image_end(image, 2, NULL, 0);
}

// What one lane saves: what differs from `before`, or all (NULL).
static inline void save_lane(struct image *image, const struct model *before,
                             const struct model *now, int lane)
{
    for (int key = lane; key < MODEL_KEYS; key += now->lane_count) {
        if (before ? before->plain[key] != now->plain[key] : now->plain[key])
            put_plain(image, key, now->plain[key]);
        for (int i = 0; i < 3; i++) {
            if (before ? before->named[key][i] != now->named[key][i] : now->named[key][i])
                put_named(image, key, i, now->named[key][i]);
        }
    }
    put_lane(image, lane, now->lanes[lane]);
}

static inline int put_state(struct store *store, const struct model *before,
                            const struct model *now, const char *node, struct error *err)
{
    int code = 0;
    for (int lane = 0; lane < now->lane_count && !code; lane++) {
        struct image image;
        image_init(&image, SIZE_MAX);
        save_lane(&image, before, now, lane);
        code = image.rc ? error_nomem(err) : 0;
        struct store_part part = {STORE_STATE, node, before != NULL, image.bytes.data,
                                  image.bytes.len};
        if (!code)
            code = store_put(store, &part, err);
        image_deinit(&image);
    }
    return code;
}

static inline int put_others(struct store *store, const struct model *now, struct error *err)
{
    char text[64];
    size_t len = (size_t)snprintf(text, sizeof text, "tag %d", now->tag);
    struct store_part plan = {STORE_PLAN, "", false, text, len};
    struct store_part source = {STORE_SOURCE, "in", false, text, len};
    struct store_part empty = {STORE_SINK, "out", false, NULL, 0};
    int code = store_put(store, &plan, err);
    if (!code)
        code = store_put(store, &source, err);
    return code ? code : store_put(store, &empty, err);
}

// One checkpoint of the model; `before`: the model as its parent has it, NULL: everything is saved.
static inline int write_checkpoint(struct store *store, uint64_t number, uint64_t parent,
                                   const struct model *before, const struct model *now,
                                   struct error *err)
{
    struct checkpoint_head head = head_of(number, parent);
    int code = store_begin(store, &head, err);
    if (code)
        return code;
    code = put_others(store, now, err);
    if (!code)
        code = put_state(store, before, now, "count", err);
    if (!code)
        code = put_state(store, before, now, "other", err);
    if (!code)
        return store_prepare(store, err);
    store_give_up(store);
    return code;
}

// -- back --

static inline bool load_entry(struct image_entry *entry, struct model *out)
{
    int key = -1;
    if (entry->key && (entry->key_len < 5 || memcmp(entry->key, "key-", 4) != 0))
        return false;
    for (uint32_t i = 4; entry->key && i < entry->key_len; i++)
        key = (key < 0 ? 0 : key) * 10 + entry->key[i] - '0';
    if (entry->section == 2 ? key >= 0 : key < 0 || key >= MODEL_KEYS)
        return false;
    int *slot;
    int64_t which = entry->section ? entry_i64(entry) : 0;
    if (entry->section == 0)
        slot = &out->plain[key];
    else if (entry->section == 1)
        slot = &out->named[key][which / 100000 % 3];
    else
        slot = &out->lanes[which % MODEL_LANES];
    bool once = *slot == 0;
    *slot = (int)entry_i64(entry);
    if (entry->section == 2)
        out->lane_count++;
    return once && entry_done(entry, NULL) == 0;
}

static inline bool state_is(const struct checkpoint *checkpoint, const char *node,
                            const struct model *expected)
{
    const struct store_part *part = checkpoint_part(checkpoint, STORE_STATE, node);
    if (!part)
        return false;
    struct model found = {.tag = expected->tag};
    struct image_reader reader = {part->bytes, part->bytes + part->len};
    struct image_entry entry;
    int rc;
    while (image_next_any(&reader, &entry, &rc)) {
        if (entry.mark != IMAGE_ENTRY || !load_entry(&entry, &found))
            return false;
    }
    return !rc && memcmp(&found, expected, sizeof found) == 0;
}

static inline bool checkpoint_is(const struct checkpoint *checkpoint, uint64_t number,
                                 const struct model *expected)
{
    char text[64];
    size_t len = (size_t)snprintf(text, sizeof text, "tag %d", expected->tag);
    struct checkpoint_head head = head_of(number, checkpoint->head.parent);
    const struct store_part *plan = checkpoint_part(checkpoint, STORE_PLAN, "");
    const struct store_part *source = checkpoint_part(checkpoint, STORE_SOURCE, "in");
    const struct store_part *sink = checkpoint_part(checkpoint, STORE_SINK, "out");
    return checkpoint->head.number == number && checkpoint->head.wall_ms == head.wall_ms &&
           checkpoint->head.finished == head.finished && checkpoint->head.attempt == 77 &&
           !memcmp(checkpoint->head.incarnation, head.incarnation, STORE_INCARNATION_BYTES) &&
           checkpoint->part_count == 5 && plan && plan->len == len &&
           !memcmp(plan->bytes, text, len) && source && source->len == len &&
           !memcmp(source->bytes, text, len) && sink && sink->len == 0 &&
           state_is(checkpoint, "count", expected) && state_is(checkpoint, "other", expected);
}

// 1: it is loaded as expected; 0: it is not what was saved; or the error.
static inline int load_is(struct store *store, uint64_t number, const struct model *expected,
                          struct error *err)
{
    struct checkpoint *checkpoint;
    int code = store_load(store, number, &checkpoint, err);
    if (code)
        return code;
    bool right = checkpoint_is(checkpoint, number, expected);
    checkpoint_free(checkpoint);
    return right;
}

// -- chance --

static inline uint32_t pick(uint64_t *seed, uint32_t below)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (uint32_t)(*seed >> 33) % below;
}

static inline void change(struct model *model, uint64_t *seed)
{
    for (uint32_t n = pick(seed, 8); n; n--) {
        int key = (int)pick(seed, MODEL_KEYS);
        int value = pick(seed, 3) ? (int)pick(seed, 1000000) + 1 : 0;
        if (pick(seed, 2))
            model->plain[key] = value;
        else
            model->named[key][pick(seed, 3)] = value;
    }
    for (int lane = 0; lane < model->lane_count; lane++)
        model->lanes[lane] = (int)pick(seed, 1000) + 1;
    model->tag = (int)pick(seed, 1000000);
}

static inline void set_lanes(struct model *model, int count)
{
    model->lane_count = count;
    for (int lane = 0; lane < MODEL_LANES; lane++)
        model->lanes[lane] = lane < count ? lane + 1 : 0;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static inline void remove_tree(const char *dir)
{
    CU_ASSERT_EQUAL(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}
