// SPDX-License-Identifier: MIT
#include "cli/state_json.h"

#include "record/keycode.h"
#include "record/msgpack.h"

#include <string.h>

enum { TEXT_MAX_BYTES = 1 << 30, KEY_MAX_BYTES = 1 << 20 };

static const char *const kinds[] = {
    [STORE_PLAN] = "plan", [STORE_SOURCE] = "source",     [STORE_STATE] = "state",
    [STORE_SINK] = "sink", [STORE_COUNTERS] = "counters",
};

const char *state_kind_name(enum store_kind kind)
{
    return kinds[kind];
}

bool state_kind_read(const char *name, enum store_kind *kind)
{
    for (int i = STORE_PLAN; i <= STORE_COUNTERS; i++)
        if (strcmp(kinds[i], name) == 0) {
            *kind = (enum store_kind)i;
            return true;
        }
    return false;
}

// -- base64 --

static json_t *encoded(const char *bytes, size_t len)
{
    struct buf text;
    buf_init(&text, TEXT_MAX_BYTES);
    json_t *string = len <= UINT32_MAX && !msgpack_put_base64(&text, bytes, (uint32_t)len)
                         ? json_stringn(text.len ? text.data : "", text.len)
                         : NULL;
    buf_deinit(&text);
    return string;
}

static int digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

// False: it is not base64 in whole groups.
static bool decode(const char *text, size_t len, struct buf *out)
{
    for (size_t i = 0; i < len; i += 4) {
        uint32_t bits = 0;
        size_t have = len - i < 4 ? 0 : text[i + 3] != '=' ? 3 : text[i + 2] != '=' ? 2 : 1;
        for (size_t k = 0; k < 4 && have; k++) {
            int value = k <= have ? digit(text[i + k]) : 0;
            if (value < 0)
                return false;
            bits = bits << 6 | (uint32_t)value;
        }
        const char bytes[3] = {(char)(bits >> 16), (char)(bits >> 8), (char)bits};
        if (!have || (have < 3 && i + 4 < len) || buf_append(out, bytes, have))
            return false;
    }
    return true;
}

int state_bytes_read(const json_t *line, const char *name, struct buf *out, struct error *err)
{
    const json_t *text = json_object_get(line, name);
    if (!text)
        return 0;
    if (!json_is_string(text) || !decode(json_string_value(text), json_string_length(text), out))
        return error_set(err, ERR_INPUT, "\"%s\" is not base64", name);
    return 0;
}

// -- keys --

static json_t *field_json(struct value value)
{
    switch ((enum value_type)value.type) {
    case VALUE_ABSENT:
        return json_object();
    case VALUE_NULL:
        return json_null();
    case VALUE_BOOL:
        return json_boolean(value.b);
    case VALUE_INT:
        return json_integer(value.i);
    case VALUE_FLOAT:
        return json_real(value.f);
    case VALUE_STRING:
        return json_stringn(value.bytes, value.len);
    default:
        return NULL;
    }
}

static int put_field(const json_t *field, struct buf *out)
{
    if (json_is_object(field) && !json_object_size(field))
        return key_encode_value(value_absent(), out);
    if (json_is_null(field))
        return key_encode_value(value_null(), out);
    if (json_is_boolean(field))
        return key_encode_value(value_bool(json_is_true(field)), out);
    if (json_is_integer(field))
        return key_encode_value(value_int(json_integer_value(field)), out);
    if (json_is_real(field))
        return key_encode_value(value_float(json_real_value(field)), out);
    if (json_is_string(field))
        return key_encode_value(
            value_string(json_string_value(field), (uint32_t)json_string_length(field)), out);
    return ERR_INPUT;
}

