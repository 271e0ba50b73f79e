// SPDX-License-Identifier: MIT
#include "record/record.h"
#include "record/batch.h"
#include "record/json_text.h"
#include "record/node.h"
#include "record/number.h"
#include "record/number_scan.h"
#include "record/record_inline.h"

void record_init(struct record *record, const struct shape *empty)
{
    *record = (struct record){.shape = empty, .time = TIME_NONE, .offset = -1};
}

static struct value decode_number(const char *text, uint32_t len, bool integer)
{
    int64_t i;
    if (integer && number_parse_int(text, len, &i))
        return value_int(i);
    double f = 0;
    (void)number_to_double(text, len, &f); // the reader has checked its range
    return value_float(f);
}

struct value span_decode(struct batch *batch, const char *raw, struct span span)
{
    const char *text = raw + span.at;
    switch ((enum span_kind)span.kind) {
    case SPAN_NULL:
        return value_null();
    case SPAN_TRUE:
    case SPAN_FALSE:
        return value_bool(span.kind == SPAN_TRUE);
    case SPAN_INT:
    case SPAN_NUMBER:
        return decode_number(text, span.len, span.kind == SPAN_INT);
    case SPAN_DIGITS:
    case SPAN_STRING:
        return value_string(text, span.len);
    case SPAN_ESCAPED:
        return json_text_unescape(batch, text, span.len);
    case SPAN_ARRAY:
    case SPAN_OBJECT:
        return (struct value){.type = span.kind == SPAN_ARRAY ? VALUE_ARRAY : VALUE_OBJECT,
                              .len = span.len,
                              .bytes = text};
    }
    return value_absent();
}

struct value record_decode(struct batch *batch, const struct record *record, struct span span)
{
    struct value value = span_decode(batch, record->raw, span);
    if (span.kind >= SPAN_ARRAY && (record->flags & RECORD_BIG_TEXT))
        value.flags |= VALUE_BIG_TEXT;
    return value;
}

struct value record_get(struct batch *batch, struct record *record, int32_t slot)
{
    return record_read(batch, record, slot);
}

struct value record_field(struct batch *batch, struct record *record, struct field *field)
{
    return record_read(batch, record, field_slot(field, record->shape));
}

struct value record_name(struct batch *batch, struct record *record, const char *name, uint32_t len)
{
    return record_read(batch, record, shape_find(record->shape, name, len));
}

uint32_t record_members(const struct record *record)
{
    if (!record->cells)
        return record->wire;
    uint32_t members = 0;
    for (uint32_t i = 0; i < record->shape->count; i++) {
        uint8_t type = record->cells[i].type;
        members += type == VALUE_UNSET ? i < record->wire : type != VALUE_ABSENT;
    }
    return members;
}
