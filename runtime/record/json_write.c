// SPDX-License-Identifier: MIT
#include "record/json.h"
#include "record/json_pen.h"
#include "record/number.h"

struct writer {
    struct pen pen;
    const struct record *record;
    bool first;
    uint32_t run, run_end; // untouched members that are still to be copied, when run < run_end
};

static uint32_t value_start(struct span span)
{
    return span.at - (span.kind == SPAN_STRING || span.kind == SPAN_ESCAPED);
}

static uint32_t value_end(struct span span)
{
    return span.at + span.len + (span.kind == SPAN_STRING || span.kind == SPAN_ESCAPED);
}

// True when the cell still says what stands in the raw bytes.
static bool cell_untouched(const struct record *record, uint32_t slot)
{
    const struct value *cell = &record->cells[slot];
    if (cell->type == VALUE_UNSET)
        return true;
    if (slot >= record->wire)
        return cell->type == VALUE_ABSENT;
    return (cell->flags & VALUE_IS_NODE) && cell->node->text &&
           cell->node->text == record->raw + record->spans[slot].at;
}

bool record_untouched(const struct record *record)
{
    if (!record->raw || (record->flags & RECORD_RAW))
        return false;
    if (record->cells)
        for (uint32_t i = 0; i < record->shape->count; i++)
            if (!cell_untouched(record, i))
                return false;
    return true;
}

static void put_comma(struct writer *writer)
{
    if (!writer->first)
        pen_char(&writer->pen, ',');
    writer->first = false;
}

static bool flush_run(struct writer *writer)
{
    if (writer->run == writer->run_end)
        return true;
    const struct record *record = writer->record;
    uint32_t from = record->spans[writer->run].name_at;
    uint32_t to = value_end(record->spans[writer->run_end - 1]);
    writer->run = writer->run_end;
    if (!pen_room(&writer->pen, to - from + 1u))
        return false;
    put_comma(writer);
    pen_bytes(&writer->pen, record->raw + from, to - from);
    return true;
}

// The name of a member that came on the wire, with the run of untouched members before it: they
// stand side by side.
static bool put_wire_name(struct writer *writer, uint32_t slot)
{
    const struct record *record = writer->record;
    bool run = writer->run < writer->run_end && writer->run_end == slot;
    if (!run && !flush_run(writer))
        return false;
    uint32_t from = record->spans[run ? writer->run : slot].name_at;
    uint32_t len = value_start(record->spans[slot]) - from;
    writer->run = writer->run_end;
    if (!pen_room(&writer->pen, len + 1u + NUMBER_TEXT_MAX))
        return false;
    put_comma(writer);
    pen_bytes(&writer->pen, record->raw + from, len);
    return true;
}

static bool put_name(struct writer *writer, uint32_t slot)
{
    const struct shape_name *name = &writer->record->shape->names[slot];
    struct pen *pen = &writer->pen;
    if (!flush_run(writer) || !pen_room(pen, name->len + 4u))
        return false;
    put_comma(writer);
    if (!name->plain)
        return pen_string(pen, name->bytes, name->len) && pen_literal(pen, ":", 1);
    pen_char(pen, '"');
    pen_bytes(pen, name->bytes, name->len);
    pen_bytes(pen, "\":", 2);
    return true;
}

static bool put_cell(struct writer *writer, struct value cell)
{
    struct pen *pen = &writer->pen;
    if (cell.type != VALUE_INT)
        return pen_value(pen, cell);
    if (!pen_room(pen, NUMBER_TEXT_MAX))
        return false;
    pen->at += number_format_int(cell.i, pen->at);
    return true;
}

static bool put_changed(struct writer *writer, uint32_t slot)
{
    const struct record *record = writer->record;
    struct value cell = record->cells[slot];
    if (cell.type == VALUE_ABSENT)
        return flush_run(writer);
    bool named = slot < record->wire ? put_wire_name(writer, slot) : put_name(writer, slot);
    return named && put_cell(writer, cell);
}