int state_key_read(const json_t *fields, struct buf *out, struct error *err)
{
    size_t i;
    json_t *field;
    if (!json_is_array(fields))
        return error_set(err, ERR_INPUT, "a key is a list of its fields: [\"a\", 3]");
    json_array_foreach (fields, i, field) {
        int code = put_field(field, out);
        if (code == ERR_INPUT)
            return error_set(err, ERR_INPUT, "field %zu of the key is a list or an object", i + 1);
        if (code)
            return error_nomem(err);
    }
    return 0;
}

static bool same_key(const json_t *fields, const char *key, size_t len)
{
    struct buf again;
    buf_init(&again, KEY_MAX_BYTES);
    bool same = state_key_read(fields, &again, NULL) == 0 && again.len == len &&
                memcmp(again.data, key, len) == 0;
    buf_deinit(&again);
    return same;
}

// NULL: the bytes are not those of fields.
static json_t *fields_of(const char *key, size_t len)
{
    struct value values[KEY_FIELDS_MAX];
    int count = len ? key_decode(key, len, values, KEY_FIELDS_MAX) : -1;
    json_t *fields = count > 0 ? json_array() : NULL;
    for (int i = 0; i < count && fields; i++)
        if (json_array_append_new(fields, field_json(values[i])) != 0)
            break;
    if (fields && same_key(fields, key, len))
        return fields;
    json_decref(fields);
    return NULL;
}

// -- lines --

json_t *state_head_json(const struct checkpoint_head *head, const char *pipeline)
{
    return json_pack("{s:I, s:s, s:I, s:b}", "checkpoint", (json_int_t)head->number, "pipeline",
                     pipeline, "wall_ms", (json_int_t)head->wall_ms, "finished", head->finished);
}

json_t *state_part_json(const struct store_part *part)
{
    json_t *line = json_pack("{s:s, s:s}", "part", kinds[part->kind], "node", part->node);
    if (part->kind == STORE_STATE || !line)
        return line;
    if (json_object_set_new(line, "bytes", encoded(part->bytes, part->len)) == 0)
        return line;
    json_decref(line);
    return NULL;
}

static int set_key(json_t *line, const struct image_entry *entry)
{
    if (!entry->key)
        return 0;
    json_t *fields = fields_of(entry->key, entry->key_len);
    if (fields)
        return json_object_set_new(line, "key", fields);
    return json_object_set_new(line, "key64", encoded(entry->key, entry->key_len));
}

json_t *state_entry_json(const char *node, const struct image_entry *entry)
{
    json_t *line = json_pack("{s:s, s:I}", "node", node, "section", (json_int_t)entry->section);
    size_t named = entry->identity_len, len = (size_t)(entry->end - entry->at);
    int bad = line ? set_key(line, entry) : -1;
    if (!bad && named)
        bad = json_object_set_new(line, "identity", encoded(entry->at, named));
    if (!bad)
        bad = json_object_set_new(line, "body", encoded(entry->at + named, len - named));
    if (!bad)
        return line;
    json_decref(line);
    return NULL;
}

static int read_key(const json_t *line, struct buf *key, struct error *err)
{
    const json_t *fields = json_object_get(line, "key");
    return fields ? state_key_read(fields, key, err) : state_bytes_read(line, "key64", key, err);
}

int state_entry_read(const json_t *line, struct image *image, struct error *err)
{
    struct buf key;
    json_int_t section = json_integer_value(json_object_get(line, "section"));
    bool keyed = json_object_get(line, "key") || json_object_get(line, "key64");
    if (section < 0 || section > INT32_MAX / 4)
        return error_set(err, ERR_INPUT, "\"section\" is out of range");
    buf_init(&key, KEY_MAX_BYTES);
    int code = read_key(line, &key, err);
    if (!code)
        code = state_bytes_read(line, "identity", &image->body, err);
    if (!code)
        image_identify(image);
    if (!code)
        code = state_bytes_read(line, "body", &image->body, err);
    if (!code)
        image_end(image, (uint32_t)section, keyed ? buf_cstr(&key) : NULL, (uint32_t)key.len);
    buf_deinit(&key);
    return code ? code : image->rc ? error_nomem(err) : 0;
}
