// SPDX-License-Identifier: MIT
#include "config/text.h"
#include "base/alloc.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
            return error_set(err, ERR_INPUT, "'%s' is larger than %zu KiB", path, out->max >> 10);
        if (code)
            return error_nomem(err);
        offset += got;
    }
}

int text_read_file(const char *path, struct buf *out, struct error *err)
{
    // NONBLOCK: a FIFO must be refused, not waited for.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
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

// Length of the sequence that `lead` starts, and the least code point that may be written so long.
static int sequence(unsigned char lead, uint32_t *least)
{
    if (lead < 0x80)
        return 1;
    if ((lead & 0xe0) == 0xc0)
        return *least = 0x80, 2;
    if ((lead & 0xf0) == 0xe0)
        return *least = 0x800, 3;
    if ((lead & 0xf8) == 0xf0)
        return *least = 0x10000, 4;
    return 0;
}

int64_t text_check_utf8(const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        unsigned char lead = (unsigned char)text[i];
        uint32_t least = 0;
        int count = sequence(lead, &least);
        if (!lead || !count || (size_t)count > len - i)
            return (int64_t)i;
        uint32_t code = count == 1 ? lead : lead & (0x7fu >> count);
        for (int k = 1; k < count; k++) {
            unsigned char next = (unsigned char)text[i + (size_t)k];
            if ((next & 0xc0) != 0x80)
                return (int64_t)i;
            code = code << 6 | (next & 0x3f);
        }
        if (code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return (int64_t)i;
        i += (size_t)count;
    }
    return -1;
}

size_t text_clean(char *text, size_t len, size_t max)
{
    if (len > max) {
        for (len = max; len && ((unsigned char)text[len] & 0xc0) == 0x80;)
            len--;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i],
                      next = i + 1 < len ? (unsigned char)text[i + 1] : 0;
        if (c == '\t')
            text[i] = ' ';
        else if (c < 0x20 || c == 0x7f)
            text[i] = '?';
        else if (c == 0xc2 && next >= 0x80 && next < 0xa0) // U+0080 to U+009F
            text[i] = text[i + 1] = '?';
    }
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
