// SPDX-License-Identifier: MIT
#include "record/json_reader.h"
#include "record/number_scan.h"
#include "record/utf8.h"

// The reference reader: byte by byte, never beyond the text, and the one that words errors.

struct scan {
    struct json_reader *reader;
    const char *text;
    uint32_t at, len;
    int code;
};

static bool fail(struct scan *scan, uint32_t at, int code, const char *expected)
{
    scan->reader->error_at = at;
    scan->reader->expected = expected;
    scan->code = code;
    return false;
}

static bool expected(struct scan *scan, const char *what)
{
    return fail(scan, scan->at, ERR_DATA, what);
}

static int peek(const struct scan *scan)
{
    return scan->at < scan->len ? (unsigned char)scan->text[scan->at] : -1;
}

static void skip_space(struct scan *scan)
{
    for (; scan->at < scan->len; scan->at++) {
        char c = scan->text[scan->at];
        if (c == '\n' || c == '\r')
            scan->reader->found.flags |= RECORD_LINES;
        else if (c != ' ' && c != '\t')
            return;
    }
}

static bool scan_hex4(struct scan *scan, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++, scan->at++) {
        int c = peek(scan), low = c | 0x20;
        if (c >= '0' && c <= '9')
            *out = *out << 4 | (uint32_t)(c - '0');
        else if (c > 0 && low >= 'a' && low <= 'f')
            *out = *out << 4 | (uint32_t)(low - 'a' + 10);
        else
            return expected(scan, "a hexadecimal digit of \\u");
    }
    return true;
}

// At the backslash.
static bool scan_escape(struct scan *scan)
{
    uint32_t start = scan->at++, c, low;
    int kind = peek(scan);
    if (kind != 'u') {
        if (kind <= 0 || !strchr("\"\\/bfnrt", kind))
            return expected(scan, "one of \" \\ / b f n r t u behind the backslash");
        scan->at++;
        return true;
    }
    scan->at++;
    if (!scan_hex4(scan, &c))
        return false;
    if (c < 0xd800 || c > 0xdfff)
        return true;
    if (c > 0xdbff)
        return fail(scan, start, ERR_DATA, "no low surrogate without a high one before it");
    if (scan->len - scan->at < 2 || scan->text[scan->at] != '\\' || scan->text[scan->at + 1] != 'u')
        return expected(scan, "the low surrogate (\\uDC00 to \\uDFFF) of the pair");
    start = scan->at;
    scan->at += 2;
    if (!scan_hex4(scan, &low))
        return false;
    if (low < 0xdc00 || low > 0xdfff)
        return fail(scan, start, ERR_DATA, "the low surrogate (\\uDC00 to \\uDFFF) of the pair");
    return true;
}

static void skip_plain(struct scan *scan)
{
    const char *text = scan->text;
    const uint64_t ones = 0x0101010101010101ull, high = ones << 7;
    for (; scan->len - scan->at >= 8; scan->at += 8) {
        uint64_t v = load_u64(text + scan->at), q = v ^ ones * '"', b = v ^ ones * '\\';
        uint64_t hits = (((q - ones) & ~q) | ((b - ones) & ~b) | (v - ones * 0x20) | v) & high;
        if (hits) {
            scan->at += (uint32_t)__builtin_ctzll(hits) / 8;
            return;
        }
    }
}

// At the opening quote; ends behind the closing one.
static bool scan_string(struct scan *scan, bool *escaped)
{
    scan->at++;
    *escaped = false;
    for (;;) {
        skip_plain(scan);
        int c = peek(scan);
        if (c == '"') {
            scan->at++;
            return true;
        }
        if (c == '\\') {
            *escaped = true;
            if (!scan_escape(scan))
                return false;
            continue;
        }
        if (c < 0)
            return expected(scan, "the closing quote of a string");
        if (c < 0x20)
            return expected(scan, "no control character in a string (write it as an escape)");
        uint32_t bytes = utf8_sequence(scan->text + scan->at, scan->len - scan->at);
        if (!bytes)
            return expected(scan, "valid UTF-8");
        scan->at += bytes;
    }
}

static bool scan_literal(struct scan *scan, const char *literal, uint32_t len)
{
    if (scan->len - scan->at < len || memcmp(scan->text + scan->at, literal, len) != 0)
        return expected(scan, "a value");
    scan->at += len;
    return true;
}

static bool scan_number(struct scan *scan, struct span *span)
{
    size_t used;
    enum span_kind kind;
    const char *wrong = number_scan(scan->text + scan->at, scan->len - scan->at, &used, &kind);
    if (!wrong && !json_settle_number(scan->reader->limits.big_ints, &kind))
        return expected(scan,
                        "an integer of 64 bits (big_ints: float or string takes larger ones)");
    scan->at += (uint32_t)used;
    span->kind = kind & 15;
    return !wrong || expected(scan, wrong);
}

// Any value but arrays and objects. The span is set but for name_at.
static bool scan_plain_value(struct scan *scan, struct span *span)
{
    bool escaped;
    span->at = scan->at;
    switch (peek(scan)) {
    case '"':
        if (!scan_string(scan, &escaped))
            return false;
        span->at++;
        span->kind = escaped ? SPAN_ESCAPED : SPAN_STRING;
        span->len = (scan->at - span->at - 1) & 0xfffffff;
        return true;
    case 'n':
        span->kind = SPAN_NULL;
        span->len = 4;
        return scan_literal(scan, "null", 4);
    case 't':
        span->kind = SPAN_TRUE;
        span->len = 4;
        return scan_literal(scan, "true", 4);
    case 'f':
        span->kind = SPAN_FALSE;
        span->len = 5;
        return scan_literal(scan, "false", 5);
    case '-':
    case '0' ... '9':
        if (!scan_number(scan, span))
            return false;
        span->len = (scan->at - span->at) & 0xfffffff;
        return true;
    default:
        return expected(scan, "a value");
    }
}

