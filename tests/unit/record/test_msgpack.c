// SPDX-License-Identifier: MIT
#include "support/unit.h"
#include "unit/record/decoders.h"

enum { BYTES = 8192 };

static size_t from_hex(const char *hex, char *out)
{
    size_t len = 0;
    for (; *hex; hex++) {
        unsigned byte;
        if (*hex == ' ')
            continue;
        CU_ASSERT_EQUAL_FATAL(sscanf(hex++, "%2x", &byte), 1);
        out[len++] = (char)byte;
    }
    return len;
}

static const char *to_hex(const char *bytes, size_t len)
{
    static char hex[2 * BYTES + 1];
    *hex = '\0';
    for (size_t i = 0; i < len && i < BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned char)bytes[i]);
    return hex;
}

static struct decoder *open_msgpack(struct lane *lane, bool base64, enum json_big_ints big_ints)
{
    struct codec_options options = CODEC_OPTIONS_DEFAULT;
    options.name = "msgpack";
    options.msgpack.bin_base64 = base64;
    options.big_ints = big_ints;
    return open_decoder(lane, &options);
}

static const char *decode_hex(struct lane *lane, struct decoder *decoder, const char *hex)
{
    char bytes[BYTES];
    size_t len = from_hex(hex, bytes);
    return decode_json(lane, decoder, lane_text(lane, bytes, len, 0), len, 0);
}

