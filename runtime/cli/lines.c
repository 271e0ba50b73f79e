// SPDX-License-Identifier: MIT
#include "cli/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1 << 20, CHUNK = 16384 };

void lines_init(struct lines *lines, const char *path)
{
    *lines = (struct lines){.path = path, .fd = -1};
    buf_init(&lines->rest, LINE_MAX_BYTES);
}

void lines_deinit(struct lines *lines)
{
    if (lines->fd >= 0)
        close(lines->fd);
    buf_deinit(&lines->rest);
}

static bool take(struct lines *lines, const char **line, size_t *len)
{
    size_t left = lines->rest.len - lines->taken;
    const char *from = left ? lines->rest.data + lines->taken : NULL;
    const char *end = from ? memchr(from, '\n', left) : NULL;
    if (!end)
        return false;
    *line = from;
    *len = (size_t)(end - from);
    lines->taken += *len + 1;
    return true;
}

// Bytes read; 0: none now; or a code.
static int fill(struct lines *lines, struct error *err)
{
    buf_consume(&lines->rest, lines->taken);
    lines->taken = 0;
    if (lines->fd < 0)
        lines->fd = (int)TEMP_FAILURE_RETRY(open(lines->path, O_RDONLY | O_CLOEXEC));
    if (lines->fd < 0)
        return errno == ENOENT ? 0 : error_errno(err, ERR_IO, errno, "%s", lines->path);
    int code = buf_reserve(&lines->rest, CHUNK);
    if (code)
        return error_set(err, code, "%s: a line is too long", lines->path);
    ssize_t got = read(lines->fd, lines->rest.data + lines->rest.len, CHUNK);
    if (got < 0)
        return errno == EINTR ? 0 : error_errno(err, ERR_IO, errno, "%s", lines->path);
    lines->rest.len += (size_t)got;
    return (int)got;
}

bool lines_next(struct lines *lines, const char **line, size_t *len, int *code, struct error *err)
{
    *code = 0;
    while (!take(lines, line, len)) {
        int got = fill(lines, err);
        if (got <= 0) {
            *code = got;
            return false;
        }
    }
    return true;
}
