// SPDX-License-Identifier: MIT
#include "record/json_reader.h"
#include "base/alloc.h"
#include "record/codec_error.h"
#include "record/json_text.h"

struct json_reader *json_reader_new(struct shape_table *shapes, const struct json_limits *limits)
{
    struct json_reader *reader = mem_zalloc(sizeof *reader);
    if (!reader)
        return NULL;
    reader->shapes = shapes;
    reader->limits = limits ? *limits : (struct json_limits)JSON_LIMITS_DEFAULT;
    if (reader->limits.depth > JSON_DEPTH_MAX)
        reader->limits.depth = JSON_DEPTH_MAX;
    if (reader->limits.size > JSON_SIZE_MAX)
        reader->limits.size = JSON_SIZE_MAX;
    if (reader->limits.members > SHAPE_MEMBERS_MAX)
        reader->limits.members = SHAPE_MEMBERS_MAX;
    reader->flags = reader->limits.big_ints == BIG_INTS_STRING ? RECORD_BIG_TEXT : 0;
    reader->fast = json_fast_best();
    reader->hints = json_hints_new();
    if (!reader->hints) {
        mem_free(reader);
        return NULL;
    }
    return reader;
}

void json_reader_free(struct json_reader *reader)
{
    if (!reader)
        return;
    json_hints_free(reader->hints);
    mem_free(reader->found.spans);
    mem_free(reader->found.names);
    mem_free(reader->index);
    mem_free(reader);
}

int json_found_grow(struct json_reader *reader)
{
    struct json_found *found = &reader->found;
    uint32_t cap = found->cap ? found->cap * 2 : 32;
    struct span *spans = mem_realloc(found->spans, cap * sizeof *spans);
    if (!spans)
        return ERR_NOMEM;
    found->spans = spans;
    struct shape_name *names = mem_realloc(found->names, cap * sizeof *names);
    if (!names)
        return ERR_NOMEM;
    found->names = names;
    found->cap = cap;
    return 0;
}

static int word_error(const struct json_reader *reader, int code, const char *text, uint32_t len,
                      struct error *err)
{
    uint32_t at = reader->error_at;
    if (code == ERR_NOMEM)
        return error_nomem(err);
    if (code == ERR_LIMIT)
        return error_set(
            err, code, "byte %u: expected %s than the limit of %u", at, reader->expected,
            strstr(reader->expected, "members") ? reader->limits.members : reader->limits.depth);
    if (at >= len)
        return error_set(err, code, "byte %u: expected %s, found the end of the text", at,
                         reader->expected);
    return codec_found(err, text, len, at, reader->expected);
}

static int unescape_names(struct json_reader *reader, struct batch *batch)
{
    for (uint32_t i = 0; i < reader->found.count; i++) {
        struct shape_name *name = &reader->found.names[i];
        if (name->plain)
            continue;
        struct value decoded = json_text_unescape(batch, name->bytes, name->len);
        if (decoded.type == VALUE_ABSENT)
            return ERR_NOMEM;
        name->bytes = decoded.bytes;
        name->len = decoded.len;
    }
    return 0;
}

static const struct shape *find_shape(struct json_reader *reader, struct batch *batch)
{
    struct json_found *found = &reader->found;
    if (found->guessed)
        return reader->guess;
    if (found->escaped_names && unescape_names(reader, batch))
        return NULL;
    const struct shape *shape =
        shape_intern(reader->shapes, &batch->arena, found->names, found->count);
    if (shape && (shape->flags & SHAPE_INTERNED))
        reader->guess = shape;
    return shape;
}

static int make_record(struct json_reader *reader, struct batch *batch, struct record *record)
{
    struct json_found *found = &reader->found;
    const struct shape *shape = find_shape(reader, batch);
    if (!shape)
        return ERR_NOMEM;
    struct span *spans = ARENA_ARRAY(&batch->arena, struct span, found->count ? found->count : 1);
    if (!spans)
        return ERR_NOMEM;
    if (found->count)
        memcpy(spans, found->spans, found->count * sizeof *spans);
    record->shape = shape;
    record->spans = spans;
    record->wire = (uint16_t)found->count;
    record->flags = (uint16_t)(record->flags | found->flags);
    return 0;
}

static void clear_found(struct json_reader *reader)
{
    reader->found.count = 0;
    reader->found.flags = 0;
    reader->found.escaped_names = false;
    reader->found.guessed = false;
}

// What the fast paths refused, or did not see.
static int read_again(struct json_reader *reader, const char *text, uint32_t len)
{
    if (reader->good) {
        reader->good = false;
        int code = json_scalar_rest(reader, text, len);
        if (code)
            return code;
    }
    clear_found(reader);
    return json_scalar(reader, text, len);
}

// In a storm of errors: whether the scalar path will come to the fault sooner than the bitmap path
// has looked at the whole text.
static bool fault_is_near(const struct json_reader *reader, char first)
{
    return reader->refused == JSON_STORM && reader->path == JSON_PATH_AUTO &&
           (reader->good || (first != '{' && first != '['));
}

// A text that looks like none of the layouts.
static int read_new(struct json_reader *reader, const char *text, uint32_t len, bool fast)
{
    clear_found(reader);
    if (fast && reader->path != JSON_PATH_SCALAR && !fault_is_near(reader, *text) &&
        reader->fast->bitmap(reader, text, len))
        return 0;
    return read_again(reader, text, len);
}

static int refuse(struct json_reader *reader, int code, const char *text, uint32_t len,
                  struct error *err)
{
    if (reader->refused < JSON_STORM)
        reader->refused++;
    return err ? word_error(reader, code, text, len, err) : code;
}

int json_read(struct json_reader *reader, struct batch *batch, const char *text, size_t size,
              size_t pad, struct record *record, struct error *err)
{
    if (size > reader->limits.size)
        return error_set(err, ERR_LIMIT, "byte %u: the record is longer than %u bytes",
                         reader->limits.size, reader->limits.size);
    uint32_t len = (uint32_t)size;
    bool fast = pad >= CHUNK_PAD && reader->fast && len;
    record->raw = text;
    record->raw_len = len;
    record->spans = NULL;
    record->wire = 0;
    record->cells = NULL;
    record->cell_cap = 0;
    record->flags &= (uint16_t) ~(RECORD_WHOLE | RECORD_LINES | RECORD_RAW | RECORD_SHARED_CELLS |
                                  RECORD_BIG_TEXT);
    record->flags |= reader->flags;
    if (fast && reader->path == JSON_PATH_AUTO && json_hints_try(reader, batch, text, len, record))
        return 0;
    int code = read_new(reader, text, len, fast);
    if (!code)
        code = make_record(reader, batch, record);
    if (code)
        return refuse(reader, code, text, len, err);
    reader->refused = 0;
    if (fast && reader->path == JSON_PATH_AUTO)
        json_hints_learn(reader, text, len, record);
    return 0;
}