static bool put_object(struct writer *writer, uint32_t *slot)
{
    const struct record *record = writer->record;
    if (!pen_room(&writer->pen, record->raw_len + 2u))
        return false;
    pen_char(&writer->pen, '{');
    for (*slot = 0; *slot < record->shape->count; ++*slot) {
        if (record->cells && !cell_untouched(record, *slot)) {
            if (!put_changed(writer, *slot))
                return false;
        } else if (*slot < record->wire) {
            if (writer->run_end != *slot && !flush_run(writer))
                return false;
            if (writer->run == writer->run_end)
                writer->run = *slot;
            writer->run_end = *slot + 1;
        }
    }
    return flush_run(writer) && pen_literal(&writer->pen, "}", 1);
}

// A value of bytes that are no JSON: what looks like a number there is one as it stands.
static bool put_raw(struct pen *pen, const char *text, struct span span)
{
    switch ((enum span_kind)span.kind) {
    case SPAN_INT:
    case SPAN_NUMBER:
    case SPAN_DIGITS:
        return pen_literal(pen, text, span.len);
    case SPAN_NULL:
        return pen_literal(pen, "null", 4);
    case SPAN_TRUE:
        return pen_literal(pen, "true", 4);
    case SPAN_FALSE:
        return pen_literal(pen, "false", 5);
    default:
        return pen_string(pen, text, span.len);
    }
}

// A member of a record whose raw bytes are no object.
static bool put_whole(struct writer *writer, uint32_t slot)
{
    const struct record *record = writer->record;
    struct span span = record->spans[slot];
    if (record->cells && !cell_untouched(record, slot))
        return put_cell(writer, record->cells[slot]);
    if (record->flags & RECORD_RAW)
        return put_raw(&writer->pen, record->raw + span.at, span);
    return pen_text(&writer->pen, record->raw + value_start(span),
                    value_end(span) - value_start(span));
}

static bool put_whole_object(struct writer *writer, uint32_t *slot)
{
    const struct record *record = writer->record;
    if (!pen_literal(&writer->pen, "{", 1))
        return false;
    for (*slot = 0; *slot < record->shape->count; ++*slot) {
        if (*slot < record->wire) {
            bool gone = record->cells && record->cells[*slot].type == VALUE_ABSENT;
            if (!gone && (!put_name(writer, *slot) || !put_whole(writer, *slot)))
                return false;
        } else if (record->cells && record->cells[*slot].type > VALUE_ABSENT) {
            if (!put_name(writer, *slot) || !put_cell(writer, record->cells[*slot]))
                return false;
        }
    }
    return pen_literal(&writer->pen, "}", 1);
}

// A JSON value that is no object stays one as long as it is the only member.
static bool is_lone_value(const struct record *record)
{
    if (!(record->flags & RECORD_WHOLE) || (record->flags & RECORD_RAW) || !record->wire)
        return false;
    return record_members(record) == 1 && (!record->cells || record->cells[0].type != VALUE_ABSENT);
}

int json_write(struct batch *batch, const struct record *record, struct buf *out, struct error *err)
{
    (void)batch;
    if (record_untouched(record) && !(record->flags & RECORD_LINES))
        return buf_append(out, record->raw, record->raw_len);
    const uint16_t undecoded = RECORD_RAW | RECORD_WHOLE;
    if ((record->flags & undecoded) == undecoded && record->wire == 0 &&
        record_members(record) == 0)
        return error_set(err, ERR_DATA, "bytes that were not decoded cannot be written as JSON");
    struct writer writer = {.record = record, .first = true};
    uint32_t slot = 0;
    size_t start = out->len;
    pen_open(&writer.pen, out);
    bool done;
    if (is_lone_value(record))
        done = put_whole(&writer, 0);
    else if (record->flags & undecoded)
        done = put_whole_object(&writer, &slot);
    else
        done = put_object(&writer, &slot);
    if (!done)
        return pen_error(&writer.pen,
                         slot < record->shape->count ? &record->shape->names[slot] : NULL, err);
    pen_close(&writer.pen);
    if (record->flags & RECORD_LINES) {
        char *end = json_squeeze(out->data + start, out->data + start, out->data + out->len);
        out->len = (size_t)(end - out->data);
    }
    return 0;
}