static const struct {
    const char *hex, *wanted;
} values[] = {
    {"80", "{}"},
    {"83 a161 01 a162 c0 a163 a178", "{\"a\":1,\"b\":null,\"c\":\"x\"}"},
    {"82 a161 c2 a162 c3", "{\"a\":false,\"b\":true}"},
    {"81 a161 7f", "{\"a\":127}"},
    {"81 a161 ff", "{\"a\":-1}"},
    {"81 a161 e0", "{\"a\":-32}"},
    {"81 a161 ccff", "{\"a\":255}"},
    {"81 a161 cdffff", "{\"a\":65535}"},
    {"81 a161 ceffffffff", "{\"a\":4294967295}"},
    {"81 a161 cf7fffffffffffffff", "{\"a\":9223372036854775807}"},
    {"81 a161 d080", "{\"a\":-128}"},
    {"81 a161 d18000", "{\"a\":-32768}"},
    {"81 a161 d280000000", "{\"a\":-2147483648}"},
    {"81 a161 d38000000000000000", "{\"a\":-9223372036854775808}"},
    {"81 a161 d37fffffffffffffff", "{\"a\":9223372036854775807}"},
    {"81 a161 ca3fc00000", "{\"a\":1.5}"},
    {"81 a161 cb3fb999999999999a", "{\"a\":0.1}"},
    {"81 a161 cb8000000000000000", "{\"a\":-0.0}"},
    {"81 a161 d90178", "{\"a\":\"x\"}"},
    {"81 a161 da000178", "{\"a\":\"x\"}"},
    {"81 a161 db0000000178", "{\"a\":\"x\"}"},
    {"81 a161 a20022", "{\"a\":\"\\u0000\\\"\"}"},
    {"81 a161 c40178", "{\"a\":\"x\"}"},
    {"81 a161 c5000178", "{\"a\":\"x\"}"},
    {"81 a161 c60000000178", "{\"a\":\"x\"}"},
    {"de0001 a161 01", "{\"a\":1}"},
    {"df00000001 a161 01", "{\"a\":1}"},
    {"81 a161 93 01 a178 c0", "{\"a\":[1,\"x\",null]}"},
    {"81 a161 dc0001 90", "{\"a\":[[]]}"},
    {"81 a161 dd00000001 80", "{\"a\":[{}]}"},
    {"81 a161 82 a162 c3 a163 92 c2 cb3ff0000000000000", "{\"a\":{\"b\":true,\"c\":[false,1.0]}}"},
    {"81 a161 91 a3c3a90a", "{\"a\":[\"\xc3\xa9\\n\"]}"},
    {"82 a161 01 a161 02", "{\"a\":1,\"a\":2}"},
    {"81 a0 01", "{\"\":1}"},
    {"05", "{\"value\":5}"},
    {"92 01 02", "{\"value\":[1,2]}"},
    {"a178", "{\"value\":\"x\"}"},
    // timestamps: 32, 64, 96 bits
    {"81 a161 d6ff00000000", "{\"a\":\"1970-01-01T00:00:00Z\"}"},
    {"81 a161 d6ffffffffff", "{\"a\":\"2106-02-07T06:28:15Z\"}"},
    {"81 a161 d7ff773594005fee6600", "{\"a\":\"2021-01-01T00:00:00.5Z\"}"},
    {"81 a161 d7ff000000045fee6600", "{\"a\":\"2021-01-01T00:00:00.000000001Z\"}"},
    {"81 a161 c70cff3b9ac9ffffffffffffffffff", "{\"a\":\"1969-12-31T23:59:59.999999999Z\"}"},
    {"81 a161 91 d6ff00000000", "{\"a\":[\"1970-01-01T00:00:00Z\"]}"},
    {"81 a161 c70cff00000000fffffff1868b8400", "{\"a\":\"0000-01-01T00:00:00Z\"}"},
    {"81 a161 c70cff00000000fffffff1868b83ff",
     "!byte 3: expected a timestamp from the year 0 to 9999, found -62167219201 s since 1970"},
    {"81 a161 d7ffee6b280000000000", "!byte 3: expected a timestamp of 4, 8 or 12 bytes"},
    {"81 a161 d5ff0000", "!byte 3: expected a timestamp of 4, 8 or 12 bytes"},
    // other ext
    {"81 a161 d40541", "{\"a\":{\"ext\":5,\"data\":\"QQ==\"}}"},
    {"81 a161 c703fe414243", "{\"a\":{\"ext\":-2,\"data\":\"QUJD\"}}"},
    {"81 a161 c800020541ff", "{\"a\":{\"ext\":5,\"data\":\"Qf8=\"}}"},
    {"81 a161 c90000000005", "{\"a\":{\"ext\":5,\"data\":\"\"}}"},
    {"81 a161 d8 01 000102030405060708090a0b0c0d0e0f",
     "{\"a\":{\"ext\":1,\"data\":\"AAECAwQFBgcICQoLDA0ODw==\"}}"},
    // errors
    {"", "!byte 0: expected more of the message, found the end"},
    {"81", "!byte 1: expected more of the message, found the end"},
    {"81 a161", "!byte 3: expected more of the message, found the end"},
    {"81 a161 cd01", "!byte 5: expected more of the message, found the end"},
    {"81 a161 a578", "!byte 5: expected more of the message, found the end"},
    {"81 a161 c7ff", "!byte 5: expected more of the message, found the end"},
    {"81 a161 dd ffffffff", "!byte 8: expected more of the message, found the end"},
    {"df ffffffff", "!byte 5: expected more of the message, found the end"},
    {"81 a161 c1", "!byte 3: expected a type of MessagePack, found 0xc1"},
    {"81 a161 91c1", "!byte 4: expected a type of MessagePack, found 0xc1"},
    {"c1", "!byte 0: expected a type of MessagePack, found 0xc1"},
    {"81 01 02", "!byte 1: expected a string as the key, found 0x01"},
    {"81 a161 81 c0 02", "!byte 4: expected a string as the key, found 0xc0"},
    {"81 a1ff 02", "!byte 2: expected valid UTF-8, found 0xff"},
    {"81 a161 a2c328", "!byte 4: expected valid UTF-8, found 0xc3"},
    {"81 a161 91 a1ff", "!byte 5: expected valid UTF-8, found 0xff"},
    {"81 a161 c401ff", "!byte 5: expected valid UTF-8 (or `decode: { msgpack: { bin: base64 } }`), "
                       "found 0xff"},
    {"81 a161 ca7fc00000", "!byte 3: expected a finite number, found 0xca"},
    {"81 a161 91 cbfff0000000000000", "!byte 4: expected a finite number, found 0xcb"},
    {"80 80", "!byte 1: expected the end of the message, found 0x80"},
};

static void test_values(void)
{
    struct lane lane;
    lane_init(&lane);
    struct decoder *decoder = open_msgpack(&lane, false, BIG_INTS_FLOAT);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof values / sizeof *values; i++)
            CHECK_TEXT(decode_hex(&lane, decoder, values[i].hex), values[i].wanted);
    decoder->free(decoder);
    lane_deinit(&lane);
}

