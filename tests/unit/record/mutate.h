// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Documents that are JSON, nearly JSON, or were: seeds with a few random changes. The same sequence
// on every machine.

enum { MUTANT_MAX = 2048 };

struct mutator {
    uint64_t state;
    char text[MUTANT_MAX];
    size_t len;
};

static const char *const mutation_seeds[] = {
    "{\"device\":\"192.168.1.17\",\"ts\":1700000123456,\"receive_bytes\":12345,"
    "\"send_bytes\":6789,\"receive_packets\":12,\"send_packets\":9}",
    "{\"device\": \"r1\", \"v\": -1.5e3, \"ok\": true, \"bad\": false, \"none\": null}",
    "{\"a\":{\"b\":{\"c\":[1,2,{\"d\":\"x\"}]}},\"e\":[],\"f\":{},\"g\":[[],[1]],\"h\":[1,\"2\","
    "null]}",
    "{\"name\":\"M\xc3\xbcnchen \xe2\x82\xac "
    "\xf0\x9f\x98\x80\",\"esc\":\"a\\\\b\\\"c\\u00e9\\ud83d\\ude00\\n\"}",
    "{\n  \"pretty\" : [ 1 , 2.25 ] ,\r\n\t\"x\" : { \"y\" : -0 }\n}\n",
    "{\"\":0,\"dup\":1,\"dup\":\"2\",\"\\u0064up\":3,\"a long name that does not fit into one "
    "load\":1}",
    "[1,-2,3.5,1e10,1E-5,\"x\",true,false,null,{\"a\":[]}]",
    "\"just a string, long enough to cross a block border, with \\\\ and \\\" and \xc3\xa9 in it\"",
    "-12345678901234567890123.5e-7",
    "{\"text\":\"0123456789012345678901234567890123456789012345678901234567890123456789\\\\\","
    "\"q\":\"\\\"\",\"deep\":[[[[[[[[1]]]]]]]],\"n\":0.5,\"big\":9223372036854775808}",
    "{\"site\":{\"name\":\"M\xc3\xbcnchen-Ost 17\",\"geo\":{\"lat\":48.137154,\"lon\":11.576124}},"
    "\"note\":\"line one\\nline \\\"two\\\" "
    "\\u00e9\",\"tags\":[\"a1\",\"\xe6\x97\xa5\xe6\x9c\xac\"],"
    "\"load\":[0.1,123456789.123456789,1.7976931348623157e308,5e-324],\"items\":[{\"k\":\"x\","
    "\"v\":1},"
    "{\"k\":\"y\",\"v\":-2}]}",
    "[0.30000000000000004,123456789012345.6,1234567890123456.7,999999999999999,"
    "1000000000000000.0,-0.000001,9007199254740993.0,[1E22,1e23,[-1.5e-10,{\"a\":[-0.0]}]]]",
};

static inline uint32_t mutator_below(struct mutator *mutator, uint32_t limit)
{
    mutator->state ^= mutator->state << 13;
    mutator->state ^= mutator->state >> 7;
    mutator->state ^= mutator->state << 17;
    return (uint32_t)(mutator->state >> 32) % limit;
}

static inline void mutator_splice(struct mutator *mutator, size_t at, size_t cut, const char *bytes,
                                  size_t len)
{
    if (cut > mutator->len - at)
        cut = mutator->len - at;
    if (mutator->len - cut + len > MUTANT_MAX)
        return;
    memmove(mutator->text + at + len, mutator->text + at + cut, mutator->len - at - cut);
    memcpy(mutator->text + at, bytes, len);
    mutator->len += len - cut;
}

static inline void mutator_change(struct mutator *mutator)
{
    static const char *const pieces[] = {
        "\"",       "\\",   "{",         "}",        "[",     "]",    ",",    ":",       " ",
        "\n",       "0",    "1",         "-",        ".",     "e",    "null", "true",    "[]",
        "{}",       "\\\\", "\\\"",      "\\u",      "\\n",   "\t",   "\x01", "\x7f",    "\xc3\xa9",
        "\xe2",     "\x80", "\xf0\x9f",  "1e999",    "\"a\"", "99",   "  ",   "\\ud83d", "\\udc00",
        "\xed\xa0", "\xf4", "123456789", ",\"k\":1", "\r",    "\x1a", "\x0c", "\xff"};
    size_t at = mutator_below(mutator, (uint32_t)mutator->len + 1);
    const char *piece = pieces[mutator_below(mutator, sizeof pieces / sizeof *pieces)];
    char byte = (char)mutator_below(mutator, 256);
    switch (mutator_below(mutator, 6)) {
    case 0:
        mutator_splice(mutator, at, 0, piece, strlen(piece));
        break;
    case 1:
        mutator_splice(mutator, at, 1, piece, strlen(piece));
        break;
    case 2:
        mutator_splice(mutator, at, 1, &byte, 1);
        break;
    case 3:
        mutator_splice(mutator, at, 1 + mutator_below(mutator, 4), "", 0);
        break;
    case 4: { // a piece of the text itself, once more
        char copy[16];
        size_t len = 1 + mutator_below(mutator, 16);
        if (at + len > mutator->len)
            break;
        memcpy(copy, mutator->text + at, len);
        mutator_splice(mutator, mutator_below(mutator, (uint32_t)mutator->len + 1), 0, copy, len);
        break;
    }
    default: // shifts everything over the borders of blocks
        mutator_splice(mutator, 0, 0, "                                ",
                       mutator_below(mutator, 32));
        break;
    }
}

static inline void mutator_next(struct mutator *mutator, uint32_t changes_max)
{
    const char *seed =
        mutation_seeds[mutator_below(mutator, sizeof mutation_seeds / sizeof *mutation_seeds)];
    mutator->len = strlen(seed);
    memcpy(mutator->text, seed, mutator->len);
    for (uint32_t n = mutator_below(mutator, changes_max + 1); n > 0; n--)
        mutator_change(mutator);
}
