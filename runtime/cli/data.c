// SPDX-License-Identifier: MIT
#include "cli/data.h"

#include "base/error.h"
#include "config/text.h"

#include <string.h>

static json_t *scalar(const struct tide_config *data)
{
    const char *text = data->text ? data->text : "";
    int64_t integer;
    double number;
    if (!data->plain)
        return json_string(text);
    if (!*text || strcmp(text, "null") == 0 || strcmp(text, "~") == 0)
        return json_null();
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        return json_boolean(*text == 't');
    if (text_parse_int(text, &integer))
        return json_integer(integer);
    if (text_parse_number(text, &number))
        return json_real(number);
    return json_string(text);
}

json_t *data_json(const struct tide_config *data)
{
    if (!data->is_list && !data->is_map)
        return scalar(data);
    json_t *value = data->is_list ? json_array() : json_object();
    for (uint32_t i = 0; value && i < data->count; i++) {
        json_t *item = data_json(&data->items[i]);
        int bad = data->is_list ? json_array_append_new(value, item)
                                : json_object_set_new(value, data->items[i].name, item);
        if (bad) {
            json_decref(value);
            return NULL;
        }
    }
    return value;
}

static int append(const char *bytes, size_t len, void *arg)
{
    return buf_append(arg, bytes, len);
}

int data_print(const json_t *value, struct buf *out)
{
    return json_dump_callback(value, append, out, JSON_COMPACT | JSON_ENCODE_ANY) ? ERR_NOMEM : 0;
}
