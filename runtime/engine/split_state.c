// SPDX-License-Identifier: MIT
#include "engine/split_state.h"
#include <string.h>

enum { VERSION = 1, HEAD = 2 + 3 * 8 + 4 };
enum { SPLIT_STARTED = 1, SPLIT_SKIPPING = 2, SPLIT_LOST = 4 };

static void put_number(unsigned char *at, uint64_t n, uint32_t width)
{
    for (uint32_t i = 0; i < width; i++)
        at[i] = (unsigned char)(n >> (8 * i));
}

static uint64_t get_number(const char *at, uint32_t width)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < width; i++)
        n |= (uint64_t)(unsigned char)at[i] << (8 * i);
    return n;
}

// The decoder's bytes go behind the head, whose last number is their length.
static int save_decoder(const struct source_node *node, uint32_t id, struct buf *out, size_t head)
{
    size_t from = out->len;
    int code = node->decoder->split_save ? node->decoder->split_save(node->decoder, id, out) : 0;
    if (!code)
        put_number((unsigned char *)out->data + head + HEAD - 4, out->len - from, 4);
    return code;
}

int split_state_save(const struct source_node *node, uint32_t id, struct buf *out)
{
    const struct source_split *split = &node->splits[id];
    const struct framer *framer = &split->framer;
    unsigned char head[HEAD] = {VERSION};
    size_t start = out->len;
    head[1] =
        (unsigned char)((framer->started ? SPLIT_STARTED : 0) |
                        (framer->skipping ? SPLIT_SKIPPING : 0) | (framer->lost ? SPLIT_LOST : 0));
    put_number(head + 2, (uint64_t)split->offset, 8);
    // A frame that was not refused is looked through again, as its bytes are here.
    if (framer->options.kind != FRAMING_MSGPACK || framer->skipping) {
        put_number(head + 10, framer->skip, 8);
        put_number(head + 18, framer->pending, 8);
    }
    int code = buf_append(out, head, sizeof head);
    if (!code)
        code = save_decoder(node, id, out, start);
    if (!code && split->rest_len)
        code = buf_append(out, split->rest, split->rest_len);
    if (code)
        out->len = start;
    return code;
}

static int restore_rest(struct source_split *split, const char *rest, size_t len, struct error *err)
{
    if (!len)
        return 0;
    struct chunk *chunk = chunk_new(len);
    if (!chunk)
        return error_nomem(err);
    memcpy(chunk->data, rest, len);
    chunk->len = len;
    chunk_unref(split->rest_chunk);
    split->rest_chunk = chunk;
    split->rest = chunk->data;
    split->rest_len = len;
    return 0;
}

static void restore_framer(struct framer *framer, const char *saved)
{
    framer->started = saved[1] & SPLIT_STARTED;
    framer->skipping = saved[1] & SPLIT_SKIPPING;
    framer->lost = saved[1] & SPLIT_LOST;
    framer->skip = get_number(saved + 10, 8);
    framer->pending = get_number(saved + 18, 8);
}

int split_state_restore(struct source_node *node, uint32_t id, const char *saved, size_t len,
                        struct error *err)
{
    struct source_split *split = &node->splits[id];
    struct decoder *decoder = node->decoder;
    size_t kept = len < HEAD ? 0 : (size_t)get_number(saved + HEAD - 4, 4);
    if (len < HEAD || saved[0] != VERSION || kept > len - HEAD)
        return error_set(err, ERR_CORRUPT, "split %s: its kept state is damaged", split->name);
    if (kept && !decoder->split_begin)
        return error_set(err, ERR_CORRUPT, "split %s: its kept state is of another `decode`",
                         split->name);
    int code = kept ? decoder->split_begin(decoder, id, saved + HEAD, kept, err) : 0;
    if (!code)
        code = restore_rest(split, saved + HEAD + kept, len - HEAD - kept, err);
    if (code)
        return error_prefix(err, "split %s", split->name);
    restore_framer(&split->framer, saved);
    split->offset = (int64_t)get_number(saved + 2, 8);
    return 0;
}
