// SPDX-License-Identifier: MIT
#include "fuzz/fuzz.h"
#include "base/buf.h"
#include "record/framing.h"
#include <string.h>

// A stream gives the same messages and errors however it is cut into pieces. The first byte chooses
// the framing, the second the longest message, the third and fourth the pieces.

enum { HEAD = 4, STEPS_MAX = 4 };

static const struct kind {
    char letter; // that seeds use; other bytes choose as well
    struct framing_options options;
} kinds[] = {
    {'n', {.kind = FRAMING_NEWLINE}},
    {'w', {.kind = FRAMING_WHOLE}},
    {'c', {.kind = FRAMING_CSV, .delimiter = ',', .quote = '"'}},
    {'s', {.kind = FRAMING_CSV, .delimiter = ';'}},
    {'4', {.kind = FRAMING_LENGTH, .prefix = 4}},
    {'1', {.kind = FRAMING_LENGTH, .prefix = 1}},
    {'2', {.kind = FRAMING_LENGTH, .prefix = 2, .little_endian = true}},
    {'8', {.kind = FRAMING_LENGTH, .prefix = 8}},
    {'v', {.kind = FRAMING_LENGTH, .prefix = 0}},
    {'o', {.kind = FRAMING_OCTET}},
    {'m', {.kind = FRAMING_MSGPACK}},
};

static const struct framing_options *options_of(uint8_t letter)
{
    size_t count = sizeof kinds / sizeof *kinds;
    for (size_t i = 0; i < count; i++)
        if (kinds[i].letter == (char)letter)
            return &kinds[i].options;
    return &kinds[letter % count].options;
}

struct cutting {
    struct framer framer;
    const char *stream;
    size_t taken, given; // of the stream: what was framed, what is there
    struct buf *events;
};

// 'm', the length and the bytes; or 'e' and the words.
static void note(struct cutting *cutting, int result, const struct frame *frame,
                 const struct error *err)
{
    struct buf *events = cutting->events;
    if (result < 0) {
        PROMISE(result == ERR_LIMIT || result == ERR_DATA);
        PROMISE(err->len > 0 && err->code == result);
        PROMISE(buf_printf(events, "e%s\n", err->text) == 0);
        return;
    }
    const char *from = cutting->stream + cutting->taken;
    PROMISE(frame->len <= cutting->framer.max);
    PROMISE(frame->bytes >= from && frame->bytes + frame->len <= from + frame->used);
    PROMISE(buf_printf(events, "m%zu:", frame->len) == 0);
    PROMISE(buf_append(events, frame->bytes, frame->len) == 0 && buf_putc(events, '\n') == 0);
}

// All that can be cut from what is there.
static void cut(struct cutting *cutting, int at_end)
{
    int result;
    do {
        struct frame frame = {0};
        struct error err = ERROR_INIT;
        size_t len = cutting->given - cutting->taken;
        // A block of its own: nothing behind what was given may be read.
        char *copy = malloc(len + (len == 0));
        PROMISE(copy != NULL);
        memcpy(copy, cutting->stream + cutting->taken, len);
        result = framer_next(&cutting->framer, copy, len, at_end, &frame, &err);
        PROMISE(frame.used <= len);
        PROMISE(result == 0 || frame.used > 0); // or it would go on for ever
        if (result > 0)
            frame.bytes = cutting->stream + cutting->taken + (frame.bytes - copy);
        free(copy);
        if (result)
            note(cutting, result, &frame, &err);
        cutting->taken += frame.used;
    } while (result);
    PROMISE(!at_end || cutting->taken == cutting->given);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

// `step`: the longest piece; SIZE_MAX: one piece.
static void run(struct buf *events, const struct framing_options *options, size_t max,
                const uint8_t *stream, size_t size, size_t step, uint32_t seed)
{
    struct cutting cutting = {.stream = (const char *)stream, .events = events};
    framer_open(&cutting.framer, options, max);
    while (cutting.given < size) {
        size_t piece = step == SIZE_MAX ? size : 1 + next_random(&seed) % step;
        cutting.given += piece < size - cutting.given ? piece : size - cutting.given;
        cut(&cutting, 0);
    }
    cut(&cutting, 1);
}

static void check_same(const struct buf *first, const struct buf *second)
{
    if (first->len == second->len &&
        (!first->len || !memcmp(first->data, second->data, first->len)))
        return;
    fprintf(stderr, "in one piece:\n%.*s\nin several:\n%.*s\n", (int)first->len, first->data,
            (int)second->len, second->data);
    PROMISE_OF(false, "other messages when the stream is cut otherwise");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[STEPS_MAX] = {1, 3, 17, 100};
    static const size_t maxima[] = {10, 40, 1000, 1 << 20};
    if (size < HEAD)
        return 0;
    const struct framing_options *options = options_of(data[0]);
    size_t max = maxima[data[1] % (sizeof maxima / sizeof *maxima)];
    struct buf whole, pieces;
    buf_init(&whole, 64 << 20);
    buf_init(&pieces, 64 << 20);
    run(&whole, options, max, data + HEAD, size - HEAD, SIZE_MAX, 0);
    for (uint32_t i = 0; i < STEPS_MAX; i++) {
        buf_clear(&pieces);
        run(&pieces, options, max, data + HEAD, size - HEAD, steps[i],
            data[2] + 256u * data[3] + i);
        check_same(&whole, &pieces);
    }
    buf_deinit(&whole);
    buf_deinit(&pieces);
    return 0;
}
