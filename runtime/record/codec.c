// SPDX-License-Identifier: MIT
#include "record/codec.h"
#include "record/codec_kinds.h"
#include <string.h>

const char *const decoder_names[] = {"json", "text", "none", NULL};
const char *const encoder_names[] = {"json", "text", "none", NULL};

int decoder_new(struct decoder **out, const char *name, struct shape_table *shapes,
                const struct json_limits *limits, struct error *err)
{
    *out = NULL;
    if (strcmp(name, "json") == 0)
        *out = decoder_json_new(shapes, limits);
    else if (strcmp(name, "text") == 0)
        *out = decoder_text_new(shapes, limits);
    else if (strcmp(name, "none") == 0)
        *out = decoder_none_new(shapes, limits);
    else
        return error_set(err, ERR_INPUT, "unknown decoder '%s'; expected json, text or none", name);
    return *out ? 0 : error_nomem(err);
}

int encoder_new(struct encoder **out, const char *name, struct error *err)
{
    *out = NULL;
    if (strcmp(name, "json") == 0)
        *out = encoder_json_new();
    else if (strcmp(name, "text") == 0)
        *out = encoder_text_new();
    else if (strcmp(name, "none") == 0)
        *out = encoder_none_new();
    else
        return error_set(err, ERR_INPUT, "unknown encoder '%s'; expected json, text or none", name);
    return *out ? 0 : error_nomem(err);
}
