// SPDX-License-Identifier: MIT
#include "engine/intake.h"
#include "engine/event_time.h"
#include "engine/marker.h"
#include <string.h>

// -- one record --

static enum intake reject(struct source_node *node, struct record *record, const struct error *err)
{
    enum on_error_verdict verdict =
        outputs_fail_record(&node->outputs, node->batch, record, err, false);
    node->batch->count--; // it is the last one
    return verdict == ERROR_STOP ? INTAKE_FAILED : INTAKE_DONE;
}

static void touch(struct source_node *node, uint32_t id)
{
    struct source_split *split = &node->splits[id];
    if (split->touched)
        return;
    split->touched = true;
    node->touched[node->touched_count++] = id; // room for every split is kept
}

static int read_time(struct source_node *node, struct record *record, struct error *err)
{
    if (node->has_time && !node->time_of_record) {
        struct value value = path_read(node->batch, record, &node->time_path);
        int rc = timestamp_read(value, node->time_unit, &record->time, err);
        if (rc)
            return error_prefix(err, "event_time field '%s'", node->time_path.text);
    }
    if (node->has_time && record->time == TIME_NONE)
        return error_set(err, ERR_DATA, "the record has no time stamp, wanted by event_time");
    if (__builtin_expect(node->has_time && record->time > node->latest_ms, 0))
        return event_time_ahead(node, record->time, err);
    return 0;
}

// The driver's thread may be writing behind the bytes that were handed over. What the JSON reader
// sees there does not matter to it, but to the tool that looks for races.
static size_t shared_pad(void)
{
#if defined(__SANITIZE_THREAD__)
    return 0;
#else
    return CHUNK_PAD;
#endif
}

// The bytes were no record of their own: a header.
static enum intake take_nothing(struct source_node *node)
{
    node->batch->count--; // it is the last one
    stat_add(&node->outputs.stats->in, (uint64_t)-1);
    return INTAKE_DONE;
}

// What it says has been noted; it has come, as any record of its split.
static enum intake take_marker(struct source_node *node, uint32_t split)
{
    touch(node, split);
    node->batch->count--; // it is the last one
    stat_add(&node->outputs.stats->filtered, 1);
    return INTAKE_DONE;
}

static enum intake out_of_memory(struct source_node *node)
{
    outputs_out_of_memory(&node->outputs);
    return INTAKE_FAILED;
}

enum { DECODE_MARKER = DECODE_NOTHING + 1 }; // the record is a marker, which goes no further

static int look_for_marker(struct source_node *node, struct record *record, struct error *err)
{
    int64_t watermark = WATERMARK_NONE;
    bool is = false;
    int rc = marker_look(node->marker, node->batch, &is, &watermark, err);
    if (!rc && is)
        generator_mark(&node->splits[record->split].generator, watermark);
    return rc ? rc : is && !marker_passes(node->marker) ? DECODE_MARKER : 0;
}

static int decode(struct source_node *node, struct record *record, const char *bytes, size_t len,
                  size_t pad, struct error *err)
{
    int rc = node->decoder->decode(node->decoder, node->batch, bytes, len, pad, record, err);
    if (!rc && node->marker)
        rc = look_for_marker(node, record, err);
    return rc ? rc : read_time(node, record, err);
}

// In a storm of errors their texts are left out where nobody reads them.
static enum intake bad_record(struct source_node *node, struct record *record, const char *bytes,
                              size_t len, size_t pad, struct error *err)
{
    if (!err->len && !wordless_has(node->wordless, err->code))
        decode(node, record, bytes, len, pad, err);
    record->raw = bytes;
    record->raw_len = (uint32_t)len;
    record->flags &= (uint16_t) ~(RECORD_RAW | RECORD_WHOLE | RECORD_LINES); // goes as it came
    enum intake result = reject(node, record, err);
    node->wordless = outputs_wordless(&node->outputs);
    return result;
}

