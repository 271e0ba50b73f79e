// SPDX-License-Identifier: MIT
#include "record/msgpack.h"
#include <string.h>

// The heads of items: what the first byte says of kind, number of bytes of the number behind it,
// and the length of a fixext.

struct form {
    uint8_t kind, width, size;
};

static const struct form forms[32] = {
    {MSGPACK_NIL, 0, 0},   {MSGPACK_NEVER, 0, 0}, {MSGPACK_FALSE, 0, 0}, {MSGPACK_TRUE, 0, 0},
    {MSGPACK_BIN, 1, 0},   {MSGPACK_BIN, 2, 0},   {MSGPACK_BIN, 4, 0},   {MSGPACK_EXT, 1, 0},
    {MSGPACK_EXT, 2, 0},   {MSGPACK_EXT, 4, 0},   {MSGPACK_FLOAT, 4, 0}, {MSGPACK_FLOAT, 8, 0},
    {MSGPACK_UINT, 1, 0},  {MSGPACK_UINT, 2, 0},  {MSGPACK_UINT, 4, 0},  {MSGPACK_UINT, 8, 0},
    {MSGPACK_INT, 1, 0},   {MSGPACK_INT, 2, 0},   {MSGPACK_INT, 4, 0},   {MSGPACK_INT, 8, 0},
    {MSGPACK_EXT, 0, 1},   {MSGPACK_EXT, 0, 2},   {MSGPACK_EXT, 0, 4},   {MSGPACK_EXT, 0, 8},
    {MSGPACK_EXT, 0, 16},  {MSGPACK_STR, 1, 0},   {MSGPACK_STR, 2, 0},   {MSGPACK_STR, 4, 0},
    {MSGPACK_ARRAY, 2, 0}, {MSGPACK_ARRAY, 4, 0}, {MSGPACK_MAP, 2, 0},   {MSGPACK_MAP, 4, 0},
};

static uint64_t big_endian(const unsigned char *p, uint32_t width)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < width; i++)
        n = n << 8 | p[i];
    return n;
}

static double to_float(uint64_t bits, uint32_t width)
{
    double f;
    float single;
    uint32_t half = (uint32_t)bits;
    memcpy(&f, &bits, sizeof f);
    memcpy(&single, &half, sizeof single);
    return width == 4 ? (double)single : f;
}

static void set_number(struct msgpack_item *item, uint64_t n, uint32_t width)
{
    switch (item->kind) {
    case MSGPACK_FLOAT:
        item->f = to_float(n, width);
        break;
    case MSGPACK_INT:
        item->i = (int64_t)(n << (64 - 8 * width)) >> (64 - 8 * width);
        break;
    case MSGPACK_UINT:
        item->u = n;
        item->kind = n <= INT64_MAX ? MSGPACK_INT : MSGPACK_UINT;
        break;
    default:
        item->size = (uint32_t)n;
    }
}

// Those whose first byte holds all that there is to say.
static bool short_head(unsigned char c, struct msgpack_item *item)
{
    if (c < 0x80 || c >= 0xe0)
        *item = (struct msgpack_item){.kind = MSGPACK_INT, .i = (int8_t)c};
    else if (c < 0x90)
        *item = (struct msgpack_item){.kind = MSGPACK_MAP, .size = c & 15};
    else if (c < 0xa0)
        *item = (struct msgpack_item){.kind = MSGPACK_ARRAY, .size = c & 15};
    else if (c < 0xc0)
        *item = (struct msgpack_item){.kind = MSGPACK_STR, .size = c & 31};
    else
        return false;
    return true;
}

uint32_t msgpack_head(const char *bytes, size_t len, struct msgpack_item *item)
{
    const unsigned char *p = (const unsigned char *)bytes;
    if (!len)
        return 0;
    if (short_head(*p, item))
        return 1;
    struct form form = forms[*p - 0xc0];
    uint32_t head = 1u + form.width;
    *item = (struct msgpack_item){.kind = form.kind, .size = form.size};
    if (len < head + (form.kind == MSGPACK_EXT))
        return 0;
    if (form.width)
        set_number(item, big_endian(p + 1, form.width), form.width);
    if (form.kind == MSGPACK_EXT)
        item->ext = (int8_t)p[head++];
    return head;
}
