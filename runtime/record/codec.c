// SPDX-License-Identifier: MIT
#include "record/codec.h"
#include "record/codec_kinds.h"
#include <stdio.h>
#include <string.h>

const char *const decoder_names[] = {"json",    "text",  "csv",  "syslog", "logfmt",
                                     "msgpack", "regex", "none", NULL};
const char *const encoder_names[] = {"json", "text", "csv", "logfmt", "msgpack", "none", NULL};

static int unknown(const char *kind, const char *name, const char *const *names, struct error *err)
{
    char list[256] = "";
    for (; *names; names++) {
        size_t len = strlen(list);
        (void)snprintf(list + len, sizeof list - len, "%s%s", *names,
                       !names[1]  ? ""
                       : names[2] ? ", "
                                  : " or ");
    }
    return error_set(err, ERR_INPUT, "unknown %s '%s'; expected %s", kind, name, list);
}

int decoder_open(struct decoder **out, const struct codec_options *options,
                 struct shape_table *shapes, const struct json_limits *limits, struct error *err)
{
    const struct json_limits standard = JSON_LIMITS_DEFAULT;
    const char *name = options->name;
    if (!limits)
        limits = &standard;
    *out = NULL;
    if (strcmp(name, "csv") == 0)
        return decoder_csv_new(out, &options->csv, shapes, limits, err);
    if (strcmp(name, "regex") == 0)
        return decoder_regex_new(out, &options->regex, shapes, limits, err);
    if (strcmp(name, "json") == 0)
        *out = decoder_json_new(shapes, limits, options->big_ints);
    else if (strcmp(name, "text") == 0)
        *out = decoder_text_new(shapes, limits);
    else if (strcmp(name, "logfmt") == 0)
        *out = decoder_logfmt_new(shapes, limits);
    else if (strcmp(name, "msgpack") == 0)
        *out = decoder_msgpack_new(&options->msgpack, shapes, limits, options->big_ints);
    else if (strcmp(name, "syslog") == 0)
        *out = decoder_syslog_new(shapes, limits);
    else if (strcmp(name, "none") == 0)
        *out = decoder_none_new(shapes, limits);
    else
        return unknown("decoder", name, decoder_names, err);
    return *out ? 0 : error_nomem(err);
}

int encoder_open(struct encoder **out, const struct codec_options *options, struct error *err)
{
    const char *name = options->name;
    *out = NULL;
    if (strcmp(name, "csv") == 0)
        return encoder_csv_new(out, &options->csv, err);
    if (strcmp(name, "json") == 0)
        *out = encoder_json_new();
    else if (strcmp(name, "text") == 0)
        *out = encoder_text_new();
    else if (strcmp(name, "logfmt") == 0)
        *out = encoder_logfmt_new();
    else if (strcmp(name, "msgpack") == 0)
        *out = encoder_msgpack_new();
    else if (strcmp(name, "none") == 0)
        *out = encoder_none_new();
    else
        return unknown("encoder", name, encoder_names, err);
    return *out ? 0 : error_nomem(err);
}

int decoder_new(struct decoder **out, const char *name, struct shape_table *shapes,
                const struct json_limits *limits, struct error *err)
{
    struct codec_options options = CODEC_OPTIONS_DEFAULT;
    options.name = name;
    return decoder_open(out, &options, shapes, limits, err);
}

int encoder_new(struct encoder **out, const char *name, struct error *err)
{
    struct codec_options options = CODEC_OPTIONS_DEFAULT;
    options.name = name;
    return encoder_open(out, &options, err);
}