static void test_options(void)
{
    static const struct {
        bool base64;
        enum json_big_ints big_ints;
        const char *hex, *wanted;
    } rows[] = {
        {true, BIG_INTS_FLOAT, "81 a161 c402ff00", "{\"a\":\"/wA=\"}"},
        {true, BIG_INTS_FLOAT, "81 a161 91 c4026162", "{\"a\":[\"YWI=\"]}"},
        {true, BIG_INTS_FLOAT, "81 a161 c400", "{\"a\":\"\"}"},
        {false, BIG_INTS_FLOAT, "81 a161 cfffffffffffffffff", "{\"a\":18446744073709551616.0}"},
        {false, BIG_INTS_STRING, "81 a161 cfffffffffffffffff", "{\"a\":\"18446744073709551615\"}"},
        {false, BIG_INTS_ERROR, "81 a161 cfffffffffffffffff",
         "!byte 3: expected an integer of 64 bits with a sign, found 18446744073709551615"},
        {false, BIG_INTS_ERROR, "81 a161 91 cf8000000000000000",
         "!byte 4: expected an integer of 64 bits with a sign, found 9223372036854775808"},
        {false, BIG_INTS_FLOAT, "81 a161 91 cfffffffffffffffff", "{\"a\":[18446744073709551615]}"},
    };
    struct lane lane;
    lane_init(&lane);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct decoder *decoder = open_msgpack(&lane, rows[i].base64, rows[i].big_ints);
        CHECK_TEXT(decode_hex(&lane, decoder, rows[i].hex), rows[i].wanted);
        decoder->free(decoder);
    }
    lane_deinit(&lane);
}

static void test_limits(void)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    limits.depth = 3;
    limits.members = 2;
    limits.size = 12;
    struct lane lane;
    struct decoder *decoder;
    lane_init(&lane);
    CU_ASSERT_EQUAL_FATAL(decoder_new(&decoder, "msgpack", lane.shapes, &limits, NULL), 0);
    CHECK_TEXT(decode_hex(&lane, decoder, "81 a161 91 90"), "{\"a\":[[]]}");
    CHECK_TEXT(decode_hex(&lane, decoder, "81 a161 91 91 90"), "!byte 5: deeper than 3");
    CHECK_TEXT(decode_hex(&lane, decoder, "83 a161 01 a162 02 a163 03"),
               "!byte 9: more than 2 members");
    CHECK_TEXT(decode_hex(&lane, decoder, "81 a161 a9 303132333435363738"),
               "!byte 12: the record is longer than 12 bytes");
    decoder->free(decoder);
    lane_deinit(&lane);
}

// -- writing --

static const struct {
    const char *json, *wanted;
} written[] = {
    {"{}", "80"},
    {"{\"a\":1,\"b\":null}", "82a16101a162c0"},
    {"{\"a\":127,\"b\":128,\"c\":255,\"d\":256}", "84a1617fa162cc80a163ccffa164cd0100"},
    {"{\"a\":65535,\"b\":65536,\"c\":4294967295,\"d\":4294967296}",
     "84a161cdffffa162ce00010000a163ceffffffffa164cf0000000100000000"},
    {"{\"a\":9223372036854775807,\"b\":18446744073709551615}",
     "82a161cf7fffffffffffffffa162cfffffffffffffffff"},
    {"{\"a\":18446744073709551616}", "81a161cb43f0000000000000"},
    {"{\"a\":-1,\"b\":-32,\"c\":-33,\"d\":-128,\"e\":-129}",
     "85a161ffa162e0a163d0dfa164d080a165d1ff7f"},
    {"{\"a\":-32768,\"b\":-32769,\"c\":-2147483648,\"d\":-2147483649}",
     "84a161d18000a162d2ffff7fffa163d280000000a164d3ffffffff7fffffff"},
    {"{\"a\":0.1,\"b\":-0,\"c\":1e2}",
     "83a161cb3fb999999999999aa162cb8000000000000000a163cb4059000000000000"},
    {"{\"a\":true,\"b\":false,\"c\":\"\\u00e9\\n\"}", "83a161c3a162c2a163a3c3a90a"},
    {"{\"a\":[1,[],{}],\"b\":{\"c\\\"\":\"\\\\\"}}", "82a16193019080a16281a26322a15c"},
    {"{\"a\":[18446744073709551615]}", "81a16191cfffffffffffffffff"},
    {"{\"a\":1,\"a\":2}", "81a16102"},
    {"[1,\"x\"]", "9201a178"},
    {"\"0123456789012345678901234567890\"",
     "bf30313233343536373839303132333435363738393031323334353637383930"},
    {"\"01234567890123456789012345678901\"",
     "d9203031323334353637383930313233343536373839303132333435363738393031"},
    {"[0,1,2,3,4,5,6,7,8,9,0,1,2,3,4]", "9f000102030405060708090001020304"},
    {"[0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5]", "dc001000010203040506070809000102030405"},
};

