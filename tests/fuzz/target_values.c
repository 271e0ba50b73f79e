// SPDX-License-Identifier: MIT
#include "config/text.h"
#include "fuzz/stand.h"
#include "observe/prometheus.h"
#include "record/number.h"
#include "record/template.h"
#include "record/typed.h"
#include "time/timestamp.h"

#include <math.h>

// What is read from short texts: the first byte says which. What was understood is written, and
// reads back as the same.

static void check_timestamp(const char *text, size_t len)
{
    char out[TIMESTAMP_TEXT_MAX];
    struct error err = ERROR_INIT;
    int64_t ms, again;
    if (timestamp_parse(text, len, &ms, &err)) {
        PROMISE(err.len > 0);
        return;
    }
    PROMISE(ms >= TIME_MIN_MS && ms <= TIME_MAX_MS);
    size_t out_len = timestamp_format(ms, out);
    PROMISE_OF(timestamp_parse(out, out_len, &again, &err) == 0 && again == ms, out);
}

// Each unit: the same as a string of digits and, where it is one, as an integer.
static void check_time_units(const char *text, size_t len)
{
    for (int unit = TIME_S; unit <= TIME_RFC3339; unit++) {
        struct error err = ERROR_INIT;
        int64_t ms, as_int, digits;
        struct value value = value_string(text, (uint32_t)len);
        int code = timestamp_read(value, (enum time_unit)unit, &ms, &err);
        PROMISE(code == 0 || (code == ERR_DATA && err.len > 0));
        PROMISE(code || (ms >= TIME_MIN_MS && ms <= TIME_MAX_MS));
        if (unit == TIME_RFC3339 || !number_parse_int(text, len, &digits))
            continue;
        int int_code = timestamp_read(value_int(digits), (enum time_unit)unit, &as_int, &err);
        PROMISE_OF(int_code == code && (code || as_int == ms), text);
    }
}

static void check_units(const char *text)
{
    char out[TEXT_UNIT_MAX];
    int64_t value, again;
    if (text_parse_duration(text, &value)) {
        PROMISE(value >= 0);
        text_format_duration(value, out);
        PROMISE_OF(text_parse_duration(out, &again) && again == value, out);
    }
    if (text_parse_size(text, &value)) {
        PROMISE(value >= 0);
        text_format_size(value, out);
        PROMISE_OF(text_parse_size(out, &again) && again == value, out);
    }
    if (text_parse_int(text, &value)) {
        PROMISE(snprintf(out, sizeof out, "%lld", (long long)value) > 0);
        PROMISE_OF(strcmp(out, text) == 0 || strcmp(text, "-0") == 0, text);
    }
}

static void check_number(const char *text, size_t len)
{
    char out[NUMBER_TEXT_MAX + 1], *end;
    double value, again;
    int64_t integer;
    json_t *theirs = json_loadb(text, len, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
    bool blanks = len && (strchr(" \t\r\n", text[0]) || strchr(" \t\r\n", text[len - 1]));
    bool ours = number_parse_double(text, len, &value);
    PROMISE_OF(ours == (json_is_real(theirs) && !blanks), text);
    json_decref(theirs);
    if (!ours)
        return;
    PROMISE(isfinite(value) && strtod(text, &end) == value && !*end);
    out[number_format_double(value, out)] = 0;
    PROMISE_OF(number_parse_double(out, strlen(out), &again) && again == value, out);
    PROMISE(signbit(value) == signbit(again));
    if (!number_parse_int(text, len, &integer))
        return;
    out[number_format_int(integer, out)] = 0;
    PROMISE_OF(strcmp(out, text) == 0 || strcmp(text, "-0") == 0, text);
}

// What it looks like can be read as that.
static void check_look(const char *text, size_t len)
{
    int64_t integer;
    double number;
    enum span_kind kind = typed_look(text, (uint32_t)len);
    PROMISE(kind == typed_look_fast(text, (uint32_t)len));
    PROMISE(kind != SPAN_INT || number_parse_int(text, len, &integer));
    PROMISE(kind != SPAN_NUMBER || number_parse_double(text, len, &number));
    PROMISE((kind == SPAN_NULL) == (len == 0));
    PROMISE((kind == SPAN_TRUE) == (strcmp(text, "true") == 0));
    for (int type = TYPED_AUTO; type <= TYPED_BOOL; type++) {
        struct span span = {0};
        const char *expected = typed_span((enum typed)type, text, 0, (uint32_t)len, &span);
        PROMISE(expected ? *expected != 0 : span.at == 0 && span.len == len);
    }
}

static void check_template(struct stand *stand, const char *text)
{
    static const char json[] = "{\"a\":\"x{y}\",\"b\":{\"c\":[1,2.5,\"\xc3\xa9\"],\"d.e\":true},"
                               "\"\":null,\"date\":7}";
    struct json_reader *reader = json_reader_new(stand->shapes, NULL);
    struct record *record = stand_record(stand);
    struct template *tpl;
    const char *copy = stand_text(stand, json, sizeof json - 1, CHUNK_PAD);
    PROMISE(reader != NULL);
    PROMISE(json_read(reader, stand->batch, copy, sizeof json - 1, CHUNK_PAD, record, NULL) == 0);
    record->time = 1700000000000;
    int code = template_new(&tpl, text, &stand->err);
    PROMISE((code == 0) == (tpl != NULL) && (code == 0 || stand->err.len > 0));
    if (code == 0) {
        code = template_expand(stand->batch, record, tpl, &stand->out, &stand->err);
        PROMISE(code == 0 || (code == ERR_DATA && stand->out.len == 0));
        PROMISE(code == 0 || !template_is_constant(tpl));
    }
    template_free(tpl);
    json_reader_free(reader);
}

// Escaped, it holds no bare quote and no line break, and says the same.
static void check_label(struct stand *stand, const char *text)
{
    PROMISE(prometheus_label(text, &stand->out) == 0);
    for (const char *at = buf_cstr(&stand->out); *at; at++, text++) {
        PROMISE(*at != '"' && *at != '\n');
        char c = *at;
        if (c == '\\') {
            at++;
            PROMISE(*at == '\\' || *at == '"' || *at == 'n');
            c = *at == 'n' ? '\n' : *at;
        }
        PROMISE(c == *text);
    }
    PROMISE(*text == 0);
}

static void check(struct stand *stand, uint8_t letter, const char *text, size_t len)
{
    switch (letter) {
    case 't':
        check_timestamp(text, len);
        check_time_units(text, len);
        break;
    case 'u':
        check_units(text);
        break;
    case 'n':
        check_number(text, len);
        check_look(text, len);
        break;
    case 'm':
        check_template(stand, text);
        break;
    case 'l':
        check_label(stand, text);
        break;
    default:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size || memchr(data, 0, size)) // such texts come from YAML, which knows no NUL
        return 0;
    struct stand stand;
    stand_open(&stand);
    char *text = strndup((const char *)data + 1, size - 1);
    PROMISE(text != NULL);
    check(&stand, data[0], text, size - 1);
    free(text);
    stand_close(&stand);
    return 0;
}