// Decodes the record at the end of the batch, whose origin is filled in.
static enum intake finish_record(struct source_node *node, struct record *record, const char *bytes,
                                 size_t len, size_t pad)
{
    struct error err;
    error_clear(&err);
    bool mute = wordless_has(node->wordless, ERR_DATA);
    int rc = decode(node, record, bytes, len, pad, mute ? NULL : &err);
    if (__builtin_expect(rc == DECODE_NOTHING, 0))
        return take_nothing(node);
    if (__builtin_expect(rc == DECODE_MARKER, 0))
        return take_marker(node, record->split);
    if (rc == ERR_NOMEM)
        return out_of_memory(node);
    if (__builtin_expect(rc != 0, 0)) {
        err.code = rc;
        return bad_record(node, record, bytes, len, pad, &err);
    }
    touch(node, record->split);
    if (!node->has_time)
        return INTAKE_DONE;
    struct source_split *split = &node->splits[record->split];
    if (__builtin_expect(split->generator.max_time == WATERMARK_NONE, 0))
        event_time_doubt(node, split->name, record->time);
    generator_see(&split->generator, record->time);
    return INTAKE_DONE;
}

// Whether another record, or its dead letter, has room.
static bool room(const struct source_node *node)
{
    return node->batch->count < node->room && outputs_letter_room(&node->outputs);
}

static struct record *add_record(struct source_node *node, uint32_t split, int64_t offset,
                                 int64_t time)
{
    struct record *record = batch_add(node->batch); // there is room
    record->node = node->outputs.node;
    record->split = split;
    record->offset = offset;
    record->time = time;
    record->meta = node->splits[split].meta;
    stat_add(&node->outputs.stats->in, 1);
    return record;
}

// -- streams --

// Puts the unfinished frame in front of the parcel's bytes: in the room that stream chunks keep
// there, or in a new chunk when it is longer than that.
static int join_rest(struct source_split *split, struct parcel *parcel)
{
    struct chunk *chunk = parcel->chunks[0];
    if (split->rest + split->rest_len == chunk->data + parcel->at) { // the same stretch goes on
        parcel->at -= split->rest_len;
    } else if (parcel->at == PARCEL_HEAD && split->rest_len <= parcel->at) {
        parcel->at -= split->rest_len;
        memcpy(chunk->data + parcel->at, split->rest, split->rest_len);
    } else {
        struct chunk *joined = chunk_new(split->rest_len + parcel->len);
        if (!joined)
            return ERR_NOMEM;
        memcpy(joined->data, split->rest, split->rest_len);
        memcpy(joined->data + split->rest_len, chunk->data + parcel->at, parcel->len);
        chunk_unref(chunk);
        parcel->chunks[0] = joined;
        parcel->at = 0;
    }
    parcel->len += split->rest_len;
    return 0;
}

static void drop_rest(struct source_split *split)
{
    chunk_unref(split->rest_chunk);
    split->rest_chunk = NULL;
    split->rest_len = 0;
}

static void keep_rest(struct source_split *split, struct parcel *parcel)
{
    if (!parcel->len)
        return;
    split->rest_chunk = chunk_ref(parcel->chunks[0]);
    split->rest = parcel->chunks[0]->data + parcel->at;
    split->rest_len = parcel->len;
}

enum { TRUNCATED_MAX = 64 << 10 };

// A frame that is too long, or cut off: an error record of its first bytes, which a header of the
// dead letter tells from a whole one.
static enum intake no_frame(struct source_node *node, uint32_t id, int64_t offset,
                            const char *bytes, size_t len, struct error *err)
{
    size_t max = node->splits[id].framer.max;
    struct record *record = add_record(node, id, offset, TIME_NONE);
    max = max < TRUNCATED_MAX ? max : TRUNCATED_MAX;
    record->raw = bytes;
    record->raw_len = (uint32_t)(len < max ? len : max);
    record->flags |= RECORD_TRUNCATED;
    return reject(node, record, err);
}

// Cuts records off the front of parcel->at, len.
static enum intake cut_frames(struct source_node *node, struct parcel *parcel, bool at_end)
{
    struct source_split *split = &node->splits[parcel->split];
    struct chunk *chunk = parcel->chunks[0];
    if (batch_hold(node->batch, chunk))
        return INTAKE_FULL;
    while (room(node)) {
        struct frame frame;
        struct error err;
        const char *front = chunk->data + parcel->at;
        int rc = framer_next(&split->framer, front, parcel->len, at_end, &frame, &err);
        enum intake result = INTAKE_DONE;
        int64_t offset = split->offset + (int64_t)frame.skipped;
        if (rc < 0) {
            result = no_frame(node, parcel->split, offset, front + frame.skipped,
                              frame.used - frame.skipped, &err);
        } else if (rc > 0 && frame.len) { // empty lines are no records
            struct record *record = add_record(node, parcel->split, offset, TIME_NONE);
            result = finish_record(node, record, frame.bytes, frame.len, shared_pad());
        }
        parcel->at += frame.used; // also without a frame: the rest of a line that was too long
        parcel->len -= frame.used;
        split->offset += (int64_t)frame.used;
        if (rc == 0 || result != INTAKE_DONE)
            return result;
    }
    return INTAKE_FULL;
}