static const char *encode_hex(struct lane *lane, struct record *record)
{
    struct encoder *encoder;
    const char *out;
    size_t len;
    CU_ASSERT_EQUAL_FATAL(encoder_new(&encoder, "msgpack", NULL), 0);
    buf_clear(&lane->out);
    error_clear(&lane->err);
    int code = encoder->encode(encoder, lane->batch, record, &lane->out, &out, &len, &lane->err);
    encoder->free(encoder);
    if (code)
        return lane->err.text;
    CU_ASSERT(out == NULL && len == lane->out.len);
    return to_hex(lane->out.data, len);
}

static void test_written(void)
{
    struct lane lane;
    lane_init(&lane);
    for (size_t i = 0; i < sizeof written / sizeof *written; i++)
        CHECK_TEXT(encode_hex(&lane, lane_record(&lane, written[i].json)), written[i].wanted);
    struct record *r = lane_record(&lane, "{\"a\":{\"b\":[1]},\"c\":2}");
    struct node *node = node_enter(lane.batch, r, 0);
    CU_ASSERT_EQUAL(node_set(lane.batch, node, "d", 1, value_float(0.5)), 0);
    CU_ASSERT_EQUAL(record_set_name(lane.batch, r, "c", 1, value_absent()), 0);
    CU_ASSERT_EQUAL(record_set_name(lane.batch, r, "e", 1, value_string("x", 1)), 0);
    CHECK_TEXT(encode_hex(&lane, r), "82a16182a1629101a164cb3fe0000000000000a165a178");
    CU_ASSERT_EQUAL(record_set_name(lane.batch, r, "e", 1, value_float(1.0 / 0.0)), 0);
    CHECK_TEXT(encode_hex(&lane, r), "member 'e': encode msgpack: the number is not finite");
    lane_deinit(&lane);
}

// -- random values, by an encoder that takes any form that fits --

struct maker {
    uint64_t seed;
    char bytes[BYTES], json[2 * BYTES];
    size_t len, json_len;
};

static void say(struct maker *maker, const char *text)
{
    maker->json_len += (size_t)snprintf(maker->json + maker->json_len,
                                        sizeof maker->json - maker->json_len, "%s", text);
}

static void put(struct maker *maker, int first, uint64_t n, uint32_t width)
{
    maker->bytes[maker->len++] = (char)first;
    while (width--)
        maker->bytes[maker->len++] = (char)(n >> (8 * width));
}

static void make_int(struct maker *maker)
{
    char text[32];
    uint32_t form = below(&maker->seed, 4), bits = 8u << form;
    int64_t n = (int64_t)((uint64_t)below(&maker->seed, 1u << 30) << 34 |
                          (uint64_t)below(&maker->seed, 1u << 30) << 4);
    n >>= 64 - bits + (below(&maker->seed, 2) ? 0 : bits / 2);
    if (below(&maker->seed, 2))
        n = n < 0 ? n : -n;
    if (n >= -32 && n < 128 && below(&maker->seed, 2))
        maker->bytes[maker->len++] = (char)n;
    else if (n >= 0 && below(&maker->seed, 2))
        put(maker, 0xcc + (int)form, (uint64_t)n, bits / 8);
    else
        put(maker, 0xd0 + (int)form, (uint64_t)n, bits / 8);
    snprintf(text, sizeof text, "%lld", (long long)n);
    say(maker, text);
}

static void make_text(struct maker *maker)
{
    static const char *const texts[][2] = {
        {"", "\"\""},
        {"x", "\"x\""},
        {"\xc3\xa9\"", "\"\xc3\xa9\\\"\""},
        {"a\nb", "\"a\\nb\""},
        {"long enough not to be short at all", "\"long enough not to be short at all\""}};
    uint32_t pick = below(&maker->seed, 5), form = below(&maker->seed, 4);
    const char *text = texts[pick][0];
    size_t len = strlen(text);
    if (form == 3 && len < 32)
        maker->bytes[maker->len++] = (char)(0xa0 | len);
    else
        put(maker, 0xd9 + (int)(form % 3), len, 1u << form % 3);
    memcpy(maker->bytes + maker->len, text, len);
    maker->len += len;
    say(maker, texts[pick][1]);
}

