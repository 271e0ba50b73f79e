// SPDX-License-Identifier: MIT
#include "record/keycode.h"
#include "record/record_inline.h"

enum { KEY_ABSENT = 1, KEY_NULL, KEY_FALSE, KEY_TRUE, KEY_INT, KEY_FLOAT, KEY_STRING };

enum { HEAD_MAX = 9 }; // tag and eight bytes, or tag and length

static size_t put_u64(char *out, char tag, uint64_t bits)
{
    uint64_t big = __builtin_bswap64(bits);
    out[0] = tag;
    memcpy(out + 1, &big, sizeof big);
    return 9;
}

static uint64_t float_bits(double f)
{
    uint64_t bits;
    if (f == 0)
        f = 0; // -0.0 too
    memcpy(&bits, &f, sizeof bits);
    return bits >> 63 ? ~bits : bits | 1ull << 63;
}

static double bits_float(uint64_t bits)
{
    double f;
    bits = bits >> 63 ? bits & ~(1ull << 63) : ~bits;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static size_t put_length(char *out, uint32_t len)
{
    size_t at = 0;
    out[at++] = KEY_STRING;
    for (; len >= 0x80; len >>= 7)
        out[at++] = (char)(len | 0x80);
    out[at++] = (char)len;
    return at;
}

int key_encode_value(struct value value, struct buf *out)
{
    uint32_t bytes = value.type == VALUE_STRING ? value.len : 0;
    if (out->cap - out->len < bytes + HEAD_MAX || !out->data) {
        int code = buf_reserve(out, bytes + HEAD_MAX);
        if (code)
            return code;
    }
    char *to = out->data + out->len;
    size_t used = 1;
    switch ((enum value_type)value.type) {
    case VALUE_STRING:
        used = put_length(to, value.len);
        memcpy(to + used, value.bytes, value.len);
        used += value.len;
        break;
    case VALUE_INT:
        used = put_u64(to, KEY_INT, (uint64_t)value.i ^ 1ull << 63);
        break;
    case VALUE_FLOAT:
        used = put_u64(to, KEY_FLOAT, float_bits(value.f));
        break;
    case VALUE_BOOL:
        to[0] = value.b ? KEY_TRUE : KEY_FALSE;
        break;
    case VALUE_NULL:
        to[0] = KEY_NULL;
        break;
    case VALUE_UNSET:
    case VALUE_ABSENT:
        to[0] = KEY_ABSENT;
        break;
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        return ERR_DATA;
    }
    out->len += used;
    return 0;
}

int key_encode(struct batch *batch, struct record *record, struct path *paths, uint32_t count,
               struct buf *out, struct error *err)
{
    size_t start = out->len;
    for (uint32_t i = 0; i < count; i++) {
        struct value value = path_read(batch, record, &paths[i]);
        int code = key_encode_value(value, out);
        if (__builtin_expect(code == 0, 1))
            continue;
        out->len = start;
        if (code == ERR_DATA)
            return error_set(err, code,
                             "the key field '%s' is an %s; expected a string, a number, a boolean "
                             "or null",
                             paths[i].text, value_type_name(value.type));
        return error_set(err, code, "the key field '%s': %s", paths[i].text, error_meaning(code));
    }
    return 0;
}

static bool take_length(const char **key, const char *end, uint32_t *len)
{
    *len = 0;
    for (unsigned shift = 0; *key < end && shift < 32; shift += 7) {
        unsigned char c = (unsigned char)*(*key)++;
        *len |= (uint32_t)(c & 0x7f) << shift;
        if (c < 0x80)
            return *len <= (size_t)(end - *key);
    }
    return false;
}

// One field; false when the bytes are no key.
static bool take_field(const char **key, const char *end, struct value *value)
{
    char tag = *(*key)++;
    uint64_t bits;
    uint32_t len;
    switch (tag) {
    case KEY_ABSENT:
        *value = value_absent();
        return true;
    case KEY_NULL:
        *value = value_null();
        return true;
    case KEY_FALSE:
    case KEY_TRUE:
        *value = value_bool(tag == KEY_TRUE);
        return true;
    case KEY_INT:
    case KEY_FLOAT:
        if (end - *key < 8)
            return false;
        bits = __builtin_bswap64(load_u64(*key));
        *key += 8;
        *value = tag == KEY_INT ? value_int((int64_t)(bits ^ 1ull << 63))
                                : value_float(bits_float(bits));
        return true;
    case KEY_STRING:
        if (!take_length(key, end, &len))
            return false;
        *value = value_string(*key, len);
        *key += len;
        return true;
    default:
        return false;
    }
}

int key_decode(const char *key, size_t len, struct value *out, uint32_t max)
{
    const char *end = key + len;
    uint32_t count = 0;
    while (key < end)
        if (count == max || !take_field(&key, end, &out[count++]))
            return ERR_CORRUPT;
    return (int)count;
}
