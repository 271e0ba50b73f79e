// SPDX-License-Identifier: MIT
#include "fuzz/seeds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *path, const char *what)
{
    fprintf(stderr, "%s: %s\n", path, what);
    exit(2);
}

static struct input read_file(const char *path)
{
    struct input input = {malloc(INPUT_MAX), 0};
    FILE *file = fopen(path, "rb");
    if (!file || !input.bytes)
        fail(path, "cannot be read");
    input.len = fread(input.bytes, 1, INPUT_MAX, file);
    fclose(file);
    if (input.len == INPUT_MAX)
        fail(path, "is too large");
    return input;
}

static int hex(uint8_t c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

// One line, without its end, into bytes of their own.
static struct input unescape(const char *path, const uint8_t *line, size_t len)
{
    static const char letters[] = "nrt\\", meant[] = "\n\r\t\\";
    struct input input = {malloc(len + 1), 0};
    if (!input.bytes)
        fail(path, "out of memory");
    for (size_t i = 0; i < len; i++) {
        const char *letter;
        if (line[i] != '\\') {
            input.bytes[input.len++] = line[i];
        } else if (i + 3 < len && line[i + 1] == 'x' && hex(line[i + 2]) >= 0 &&
                   hex(line[i + 3]) >= 0) {
            input.bytes[input.len++] = (uint8_t)(hex(line[i + 2]) * 16 + hex(line[i + 3]));
            i += 3;
        } else if (++i < len && line[i] && (letter = strchr(letters, line[i]))) {
            input.bytes[input.len++] = (uint8_t)meant[letter - letters];
        } else {
            fail(path, "a backslash stands before n, r, t, a backslash or xHH");
        }
    }
    return input;
}

static void add(const char *path, struct input inputs[INPUTS_MAX], size_t *count,
                struct input input)
{
    if (*count == INPUTS_MAX)
        fail(path, "too many inputs");
    inputs[(*count)++] = input;
}

void seeds_read(const char *path, struct input inputs[INPUTS_MAX], size_t *count)
{
    const char *dot = strrchr(path, '.');
    struct input file = read_file(path);
    if (!dot || strcmp(dot, ".txt") != 0) {
        add(path, inputs, count, file);
        return;
    }
    for (size_t at = 0; at < file.len;) {
        const uint8_t *end = memchr(file.bytes + at, '\n', file.len - at);
        size_t len = (end ? (size_t)(end - file.bytes) : file.len) - at;
        if (len && file.bytes[at] != '#')
            add(path, inputs, count, unescape(path, file.bytes + at, len));
        at += len + 1;
    }
    free(file.bytes);
}
