// SPDX-License-Identifier: MIT
#include "record/template.h"
#include "base/alloc.h"
#include "record/json.h"
#include <time.h>

enum { PARTS_MAX = 64 };

enum part_kind { PART_TEXT, PART_FIELD, PART_DATE, PART_HOUR };

struct part {
    enum part_kind kind;
    uint32_t at, len; // PART_TEXT: in `text`
    struct path path; // else
};

struct template
{
    char *text; // the literal parts, one after the other
    uint32_t text_len;
    uint32_t count;
    struct part parts[PARTS_MAX];
};

static struct part *add_part(struct template *tpl, enum part_kind kind, struct error *err)
{
    if (tpl->count == PARTS_MAX) {
        error_set(err, ERR_INPUT, "more than %d parts", PARTS_MAX);
        return NULL;
    }
    struct part *part = &tpl->parts[tpl->count++];
    *part = (struct part){.kind = kind, .at = tpl->text_len};
    return part;
}

static int add_char(struct template *tpl, char c, struct error *err)
{
    struct part *last = tpl->count ? &tpl->parts[tpl->count - 1] : NULL;
    if (!last || last->kind != PART_TEXT)
        last = add_part(tpl, PART_TEXT, err);
    if (!last)
        return ERR_INPUT;
    tpl->text[tpl->text_len++] = c;
    last->len++;
    return 0;
}

// `text` is behind the opening brace; *end is set to the closing one.
static int add_field(struct template *tpl, const char *text, const char **end, struct error *err)
{
    *end = strchr(text, '}');
    if (!*end)
        return error_set(err, ERR_INPUT, "'{%s': the brace is not closed", text);
    if (*end == text)
        return error_set(err, ERR_INPUT, "'{}': a field name is missing");
    char *name = mem_strndup(text, (size_t)(*end - text));
    if (!name)
        return error_nomem(err);
    enum part_kind kind = PART_FIELD;
    if (strcmp(name, "date") == 0)
        kind = PART_DATE;
    else if (strcmp(name, "hour") == 0)
        kind = PART_HOUR;
    int code = ERR_INPUT;
    struct path path;
    if (strchr(name, '{'))
        error_set(err, code, "'{%s}': a brace inside a field name", name);
    else
        code = path_compile(&path, name, err);
    mem_free(name);
    if (code)
        return code;
    struct part *part = add_part(tpl, kind, err);
    if (!part) {
        path_deinit(&path);
        return ERR_INPUT;
    }
    part->path = path;
    return 0;
}

static int compile(struct template *tpl, const char *text, struct error *err)
{
    for (; *text; text++) {
        int code;
        if ((*text == '{' || *text == '}') && text[1] == *text)
            code = add_char(tpl, *text++, err);
        else if (*text == '{')
            code = add_field(tpl, text + 1, &text, err);
        else if (*text == '}')
            code = error_set(err, ERR_INPUT, "a closing brace without an opening one (write '}}')");
        else
            code = add_char(tpl, *text, err);
        if (code)
            return code;
    }
    return 0;
}

int template_new(struct template **out, const char *text, struct error *err)
{
    *out = NULL;
    struct template *tpl = mem_zalloc(sizeof *tpl);
    if (!tpl)
        return error_nomem(err);
    tpl->text = mem_alloc(strlen(text) + 1);
    if (!tpl->text) {
        template_free(tpl);
        return error_nomem(err);
    }
    int code = compile(tpl, text, err);
    if (code) {
        error_prefix(err, "template '%s'", text);
        template_free(tpl);
        return code;
    }
    *out = tpl;
    return 0;
}

void template_free(struct template *tpl)
{
    if (!tpl)
        return;
    for (uint32_t i = 0; i < tpl->count; i++)
        if (tpl->parts[i].kind != PART_TEXT)
            path_deinit(&tpl->parts[i].path);
    mem_free(tpl->text);
    mem_free(tpl);
}

bool template_is_constant(const struct template *tpl)
{
    for (uint32_t i = 0; i < tpl->count; i++)
        if (tpl->parts[i].kind != PART_TEXT)
            return false;
    return true;
}

static int put_time(const struct record *record, enum part_kind kind, struct buf *out,
                    struct error *err)
{
    const char *name = kind == PART_DATE ? "date" : "hour";
    if (record->time == TIME_NONE)
        return error_set(err, ERR_DATA, "{%s}: the record has neither such a field nor a time",
                         name);
    time_t seconds = record->time / 1000 - (record->time % 1000 < 0);
    struct tm utc;
    char text[64];
    if (!gmtime_r(&seconds, &utc))
        return error_set(err, ERR_DATA, "{%s}: the record's time is out of range", name);
    size_t len = strftime(text, sizeof text, kind == PART_DATE ? "%Y-%m-%d" : "%H", &utc);
    return buf_append(out, text, len);
}

static int put_part(struct batch *batch, struct record *record, struct template *tpl,
                    struct part *part, struct buf *out, struct error *err)
{
    if (part->kind == PART_TEXT)
        return buf_append(out, tpl->text + part->at, part->len);
    struct value value = path_read(batch, record, &part->path);
    if (value.type == VALUE_ABSENT && part->kind != PART_FIELD)
        return put_time(record, part->kind, out, err);
    if (value.type == VALUE_STRING)
        return buf_append(out, value.bytes, value.len);
    if (value.type == VALUE_INT || value.type == VALUE_FLOAT || value.type == VALUE_BOOL)
        return json_write_value(value, out, err);
    return error_set(err, ERR_DATA, "{%s}: the field is %s; expected a string, number or boolean",
                     part->path.text, value_type_name(value.type));
}

int template_expand(struct batch *batch, struct record *record, struct template *tpl,
                    struct buf *out, struct error *err)
{
    size_t start = out->len;
    for (uint32_t i = 0; i < tpl->count; i++) {
        int code = put_part(batch, record, tpl, &tpl->parts[i], out, err);
        if (code) {
            out->len = start;
            return code;
        }
    }
    return 0;
}