static void make_value(struct maker *maker, int depth);

static void make_members(struct maker *maker, bool map, int depth)
{
    uint32_t count = below(&maker->seed, 5), form = below(&maker->seed, 3);
    if (form == 2)
        maker->bytes[maker->len++] = (char)((map ? 0x80 : 0x90) | count);
    else
        put(maker, (map ? 0xde : 0xdc) + (int)form, count, 2u << form);
    say(maker, map ? "{" : "[");
    for (uint32_t i = 0; i < count; i++) {
        char key[16];
        snprintf(key, sizeof key, "%s\"k%u\":", i ? "," : "", i);
        if (map) {
            put(maker, 0xa2, (uint64_t)'k' << 8 | ('0' + i), 2);
            say(maker, key);
        } else if (i) {
            say(maker, ",");
        }
        make_value(maker, depth + 1);
    }
    say(maker, map ? "}" : "]");
}

static void make_value(struct maker *maker, int depth)
{
    uint32_t kind = below(&maker->seed, depth > 3 ? 5 : 7);
    if (kind == 0)
        make_int(maker);
    else if (kind == 1)
        make_text(maker);
    else if (kind == 2) {
        static const char *const words[] = {"null", "false", "true"};
        static const int bytes[] = {0xc0, 0xc2, 0xc3};
        uint32_t pick = below(&maker->seed, 3);
        put(maker, bytes[pick], 0, 0);
        say(maker, words[pick]);
    } else if (kind == 3) {
        put(maker, 0xca, 0xbf000000, 4);
        say(maker, "-0.5");
    } else if (kind == 4) {
        put(maker, 0xcb, 0x40f86a0000000000, 8);
        say(maker, "100000.0");
    } else {
        make_members(maker, kind == 5, depth);
    }
}

// What comes in goes out as the same JSON; encoded again it reads as the same once more.
static void test_random(void)
{
    static struct maker maker;
    static char again[BYTES];
    struct lane lane;
    lane_init(&lane);
    struct decoder *decoder = open_msgpack(&lane, false, BIG_INTS_FLOAT);
    maker.seed = 42;
    for (int round = 0; round < 20000; round++) {
        maker.len = maker.json_len = 0;
        make_members(&maker, true, 0);
        CHECK_TEXT(decode_json(&lane, decoder, maker.bytes, maker.len, 0), maker.json);
        size_t len =
            from_hex(encode_hex(&lane, &lane.batch->records[lane.batch->count - 1]), again);
        CHECK_TEXT(decode_json(&lane, decoder, again, len, 0), maker.json);
        len = from_hex(encode_hex(&lane, lane_record(&lane, maker.json)), again); // from JSON
        CHECK_TEXT(decode_json(&lane, decoder, again, len, 0), maker.json);
    }
    decoder->free(decoder);
    lane_deinit(&lane);
}

static void test_hostile(void)
{
    static const char *const pieces[] = {"\xc1", "\xdd", "\xdf",     "\xdb",      "\xc6",
                                         "\xc9", "\xd8", "\xd7\xff", "\x81\xa1k", "\x9f",
                                         "\xcb", "\xff", NULL};
    char bytes[4][256];
    static const char *const hex[] = {
        "83 a161 01 a162 c0 a163 93 01 a178 81 a161 c0",
        "82 a161 d7ff773594005fee6600 a162 c703fe414243",
        "84 a161 cfffffffffffffffff a162 cb3fb999999999999a a163 c4026162 a164 91 d90178", NULL};
    const char *seeds[4] = {NULL};
    size_t lens[4];
    struct lane lane;
    lane_init(&lane);
    for (int i = 0; hex[i]; i++) {
        lens[i] = from_hex(hex[i], bytes[i]);
        seeds[i] = bytes[i];
    }
    struct decoder *decoder = open_msgpack(&lane, true, BIG_INTS_STRING);
    attack(&lane, decoder, seeds, lens, pieces, 30000);
    decoder->free(decoder);
    lane_deinit(&lane);
}

static CU_TestInfo cases[] = {
    {"values", test_values},
    {"options", test_options},
    {"limits", test_limits},
    {"what is written", test_written},
    {"random values", test_random},
    {"hostile bytes", test_hostile},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("msgpack", cases))
