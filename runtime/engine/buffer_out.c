// SPDX-License-Identifier: MIT
#include "engine/source_buffer.h"
#include "engine/source_keep.h"
#include "base/alloc.h"
#include <string.h>

// From the journal to the lanes. Of a split that ended with the plugin's last run and is not told
// of by the new one nobody expects anything more; of a stream that is, it is a new beginning.

enum { OUT_MAX = 16, NAME_MAX_BYTES = 64 * 1024 }; // parcels that are read ahead, for each lane

static struct parcel *add(struct source_driver *source, enum parcel_kind kind, uint32_t split)
{
    struct parcel *parcel = parcel_new(kind, split);
    if (!parcel)
        return NULL;
    parcel->lane = split % source->lane_count;
    source->rings[parcel->lane].newest = NULL; // what comes stands behind this
    source_buffer_add(source->buffer, parcel);
    return parcel;
}

// -- splits --

static struct buffer_split *find(struct source_buffer *buffer, tide_bytes name)
{
    for (size_t i = 0; i < buffer->split_count; i++) {
        size_t at = (buffer->likely + i) % buffer->split_count;
        const struct split *split = &buffer->splits[at].of;
        if (split->name_len == name.len && !memcmp(split->name, name.data, name.len)) {
            buffer->likely = at;
            return &buffer->splits[at];
        }
    }
    return NULL;
}

static uint32_t id_of(const struct source_buffer *buffer, const struct buffer_split *split)
{
    return (uint32_t)(split - buffer->splits);
}

static int announce(struct source_driver *source, struct buffer_split *split)
{
    struct split *of = &split->of;
    split->stale = of->lost = of->ended = false;
    struct parcel *parcel = add(source, PARCEL_SPLIT, id_of(source->buffer, split));
    if (!parcel || buf_append(&parcel->text, of->name, of->name_len))
        return ERR_NOMEM;
    return source_keep_claim(source, of, parcel);
}

static int lose(struct source_driver *source, struct buffer_split *split)
{
    split->stale = false;
    split->of.lost = true;
    return add(source, PARCEL_LOST, id_of(source->buffer, split)) ? 0 : ERR_NOMEM;
}

// The split of that name, which the lanes know; NULL: memory is out.
static struct buffer_split *find_or_add(struct source_driver *source, tide_bytes name)
{
    struct source_buffer *buffer = source->buffer;
    struct buffer_split *split = find(buffer, name);
    if (split && !split->of.lost && !split->of.ended)
        return split;
    if (!split) {
        if (mem_grow(&buffer->splits, &buffer->split_cap, buffer->split_count + 1,
                     sizeof *buffer->splits))
            return NULL;
        split = &buffer->splits[buffer->split_count];
        *split = (struct buffer_split){
            .of = {.name = mem_strndup(name.data, name.len), .name_len = name.len}};
        buf_init(&split->of.position, NAME_MAX_BYTES);
        if (!split->of.name)
            return NULL;
        buffer->split_count++;
    }
    return announce(source, split) ? NULL : split;
}

int buffer_renew_splits(struct source_driver *source)
{
    tide_bytes name;
    for (size_t i = 0; source_keep_nth(source, i, &name); i++)
        if (name.data && !find_or_add(source, name))
            return ERR_NOMEM;
    return 0;
}

// -- entries --

static int begin_anew(struct source_buffer *buffer)
{
    for (size_t i = 0; i < buffer->split_count; i++)
        if (!buffer->splits[i].of.lost && !buffer->splits[i].of.ended)
            buffer->splits[i].stale = buffer->any_stale = true;
    return 0;
}

static int drop_stale(struct source_driver *source)
{
    struct source_buffer *buffer = source->buffer;
    int rc = 0;
    for (size_t i = 0; buffer->any_stale && !rc && i < buffer->split_count; i++)
        rc = buffer->splits[i].stale ? lose(source, &buffer->splits[i]) : 0;
    buffer->any_stale = false;
    return rc;
}

// The unfinished frame of a stream that was cut off must not get another one's bytes.
static int take_split(struct source_driver *source, tide_bytes name)
{
    struct buffer_split *split = find_or_add(source, name);
    if (!split)
        return ERR_NOMEM;
    bool cut = split->stale && (source->source->capabilities & TIDE_SOURCE_STREAM);
    split->stale = false;
    if (!cut)
        return 0;
    int rc = lose(source, split);
    return rc ? rc : announce(source, split);
}

static int take_other(struct source_driver *source, struct image_entry *entry, tide_bytes name)
{
    struct buffer_split *split = find_or_add(source, name);
    if (!split)
        return ERR_NOMEM;
    if (entry->section == BUFFER_LOST)
        return lose(source, split);
    uint32_t id = id_of(source->buffer, split);
    bool stream = entry->section == BUFFER_STREAM, bad = entry->section == BUFFER_BAD;
    int rc = stream || bad ? drop_stale(source) : 0;
    struct parcel *parcel = rc ? NULL
                               : add(source,
                                     stream ? PARCEL_STREAM
                                     : bad  ? PARCEL_BAD
                                            : PARCEL_END,
                                     id);
    if (!parcel)
        return ERR_NOMEM;
    if (stream || bad)
        return stream ? buffer_decode_stream(entry, parcel) : buffer_decode_bad(entry, parcel);
    split->of.ended = true;
    split->stale = false;
    return 0;
}

