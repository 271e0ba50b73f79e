// SPDX-License-Identifier: MIT
#include "config/text.h"
#include "base/alloc.h"
#include "base/utf8.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int too_large(const char *path, const struct buf *out, struct error *err)
{
    (void)error_set(err, ERR_INPUT, "'%s' is larger than %zu KiB", path, out->max >> 10);
    (void)error_as(err, REASON_TOO_LARGE);
    return ERR_INPUT;
}

static int read_open_file(int fd, const char *path, struct buf *out, struct error *err)
{
    struct stat st;
    if (fstat(fd, &st))
        return error_errno(err, ERR_INPUT, errno, "cannot read '%s'", path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, ERR_INPUT, "'%s' is not a file", path);
    for (uint64_t offset = 0;;) {
        char part[8192];
        size_t got = 0;
        int code = io_pread(fd, path, part, sizeof part, offset, &got, err);
        if (code)
            return code == ERR_NOMEM ? code : ERR_INPUT;
        if (!got)
            return 0;
        code = buf_append(out, part, got);
        if (code == ERR_LIMIT)
            return too_large(path, out, err);
        if (code)
            return error_nomem(err);
        offset += got;
    }
}

int text_read_file(const char *path, struct buf *out, struct error *err)
{
    // NONBLOCK: a FIFO must be refused, not waited for.
    int fd = (int)TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (fd < 0)
        return error_errno(err, ERR_INPUT, errno, "cannot read '%s'", path);
    int code = read_open_file(fd, path, out, err);
    (void)close(fd);
    return code;
}

char *text_dirname(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return mem_strdup(".");
    return mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

char *text_join(const char *dir, const char *path)
{
    if (*path == '/' || strcmp(dir, ".") == 0)
        return mem_strdup(path);
    size_t dir_len = strlen(dir), len = strlen(path);
    char *joined = mem_alloc(dir_len + len + 2);
    if (!joined)
        return NULL;
    memcpy(joined, dir, dir_len);
    joined[dir_len] = '/';
    memcpy(joined + dir_len + 1, path, len + 1);
    return joined;
}

int64_t text_check_utf8(const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t count = utf8_char(text + i, len - i, NULL);
        if (!text[i] || !count)
            return (int64_t)i;
        i += count;
    }
    return -1;
}

size_t text_clean(char *text, size_t len, size_t max)
{
    if (len > max) {
        for (len = max; len && ((unsigned char)text[len] & 0xc0) == 0x80;)
            len--;
    }
    utf8_clean(text, len);
    return len;
}

static int json_char(unsigned char c, struct buf *out)
{
    switch (c) {
    case '"':
        return buf_puts(out, "\\\"");
    case '\\':
        return buf_puts(out, "\\\\");
    case '\n':
        return buf_puts(out, "\\n");
    case '\r':
        return buf_puts(out, "\\r");
    case '\t':
        return buf_puts(out, "\\t");
    default:
        return c < 0x20 || c == 0x7f ? buf_printf(out, "\\u%04x", c) : buf_putc(out, (char)c);
    }
}

int text_json(const char *text, struct buf *out)
{
    int code = buf_putc(out, '"');
    for (; *text && !code; text++)
        code = json_char((unsigned char)*text, out);
    return code ? code : buf_putc(out, '"');
}
