// SPDX-License-Identifier: MIT
#include "record/text_records.h"
#include "base/alloc.h"
#include "record/codec_error.h"

static const struct shape *find_shape(struct collector *collector, struct batch *batch)
{
    if (collector->guessed && collector->count == collector->guess->count)
        return collector->guess;
    const struct shape *shape =
        shape_intern(collector->shapes, &batch->arena, collector->names, collector->count);
    collector->guess = shape && (shape->flags & SHAPE_INTERNED) ? shape : NULL;
    return shape;
}

int collect_end(struct collector *collector, struct batch *batch, struct record *record)
{
    uint32_t count = collector->count;
    if (!count)
        return 0;
    const struct shape *shape = find_shape(collector, batch);
    struct span *spans = ARENA_ARRAY(&batch->arena, struct span, count);
    if (!shape || !spans)
        return ERR_NOMEM;
    memcpy(spans, collector->spans, count * sizeof *spans);
    if (collector->cells) {
        record->cells = ARENA_ARRAY(&batch->arena, struct value, count);
        if (!record->cells)
            return ERR_NOMEM;
        memcpy(record->cells, collector->values, count * sizeof *record->cells);
        record->cell_cap = (uint16_t)count;
    }
    record->shape = shape;
    record->spans = spans;
    record->wire = (uint16_t)count;
    return 0;
}

struct text_decoder {
    struct decoder decoder; // first
    text_read_line read_line;
    uint32_t size_max;
    struct collector collector;
};

static int decode(struct decoder *decoder, struct batch *batch, const char *bytes, size_t len,
                  size_t pad, struct record *record, struct error *err)
{
    struct text_decoder *text = (struct text_decoder *)decoder;
    (void)pad;
    codec_start(record, shape_empty(text->collector.shapes), bytes, len);
    if (len > text->size_max)
        return codec_too_long(err, text->size_max);
    collect_start(&text->collector);
    struct text_reader reader = {.collector = &text->collector,
                                 .batch = batch,
                                 .line = bytes,
                                 .len = (uint32_t)codec_trim_line(bytes, len),
                                 .err = err};
    int code = text->read_line(&reader);
    if (!code)
        code = collect_end(&text->collector, batch, record);
    return code == ERR_NOMEM ? error_nomem(err) : code;
}

static void free_decoder(struct decoder *decoder)
{
    mem_free(decoder);
}

struct decoder *text_decoder_new(text_read_line read_line, struct shape_table *shapes,
                                 const struct json_limits *limits)
{
    struct text_decoder *text = mem_zalloc(sizeof *text);
    if (!text)
        return NULL;
    text->decoder = (struct decoder){.decode = decode, .free = free_decoder};
    text->read_line = read_line;
    text->collector.shapes = shapes;
    text->size_max = codec_size_max(limits);
    return &text->decoder;
}