enum intake intake_stream(struct source_node *node, struct parcel *parcel)
{
    struct source_split *split = &node->splits[parcel->split];
    if (split->rest_len) {
        if (join_rest(split, parcel))
            return out_of_memory(node);
        drop_rest(split);
    }
    enum intake result = cut_frames(node, parcel, false);
    if (result == INTAKE_DONE)
        keep_rest(split, parcel);
    return result;
}

enum intake intake_end(struct source_node *node, uint32_t id)
{
    struct source_split *split = &node->splits[id];
    if (!split->rest_len)
        return INTAKE_DONE;
    struct parcel last = {.split = id, .chunks = {split->rest_chunk}, .chunk_count = 1};
    last.at = (size_t)(split->rest - split->rest_chunk->data);
    last.len = split->rest_len;
    enum intake result = cut_frames(node, &last, true);
    split->rest += split->rest_len - last.len;
    split->rest_len = last.len;
    if (result == INTAKE_DONE)
        drop_rest(split);
    return result;
}

// -- messages --

// Bytes that may be read behind a lent message: all up to the end of its page are mapped.
static size_t readable_behind(const tide_message *message)
{
    if (message->flags & TIDE_MESSAGE_PADDED)
        return shared_pad();
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 0;
#else
    uintptr_t end = (uintptr_t)message->value.data + message->value.len;
    return (end & 4095) + CHUNK_PAD <= 4096 ? CHUNK_PAD : 0;
#endif
}

static int add_meta(struct batch *batch, struct record *record, const tide_message *message)
{
    struct record_meta *meta = ARENA_NEW(&batch->arena, struct record_meta);
    if (!meta)
        return ERR_NOMEM;
    *meta = (struct record_meta){.split = record->meta->split,
                                 .topic_len = record->meta->topic_len,
                                 .key = message->key.data,
                                 .key_len = (uint32_t)message->key.len,
                                 .header_count = message->header_count};
    record->meta = meta;
    if (!message->header_count)
        return 0;
    struct header *headers = ARENA_ARRAY(&batch->arena, struct header, message->header_count);
    if (!headers)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < message->header_count; i++)
        headers[i] = (struct header){.name = message->headers[i].name,
                                     .bytes = message->headers[i].value.data,
                                     .len = (uint32_t)message->headers[i].value.len};
    meta->headers = headers;
    return 0;
}

static enum intake take_message(struct source_node *node, const tide_message *message)
{
    struct record *record = add_record(node, message->split, message->offset, message->time_ms);
    if ((message->key.data || message->header_count) && add_meta(node->batch, record, message))
        return out_of_memory(node);
    stat_add(&node->outputs.stats->in_bytes, message->value.len);
    if (!message->value.data || (message->flags & TIDE_MESSAGE_TOMBSTONE)) {
        record->flags |= RECORD_TOMBSTONE;
        touch(node, record->split);
        return INTAKE_DONE;
    }
    const char *bytes = message->value.data;
    return finish_record(node, record, bytes, message->value.len, readable_behind(message));
}

enum intake intake_messages(struct source_node *node, struct parcel *parcel)
{
    for (uint32_t i = 0; i < parcel->chunk_count; i++)
        if (batch_hold(node->batch, parcel->chunks[i]))
            return INTAKE_FULL;
    while (node->parcel_at < parcel->count) {
        if (!room(node))
            return INTAKE_FULL;
        if (take_message(node, &parcel->messages[node->parcel_at++]) == INTAKE_FAILED)
            return INTAKE_FAILED;
    }
    return INTAKE_DONE;
}

enum intake intake_bad(struct source_node *node, struct parcel *parcel)
{
    if (!outputs_letter_room(&node->outputs))
        return INTAKE_FULL;
    struct record *record = add_record(node, parcel->split, -1, TIME_NONE);
    const char *bytes = batch_copy(node->batch, parcel->part.data, parcel->part.len);
    if (!bytes)
        return out_of_memory(node);
    record->raw = bytes;
    record->raw_len = (uint32_t)parcel->part.len;
    struct error err = ERROR_INIT;
    error_set(&err, ERR_IO, "%s", buf_cstr(&parcel->text));
    return reject(node, record, &err);
}
