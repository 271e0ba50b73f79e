// SPDX-License-Identifier: MIT
#include "record/codec_error.h"
#include "record/codec_kinds.h"
#include "record/json_text.h"
#include "record/text_records.h"

// logfmt: key=value pairs between spaces, values in quotes where they hold a space, a quote or '='.
// Within quotes escapes are those of JSON. A key alone is true; `key=` is null. A bare value is
// typed by its look, a quoted one is text.

static const struct value unset = {.type = VALUE_UNSET};

static int expected(struct text_reader *reader, uint32_t at, const char *what)
{
    return codec_expected(reader->err, reader->line, reader->len, at, "%s", what);
}

static bool is_word(char c, bool key)
{
    return (unsigned char)c > ' ' && c != '"' && !(key && c == '=');
}

static uint32_t word(const struct text_reader *reader, bool key)
{
    uint32_t at = reader->at;
    while (at < reader->len && is_word(reader->line[at], key))
        at++;
    return at - reader->at;
}

// Behind the opening quote: up to the closing one, as JSON does.
static int read_quoted(struct text_reader *reader, struct span *span, struct value *value)
{
    uint32_t start = reader->at, at = start;
    bool escaped = false;
    while (at < reader->len && reader->line[at] != '"') {
        escaped |= reader->line[at] == '\\';
        at += reader->line[at] == '\\' ? 2 : 1;
    }
    if (at >= reader->len)
        return expected(reader, reader->len, "a closing quote");
    reader->at = at + 1;
    *span = (struct span){.at = start, .len = (at - start) & 0xfffffff, .kind = SPAN_STRING};
    *value = unset;
    if (!escaped)
        return 0;
    for (uint32_t i = start; i < at; i++) {
        if (reader->line[i] != '\\')
            continue;
        i++;
        if (!strchr("\"\\/nrt", reader->line[i]) || !reader->line[i])
            return expected(reader, i, "one of \" \\ / n r t behind '\\'");
    }
    *value = json_text_unescape(reader->batch, reader->line + start, at - start);
    return value->type == VALUE_ABSENT ? ERR_NOMEM : 0;
}

static int read_value(struct text_reader *reader, struct span *span, struct value *value)
{
    if (reader->at < reader->len && reader->line[reader->at] == '"') {
        reader->at++;
        return read_quoted(reader, span, value);
    }
    uint32_t len = word(reader, false);
    (void)typed_span(TYPED_AUTO, reader->line, reader->at, len, span);
    *value = unset;
    reader->at += len;
    return 0;
}

static int read_pair(struct text_reader *reader)
{
    uint32_t key = reader->at, len = word(reader, true);
    struct span span = {.at = key, .kind = SPAN_TRUE};
    struct value value = unset;
    if (!len)
        return expected(reader, key, "a key");
    reader->at += len;
    int code = 0;
    if (reader->at < reader->len && reader->line[reader->at] == '=') {
        reader->at++;
        code = read_value(reader, &span, &value);
    }
    if (code)
        return code;
    if (reader->at < reader->len && (unsigned char)reader->line[reader->at] > ' ')
        return expected(reader, reader->at, "a space");
    if (!collect(reader->collector, reader->line + key, len, span, value))
        return error_set(reader->err, ERR_LIMIT, "byte %u: more than %d pairs", key, COLLECT_MAX);
    return 0;
}

static int read_line(struct text_reader *reader)
{
    int code = codec_check_utf8(reader->err, reader->line, reader->len);
    while (!code) {
        while (reader->at < reader->len &&
               (reader->line[reader->at] == ' ' || reader->line[reader->at] == '\t'))
            reader->at++;
        if (reader->at == reader->len)
            return 0;
        code = read_pair(reader);
    }
    return code;
}

struct decoder *decoder_logfmt_new(struct shape_table *shapes, const struct json_limits *limits)
{
    return text_decoder_new(read_line, shapes, limits);
}
