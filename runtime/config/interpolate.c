// SPDX-License-Identifier: MIT
#include "config/interpolate.h"
#include "base/alloc.h"
#include "base/error.h"
#include "config/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NESTING_MAX = 8, VALUE_MAX = 1 << 20 };

// One scalar while it is expanded. After the first problem nothing more is said about it.
struct expansion {
    struct interpolation *state;
    struct place place;
    struct buf out;
    bool secret, put; // put: something was put in
    int depth;
};

static int expand(struct expansion *ex, const char *text, size_t len, struct buf *out);

// Says what is wrong; ERR_INPUT ends this scalar.
static int wrong(struct expansion *ex, enum reason reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int wrong(struct expansion *ex, enum reason reason, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    problem_add(ex->state->problems, ex->place, reason, "%s", text);
    return ERR_INPUT;
}

static int append(struct expansion *ex, struct buf *out, const char *text, size_t len)
{
    int code = buf_append(out, text, len);
    if (code != ERR_LIMIT)
        return code;
    return wrong(ex, REASON_TOO_LARGE, "more than 1024 KiB after ${...} was put in");
}

// The `}` that closes what starts at `text`, over nested ${...}; NULL: none.
static const char *find_close(const char *text, const char *end)
{
    for (int open = 1; text < end; text++) {
        if (*text == '$' && text + 1 < end && text[1] == '{')
            open++;
        else if (*text == '}' && --open == 0)
            return text;
    }
    return NULL;
}

static int check_secret(struct expansion *ex, const struct buf *content, const char *path)
{
    if (!content->len || text_check_utf8(content->data, content->len) < 0)
        return 0;
    return wrong(ex, REASON_NOT_TEXT, "'%s' is not text (UTF-8 without NUL)", path);
}

static int read_secret(struct expansion *ex, const char *path, struct buf *out)
{
    struct buf content;
    struct error err = ERROR_INIT;
    buf_init(&content, INTERPOLATE_SECRET_MAX);
    int code = text_read_file(path, &content, &err);
    if (code == ERR_INPUT)
        (void)wrong(ex, REASON_UNREADABLE_FILE, "${file:...}: %s", err.text);
    if (!code)
        code = check_secret(ex, &content, path);
    if (!code && content.len && content.data[content.len - 1] == '\n')
        content.len--;
    if (!code && content.len && content.data[content.len - 1] == '\r')
        content.len--;
    if (!code)
        code = append(ex, out, content.data, content.len);
    if (content.data)
        explicit_bzero(content.data, content.cap);
    buf_deinit(&content);
    return code;
}

static int put_file(struct expansion *ex, const char *path, size_t len, struct buf *out)
{
    struct buf name;
    buf_init(&name, 4096);
    int code = expand(ex, path, len, &name);
    if (!code && !name.len)
        code = wrong(ex, REASON_INTERPOLATION, "${file:...} needs a path");
    char *dir = NULL, *full = NULL;
    if (!code) {
        dir = text_dirname(ex->place.line && ex->place.file ? ex->place.file : "");
        full = dir ? text_join(dir, buf_cstr(&name)) : NULL;
        code = full ? read_secret(ex, full, out) : ERR_NOMEM;
    }
    ex->secret = true;
    mem_free(full);
    mem_free(dir);
    buf_deinit(&name);
    return code;
}

static bool is_name_char(char c, bool first)
{
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (!first && c >= '0' && c <= '9');
}

static int say_message(struct expansion *ex, const char *name, const char *text, size_t len)
{
    struct buf message;
    buf_init(&message, VALUE_MAX);
    int code = expand(ex, text, len, &message);
    if (!code && ex->secret)
        code = wrong(ex, REASON_NOT_SET, "%s is not set", name);
    else if (!code && message.len)
        problem_add(ex->state->problems, ex->place, REASON_NOT_SET, "%s is not set: %s", name,
                    buf_cstr(&message));
    else if (!code)
        problem_add(ex->state->problems, ex->place, REASON_NOT_SET, "%s is not set", name);
    buf_deinit(&message);
    return code ? code : ERR_INPUT;
}

// NAME, NAME:-default or NAME:?message.
static int put_variable(struct expansion *ex, const char *text, size_t len, struct buf *out)
{
    char name[256];
    size_t n = 0;
    while (n < len && is_name_char(text[n], n == 0))
        n++;
    bool alone = n == len;
    bool colon = n + 1 < len && text[n] == ':' && (text[n + 1] == '-' || text[n + 1] == '?');
    if (!n || n >= sizeof name || (!alone && !colon))
        return wrong(ex, REASON_INTERPOLATION,
                     "'${%.*s}': expected ${NAME}, ${NAME:-default}, ${NAME:?message} or "
                     "${file:PATH}; write $$ for a dollar sign",
                     (int)len, text);
    memcpy(name, text, n);
    name[n] = 0;
    const char *value = getenv(name);
    if (value && (*value || alone)) {
        if (text_check_utf8(value, strlen(value)) >= 0)
            return wrong(ex, REASON_NOT_TEXT, "the value of %s is not valid UTF-8", name);
        return append(ex, out, value, strlen(value));
    }
    if (alone)
        return wrong(ex, REASON_NOT_SET, "%s is not set; ${%s:-default} gives a default", name,
                     name);
    if (text[n + 1] == '?')
        return say_message(ex, name, text + n + 2, len - n - 2);
    return expand(ex, text + n + 2, len - n - 2, out);
}

static int expand(struct expansion *ex, const char *text, size_t len, struct buf *out)
{
    if (++ex->depth > NESTING_MAX)
        return wrong(ex, REASON_INTERPOLATION, "${...} nested too deep");
    const char *end = text + len;
    int code = 0;
    while (text < end && !code) {
        const char *dollar = memchr(text, '$', (size_t)(end - text));
        const char *stop = dollar ? dollar : end;
        code = append(ex, out, text, (size_t)(stop - text));
        text = stop;
        if (!dollar || code)
            continue;
        char next = dollar + 1 < end ? dollar[1] : 0;
        if (next != '{') {
            code = append(ex, out, "$", 1);
            text += next == '$' ? 2 : 1;
            continue;
        }
        const char *inner = dollar + 2, *close = find_close(inner, end);
        if (!close)
            return wrong(ex, REASON_INTERPOLATION, "'${' without '}'; write $$ for a dollar sign");
        ex->put = true;
        size_t inner_len = (size_t)(close - inner);
        code = inner_len >= 5 && memcmp(inner, "file:", 5) == 0
                   ? put_file(ex, inner + 5, inner_len - 5, out)
                   : put_variable(ex, inner, inner_len, out);
        text = close + 1;
    }
    ex->depth--;
    return code;
}

static int interpolate_scalar(struct interpolation *state, struct tree *tree)
{
    if (!strchr(tree->text, '$'))
        return 0;
    struct expansion ex = {.state = state, .place = tree->place};
    buf_init(&ex.out, VALUE_MAX);
    int code = expand(&ex, tree->text, strlen(tree->text), &ex.out);
    state->total += ex.out.len;
    if (!code && state->total > INTERPOLATE_TOTAL_MAX) {
        problem_add(state->problems, tree->place, REASON_TOO_LARGE,
                    "more than 16 MiB after ${...} was put in");
        code = ERR_INPUT;
    }
    char *copy = code ? NULL : arena_copy(&state->pool->arena, buf_cstr(&ex.out), ex.out.len + 1);
    if (!code && !copy)
        code = ERR_NOMEM;
    if (!code) {
        tree->text = copy;
        tree->interpolated = ex.put;
        tree->secret = ex.secret;
    }
    buf_deinit(&ex.out);
    return code == ERR_INPUT ? 0 : code;
}

int interpolate(struct interpolation *state, struct tree *tree)
{
    if (tree->kind == TREE_SCALAR)
        return interpolate_scalar(state, tree);
    int code = 0;
    for (uint32_t i = 0; i < tree->count && !code; i++)
        code = interpolate(state, tree->items[i].value);
    return code;
}
