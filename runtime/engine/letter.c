// SPDX-License-Identifier: MIT
#include "engine/letter.h"
#include "record/number.h"
#include <string.h>

static void name(struct letters *letters, enum letter_header which, const char *text)
{
    letters->named[which].bytes = text;
    letters->named[which].len = (uint32_t)strlen(text);
}

void letters_init(struct letters *letters, const struct plan_node *plan, uint16_t index)
{
    static const char *const names[LETTER_HEADERS] = {"node",  "script", "error",    "source",
                                                      "split", "offset", "truncated"};
    *letters = (struct letters){.nodes = plan - index, .source = UINT16_MAX};
    letters->of_source = plan->spec->kind == NODE_SOURCE;
    for (int i = 0; i < LETTER_HEADERS; i++)
        letters->named[i].name = names[i];
    name(letters, LETTER_NODE, plan->spec->name);
    name(letters, LETTER_TRUNCATED, "true");
}

// Where the record was read; nothing is known of those that operators have made.
static void write_origin(struct letters *letters, const struct record *record)
{
    const char *split = record->meta ? record->meta->split : NULL;
    if (letters->source == record->node && letters->split == split)
        return;
    letters->source = record->node;
    letters->split = split;
    name(letters, LETTER_SPLIT, split ? split : "");
    name(letters, LETTER_SOURCE, split ? letters->nodes[record->node].spec->name : "");
}

static char *put(char *at, const char *bytes, size_t len)
{
    memcpy(at, bytes, len);
    return at + len;
}

static char *put_offset(struct letters *letters, int64_t offset, char *at)
{
    struct header *header = &letters->named[LETTER_OFFSET];
    header->bytes = at;
    header->len = (uint32_t)number_format_int(offset, at);
    return at + header->len;
}

// "scripts/x.lua:12" of "scripts/x.lua:12: the message"; 0: it does not begin with a place.
static uint32_t place_len(const struct error *err)
{
    const char *colon = memchr(err->text, ':', err->len);
    size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
    return digits && colon[1 + digits] == ':' ? (uint32_t)(colon + 1 + digits - err->text) : 0;
}

// What an operator says of it, which is of the letter before more often than not.
static void write_error(struct letters *letters, const struct batch *batch, char *at,
                        const struct error *err)
{
    struct header *error = &letters->named[LETTER_ERROR], *script = &letters->named[LETTER_SCRIPT];
    bool first = letters->batch != batch || batch->count == 1; // batches come back
    if (!first && error->len == err->len && memcmp(error->bytes, err->text, err->len) == 0)
        return;
    *error = (struct header){error->name, at, (uint32_t)err->len};
    *script = (struct header){script->name, at, place_len(err)};
    put(at, err->text, err->len);
}

// What a source says of it, behind where it is: "split x, offset 12: ", or "split x: ". The offset
// is that of the text.
static void write_located(struct letters *letters, const struct record *record, char *at,
                          const struct error *err)
{
    const struct header *split = &letters->named[LETTER_SPLIT];
    char *start = at;
    if (record->meta) {
        at = put(put(at, "split ", 6), split->bytes, split->len);
        if (record->offset >= 0)
            at = put_offset(letters, record->offset, put(at, ", offset ", 9));
        at = put(at, ": ", 2);
    }
    at = put(at, err->text, err->len);
    letters->named[LETTER_ERROR].bytes = start;
    letters->named[LETTER_ERROR].len = (uint32_t)(at - start);
}

enum { LOCATED_MAX = sizeof "split , offset : " };

// Of the error and the offset, one way or the other.
static void write_texts(struct letters *letters, const struct batch *batch,
                        const struct record *record, char *at, const struct error *err)
{
    bool located = letters->of_source && record->meta && record->offset >= 0;
    if (!located)
        at = put_offset(letters, record->offset, at);
    if (letters->of_source)
        write_located(letters, record, at, err);
    else
        write_error(letters, batch, at, err);
}

bool letter_address(struct letters *letters, struct batch *batch, const struct error *err)
{
    struct record *letter = &batch->records[batch->count - 1];
    const struct record_meta *came = letter->meta;
    uint32_t old = came ? came->header_count : 0;
    uint32_t own = letter->flags & RECORD_TRUNCATED ? LETTER_HEADERS : LETTER_TRUNCATED;
    write_origin(letters, letter);
    struct record_meta *meta = ARENA_NEW(&batch->arena, struct record_meta);
    struct header *headers = ARENA_ARRAY(&batch->arena, struct header, old + own);
    size_t text_max = NUMBER_TEXT_MAX + LOCATED_MAX + letters->named[LETTER_SPLIT].len + err->len;
    char *text = arena_alloc(&batch->arena, text_max, 1);
    if (!meta || !headers || !text)
        return false;
    write_texts(letters, batch, letter, text, err);
    letters->batch = batch;
    *meta = came ? *came : (struct record_meta){0};
    if (old)
        memcpy(headers, came->headers, sizeof *headers * old);
    memcpy(headers + old, letters->named, sizeof *headers * own);
    meta->headers = headers;
    meta->header_count = old + own;
    letter->meta = meta;
    return true;
}
