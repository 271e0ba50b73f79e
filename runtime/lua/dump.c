// SPDX-License-Identifier: MIT
#include "lua/dump.h"
#include "base/buf.h"
#include "base/error.h"

#include <string.h>

enum { DUMP_MAX = 16 << 20, DEPTH_MAX = 200 };

struct reader {
    const unsigned char *at, *end;
    struct arena *arena;
    int rc;
};

static const void *take(struct reader *reader, size_t size)
{
    if (reader->rc == 0 && size > (size_t)(reader->end - reader->at))
        reader->rc = ERR_BUG;
    if (reader->rc != 0)
        return NULL;
    const void *bytes = reader->at;
    reader->at += size;
    return bytes;
}

static uint8_t take_byte(struct reader *reader)
{
    const uint8_t *byte = take(reader, 1);
    return byte ? *byte : 0;
}

// Seven bits a byte, the highest first; the last has its top bit set.
static size_t take_number(struct reader *reader)
{
    size_t number = 0;
    for (int i = 0; i < 10; i++) {
        uint8_t byte = take_byte(reader);
        number = number << 7 | (byte & 0x7f);
        if (byte & 0x80)
            return number;
    }
    if (reader->rc == 0)
        reader->rc = ERR_BUG;
    return 0;
}

// A count of things of at least one byte each.
static uint32_t take_count(struct reader *reader)
{
    size_t count = take_number(reader);
    if (reader->rc == 0 && count > (size_t)(reader->end - reader->at))
        reader->rc = ERR_BUG;
    return reader->rc == 0 ? (uint32_t)count : 0;
}

static void *make(struct reader *reader, size_t count, size_t size)
{
    void *items = arena_alloc(reader->arena, count * size + 1, _Alignof(void *));
    if (!items)
        reader->rc = reader->rc ? reader->rc : ERR_NOMEM;
    else
        memset(items, 0, count * size);
    return items;
}

// NUL-terminated; NULL when there is none.
static const char *take_text(struct reader *reader, size_t *len)
{
    size_t size = take_number(reader); // with one more; 0: none
    *len = size ? size - 1 : 0;
    const char *bytes = take(reader, *len);
    if (!size || !bytes)
        return NULL;
    char *text = make(reader, *len + 1, 1);
    if (text)
        memcpy(text, bytes, *len);
    return text;
}

static void read_code(struct reader *reader, struct dump_function *out)
{
    out->code_count = take_count(reader);
    const void *code = take(reader, (size_t)out->code_count * 4);
    out->code = make(reader, out->code_count, 4);
    if (out->code && code)
        memcpy(out->code, code, (size_t)out->code_count * 4);
}

static void read_constants(struct reader *reader, struct dump_function *out)
{
    enum { NIL = 0, FALSE = 1, TRUE = 17, INTEGER = 3, FLOAT = 19, SHORT = 4, LONG = 20 };
    out->constant_count = take_count(reader);
    out->constants = make(reader, out->constant_count, sizeof *out->constants);
    for (uint32_t i = 0; i < out->constant_count && reader->rc == 0; i++) {
        switch (take_byte(reader)) {
        case NIL:
        case FALSE:
        case TRUE:
            break;
        case INTEGER:
        case FLOAT:
            (void)take(reader, 8);
            break;
        case SHORT:
        case LONG:
            out->constants[i].text = take_text(reader, &out->constants[i].len);
            break;
        default:
            reader->rc = ERR_BUG;
        }
    }
}

static void read_upvalues(struct reader *reader, struct dump_function *out)
{
    out->upvalue_count = take_count(reader);
    out->upvalues = make(reader, out->upvalue_count, sizeof *out->upvalues);
    for (uint32_t i = 0; i < out->upvalue_count && reader->rc == 0; i++) {
        out->upvalues[i].of_parent = take_byte(reader) != 0;
        out->upvalues[i].index = take_byte(reader);
        out->upvalues[i].name = "?";
        (void)take_byte(reader); // kind
    }
}

