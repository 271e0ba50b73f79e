// SPDX-License-Identifier: MIT
#include "lua/condition_text.h"
#include "lua/script_parts.h"
#include "record/record_inline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Conditions become scripts:
//
//   local library__ = _ENV do local _ = library__.string end
//   return function(r) local _ENV = r
//   return ((status >= 500 and library__.string.lower(method) ~= "get"))
//   end
//
// and routes several `if (…) then return 1 end` in one function.

enum { CONDITION_MAX = 64 * 1024, LISTS_MAX = 16 * 1024 };

struct builder {
    struct buf text;  // the body of the function
    struct buf calls; // roots of what is called, each with a NUL
    struct buf fields;
    struct buf file; // "pipeline.yaml", NUL-terminated by buf_cstr
    long first_line; // 0: not known
    long line;       // that the end of `text` is on
    int rc;
};

static void put(struct builder *builder, const char *text)
{
    if (builder->rc == 0)
        builder->rc = buf_puts(&builder->text, text);
}

static long line_of(const char *name, size_t *file_len)
{
    const char *colon = name ? strrchr(name, ':') : NULL;
    *file_len = name ? strlen(name) : 0;
    if (!colon || colon[1] < '1' || colon[1] > '9')
        return 0;
    char *end;
    long line = strtol(colon + 1, &end, 10);
    if (*end || line > 1000000)
        return 0;
    *file_len = (size_t)(colon - name);
    return line;
}

// Newlines up to the line that the expression stands on, so that errors name it.
static void go_to_line(struct builder *builder, const char *name)
{
    size_t file_len;
    long line = line_of(name, &file_len);
    if (builder->first_line == 0) {
        builder->first_line = builder->line = line ? line : 1;
        if (name)
            builder->rc = buf_append(&builder->file, name, file_len);
    }
    for (; builder->line < line && builder->rc == 0; builder->line++)
        put(builder, "\n");
}

static int add_expression(struct builder *builder, const struct script_expression *expression,
                          const char *before, const char *after, struct error *err)
{
    go_to_line(builder, expression->name);
    put(builder, before);
    if (builder->rc != 0)
        return error_set(err, ERR_INPUT, "the conditions are too long");
    int rc =
        condition_rewrite(expression->text, &builder->text, &builder->calls, &builder->fields, err);
    if (rc != 0) {
        error_prefix(err, "%s", expression->name ? expression->name : "condition");
        if (rc == ERR_INPUT)
            (void)error_as(err, REASON_SCRIPT_SYNTAX);
        return rc;
    }
    for (const char *at = expression->text; *at; at++)
        builder->line += *at == '\n';
    put(builder, after);
    return 0;
}

static void builder_init(struct builder *builder)
{
    memset(builder, 0, sizeof *builder);
    buf_init(&builder->text, CONDITION_MAX);
    buf_init(&builder->calls, LISTS_MAX);
    buf_init(&builder->fields, LISTS_MAX);
    buf_init(&builder->file, LISTS_MAX);
}

static void builder_deinit(struct builder *builder)
{
    buf_deinit(&builder->text);
    buf_deinit(&builder->calls);
    buf_deinit(&builder->fields);
    buf_deinit(&builder->file);
}

// The whole source: that of the calls first, so that a function that is not there is found at once.
static int finish(struct builder *builder, struct buf *source, struct error *err)
{
    int rc = builder->rc;
    if (rc == 0)
        rc = buf_puts(source, "local " CONDITION_LIBRARY " = _ENV ");
    for (size_t at = 0; rc == 0 && at < builder->calls.len;) {
        const char *name = builder->calls.data + at;
        rc = buf_printf(source, "do local _ = " CONDITION_LIBRARY ".%s end ", name);
        at += strlen(name) + 1;
    }
    if (rc == 0)
        rc = buf_puts(source, "return function(r) local _ENV = r ");
    if (rc == 0)
        rc = buf_append(source, builder->text.data, builder->text.len);
    if (rc == 0)
        rc = buf_puts(source, " end");
    return rc == 0 ? 0 : error_set(err, rc, "the conditions are too long");
}

