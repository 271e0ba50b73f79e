// SPDX-License-Identifier: MIT
#pragma once
#include "record/codec.h"
#include "unit/record/lane.h"
#include <stdio.h>
#include <sys/mman.h>

// For the tests of decoders: text in, JSON out; and hostile bytes that end where the page ends.

enum { GUARD_BYTES = 4096, MUTANT_BYTES = 1024 };

// Decodes; the record as JSON, or '!' and the error; "" for DECODE_NOTHING.
static inline const char *decode_json(struct lane *lane, struct decoder *decoder, const char *bytes,
                                      size_t len, size_t pad)
{
    lane_room(lane, 1);
    struct record *record = batch_add(lane->batch);
    CU_ASSERT_FATAL(record != NULL);
    error_clear(&lane->err);
    int code = decoder->decode(decoder, lane->batch, bytes, len, pad, record, &lane->err);
    if (code > 0)
        return "";
    buf_clear(&lane->out);
    if (code) {
        CU_ASSERT(lane->err.len > 0);
        CU_ASSERT(record->raw == bytes && record->cells == NULL && record->wire == 0);
        buf_printf(&lane->out, "!%s", lane->err.text);
        return buf_cstr(&lane->out);
    }
    return lane_json(lane, record);
}

static inline const char *decode_text(struct lane *lane, struct decoder *decoder, const char *text)
{
    const char *copy = lane_text(lane, text, strlen(text), CHUNK_PAD);
    return decode_json(lane, decoder, copy, strlen(text), CHUNK_PAD);
}

static inline struct decoder *open_decoder(struct lane *lane, const struct codec_options *options)
{
    struct decoder *decoder = NULL;
    int code = decoder_open(&decoder, options, lane->shapes, NULL, &lane->err);
    if (code)
        fprintf(stderr, "\n  %s\n", lane->err.text);
    CU_ASSERT_EQUAL_FATAL(code, 0);
    return decoder;
}

struct guard {
    char *pages;
};

static inline void guard_init(struct guard *guard)
{
    guard->pages =
        mmap(NULL, 2 * GUARD_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CU_ASSERT_FATAL(guard->pages != MAP_FAILED);
    CU_ASSERT_EQUAL_FATAL(mprotect(guard->pages + GUARD_BYTES, GUARD_BYTES, PROT_NONE), 0);
}

static inline void guard_deinit(struct guard *guard)
{
    (void)munmap(guard->pages, 2 * GUARD_BYTES);
}

// The bytes right in front of a page that cannot be read, and with bytes behind them, must give the
// same; what is no error must be good JSON.
static inline void check_hostile(struct lane *lane, struct guard *guard, struct decoder *decoder,
                                 const char *bytes, size_t len)
{
    static char first[1 << 16];
    char *at = guard->pages + GUARD_BYTES - len;
    memcpy(at, bytes, len);
    (void)snprintf(first, sizeof first, "%s", decode_json(lane, decoder, at, len, 0));
    const char *copy = lane_text(lane, bytes, len, CHUNK_PAD);
    const char *second = decode_json(lane, decoder, copy, len, CHUNK_PAD);
    CHECK_TEXT(second, first);
    struct record *record;
    if (*first && *first != '!')
        CU_ASSERT_EQUAL(lane_read(lane, first, strlen(first), CHUNK_PAD, &record), 0);
}

static inline uint32_t below(uint64_t *state, uint32_t limit)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % limit;
}

// Every truncation of each seed, then seeds with a few changes, taken from `pieces` and at random.
static inline void attack(struct lane *lane, struct decoder *decoder, const char *const *seeds,
                          const size_t *lens, const char *const *pieces, uint32_t rounds)
{
    struct guard guard;
    uint64_t state = 7;
    uint32_t seed_count = 0, piece_count = 0;
    guard_init(&guard);
    for (; seeds[seed_count]; seed_count++) {
        size_t len = lens ? lens[seed_count] : strlen(seeds[seed_count]);
        for (size_t cut = 0; cut <= len; cut++)
            check_hostile(lane, &guard, decoder, seeds[seed_count], cut);
    }
    while (pieces[piece_count])
        piece_count++;
    for (uint32_t round = 0; round < rounds; round++) {
        char text[MUTANT_BYTES];
        uint32_t pick = below(&state, seed_count);
        size_t len = lens ? lens[pick] : strlen(seeds[pick]);
        memcpy(text, seeds[pick], len);
        for (uint32_t n = 1 + below(&state, 4); n; n--) {
            const char *piece = pieces[below(&state, piece_count)];
            char byte[2] = {(char)below(&state, 256), 0};
            if (below(&state, 3) == 0)
                piece = byte;
            size_t at = below(&state, (uint32_t)len + 1), put = piece == byte ? 1 : strlen(piece);
            size_t cut = below(&state, 3);
            cut = cut > len - at ? len - at : cut;
            if (len - cut + put > sizeof text)
                continue;
            memmove(text + at + put, text + at + cut, len - at - cut);
            memcpy(text + at, piece, put);
            len += put - cut;
        }
        check_hostile(lane, &guard, decoder, text, len);
    }
    guard_deinit(&guard);
}
