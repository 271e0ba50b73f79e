// SPDX-License-Identifier: MIT
#include "record/json_text.h"
#include "record/name_hash.h"
#include "record/number_scan.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct json_walk *walk)
{
    while (walk->at < walk->end && is_space(walk->text[walk->at]))
        walk->at++;
}

// Over bytes that are neither quote nor backslash, eight at a time; may stop early at the end. The
// lowest bit of `hits` is that of the first such byte; higher ones may be wrong.
static void skip_plain(struct json_walk *walk)
{
    const uint64_t ones = 0x0101010101010101ull, high = ones << 7;
    for (; walk->end - walk->at >= 8; walk->at += 8) {
        uint64_t v = load_u64(walk->text + walk->at), q = v ^ ones * '"', b = v ^ ones * '\\';
        uint64_t hits = (((q - ones) & ~q) | ((b - ones) & ~b)) & high;
        if (hits) {
            walk->at += (uint32_t)__builtin_ctzll(hits) / 8;
            return;
        }
    }
}

// From behind the opening quote to behind the closing one; true when there are escapes.
static bool skip_string(struct json_walk *walk)
{
    bool escaped = false;
    const char *text = walk->text;
    skip_plain(walk);
    while (walk->at < walk->end && text[walk->at] != '"') {
        if (text[walk->at] == '\\') {
            escaped = true;
            walk->at++;
        }
        walk->at++;
    }
    walk->at++;
    return escaped;
}

// What a byte outside strings means to those who pass over it.
enum char_class { ENDS = 1, FRACTION = 2, OPENS = 4, CLOSES = 8, QUOTES = 16 };
static const uint8_t classes[256] = {
    [' '] = ENDS,     ['\t'] = ENDS,         ['\n'] = ENDS,         ['\r'] = ENDS,
    [','] = ENDS,     [']'] = ENDS | CLOSES, ['}'] = ENDS | CLOSES, ['.'] = FRACTION,
    ['e'] = FRACTION, ['E'] = FRACTION,      ['['] = OPENS,         ['{'] = OPENS,
    ['"'] = QUOTES,
};

static void skip_nested(struct json_walk *walk)
{
    const uint8_t *text = (const uint8_t *)walk->text;
    uint32_t depth = 0, at = walk->at, end = walk->end;
    do {
        while (at < end && !(classes[text[at]] & (OPENS | CLOSES | QUOTES)))
            at++;
        if (at >= end)
            break;
        uint8_t class = classes[text[at++]];
        if (class == QUOTES) {
            walk->at = at;
            skip_string(walk);
            at = walk->at;
        } else {
            depth += class == OPENS ? 1 : ~0u;
        }
    } while (depth);
    walk->at = at;
}

static enum span_kind skip_scalar(struct json_walk *walk)
{
    const char *text = walk->text;
    uint32_t start = walk->at, at = start;
    uint8_t seen = 0;
    for (; at < walk->end && !(classes[(uint8_t)text[at]] & ENDS); at++)
        seen |= classes[(uint8_t)text[at]];
    walk->at = at;
    bool integer = !(seen & FRACTION);
    switch (text[start]) {
    case 'n':
        return SPAN_NULL;
    case 't':
        return SPAN_TRUE;
    case 'f':
        return SPAN_FALSE;
    default:
        if (!integer || (text[start] == '-' && text[start + 1] == '0'))
            return SPAN_NUMBER;
        if (number_is_int64(text + start, walk->at - start))
            return SPAN_INT;
        return walk->big_text ? SPAN_DIGITS : SPAN_NUMBER;
    }
}

static struct span read_value(struct json_walk *walk)
{
    char c = walk->text[walk->at];
    struct span span = {.at = walk->at};
    uint32_t quotes = 0;
    if (c == '"') {
        span.at = ++walk->at;
        span.kind = skip_string(walk) ? SPAN_ESCAPED : SPAN_STRING;
        quotes = 1;
    } else if (c == '[' || c == '{') {
        span.kind = c == '[' ? SPAN_ARRAY : SPAN_OBJECT;
        skip_nested(walk);
    } else {
        span.kind = skip_scalar(walk) & 15;
    }
    span.len = (walk->at - span.at - quotes) & 0xfffffff;
    return span;
}

void json_walk_start(struct json_walk *walk, const char *text, uint32_t len, bool big_text)
{
    *walk = (struct json_walk){.text = text, .end = len, .big_text = big_text};
    skip_space(walk);
    walk->is_array = walk->at < len && text[walk->at] == '[';
    walk->at++;
}

bool json_walk_next(struct json_walk *walk, struct json_member *member)
{
    skip_space(walk);
    if (walk->at < walk->end && walk->text[walk->at] == ',') {
        walk->at++;
        skip_space(walk);
    }
    if (walk->at >= walk->end || walk->text[walk->at] == ']' || walk->text[walk->at] == '}')
        return false;
    *member = (struct json_member){0};
    if (!walk->is_array) {
        uint32_t start = ++walk->at;
        member->name = walk->text + start;
        member->name_escaped = skip_string(walk);
        member->name_len = walk->at - start - 1;
        skip_space(walk);
        walk->at++; // the colon
        skip_space(walk);
    }
    member->value = read_value(walk);
    return true;
}

static uint32_t hex4(const char *text)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        char c = text[i];
        value = value << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

static uint32_t put_utf8(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 63));
        out[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 63));
    out[2] = (char)(0x80 | (c >> 6 & 63));
    out[3] = (char)(0x80 | (c & 63));
    return 4;
}

// The escape at bytes[0] == '\\'; *used = its bytes.
static uint32_t unescape_one(const char *bytes, uint32_t *used)
{
    *used = 2;
    switch (bytes[1]) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'u':
        break;
    default:
        return (unsigned char)bytes[1];
    }
    uint32_t c = hex4(bytes + 2);
    *used = 6;
    if (c >= 0xd800 && c < 0xdc00) {
        c = 0x10000 + ((c - 0xd800) << 10) + (hex4(bytes + 8) - 0xdc00);
        *used = 12;
    }
    return c;
}

uint32_t json_unescape(const char *bytes, uint32_t len, char *out)
{
    char *to = out;
    for (uint32_t at = 0; at < len;) {
        const char *escape = memchr(bytes + at, '\\', len - at);
        uint32_t plain = escape ? (uint32_t)(escape - bytes) - at : len - at;
        memcpy(to, bytes + at, plain);
        to += plain;
        at += plain;
        if (at < len) {
            uint32_t used;
            to += put_utf8(unescape_one(bytes + at, &used), to);
            at += used;
        }
    }
    return (uint32_t)(to - out);
}

struct value json_text_unescape(struct batch *batch, const char *bytes, uint32_t len)
{
    char *out = arena_alloc(&batch->arena, len ? len : 1, 1);
    return out ? value_string(out, json_unescape(bytes, len, out)) : value_absent();
}
