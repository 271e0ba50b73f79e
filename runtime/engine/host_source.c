// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "engine/source_driver.h"
#include <stdio.h>
#include <string.h>

// The host functions that a source calls from within its read: bytes and messages become parcels.

enum {
    CHUNK_SIZE = 256 * 1024,
    CHUNK_LEAST = 16 * 1024, // less room than this: a new chunk
    READY_MAX = 8,           // parcels of one read
    BAD_MAX = 65536          // likewise, errors among them
};

static bool is_full(const struct source_driver *source)
{
    return source->ready_count >= READY_MAX * source->lane_count;
}

// Bytes and messages are taken of splits that were announced only.
static bool known(struct source_driver *source, const char *what, uint32_t split)
{
    if (__builtin_expect(split < source->split_count, 1))
        return true;
    struct error err = ERROR_INIT;
    error_set(&err, ERR_FATAL, "%s: %s of split %u, which was never added", source->driver.ctx.node,
              what, split);
    driver_fail(&source->driver, &err);
    return false;
}

// -- raw bytes --

static struct chunk *new_stream(struct source_driver *source, uint32_t split)
{
    chunk_unref(source->stream);
    source->stream = chunk_new(CHUNK_SIZE + PARCEL_HEAD);
    if (source->stream)
        source->stream->len = PARCEL_HEAD;
    source->stream_split = split;
    return source->stream;
}

void *host_reserve(tide_out *out, uint32_t split, size_t *size)
{
    struct source_driver *source = out->driver;
    struct chunk *chunk = source->stream;
    *size = 0;
    if (is_full(source) || !known(source, "bytes", split))
        return NULL;
    if (!chunk || source->stream_split != split || chunk->cap - chunk->len < CHUNK_LEAST)
        chunk = new_stream(source, split);
    if (!chunk) {
        source_out_of_memory(source);
        return NULL;
    }
    source->reserved = *size = chunk->cap - chunk->len;
    return chunk->data + chunk->len;
}

// Notes where the stream is to be read on; how many of the bytes are new.
static size_t place(struct source_driver *source, uint32_t id, size_t len, tide_bytes before)
{
    struct split *split = &source->splits[id];
    buf_clear(&split->position);
    split->placed = before.len && !buf_append(&split->position, before.data, before.len);
    size_t old = split->skip < len ? split->skip : len;
    split->skip -= old;
    split->past = split->placed ? len + split->skip : 0;
    return len - old;
}

tide_result host_commit(tide_out *out, uint32_t split, size_t len, tide_bytes before)
{
    struct source_driver *source = out->driver;
    struct chunk *chunk = source->stream;
    if (!chunk || source->stream_split != split || len > source->reserved)
        return host_table.fail(&source->driver.ctx, TIDE_FATAL,
                               "commit of %zu bytes without room reserved for them", len);
    source->reserved = 0;
    size_t at = chunk->len, fresh = place(source, split, len, before);
    chunk->len += len;
    if (!fresh)
        return TIDE_OK;
    struct parcel *parcel = source_add_parcel(source, PARCEL_STREAM, split);
    if (!parcel)
        return TIDE_FATAL;
    parcel->chunks[parcel->chunk_count++] = chunk_ref(chunk);
    parcel->at = at + len - fresh;
    parcel->len = fresh;
    return TIDE_OK;
}

void host_split_end(tide_out *out, uint32_t split)
{
    struct source_driver *source = out->driver;
    if (!known(source, "the end", split) || source->splits[split].ended)
        return;
    if (source_add_parcel(source, PARCEL_END, split))
        source->splits[split].ended = true;
}

tide_result host_bad(tide_out *out, uint32_t split, tide_bytes partial, const char *fmt, ...)
{
    struct source_driver *source = out->driver;
    if (source->ready_count >= BAD_MAX)
        return TIDE_AGAIN;
    struct parcel *parcel =
        known(source, "an error", split) ? source_add_parcel(source, PARCEL_BAD, split) : NULL;
    if (!parcel)
        return TIDE_FATAL;
    va_list args;
    va_start(args, fmt);
    int rc = buf_vprintf(&parcel->text, fmt, args);
    va_end(args);
    if (!rc && partial.len)
        buf_append(&parcel->part, partial.data, partial.len); // too large: the reason is enough
    return rc ? TIDE_FATAL : TIDE_OK;
}

// -- messages --

// The parcel of messages under construction for the split's lane, or a new one; NULL: full.
static struct parcel *open_messages(struct source_driver *source, uint32_t split)
{
    struct parcel *last = source->rings[split % source->lane_count].newest;
    if (last && last->kind == PARCEL_MESSAGES && last->count < PARCEL_MESSAGES_MAX &&
        last->chunk_count < BATCH_CHUNKS)
        return last;
    return is_full(source) ? NULL : source_add_parcel(source, PARCEL_MESSAGES, split);
}

