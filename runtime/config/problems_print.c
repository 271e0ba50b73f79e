// SPDX-License-Identifier: MIT
#include "config/problems.h"
#include "base/alloc.h"
#include "base/error.h"
#include "config/text.h"

#include <stdlib.h>
#include <string.h>

// The texts of the files named by problems, read once for all of their source lines.
struct sources {
    char **texts; // by index of the file; NULL: not read, or not there
};

enum { SHOWN_MAX = 120, INDENT = 2 }; // columns of a source line that are shown

static int by_place(const void *a, const void *b)
{
    const struct problem *x = *(const struct problem *const *)a;
    const struct problem *y = *(const struct problem *const *)b;
    uint32_t xs[4] = {x->file + 1, x->place.line, x->place.col, x->number};
    uint32_t ys[4] = {y->file + 1, y->place.line, y->place.col, y->number};
    for (int i = 0; i < 4; i++)
        if (xs[i] != ys[i])
            return xs[i] < ys[i] ? -1 : 1;
    return 0;
}

static const struct problem **sorted(const struct problems *problems)
{
    const struct problem **list = mem_array(problems->count, sizeof *list);
    if (!list)
        return NULL;
    for (size_t i = 0; i < problems->count; i++)
        list[i] = &problems->items[i];
    qsort(list, problems->count, sizeof(const struct problem *), by_place);
    return list;
}

// The start of line `line`, or NULL.
static const char *find_line(const char *text, uint32_t line)
{
    for (uint32_t at = 1; text && at < line; at++) {
        text = strchr(text, '\n');
        if (text)
            text++;
    }
    return text;
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

// Stars instead of what must not be shown.
static void hide(const struct problems *problems, char *line)
{
    for (size_t i = 0; i < problems->hidden_count; i++) {
        size_t len = strlen(problems->hidden[i]);
        for (char *at = line; (at = strstr(at, problems->hidden[i])); at += len)
            memset(at, '*', len);
    }
}

// The line, cut around the column, and the caret below it.
static int print_line(const char *line, uint32_t col, struct buf *out, const char *on,
                      const char *off)
{
    uint32_t from = col > SHOWN_MAX - 20 ? col - (SHOWN_MAX - 20) : 0, at = 0;
    int code = buf_printf(out, "%*s", INDENT, "");
    for (const char *c = line; *c && !code; c++) {
        at += !is_continuation(*c);
        if (at > from && at <= from + SHOWN_MAX)
            code = buf_putc(out, *c);
    }
    if (!code)
        code = buf_printf(out, "\n%*s", INDENT, "");
    at = 0;
    for (const char *c = line; *c && at + 1 < col && !code; c++) {
        if (is_continuation(*c))
            continue;
        at++;
        if (at > from)
            code = buf_putc(out, ' ');
    }
    return code ? code : buf_printf(out, "%s^%s\n", on, off);
}

static const char *source_of(const struct problems *problems, struct sources *sources,
                             uint32_t file)
{
    if (problems->files[file].text)
        return problems->files[file].text;
    if (!sources->texts[file]) {
        struct buf text;
        buf_init(&text, TEXT_FILE_MAX);
        if (text_read_file(problems->files[file].name, &text, NULL) == 0)
            sources->texts[file] = mem_strndup(text.data ? text.data : "", text.len);
        buf_deinit(&text);
    }
    return sources->texts[file];
}

static int print_source(const struct problems *problems, struct sources *sources,
                        const struct problem *one, struct buf *out, bool colours)
{
    if (one->file == UINT32_MAX || !one->place.line || !one->place.col)
        return 0;
    const char *start = find_line(source_of(problems, sources, one->file), one->place.line);
    if (!start || !*start)
        return 0;
    char *line = mem_strndup(start, strcspn(start, "\r\n"));
    if (!line)
        return ERR_NOMEM;
    hide(problems, line);
    (void)text_clean(line, strlen(line), SIZE_MAX);
    int code = print_line(line, one->place.col, out, colours ? "\033[1;32m" : "",
                          colours ? "\033[0m" : "");
    mem_free(line);
    return code;
}

static int print_head(const struct problem *one, struct buf *out, bool colours)
{
    const char *bold = colours ? "\033[1m" : "", *off = colours ? "\033[0m" : "";
    const char *tint = !colours ? "" : one->warning ? "\033[1;35m" : "\033[1;31m";
    int code = buf_puts(out, bold);
    if (!code && one->place.file)
        code = buf_puts(out, one->place.file);
    if (!code && one->place.file && one->place.line)
        code = buf_printf(out, ":%u", one->place.line);
    if (!code && one->place.file && one->place.line && one->place.col)
        code = buf_printf(out, ":%u", one->place.col);
    if (!code && one->place.file)
        code = buf_puts(out, ": ");
    return code ? code
                : buf_printf(out, "%s%s%s:%s %s [%s]\n", off, tint,
                             one->warning ? "warning" : "error", off, one->text,
                             reason_code(one->reason));
}

int problems_print(const struct problems *problems, struct buf *out, bool colours)
{
    if (!problems->count)
        return problems->errors ? buf_puts(out, "error: out of memory [out-of-memory]\n") : 0;
    const struct problem **list = sorted(problems);
    struct sources sources = {mem_zalloc((problems->file_count + 1) * sizeof(char *))};
    int code = list && sources.texts ? 0 : ERR_NOMEM;
    size_t shown = 0;
    for (size_t i = 0; i < problems->count && !code; i++) {
        code = print_head(list[i], out, colours);
        if (!code)
            code = print_source(problems, &sources, list[i], out, colours);
        shown += !list[i]->warning;
    }
    if (!code && problems->errors > shown)
        code = buf_printf(out, "and %zu more errors\n", problems->errors - shown);
    for (size_t i = 0; sources.texts && i < problems->file_count; i++)
        mem_free(sources.texts[i]);
    mem_free(sources.texts);
    mem_free(list);
    return code;
}

static int json_problem(const struct problem *one, struct buf *out)
{
    int code = buf_puts(out, "{\"file\":");
    if (!code)
        code = one->place.file ? text_json(one->place.file, out) : buf_puts(out, "null");
    if (!code)
        code = buf_printf(
            out, ",\"line\":%u,\"column\":%u,\"severity\":\"%s\",\"code\":\"%s\",\"message\":",
            one->place.line, one->place.col, one->warning ? "warning" : "error",
            reason_code(one->reason));
    if (!code)
        code = text_json(one->text, out);
    return code ? code : buf_putc(out, '}');
}

int problems_json(const struct problems *problems, struct buf *out)
{
    const struct problem **list = sorted(problems);
    if (!list && problems->count)
        return ERR_NOMEM;
    int code = buf_putc(out, '[');
    for (size_t i = 0; i < problems->count && !code; i++) {
        code = i ? buf_putc(out, ',') : 0;
        if (!code)
            code = json_problem(list[i], out);
    }
    mem_free(list);
    return code ? code : buf_putc(out, ']');
}
