// SPDX-License-Identifier: MIT
#include "engine/source_keep.h"
#include "base/alloc.h"
#include "engine/source_buffer.h"
#include "engine/split_state.h"
#include "state/image.h"
#include <string.h>

// WAITING: of a split that nobody has announced to this instance since the start. Of a source that
// is one a lane each instance has those of all lanes: what the one that reads a split says counts.
enum {
    SECTION_PLACE = 1,
    SECTION_SPLIT,
    SECTION_BUFFER,
    SECTION_WAITING_PLACE,
    SECTION_WAITING_SPLIT
};
enum { STATE_MAX = 64 * 1024 * 1024, PLACES_MAX = 1024 * 1024 * 1024 };

// A split of the last run.
struct kept_split {
    const char *name, *position, *state; // in `bytes` of its owner
    size_t name_len, position_len, state_len;
    uint64_t past;
    bool placed, claimed;
    bool read, stated; // its place and its state are from who read it
};

struct kept_splits {
    char *bytes;
    struct kept_split *of;
    size_t count, cap, likely;
};

// -- reading --

static struct kept_split *find(struct kept_splits *kept, const char *name, size_t len)
{
    for (size_t i = 0; i < kept->count; i++) {
        size_t at = (kept->likely + i) % kept->count;
        struct kept_split *split = &kept->of[at];
        if (split->name_len == len && !memcmp(split->name, name, len)) {
            kept->likely = at + 1;
            return split;
        }
    }
    return NULL;
}

static struct kept_split *find_or_add(struct kept_splits *kept, const char *name, size_t len)
{
    struct kept_split *split = find(kept, name, len);
    if (split || mem_grow(&kept->of, &kept->cap, kept->count + 1, sizeof *kept->of))
        return split;
    kept->of[kept->count] = (struct kept_split){.name = name, .name_len = len};
    return &kept->of[kept->count++];
}

static void take_place(struct kept_split *split, struct image_entry *entry, bool waits)
{
    split->placed = entry_u64(entry);
    split->past = entry_u64(entry);
    split->position = entry_bytes(entry, &split->position_len);
    if (waits)
        return;
    split->read = true;
    if (!split->stated)
        split->state_len = 0;
}

static void take_state(struct kept_split *split, struct image_entry *entry, bool waits)
{
    split->state = entry_bytes(entry, &split->state_len);
    split->stated = split->stated || !waits;
}

static int read_place(struct source_buffer *buffer, struct image_entry *entry, struct error *err)
{
    uint64_t at = entry_u64(entry);
    if (buffer) {
        buffer->at = at;
        buffer->is_placed = true;
    }
    return entry_done(entry, err);
}

static int read_split(struct kept_splits *kept, struct image_entry *entry, struct error *err)
{
    size_t name_len;
    const char *name = entry_bytes(entry, &name_len);
    if (!name || entry->section < SECTION_PLACE || entry->section > SECTION_WAITING_SPLIT)
        return error_set(err, ERR_CORRUPT, "what was kept of its splits is damaged");
    struct kept_split *split = find_or_add(kept, name, name_len);
    if (!split)
        return error_nomem(err);
    struct kept_split unheard = *split; // what waits where another reads says nothing
    bool waits = entry->section >= SECTION_WAITING_PLACE;
    struct kept_split *to = waits && (split->read || split->stated) ? &unheard : split;
    if (entry->section == SECTION_PLACE || entry->section == SECTION_WAITING_PLACE)
        take_place(to, entry, waits);
    else
        take_state(to, entry, waits);
    return entry_done(entry, err);
}

int source_keep_restore(struct source_driver *source, const char *bytes, size_t len,
                        struct error *err)
{
    source_keep_free(source);
    struct kept_splits *kept = source->kept = mem_zalloc(sizeof *kept);
    if (!kept || !(kept->bytes = mem_alloc(len + 1)))
        return error_nomem(err);
    memcpy(kept->bytes, bytes, len);
    struct image_reader reader = {kept->bytes, kept->bytes + len};
    struct image_entry entry;
    int rc = 0, bad = 0;
    while (!rc && image_next(&reader, &entry, &bad))
        rc = entry.section == SECTION_BUFFER ? read_place(source->buffer, &entry, err)
                                             : read_split(kept, &entry, err);
    if (!rc && bad)
        rc = error_set(err, bad, "what was kept of its splits is damaged");
    return rc;
}

void source_keep_free(struct source_driver *source)
{
    if (!source->kept)
        return;
    mem_free(source->kept->of);
    mem_free(source->kept->bytes);
    mem_free(source->kept);
    source->kept = NULL;
}

int source_keep_claim(struct source_driver *source, struct split *split, struct parcel *parcel)
{
    struct kept_split *kept =
        source->kept ? find(source->kept, split->name, split->name_len) : NULL;
    if (!kept || kept->claimed)
        return 0;
    kept->claimed = true;
    split->placed = kept->placed;
    split->past = split->skip = (size_t)kept->past;
    parcel->part.max = STATE_MAX;
    int rc =
        kept->position_len ? buf_append(&split->position, kept->position, kept->position_len) : 0;
    return rc || !kept->state_len ? rc : buf_append(&parcel->part, kept->state, kept->state_len);
}