static int keep_fields(struct script *script, const struct builder *builder, struct error *err)
{
    uint32_t count = 0;
    for (size_t i = 0; i < builder->fields.len; i++)
        count += builder->fields.data[i] == 0;
    script->fields = ARENA_ARRAY(&script->arena, const char *, count + 1);
    char *bytes = arena_copy(&script->arena, builder->fields.data, builder->fields.len);
    if (!script->fields || !bytes)
        return error_nomem(err);
    for (uint32_t i = 0; i < count; i++) {
        script->fields[i] = bytes;
        bytes += strlen(bytes) + 1;
    }
    script->fields[count] = NULL;
    return 0;
}

static int make(struct script **out, const struct script_source *source, struct builder *builder,
                struct error *err)
{
    struct script *script = NULL;
    struct buf text;
    buf_init(&text, CONDITION_MAX + LISTS_MAX);
    int rc = finish(builder, &text, err);
    struct script_source named = *source;
    named.name = buf_cstr(&builder->file);
    named.text = text.data;
    if (rc == 0)
        rc = script_new(&script, &named, err);
    if (rc == 0)
        rc = keep_fields(script, builder, err);
    if (rc == 0)
        rc = script_start_at(script, &named, text.data, text.len, (int)builder->first_line, err);
    buf_deinit(&text);
    if (rc != 0) {
        script_free(script);
        return rc;
    }
    *out = script;
    return 0;
}

int script_condition(struct script **out, const struct script_source *source, const char *expr,
                     struct error *err)
{
    struct builder builder;
    builder_init(&builder);
    struct script_expression expression = {.text = expr, .name = source->name};
    int rc = add_expression(&builder, &expression, "return (", ")", err);
    if (rc == 0)
        rc = make(out, source, &builder, err);
    builder_deinit(&builder);
    return rc;
}

int script_routes(struct script **out, const struct script_source *source,
                  const struct script_expression *expressions, uint32_t count, bool all,
                  struct error *err)
{
    if (count > SCRIPT_ROUTES_MAX)
        return error_set(err, ERR_INPUT, "more than %d routes", SCRIPT_ROUTES_MAX);
    struct builder builder;
    builder_init(&builder);
    int rc = 0;
    for (uint32_t i = 0; i < count && rc == 0; i++) {
        char after[64];
        (void)snprintf(after, sizeof after,
                       all ? ") then m__ = m__ | 0x%llx end " : ") then return 0x%llx end ",
                       1ull << i);
        rc = add_expression(&builder, &expressions[i],
                            i == 0 && all ? "local m__ = 0 if (" : "if (", after, err);
    }
    put(&builder, all ? "return m__" : "return 0");
    if (rc == 0)
        rc = make(out, source, &builder, err);
    builder_deinit(&builder);
    return rc;
}

// -- errors while it runs --

static void say_field(struct error *err)
{
    char *at;
    while ((at = strstr(err->text, "global '"))) {
        memcpy(at, "field", 5);
        memmove(at + 5, at + 6, strlen(at + 6) + 1);
        err->len--;
    }
}

void condition_hint(const struct script *script, struct batch *batch, struct record *record,
                    struct error *err)
{
    if (err->code != ERR_DATA)
        return;
    say_field(err);
    if (!strstr(err->text, "nil"))
        return;
    for (const char **name = script->fields; *name; name++) {
        int32_t slot = shape_find(record->shape, *name, (uint32_t)strlen(*name));
        enum value_type type = (enum value_type)record_read(batch, record, slot).type;
        if (type != VALUE_ABSENT && type != VALUE_NULL)
            continue;
        char text[sizeof err->text];
        (void)snprintf(text, sizeof text, "%s", err->text);
        error_set(err, ERR_DATA, "%s; field '%s' is %s in this record: write (%s or 0)", text,
                  *name, type == VALUE_NULL ? "null" : "absent", *name);
        return;
    }
}
