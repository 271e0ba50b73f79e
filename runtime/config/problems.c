// SPDX-License-Identifier: MIT
#include "config/problems.h"
#include "base/alloc.h"
#include "base/error.h"
#include "config/text.h"

#include <string.h>

enum { TEXT_MAX = 2000, NO_FILE = UINT32_MAX, HIDDEN_MIN = 4 };

void problems_init(struct problems *problems)
{
    memset(problems, 0, sizeof *problems);
}

void problems_deinit(struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        mem_free((char *)(uintptr_t)problems->items[i].text);
    for (size_t i = 0; i < problems->file_count; i++) {
        mem_free(problems->files[i].name);
        mem_free(problems->files[i].text);
    }
    for (size_t i = 0; i < problems->hidden_count; i++)
        mem_free(problems->hidden[i]);
    mem_free(problems->items);
    mem_free(problems->files);
    mem_free(problems->hidden);
    problems_init(problems);
}

static uint32_t find_file(const struct problems *problems, const char *name)
{
    for (size_t i = 0; i < problems->file_count; i++)
        if (strcmp(problems->files[i].name, name) == 0)
            return (uint32_t)i;
    return NO_FILE;
}

int problems_file(struct problems *problems, const char *name, const char *text)
{
    if (find_file(problems, name) != NO_FILE)
        return 0;
    if (mem_grow(&problems->files, &problems->file_cap, problems->file_count + 1,
                 sizeof *problems->files))
        return ERR_NOMEM;
    struct problem_file file = {.name = mem_strdup(name), .text = text ? mem_strdup(text) : NULL};
    if (!file.name || (text && !file.text)) {
        mem_free(file.name);
        mem_free(file.text);
        return ERR_NOMEM;
    }
    problems->files[problems->file_count++] = file;
    return 0;
}

int problems_hide(struct problems *problems, const char *secret)
{
    if (strlen(secret) < HIDDEN_MIN)
        return 0; // would make the line unreadable and hides nothing
    if (mem_grow(&problems->hidden, &problems->hidden_cap, problems->hidden_count + 1,
                 sizeof *problems->hidden))
        return ERR_NOMEM;
    char *copy = mem_strdup(secret);
    if (!copy)
        return ERR_NOMEM;
    problems->hidden[problems->hidden_count++] = copy;
    return 0;
}

static bool is_known(const struct problems *problems, const struct problem *one)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *other = &problems->items[i];
        if (other->file == one->file && other->place.line == one->place.line &&
            other->place.col == one->place.col && strcmp(other->text, one->text) == 0)
            return true;
    }
    return false;
}

// Takes `text`. False: it was there already.
static bool keep(struct problems *problems, struct place place, bool warning, enum reason reason,
                 char *text)
{
    struct problem one = {.place = place,
                          .file = NO_FILE,
                          .warning = warning,
                          .reason = reason,
                          .text = text,
                          .number = (uint32_t)problems->count};
    if (place.file && problems_file(problems, place.file, NULL) == 0) {
        one.file = find_file(problems, place.file);
        one.place.file = problems->files[one.file].name;
    } else {
        one.place = (struct place){0};
    }
    bool known = is_known(problems, &one);
    if (known || problems->count >= PROBLEMS_MAX ||
        mem_grow(&problems->items, &problems->cap, problems->count + 1, sizeof one)) {
        mem_free(text);
        return !known;
    }
    problems->items[problems->count++] = one;
    return true;
}

static void add(struct problems *problems, struct place place, bool warning, enum reason reason,
                const char *fmt, va_list args) __attribute__((format(printf, 5, 0)));

static void add(struct problems *problems, struct place place, bool warning, enum reason reason,
                const char *fmt, va_list args)
{
    struct buf text;
    buf_init(&text, TEXT_MAX * 16);
    bool is_new = true;
    if (buf_vprintf(&text, fmt, args) == 0) {
        text.len = text_clean(text.data, text.len, TEXT_MAX);
        char *copy = mem_strndup(text.data ? text.data : "", text.len);
        if (copy)
            is_new = keep(problems, place, warning, reason, copy);
    }
    if (!warning && is_new)
        problems->errors++;
    buf_deinit(&text);
}

void problem_add(struct problems *problems, struct place place, enum reason reason, const char *fmt,
                 ...)
{
    va_list args;
    va_start(args, fmt);
    add(problems, place, false, reason, fmt, args);
    va_end(args);
}

void problem_warn(struct problems *problems, struct place place, enum reason reason,
                  const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    add(problems, place, true, reason, fmt, args);
    va_end(args);
}
