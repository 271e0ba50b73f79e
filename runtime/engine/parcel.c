// SPDX-License-Identifier: MIT
#include "engine/parcel.h"
#include "base/alloc.h"

enum { TEXT_MAX = 64 * 1024, PART_MAX = 1024 * 1024 };

struct parcel *parcel_new(enum parcel_kind kind, uint32_t split)
{
    struct parcel *parcel = mem_zalloc(sizeof *parcel);
    if (!parcel)
        return NULL;
    parcel->kind = kind;
    parcel->split = split;
    buf_init(&parcel->text, TEXT_MAX);
    buf_init(&parcel->before, TEXT_MAX);
    buf_init(&parcel->part, PART_MAX);
    if (kind == PARCEL_MESSAGES) {
        parcel->messages = mem_array(PARCEL_MESSAGES_MAX, sizeof *parcel->messages);
        if (!parcel->messages) {
            mem_free(parcel);
            return NULL;
        }
    }
    return parcel;
}

void parcel_free(struct parcel *parcel)
{
    if (!parcel)
        return;
    for (uint32_t i = 0; i < parcel->chunk_count; i++)
        chunk_unref(parcel->chunks[i]);
    buf_deinit(&parcel->text);
    buf_deinit(&parcel->before);
    buf_deinit(&parcel->part);
    mem_free(parcel->messages);
    mem_free(parcel);
}
