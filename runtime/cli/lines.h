// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/error.h"
#include <stdbool.h>

// Follows a file that grows by lines and may not be there yet.

struct lines {
    const char *path; // borrowed
    int fd;           // -1: not there yet
    struct buf rest;  // bytes read and not handed out
    size_t taken;     // of these
};

void lines_init(struct lines *lines, const char *path);
void lines_deinit(struct lines *lines);
// The next whole line without its newline, valid until the next call; false: none yet, or *code.
bool lines_next(struct lines *lines, const char **line, size_t *len, int *code, struct error *err);
