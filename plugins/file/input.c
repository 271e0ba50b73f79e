// SPDX-License-Identifier: MIT
#include "input.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { POSITION_VERSION = 1, POSITION_LEN = 18, LOOK_BACK = 64 * 1024, NAME_END = 64 };

struct input *input_new(const char *path, const struct stat *st)
{
    struct input *in = calloc(1, sizeof *in);
    if (!in)
        return NULL;
    in->path = strdup(path);
    if (!in->path) {
        free(in);
        return NULL;
    }
    in->device = st->st_dev;
    in->inode = st->st_ino;
    in->fd = -1;
    in->split = UINT32_MAX;
    return in;
}

void input_free(struct input *in)
{
    if (!in)
        return;
    input_close(in);
    free(in->path);
    free(in);
}

// "@DEVICE:INODE+GENERATION", what follows the path in a split's name.
static void name_end(const struct input *in, char out[NAME_END])
{
    int len = snprintf(out, NAME_END, "@%llx:%llu", (unsigned long long)in->device,
                       (unsigned long long)in->inode);
    if (in->generation)
        snprintf(out + len, (size_t)(NAME_END - len), "+%u", in->generation);
}

char *input_name(const struct input *in)
{
    char *name, end[NAME_END];
    name_end(in, end);
    return asprintf(&name, "%s%s", in->path, end) < 0 ? NULL : name;
}

int input_is_named(const struct input *in, tide_bytes name)
{
    char end[NAME_END];
    name_end(in, end);
    size_t path_len = strlen(in->path), end_len = strlen(end);
    return name.len == path_len + end_len && !memcmp(name.data, in->path, path_len) &&
           !memcmp((const char *)name.data + path_len, end, end_len);
}

