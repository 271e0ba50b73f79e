// SPDX-License-Identifier: MIT
#include "record/json.h"
#include "record/json_pen.h"
#include "record/json_text.h"
#include "record/node_copy.h"
#include "record/number.h"
#include "record/record_inline.h"

bool pen_more(struct pen *pen, size_t bytes)
{
    size_t used = pen->out->data ? (size_t)(pen->at - pen->out->data) - pen->out->len : 0;
    pen->code = buf_reserve(pen->out, used + bytes);
    if (pen->code)
        return false;
    pen->at = pen->out->data + pen->out->len + used;
    pen->end = pen->out->data + pen->out->cap;
    return true;
}

static char escape_letter(unsigned char c)
{
    switch (c) {
    case '"':
    case '\\':
        return (char)c;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 'u';
    }
}

static void put_escape(struct pen *pen, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char letter = escape_letter(c);
    pen_char(pen, '\\');
    pen_char(pen, letter);
    if (letter != 'u')
        return;
    pen_bytes(pen, "00", 2);
    pen_char(pen, hex[c >> 4]);
    pen_char(pen, hex[c & 15]);
}

static bool needs_escape8(uint64_t v)
{
    const uint64_t ones = 0x0101010101010101ull, high = ones << 7;
    uint64_t q = v ^ ones * '"', b = v ^ ones * '\\';
    uint64_t hits = ((q - ones) & ~q) | ((b - ones) & ~b) | ((v - ones * 0x20) & ~v);
    return hits & high;
}

// Long strings are measured, so that a buffer near its maximum is not refused for what might be.
enum { EXACT_FROM = 256 };

static size_t escaped_len(const char *bytes, size_t len)
{
    size_t sum = len;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c < 0x20 || c == '"' || c == '\\')
            sum += escape_letter(c) == 'u' ? 5 : 1;
    }
    return sum;
}

bool pen_string(struct pen *pen, const char *bytes, size_t len)
{
    size_t room = len > EXACT_FROM ? escaped_len(bytes, len) : len * 6;
    if (!pen_room(pen, room + 2))
        return false;
    pen_char(pen, '"');
    for (size_t at = 0; at < len;) {
        if (len - at >= 8 && !needs_escape8(load_u64(bytes + at))) {
            pen_bytes(pen, bytes + at, 8);
            at += 8;
            continue;
        }
        size_t stop = len - at < 8 ? len : at + 8;
        for (; at < stop; at++) {
            unsigned char c = (unsigned char)bytes[at];
            if (c < 0x20 || c == '"' || c == '\\')
                put_escape(pen, c);
            else
                pen_char(pen, (char)c);
        }
    }
    pen_char(pen, '"');
    return true;
}

bool pen_literal(struct pen *pen, const char *text, size_t len)
{
    if (!pen_room(pen, len))
        return false;
    pen_bytes(pen, text, len);
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// JSON text without the space between its tokens.
char *json_squeeze(char *to, const char *text, const char *end)
{
    bool string = false;
    for (; text < end; text++) {
        if (!string && is_space(*text))
            continue;
        if (string && *text == '\\')
            *to++ = *text++;
        else if (*text == '"')
            string = !string;
        *to++ = *text;
    }
    return to;
}

// Text of an array or object: as it was, but on one line.
bool pen_text(struct pen *pen, const char *text, size_t len)
{
    if (!pen_room(pen, len))
        return false;
    if (memchr(text, '\n', len) || memchr(text, '\r', len))
        pen->at = json_squeeze(pen->at, text, text + len);
    else
        pen_bytes(pen, text, len);
    return true;
}

static bool put_value(struct pen *pen, struct value value, uint32_t depth);

static bool put_members(struct pen *pen, const struct node *node, uint32_t depth)
{
    for (uint32_t i = 0; i < node->count; i++) {
        const struct node_member *member = &node->members[i];
        if (i && !pen_literal(pen, ",", 1))
            return false;
        if (!node->is_array &&
            (!pen_string(pen, member->name, member->name_len) || !pen_literal(pen, ":", 1)))
            return false;
        bool nested = member->value.flags & VALUE_IS_NODE;
        bool done = member->wire && !nested ? pen_text(pen, member->wire, member->wire_len)
                                            : put_value(pen, member->value, depth + 1);
        if (!done)
            return false;
    }
    return true;
}

static bool put_nested(struct pen *pen, struct value value, uint32_t depth)
{
    if (!(value.flags & VALUE_IS_NODE))
        return pen_text(pen, value.bytes, value.len);
    const struct node *node = value.node;
    if (node->text)
        return pen_text(pen, node->text, node->text_len);
    if (depth >= NODE_DEPTH_MAX) {
        pen->code = ERR_LIMIT;
        return false;
    }
    return pen_literal(pen, node->is_array ? "[" : "{", 1) && put_members(pen, node, depth) &&
           pen_literal(pen, node->is_array ? "]" : "}", 1);
}

static bool put_value(struct pen *pen, struct value value, uint32_t depth)
{
    size_t used;
    switch ((enum value_type)value.type) {
    case VALUE_BOOL:
        return value.b ? pen_literal(pen, "true", 4) : pen_literal(pen, "false", 5);
    case VALUE_INT:
    case VALUE_FLOAT:
        if (!pen_room(pen, NUMBER_TEXT_MAX))
            return false;
        used = value.type == VALUE_INT ? number_format_int(value.i, pen->at)
                                       : number_format_double(value.f, pen->at);
        pen->at += used;
        if (!used)
            pen->code = ERR_DATA;
        return used != 0;
    case VALUE_STRING:
        return pen_string(pen, value.bytes, value.len);
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        return put_nested(pen, value, depth);
    case VALUE_UNSET:
    case VALUE_ABSENT:
    case VALUE_NULL:
        break;
    }
    return pen_literal(pen, "null", 4);
}

bool pen_value(struct pen *pen, struct value value)
{
    return put_value(pen, value, 0);
}

int pen_error(const struct pen *pen, const struct shape_name *name, struct error *err)
{
    const char *what = pen->code == ERR_DATA ? "a number that JSON cannot hold (NaN or infinity)"
                                             : "too large or nested too deep to be written";
    if (pen->code == ERR_NOMEM)
        return error_nomem(err);
    if (!name)
        return error_set(err, pen->code, "%s", what);
    return error_set(err, pen->code, "member '%.*s': %s", name->len > 200 ? 200 : (int)name->len,
                     name->bytes, what);
}

int json_write_value(struct value value, struct buf *out, struct error *err)
{
    struct pen pen;
    pen_open(&pen, out);
    return put_value(&pen, value, 0) ? pen_close(&pen) : pen_error(&pen, NULL, err);
}

int json_write_string(const char *bytes, size_t len, struct buf *out)
{
    struct pen pen;
    pen_open(&pen, out);
    return pen_string(&pen, bytes, len) ? pen_close(&pen) : pen.code;
}