static struct parcel *open_messages(struct source_driver *source, uint32_t id, struct chunk *chunk)
{
    struct source_ring *ring = &source->rings[id % source->lane_count];
    if (ring->newest)
        return ring->newest;
    struct parcel *parcel = add(source, PARCEL_MESSAGES, id);
    if (parcel)
        parcel->chunks[parcel->chunk_count++] = chunk_ref(chunk);
    return ring->newest = parcel;
}

static int take_message(struct source_driver *source, struct image_entry *entry, tide_bytes name,
                        struct chunk *chunk, tide_header **headers)
{
    int rc = drop_stale(source);
    struct buffer_split *split = rc ? NULL : find_or_add(source, name);
    struct parcel *parcel =
        split ? open_messages(source, id_of(source->buffer, split), chunk) : NULL;
    if (!parcel || parcel->count == PARCEL_MESSAGES_MAX)
        return parcel ? ERR_CORRUPT : ERR_NOMEM; // none is written with so many
    tide_message *message = &parcel->messages[parcel->count];
    buffer_decode_message(entry, headers, message);
    message->split = id_of(source->buffer, split);
    parcel->count += !entry->bad;
    return 0;
}

static int take_entry(struct source_driver *source, struct image_entry *entry, struct chunk *chunk,
                      tide_header **headers, struct error *err)
{
    if (entry->section == BUFFER_START)
        return begin_anew(source->buffer);
    tide_bytes name;
    name.data = entry_bytes(entry, &name.len);
    int rc = 0;
    if (!name.data || entry->section > BUFFER_START)
        rc = ERR_CORRUPT;
    else if (entry->section == BUFFER_MESSAGE)
        rc = take_message(source, entry, name, chunk, headers);
    else if (entry->section == BUFFER_SPLIT)
        rc = take_split(source, name);
    else
        rc = take_other(source, entry, name);
    if (rc == ERR_NOMEM)
        return error_nomem(err);
    if (rc || entry_done(entry, NULL))
        return error_set(err, ERR_CORRUPT, "it has an entry that makes no sense");
    return 0;
}

// Messages borrow from a copy of what the reader has, with room for their headers in front.
static int take(struct source_driver *source, const struct journal_entry *from, struct error *err)
{
    uint32_t header_count;
    int rc = buffer_count_headers(from->data, from->len, &header_count, err);
    if (rc)
        return rc;
    size_t head = header_count * sizeof(tide_header);
    struct chunk *chunk = chunk_new(head + from->len);
    if (!chunk)
        return error_nomem(err);
    memcpy(chunk->data + head, from->data, from->len);
    chunk->len = head + from->len;
    tide_header *headers = (tide_header *)(void *)chunk->data;
    struct image_reader reader = {chunk->data + head, chunk->data + chunk->len};
    struct image_entry entry;
    int damaged = 0;
    while (!rc && image_next(&reader, &entry, &damaged))
        rc = take_entry(source, &entry, chunk, &headers, err);
    chunk_unref(chunk);
    for (uint32_t i = 0; i < source->lane_count; i++)
        source->rings[i].newest = NULL;
    return rc;
}

// -- to the lanes --

static bool push(struct source_driver *source)
{
    struct source_buffer *buffer = source->buffer;
    while (buffer->out) {
        struct parcel *parcel = buffer->out, *next = parcel->next; // pushed, it is the lane's
        struct source_ring *ring = &source->rings[parcel->lane];
        if (!ring_push(&ring->parcels, parcel))
            return false;
        buffer->out = next;
        buffer->out_count--;
        if (!next)
            buffer->out_tail = &buffer->out;
        waker_wake(ring->waker);
    }
    return true;
}

static int tell_none(struct source_driver *source)
{
    struct source_buffer *buffer = source->buffer;
    for (uint32_t lane = (uint32_t)buffer->split_count; lane < source->lane_count; lane++)
        if (!add(source, PARCEL_NONE, lane))
            return ERR_NOMEM;
    buffer->told_none = true;
    return 0;
}

// 1: something was read; 0: there is nothing, or no room.
static int read_on(struct source_driver *source, struct error *err)
{
    struct source_buffer *buffer = source->buffer;
    struct journal_entry entry;
    if (source->sent_eof || buffer->out_count >= OUT_MAX * source->lane_count ||
        !buffer_unread(buffer))
        return 0;
    int rc = journal_reader_next(buffer->reader, &entry, err);
    if (rc <= 0)
        return rc;
    rc = take(source, &entry, err);
    buffer->at = entry.sequence + entry.count;
    return rc ? rc : 1;
}

// A little at a time: the plugin waits for its turn as well.
void buffer_hand_out(struct source_driver *source)
{
    struct source_buffer *buffer = source->buffer;
    struct error err = ERROR_INIT;
    if (!push(source))
        return;
    int rc;
    while ((rc = read_on(source, &err)) == 1)
        ;
    if (!rc && buffer->split_count && !buffer->told_none && tell_none(source))
        rc = error_nomem(&err);
    if (rc < 0)
        buffer_fail(source, &err);
    else
        push(source);
}