// Lines are differences from the one before; where that is too far, they stand in a table.
static void read_lines(struct reader *reader, struct dump_function *out, size_t line)
{
    enum { IN_TABLE = -0x80 };
    uint32_t count = take_count(reader);
    const int8_t *steps = take(reader, count);
    uint32_t far_count = take_count(reader);
    size_t *far = make(reader, far_count, sizeof *far);
    for (uint32_t i = 0; i < far_count && reader->rc == 0; i++) {
        (void)take_number(reader); // instruction
        far[i] = take_number(reader);
    }
    out->lines = make(reader, out->code_count, sizeof *out->lines);
    uint32_t next = 0;
    for (uint32_t i = 0; i < count && i < out->code_count && reader->rc == 0; i++) {
        if (steps[i] != IN_TABLE)
            line += (size_t)(ptrdiff_t)steps[i];
        else if (next < far_count)
            line = far[next++];
        out->lines[i] = (uint32_t)line;
    }
}

static void read_names(struct reader *reader, struct dump_function *out)
{
    size_t len;
    for (uint32_t i = take_count(reader); i > 0 && reader->rc == 0; i--) { // locals
        (void)take_text(reader, &len);
        (void)take_number(reader);
        (void)take_number(reader);
    }
    uint32_t count = take_count(reader);
    for (uint32_t i = 0; i < count && reader->rc == 0; i++) {
        const char *name = take_text(reader, &len);
        if (name && i < out->upvalue_count)
            out->upvalues[i].name = name;
    }
}

static void read_function(struct reader *reader, struct dump_function *out, int depth)
{
    size_t len;
    if (depth > DEPTH_MAX)
        reader->rc = ERR_BUG;
    out->source = take_text(reader, &len);
    size_t line = take_number(reader);
    (void)take_number(reader); // last line
    (void)take(reader, 3);     // parameters, varargs, stack
    read_code(reader, out);
    read_constants(reader, out);
    read_upvalues(reader, out);
    out->function_count = take_count(reader);
    out->functions = make(reader, out->function_count, sizeof *out->functions);
    for (uint32_t i = 0; i < out->function_count && reader->rc == 0; i++)
        read_function(reader, &out->functions[i], depth + 1);
    read_lines(reader, out, line);
    read_names(reader, out);
}

static void read_head(struct reader *reader)
{
    static const unsigned char head[] = {0x1b, 'L',  'u',  'a',  0x54, 0, 0x19, 0x93,
                                         '\r', '\n', 0x1a, '\n', 4,    8, 8};
    const unsigned char *found = take(reader, sizeof head);
    const int64_t *integer = NULL;
    if (found && memcmp(found, head, sizeof head) != 0)
        reader->rc = ERR_BUG;
    integer = take(reader, sizeof *integer);
    int64_t value = 0;
    if (integer)
        memcpy(&value, integer, sizeof value);
    if (reader->rc == 0 && value != 0x5678)
        reader->rc = ERR_BUG;
    (void)take(reader, 8);   // 370.5
    (void)take_byte(reader); // upvalues of the function
}

static int add(lua_State *L, const void *bytes, size_t size, void *arg)
{
    (void)L;
    return buf_append(arg, bytes, size);
}

int dump_read(lua_State *L, struct arena *arena, struct dump_function *out)
{
    struct buf bytes;
    buf_init(&bytes, DUMP_MAX);
    int rc = lua_dump(L, add, &bytes, 0);
    if (rc == 0) {
        struct reader reader = {.at = (const unsigned char *)bytes.data,
                                .end = (const unsigned char *)bytes.data + bytes.len,
                                .arena = arena};
        read_head(&reader);
        read_function(&reader, out, 0);
        rc = reader.rc;
    }
    buf_deinit(&bytes);
    return rc;
}