static int keep_chunk(struct parcel *parcel, struct chunk *chunk)
{
    if (parcel->chunk_count && parcel->chunks[parcel->chunk_count - 1] == chunk)
        return 0;
    if (parcel->chunk_count == BATCH_CHUNKS)
        return ERR_LIMIT;
    parcel->chunks[parcel->chunk_count++] = chunk_ref(chunk);
    return 0;
}

static void add_message(struct parcel *parcel, const tide_message *message)
{
    tide_message *to = &parcel->messages[parcel->count++];
    size_t size = message->struct_size < sizeof *to ? message->struct_size : sizeof *to;
    memset(to, 0, sizeof *to);
    memcpy(to, message, size);
}

static const tide_message *nth(const tide_message *messages, uint32_t index, uint32_t stride)
{
    return (const tide_message *)(const void *)((const char *)messages + (size_t)index * stride);
}

static size_t message_size(const tide_message *message)
{
    size_t size = message->key.len + message->value.len + 64;
    for (uint32_t i = 0; i < message->header_count; i++)
        size += strlen(message->headers[i].name) + 1 + message->headers[i].value.len + 64;
    return size;
}

static tide_bytes copy_bytes(struct chunk *chunk, tide_bytes from)
{
    if (!from.data)
        return from;
    char *to = chunk->data + chunk->len;
    memcpy(to, from.data, from.len);
    chunk->len += from.len;
    return (tide_bytes){to, from.len};
}

static const tide_header *copy_headers(struct chunk *chunk, const tide_message *message)
{
    if (!message->header_count)
        return NULL;
    chunk->len = (chunk->len + 15) & ~(size_t)15;
    tide_header *headers = (tide_header *)(void *)(chunk->data + chunk->len);
    chunk->len += sizeof *headers * message->header_count;
    for (uint32_t i = 0; i < message->header_count; i++) {
        const tide_header *from = &message->headers[i];
        headers[i].name = copy_bytes(chunk, (tide_bytes){from->name, strlen(from->name) + 1}).data;
        headers[i].value = copy_bytes(chunk, from->value);
    }
    return headers;
}

static struct chunk *room_for(struct source_driver *source, size_t size)
{
    struct chunk *chunk = source->copies;
    if (chunk && chunk->cap - chunk->len >= size)
        return chunk;
    chunk_unref(chunk);
    source->copies = chunk_new(size > CHUNK_SIZE ? size : CHUNK_SIZE);
    if (!source->copies)
        source_out_of_memory(source);
    return source->copies;
}

uint32_t host_emit(tide_out *out, const tide_message *messages, uint32_t count, uint32_t stride)
{
    struct source_driver *source = out->driver;
    for (uint32_t i = 0; i < count; i++) {
        const tide_message *from = nth(messages, i, stride);
        if (!known(source, "a message", from->split))
            return i;
        struct parcel *parcel = open_messages(source, from->split);
        struct chunk *chunk = parcel ? room_for(source, message_size(from)) : NULL;
        if (!chunk || keep_chunk(parcel, chunk))
            return i;
        add_message(parcel, from);
        tide_message *to = &parcel->messages[parcel->count - 1];
        to->headers = copy_headers(chunk, from);
        to->key = copy_bytes(chunk, from->key);
        to->value = copy_bytes(chunk, from->value);
        to->flags |= TIDE_MESSAGE_PADDED; // as every chunk is
    }
    return count;
}

// A chunk without bytes of its own, whose end calls `release`.
static struct chunk *lent_chunk(void (*release)(void *arg), void *arg)
{
    struct chunk *chunk = mem_zalloc(sizeof *chunk);
    if (!chunk)
        return NULL;
    atomic_init(&chunk->refs, 1);
    chunk->release = release;
    chunk->release_arg = arg;
    return chunk;
}

uint32_t host_lend(tide_out *out, const tide_message *messages, uint32_t count, uint32_t stride,
                   void (*release)(void *arg), void *arg)
{
    struct source_driver *source = out->driver;
    struct chunk *chunk = lent_chunk(release, arg);
    uint32_t taken = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!known(source, "a message", nth(messages, i, stride)->split))
            count = i;
    if (!chunk)
        source_out_of_memory(source);
    while (chunk && taken < count) {
        uint32_t lane = nth(messages, taken, stride)->split % source->lane_count;
        struct parcel *parcel = open_messages(source, lane);
        if (!parcel || keep_chunk(parcel, chunk))
            break;
        while (taken < count && parcel->count < PARCEL_MESSAGES_MAX &&
               nth(messages, taken, stride)->split % source->lane_count == lane)
            add_message(parcel, nth(messages, taken++, stride));
    }
    if (chunk)
        chunk_unref(chunk);
    else
        release(arg);
    return taken;
}