int input_open(struct input *in)
{
    if (in->fd >= 0)
        return 0;
    // O_NONBLOCK: a FIFO that took the file's place must not hold us up.
    int fd = (int)TEMP_FAILURE_RETRY(open(in->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (fd < 0)
        return errno;
    struct stat st;
    int code = 0;
    if (fstat(fd, &st) < 0)
        code = errno;
    else if (!S_ISREG(st.st_mode))
        code = ESPIPE;
    else if (st.st_ino != in->inode || st.st_dev != in->device)
        code = ESTALE;
    else if (in->packing != PACKING_NONE)
        code = unpack_new(&in->unpack, in->packing);
    if (code) {
        close(fd);
        return code;
    }
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    in->fd = fd;
    return 0;
}

void input_close(struct input *in)
{
    if (in->fd >= 0)
        close(in->fd);
    in->fd = -1;
    unpack_free(in->unpack);
    in->unpack = NULL;
}

static ssize_t read_at(int fd, void *bytes, size_t size, uint64_t offset)
{
    ssize_t n;
    do
        n = pread(fd, bytes, size, (off_t)offset);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

uint64_t input_hash(const unsigned char *bytes, size_t len)
{
    uint64_t h = 0xcbf29ce484222325u; // FNV-1a
    for (size_t i = 0; i < len; i++)
        h = (h ^ bytes[i]) * 0x100000001b3u;
    return h;
}

void input_put64(unsigned char *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)(value >> (8 * i));
}

uint64_t input_get64(const unsigned char *in)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | in[i];
    return value;
}

size_t input_position(const struct input *in, unsigned char out[INPUT_POSITION])
{
    if (in->unpack)
        return input_position_packed(in, out);
    out[0] = POSITION_VERSION;
    out[1] = in->tail_len;
    input_put64(out + 2, in->offset);
    input_put64(out + 10, input_hash(in->tail, in->tail_len));
    return POSITION_LEN;
}

int input_is_plain_position(tide_bytes position)
{
    const unsigned char *at = position.data;
    return position.len == POSITION_LEN && at[0] == POSITION_VERSION && at[1] <= INPUT_TAIL;
}

int input_seek(struct input *in, tide_bytes position)
{
    const unsigned char *at = position.data;
    if (in->unpack)
        return input_seek_packed(in, position);
    if (input_is_packed_position(position))
        return 0; // until now its content was read
    if (!input_is_plain_position(position))
        return -EINVAL;
    uint64_t offset = input_get64(at + 2);
    size_t len = at[1];
    if (offset < len)
        return -EINVAL;
    unsigned char tail[INPUT_TAIL];
    ssize_t n = read_at(in->fd, tail, len, offset - len);
    if (n < 0)
        return (int)n;
    if ((size_t)n < len || input_hash(tail, len) != input_get64(at + 10))
        return 0;
    memcpy(in->tail, tail, len);
    in->tail_len = (uint8_t)len;
    in->offset = offset;
    return 1;
}

// Sets the offset and reads the bytes before it.
static int place(struct input *in, uint64_t offset)
{
    size_t len = offset < INPUT_TAIL ? (size_t)offset : INPUT_TAIL;
    ssize_t n = read_at(in->fd, in->tail, len, offset - len);
    if (n < 0)
        return (int)-n;
    in->tail_len = (uint8_t)n;
    in->offset = offset;
    return 0;
}

int input_seek_end(struct input *in)
{
    struct stat st;
    if (in->unpack)
        return input_seek_end_packed(in);
    if (fstat(in->fd, &st) < 0)
        return errno;
    uint64_t end = (uint64_t)st.st_size;
    size_t len = end < LOOK_BACK ? (size_t)end : LOOK_BACK;
    char *bytes = malloc(LOOK_BACK);
    if (!bytes)
        return ENOMEM;
    ssize_t n = read_at(in->fd, bytes, len, end - len);
    if (n > 0) {
        const char *newline = memrchr(bytes, '\n', (size_t)n);
        if (newline)
            end = end - len + (uint64_t)(newline + 1 - bytes);
        else if ((size_t)n == end)
            end = 0; // one unfinished line is all there is
    }
    free(bytes);
    return n < 0 ? (int)-n : place(in, end);
}

static void keep_tail(struct input *in, const unsigned char *bytes, size_t len)
{
    if (len >= INPUT_TAIL) {
        memcpy(in->tail, bytes + len - INPUT_TAIL, INPUT_TAIL);
        in->tail_len = INPUT_TAIL;
        return;
    }
    size_t keep = in->tail_len;
    if (keep + len > INPUT_TAIL)
        keep = INPUT_TAIL - len;
    memmove(in->tail, in->tail + in->tail_len - keep, keep);
    memcpy(in->tail + keep, bytes, len);
    in->tail_len = (uint8_t)(keep + len);
}

ssize_t input_read(struct input *in, void *bytes, size_t size)
{
    int at_end = 0;
    ssize_t n = in->unpack ? unpack_read(in->unpack, in->fd, bytes, size, &at_end)
                           : read_at(in->fd, bytes, size, in->offset);
    if (n > 0) {
        keep_tail(in, bytes, (size_t)n);
        in->offset += (uint64_t)n;
    }
    in->at_end = in->unpack ? at_end : n == 0;
    return n;
}

int input_is_cut_off(const struct input *in)
{
    return in->unpack && in->unpack->within;
}

uint64_t input_at(const struct input *in)
{
    return in->unpack ? unpack_at(in->unpack) : in->offset;
}

int64_t input_left(const struct input *in)
{
    struct stat st;
    int code = in->fd >= 0 ? fstat(in->fd, &st) : stat(in->path, &st);
    if (code < 0 || st.st_ino != in->inode || st.st_dev != in->device)
        return -1;
    uint64_t at = input_at(in), end = (uint64_t)st.st_size;
    return end > at ? (int64_t)(end - at) : 0;
}

int input_shrank(const struct input *in)
{
    struct stat st;
    return fstat(in->fd, &st) == 0 && (uint64_t)st.st_size < input_at(in);
}

void input_restart(struct input *in)
{
    in->generation++;
    in->offset = 0;
    in->tail_len = 0;
    if (in->unpack)
        unpack_place(in->unpack, 0);
    in->at_end = 0;
    in->from_end = 0;
    in->state = INPUT_FOUND;
}
