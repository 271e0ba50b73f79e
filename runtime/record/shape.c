// SPDX-License-Identifier: MIT
#include "record/shape.h"
#include "record/name_hash.h"
#include "record/shape_build.h"

enum {
    INDEX_FROM = 9, // shapes with fewer names are searched one by one
    NAME_PAD = 32   // readable bytes behind the last name, for wide loads
};

static uint32_t index_slots(uint32_t count)
{
    uint32_t slots = 32;
    while (slots < count * 2)
        slots *= 2;
    return count < INDEX_FROM ? 0 : slots;
}

static bool same_name(const struct shape_name *a, const char *name, uint32_t len, uint64_t hash)
{
    return a->hash == hash && a->len == len && memcmp(a->bytes, name, len) == 0;
}

static bool name_is_plain(const char *name, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c < 0x20 || c == '"' || c == '\\')
            return false;
    }
    return true;
}

size_t shape_bytes(const struct shape_name *names, uint32_t count)
{
    size_t bytes = sizeof(struct shape) + count * sizeof(struct shape_name) +
                   index_slots(count) * sizeof(uint16_t);
    for (uint32_t i = 0; i < count; i++)
        bytes += names[i].len;
    return bytes + NAME_PAD;
}

// Enters the slot under its name; a name that is there already gives way to the later slot.
static void index_slot(struct shape *shape, uint16_t *index, uint32_t slot)
{
    const struct shape_name *name = &shape->names[slot];
    uint32_t at = (uint32_t)name->hash & shape->index_mask;
    while (index[at] != 0) {
        if (same_name(&shape->names[index[at] - 1], name->bytes, name->len, name->hash)) {
            shape->flags |= SHAPE_DUPLICATES;
            break;
        }
        at = (at + 1) & shape->index_mask;
    }
    index[at] = (uint16_t)(slot + 1);
}

static void find_duplicates(struct shape *shape)
{
    for (uint32_t i = 1; i < shape->count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (same_name(&shape->names[k], shape->names[i].bytes, shape->names[i].len,
                          shape->names[i].hash))
                shape->flags |= SHAPE_DUPLICATES;
}

void shape_build(struct shape *shape, uint64_t id, const struct shape_name *names, uint32_t count)
{
    uint32_t slots = index_slots(count);
    uint16_t *index = (uint16_t *)&shape->names[count];
    char *bytes = (char *)(index + slots);
    *shape = (struct shape){.id = id, .count = count, .flags = SHAPE_PLAIN};
    shape->hash = shape_names_hash(names, count);
    for (uint32_t i = 0; i < count; i++) {
        memcpy(bytes, names[i].bytes, names[i].len);
        shape->names[i] = (struct shape_name){.bytes = bytes,
                                              .len = names[i].len,
                                              .plain = name_is_plain(bytes, names[i].len),
                                              .hash = name_hash(bytes, names[i].len)};
        if (!shape->names[i].plain)
            shape->flags &= ~(uint32_t)SHAPE_PLAIN;
        bytes += names[i].len;
    }
    memset(bytes, 0, NAME_PAD);
    if (!slots) {
        find_duplicates(shape);
        return;
    }
    shape->index = index;
    shape->index_mask = slots - 1;
    memset(index, 0, slots * sizeof *index);
    for (uint32_t i = 0; i < count; i++)
        index_slot(shape, index, i);
}

bool shape_has_names(const struct shape *shape, const struct shape_name *names, uint32_t count)
{
    if (shape->count != count)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (shape->names[i].len != names[i].len ||
            memcmp(shape->names[i].bytes, names[i].bytes, names[i].len) != 0)
            return false;
    return true;
}

uint64_t shape_names_hash(const struct shape_name *names, uint32_t count)
{
    uint64_t hash = count;
    for (uint32_t i = 0; i < count; i++)
        hash = shape_hash_add(hash, name_hash(names[i].bytes, names[i].len));
    return hash;
}

int32_t shape_find(const struct shape *shape, const char *name, uint32_t len)
{
    uint64_t hash = name_hash(name, len);
    if (!shape->index) {
        for (uint32_t i = shape->count; i-- > 0;)
            if (same_name(&shape->names[i], name, len, hash))
                return (int32_t)i;
        return -1;
    }
    uint32_t at = (uint32_t)hash & shape->index_mask;
    for (; shape->index[at] != 0; at = (at + 1) & shape->index_mask) {
        int32_t slot = shape->index[at] - 1;
        if (same_name(&shape->names[slot], name, len, hash))
            return slot;
    }
    return -1;
}

void field_init(struct field *field, const char *name, uint32_t len)
{
    *field = (struct field){.name = name, .len = len};
}

int32_t field_resolve(struct field *field, const struct shape *shape)
{
    uint32_t at = (uint32_t)shape->id % FIELD_MEMO;
    field->memo[at].id = shape->id;
    field->memo[at].slot = shape_find(shape, field->name, field->len);
    return field->memo[at].slot;
}