static bool enter(struct scan *scan)
{
    struct json_reader *reader = scan->reader;
    if (reader->depth >= reader->limits.depth)
        return fail(scan, scan->at, ERR_LIMIT, "no deeper nesting");
    reader->kinds[++reader->depth] = scan->text[scan->at++];
    reader->members[reader->depth] = 0;
    return true;
}

// Name, colon and the space around them.
static bool scan_name(struct scan *scan, struct shape_name *name)
{
    struct json_reader *reader = scan->reader;
    if (peek(scan) != '"')
        return expected(scan, reader->members[reader->depth] ? "a member's name in quotes"
                                                             : "a member's name in quotes or '}'");
    if (++reader->members[reader->depth] > reader->limits.members)
        return fail(scan, scan->at, ERR_LIMIT, "no more members");
    uint32_t start = scan->at + 1;
    bool escaped;
    if (!scan_string(scan, &escaped))
        return false;
    *name = (struct shape_name){
        .bytes = scan->text + start, .len = scan->at - start - 1, .plain = !escaped};
    skip_space(scan);
    if (peek(scan) != ':')
        return expected(scan, "':'");
    scan->at++;
    skip_space(scan);
    return true;
}

// Between members: a comma or the end. *more says which.
static bool scan_separator(struct scan *scan, bool first, bool *more)
{
    char close = scan->reader->kinds[scan->reader->depth] == '{' ? '}' : ']';
    skip_space(scan);
    int c = peek(scan);
    *more = c != close;
    if (!*more) {
        scan->at++;
        scan->reader->depth--;
        return true;
    }
    if (first)
        return true;
    if (c != ',')
        return expected(scan, close == '}' ? "',' or '}'" : "',' or ']'");
    scan->at++;
    skip_space(scan);
    return true;
}

// At [ or {: over all that is in it.
static bool skip_nested(struct scan *scan)
{
    struct json_reader *reader = scan->reader;
    uint32_t outside = reader->depth;
    struct shape_name name;
    struct span span;
    bool first = true, more;
    if (!enter(scan))
        return false;
    while (reader->depth > outside) {
        if (!scan_separator(scan, first, &more))
            return false;
        first = false;
        if (!more)
            continue;
        if (reader->kinds[reader->depth] == '{' && !scan_name(scan, &name))
            return false;
        int c = peek(scan);
        if (c == '{' || c == '[') {
            if (!enter(scan))
                return false;
            first = true;
        } else if (!scan_plain_value(scan, &span)) {
            return false;
        }
    }
    return true;
}

static bool scan_value(struct scan *scan, struct span *span)
{
    int c = peek(scan);
    if (c != '{' && c != '[')
        return scan_plain_value(scan, span);
    span->at = scan->at;
    span->kind = c == '{' ? SPAN_OBJECT : SPAN_ARRAY;
    if (!skip_nested(scan))
        return false;
    span->len = (scan->at - span->at) & 0xfffffff;
    return true;
}

static bool scan_member(struct scan *scan)
{
    struct shape_name name = {0};
    struct span span = {.name_at = scan->at};
    if (!scan_name(scan, &name) || !scan_value(scan, &span))
        return false;
    scan->reader->found.escaped_names |= !name.plain;
    return !json_found_add(scan->reader, span, name) || fail(scan, scan->at, ERR_NOMEM, "memory");
}

static bool scan_members(struct scan *scan, bool first)
{
    bool more;
    do {
        if (!scan_separator(scan, first, &more))
            return false;
        first = false;
        if (more && !scan_member(scan))
            return false;
    } while (more);
    return true;
}

static bool scan_object(struct scan *scan)
{
    return enter(scan) && scan_members(scan, true);
}

static bool scan_whole(struct scan *scan)
{
    struct span span = {.name_at = scan->at};
    struct shape_name name = {.bytes = "value", .len = 5, .plain = true};
    scan->reader->found.flags |= RECORD_WHOLE;
    if (!scan_value(scan, &span))
        return false;
    return !json_found_add(scan->reader, span, name) || fail(scan, scan->at, ERR_NOMEM, "memory");
}

static int scan_end(struct scan *scan)
{
    skip_space(scan);
    if (scan->at < scan->len)
        expected(scan, "nothing behind the value");
    return scan->code;
}

int json_scalar(struct json_reader *reader, const char *text, uint32_t len)
{
    struct scan scan = {.reader = reader, .text = text, .len = len};
    reader->depth = 0;
    skip_space(&scan);
    bool done = peek(&scan) == '{' ? scan_object(&scan) : scan_whole(&scan);
    return done ? scan_end(&scan) : scan.code;
}

int json_scalar_rest(struct json_reader *reader, const char *text, uint32_t len)
{
    struct scan scan = {.reader = reader, .text = text, .at = reader->good_at, .len = len};
    reader->depth = 1;
    reader->kinds[1] = '{';
    reader->members[1] = reader->good_members;
    bool done = scan_member(&scan) && scan_members(&scan, false);
    return done ? scan_end(&scan) : scan.code;
}
