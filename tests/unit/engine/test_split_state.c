// SPDX-License-Identifier: MIT
#include "engine/split_state.h"
#include "support/unit.h"
#include "unit/record/lane.h"

// A stream that is cut anywhere, kept and read on by another node gives the same records.

enum { MAX = 12 };

struct reading {
    struct lane lane;
    struct source_node node;
    struct source_split split;
    struct buf text; // records and errors
};

static void begin(struct reading *r, const char *decode, const struct framing_options *framing)
{
    memset(r, 0, sizeof *r);
    lane_init(&r->lane);
    CU_ASSERT_EQUAL_FATAL(decoder_new(&r->node.decoder, decode, r->lane.shapes, NULL, NULL), 0);
    static char name[] = "s";
    r->split.name = name;
    r->node.splits = &r->split;
    r->node.split_count = 1;
    framer_open(&r->split.framer, framing, MAX);
    if (r->node.decoder->split_begin)
        CU_ASSERT_EQUAL(r->node.decoder->split_begin(r->node.decoder, 0, NULL, 0, NULL), 0);
    buf_init(&r->text, 1 << 16);
}

static void end(struct reading *r)
{
    r->node.decoder->free(r->node.decoder);
    chunk_unref(r->split.rest_chunk);
    buf_deinit(&r->text);
    lane_deinit(&r->lane);
}

static void take(struct reading *r, const struct frame *frame)
{
    const char *bytes = lane_text(&r->lane, frame->bytes, frame->len, 0);
    struct record *record = batch_add(r->lane.batch);
    record->split = 0;
    error_clear(&r->lane.err);
    int code = r->node.decoder->decode(r->node.decoder, r->lane.batch, bytes, frame->len, 0, record,
                                       &r->lane.err);
    if (code <= 0)
        buf_printf(&r->text, "%lld %s\n", (long long)(r->split.offset + (int64_t)frame->skipped),
                   code ? "!" : lane_json(&r->lane, record));
}

// What intake.c does with a stream.
static void feed(struct reading *r, const char *bytes, size_t len, bool at_end)
{
    struct source_split *split = &r->split;
    struct chunk *chunk = chunk_new(split->rest_len + len + 1);
    CU_ASSERT_FATAL(chunk != NULL);
    if (split->rest_len)
        memcpy(chunk->data, split->rest, split->rest_len);
    memcpy(chunk->data + split->rest_len, bytes, len);
    size_t have = split->rest_len + len;
    chunk_unref(split->rest_chunk);
    split->rest_chunk = chunk;
    split->rest = chunk->data;
    for (int code = 1; code;) {
        struct frame frame;
        struct error err = ERROR_INIT;
        code = framer_next(&split->framer, split->rest, have, at_end, &frame, &err);
        if (code > 0 && frame.len)
            take(r, &frame);
        else if (code < 0)
            buf_printf(&r->text, "%lld !%d\n", (long long)(split->offset + (int64_t)frame.skipped),
                       code);
        split->rest += frame.used;
        split->offset += (int64_t)frame.used;
        have -= frame.used;
    }
    split->rest_len = have;
}

static const struct {
    const char *decode;
    enum framing framing;
    const char *bytes;
    size_t len;
} streams[] = {
    {"csv", FRAMING_CSV,
     "\xef\xbb\xbf"
     "a,\"b\"\"\"\r\n1,2\n\n3,\"x\ny\"\nbad\n4,0123456789012345\n5,6",
     0},
    {"csv", FRAMING_NEWLINE, "a,b\n1,2\n3,4\n", 0},
    {"text", FRAMING_NEWLINE, "one\n\ntwo two two two two two\nthree\xff\nfour", 0},
    {"text", FRAMING_WHOLE, "one\ntwo", 0},
    {"text", FRAMING_LENGTH,
     "\0\0\0\1a\0\0\0\20"
     "0123456789abcdef\0\0\0\2xy",
     31},
    {"text", FRAMING_OCTET, "1 a16 0123456789abcdef<b\n3 xyz01", 0},
    {"msgpack", FRAMING_MSGPACK,
     "\x81\xa1k\1\x92\xaa"
     "0123456789\x92\1\2\x81\xa1k\x93\1\2\3\xc1\1",
     28},
};

static void run(size_t i, size_t cut, struct buf *out)
{
    static struct reading first, second;
    struct framing_options framing = FRAMING_OPTIONS_DEFAULT;
    framing.kind = streams[i].framing;
    size_t len = streams[i].len ? streams[i].len : strlen(streams[i].bytes);
    struct buf saved;
    struct error err = ERROR_INIT;
    buf_init(&saved, 1 << 16);
    cut = cut < len ? cut : len;
    begin(&first, streams[i].decode, &framing);
    feed(&first, streams[i].bytes, cut, false);
    CU_ASSERT_EQUAL(split_state_save(&first.node, 0, &saved), 0);
    begin(&second, streams[i].decode, &framing);
    CU_ASSERT_EQUAL(split_state_restore(&second.node, 0, saved.data, saved.len, &err), 0);
    feed(&second, streams[i].bytes + cut, len - cut, true);
    CU_ASSERT_EQUAL(second.split.offset, (int64_t)len);
    buf_append(out, first.text.data, first.text.len);
    buf_append(out, second.text.data, second.text.len);
    end(&first);
    end(&second);
    buf_deinit(&saved);
}

static void test_cut_anywhere(void)
{
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        struct buf whole, parts;
        buf_init(&whole, 1 << 16);
        buf_init(&parts, 1 << 16);
        run(i, SIZE_MAX, &whole);
        CU_ASSERT(whole.len > 0);
        for (size_t cut = 0; cut < 64; cut++) {
            buf_clear(&parts);
            run(i, cut, &parts);
            CHECK_TEXT(buf_cstr(&parts), buf_cstr(&whole));
        }
        buf_deinit(&whole);
        buf_deinit(&parts);
    }
}

static void test_damaged(void)
{
    static struct reading r;
    const struct framing_options framing = FRAMING_OPTIONS_DEFAULT;
    struct error err = ERROR_INIT;
    char bytes[64] = {1};
    begin(&r, "json", &framing);
    CU_ASSERT_EQUAL(split_state_restore(&r.node, 0, bytes, 29, &err), ERR_CORRUPT);
    CU_ASSERT_EQUAL(split_state_restore(&r.node, 0, bytes, 30, &err), 0);
    bytes[26] = 1;
    error_clear(&err);
    CU_ASSERT_EQUAL(split_state_restore(&r.node, 0, bytes, 30, &err), ERR_CORRUPT);
    CHECK_TEXT(err.text, "split s: its kept state is damaged");
    error_clear(&err);
    CU_ASSERT_EQUAL(split_state_restore(&r.node, 0, bytes, 31, &err), ERR_CORRUPT);
    CHECK_TEXT(err.text, "split s: its kept state is of another `decode`");
    bytes[0] = 2;
    CU_ASSERT_EQUAL(split_state_restore(&r.node, 0, bytes, 40, &err), ERR_CORRUPT);
    end(&r);
    begin(&r, "csv", &framing);
    bytes[0] = 1;
    bytes[26] = 5;
    memcpy(bytes + 30, "\1a,\"b", 5);
    error_clear(&err);
    CU_ASSERT(split_state_restore(&r.node, 0, bytes, 35, &err) < 0);
    CHECK_HAS(err.text, "split s: header: byte 4: expected a closing quote");
    end(&r);
}

static CU_TestInfo cases[] = {
    {"a stream cut anywhere", test_cut_anywhere},
    {"kept bytes that are none", test_damaged},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("split_state", cases))
