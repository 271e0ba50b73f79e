// SPDX-License-Identifier: MIT
#include "cli/error_pages.h"

#include "base/alloc.h"
#include "base/error.h"
#include "cli/embedded.h"
#include "config/text.h"

#include <string.h>

static const char heading[] = "\n## ", fence[] = "```";

enum { HEADING_LEN = sizeof heading - 1, FENCE_LEN = sizeof fence - 1 };

struct piece {
    const char *at;
    size_t len;
};

// The next line of `rest` without its newline; false at the end.
static bool next_line(struct piece *rest, struct piece *line)
{
    if (!rest->len)
        return false;
    const char *end = memchr(rest->at, '\n', rest->len);
    *line = (struct piece){rest->at, end ? (size_t)(end - rest->at) : rest->len};
    size_t used = line->len + (end != NULL);
    *rest = (struct piece){rest->at + used, rest->len - used};
    return true;
}

static bool is_fence(struct piece line)
{
    return line.len >= FENCE_LEN && memcmp(line.at, fence, FENCE_LEN) == 0;
}

bool error_page_next(struct error_page *page, size_t *cursor)
{
    const char *all = (const char *)error_texts[0].bytes;
    size_t len = error_texts[0].len;
    const char *start = memmem(all + *cursor, len - *cursor, heading, HEADING_LEN);
    if (!start)
        return false;
    start += HEADING_LEN;
    size_t left = len - (size_t)(start - all);
    const char *end = memmem(start, left, heading, HEADING_LEN);
    struct piece rest = {start, end ? (size_t)(end + 1 - start) : left}, line = {0};
    *cursor = end ? (size_t)(end - all) : len;
    *page = (struct error_page){0};
    if (next_line(&rest, &line)) {
        page->code = line.at;
        page->code_len = line.len;
    }
    while (next_line(&rest, &line) && !line.len)
        continue;
    page->summary = line.at;
    page->summary_len = line.len;
    page->text = rest.at;
    page->text_len = rest.len;
    return true;
}

bool error_page_find(struct error_page *page, const char *code)
{
    size_t cursor = 0, len = strlen(code);
    while (error_page_next(page, &cursor))
        if (page->code_len == len && memcmp(page->code, code, len) == 0)
            return true;
    return false;
}

// What the words behind ``` say: the language, and "wrong" or "right" ("" when neither).
static const char *kind_of(struct piece line)
{
    if (memmem(line.at, line.len, " wrong", 6))
        return "wrong";
    return memmem(line.at, line.len, " right", 6) ? "right" : "";
}

int error_page_print(const struct error_page *page, struct buf *out)
{
    struct piece rest = {page->text, page->text_len}, line;
    bool in_block = false;
    int code = buf_printf(out, "%.*s: %.*s\n", (int)page->code_len, page->code,
                          (int)page->summary_len, page->summary);
    while (!code && next_line(&rest, &line)) {
        if (!is_fence(line)) {
            code = buf_printf(out, "%s%.*s\n", in_block && line.len ? "    " : "", (int)line.len,
                              line.at);
            continue;
        }
        in_block = !in_block;
        if (in_block && *kind_of(line))
            code = buf_printf(out, "%s:\n\n", kind_of(line));
    }
    while (!code && out->len > 1 && out->data[out->len - 2] == '\n')
        out->len--;
    return code;
}

static int put_text(struct buf *out, const char *name, const char *at, size_t len)
{
    char *copy = mem_strndup(at, len);
    if (!copy)
        return ERR_NOMEM;
    int code = buf_printf(out, "\"%s\":", name);
    if (!code)
        code = text_json(copy, out);
    mem_free(copy);
    return code;
}

static int put_example(struct buf *out, struct piece head, struct piece body)
{
    size_t language = FENCE_LEN;
    while (language < head.len && head.at[language] != ' ')
        language++;
    int code = buf_printf(out, "{\"kind\":\"%s\",", kind_of(head));
    if (!code)
        code = put_text(out, "language", head.at + FENCE_LEN, language - FENCE_LEN);
    if (!code)
        code = buf_putc(out, ',');
    if (!code)
        code = put_text(out, "text", body.at, body.len);
    return code ? code : buf_putc(out, '}');
}

static int put_examples(const struct error_page *page, struct buf *out)
{
    struct piece rest = {page->text, page->text_len}, line, head = {0};
    bool first = true;
    int code = 0;
    while (!code && next_line(&rest, &line)) {
        if (!is_fence(line))
            continue;
        if (!head.at) {
            head = line;
            continue;
        }
        const char *body = head.at + head.len + 1;
        code = first ? 0 : buf_putc(out, ',');
        if (!code)
            code = put_example(out, head, (struct piece){body, (size_t)(line.at - body)});
        head.at = NULL;
        first = false;
    }
    return code;
}

int error_page_json(const struct error_page *page, struct buf *out)
{
    int code = buf_putc(out, '{');
    if (!code)
        code = put_text(out, "code", page->code, page->code_len);
    if (!code)
        code = buf_putc(out, ',');
    if (!code)
        code = put_text(out, "summary", page->summary, page->summary_len);
    if (!code)
        code = buf_putc(out, ',');
    if (!code)
        code = put_text(out, "text", page->text, page->text_len);
    if (!code)
        code = buf_puts(out, ",\"examples\":[");
    if (!code)
        code = put_examples(page, out);
    return code ? code : buf_puts(out, "]}");
}