// -- writing --

static void put_place(struct image *image, const struct split *split, const struct buf *position)
{
    image_bytes(image, split->name, split->name_len);
    image_u64(image, split->placed);
    image_u64(image, split->past);
    image_bytes(image, position->data, position->len);
    image_end(image, SECTION_PLACE, NULL, 0);
}

// Streams are read on at the last `before`; of messages the instance knows the place.
static void save_split(struct source_driver *source, uint32_t id, struct image *image)
{
    struct split *split = &source->splits[id];
    bool asks = source->position && split->assigned && !split->past &&
                source->driver.state == DRIVER_RUNNING &&
                !(source->source->capabilities & TIDE_SOURCE_STREAM);
    if (asks) {
        buf_clear(&split->position);
        tide_result rc =
            source->position(source->driver.self, id, (tide_buf *)(void *)&split->position);
        if (rc < 0)
            driver_result(&source->driver, rc);
        split->placed = rc == TIDE_OK && split->position.len;
    }
    put_place(image, split, &split->position);
}

static void save_kept(const struct kept_splits *kept, struct image *image)
{
    for (size_t i = 0; kept && i < kept->count; i++) {
        const struct kept_split *split = &kept->of[i];
        if (split->claimed)
            continue;
        image_bytes(image, split->name, split->name_len);
        image_u64(image, split->placed);
        image_u64(image, split->past);
        image_bytes(image, split->position, split->position_len);
        image_end(image, SECTION_WAITING_PLACE, NULL, 0);
        image_bytes(image, split->name, split->name_len);
        image_bytes(image, split->state, split->state_len);
        image_end(image, SECTION_WAITING_SPLIT, NULL, 0);
    }
}

bool source_keep_nth(const struct source_driver *source, size_t i, tide_bytes *name)
{
    if (!source->kept || i >= source->kept->count)
        return false;
    const struct kept_split *split = &source->kept->of[i];
    *name = split->state_len ? (tide_bytes){split->name, split->name_len} : (tide_bytes){NULL, 0};
    return true;
}

int source_keep_save(struct source_driver *source, struct buf *out)
{
    struct image image;
    image_init(&image, PLACES_MAX);
    if (source->buffer) {
        image_u64(&image, source_buffer_place(source));
        image_end(&image, SECTION_BUFFER, NULL, 0);
    }
    for (uint32_t i = 0; !source->buffer && i < source->split_count; i++)
        if (source_reads(source, i) && (!source->splits[i].lost || source->splits[i].revoked))
            save_split(source, i, &image);
    save_kept(source->kept, &image);
    int rc = image.rc;
    if (!rc && image.bytes.len)
        rc = buf_append(out, image.bytes.data, image.bytes.len);
    image_deinit(&image);
    return rc;
}

// -- the lane's: the newest event time and marker, then engine/split_state.h --

int source_splits_save(const struct source_node *node, struct image *image)
{
    struct buf state;
    buf_init(&state, STATE_MAX);
    int rc = 0;
    for (uint32_t i = 0; !rc && i < node->split_count; i++) {
        const struct source_split *split = &node->splits[i];
        if (!split->name || split->ended)
            continue;
        buf_clear(&state);
        const int64_t come[] = {split->generator.max_time, split->generator.marked};
        rc = buf_append(&state, come, sizeof come);
        rc = rc ? rc : split_state_save(node, i, &state);
        image_bytes(image, split->name, strlen(split->name));
        image_bytes(image, state.data, state.len);
        image_end(image, SECTION_SPLIT, NULL, 0);
    }
    buf_deinit(&state);
    return rc ? rc : image->rc;
}

int source_split_restore(struct source_node *node, uint32_t id, const struct buf *kept,
                         struct error *err)
{
    struct source_split *split = &node->splits[id];
    int64_t come[2];
    if (kept->len < sizeof come)
        return error_set(err, ERR_CORRUPT, "split %s: its kept state is damaged", split->name);
    memcpy(come, kept->data, sizeof come);
    int rc = split_state_restore(node, id, kept->data + sizeof come, kept->len - sizeof come, err);
    if (rc)
        return rc;
    split->generator.max_time = come[0];
    split->generator.marked = come[1];
    if (node->has_time)
        valve_place(&node->valve, split->input, generator_watermark(&split->generator));
    return 0;
}

bool source_keep_next(struct image_reader *reader, tide_position *out)
{
    struct image_entry entry;
    int rc;
    while (image_next(reader, &entry, &rc)) {
        size_t name_len, len;
        if (entry.section != SECTION_PLACE)
            continue;
        const char *name = entry_bytes(&entry, &name_len);
        bool placed = entry_u64(&entry);
        entry_u64(&entry);
        const char *position = entry_bytes(&entry, &len);
        if (!placed || entry.bad)
            continue;
        *out = (tide_position){.struct_size = sizeof *out,
                               .split = UINT32_MAX,
                               .position = {position, len},
                               .name = {name, name_len}};
        return true;
    }
    return false;
}
