// SPDX-License-Identifier: MIT
#pragma once
#include "sink_test.h"
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

// What the tests of compressed files share: each kind of compression that this build has, and what
// its own library says of a file.

struct kind {
    const char *name, *suffix;
    // Bytes of content, or -1: not a valid file.
    ssize_t (*unpack)(const char *path, char *out, size_t size);
    // Adds a frame with `text` to the file.
    void (*pack)(const char *path, const char *text, size_t len);
};

static inline void append_bytes(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
        abort();
    close(fd);
}

#ifdef HAVE_ZLIB
static inline ssize_t gzip_unpack(const char *path, char *out, size_t size)
{
    gzFile file = gzopen(path, "rb");
    if (!file)
        return -1;
    int n = gzread(file, out, (unsigned)size);
    int left = n == (int)size ? gzgetc(file) : -1;
    int rc = gzclose(file);
    return rc == Z_OK && left == -1 ? n : -1;
}

static inline void gzip_pack(const char *path, const char *text, size_t len)
{
    gzFile file = gzopen(path, "ab");
    if (!file || (len && gzwrite(file, text, (unsigned)len) != (int)len) || gzclose(file) != Z_OK)
        abort();
}
#endif

#ifdef HAVE_ZSTD
static inline ssize_t zstd_unpack(const char *path, char *out, size_t size)
{
    struct stat st;
    size_t len = stat(path, &st) == 0 ? (size_t)st.st_size : 0;
    char *bytes = file_text(path);
    size_t n = ZSTD_decompress(out, size, bytes, len);
    free(bytes);
    return ZSTD_isError(n) ? -1 : (ssize_t)n;
}

static inline void zstd_pack(const char *path, const char *text, size_t len)
{
    size_t room = ZSTD_compressBound(len);
    void *out = malloc(room);
    size_t n = out ? ZSTD_compress(out, room, text, len, 3) : 0;
    if (!n || ZSTD_isError(n))
        abort();
    append_bytes(path, out, n);
    free(out);
}
#endif

static const struct kind kinds[] = {
#ifdef HAVE_ZLIB
    {"gzip", ".gz", gzip_unpack, gzip_pack},
#endif
#ifdef HAVE_ZSTD
    {"zstd", ".zst", zstd_unpack, zstd_pack},
#endif
    {NULL, NULL, NULL, NULL},
};

#define EACH_KIND(kind) for (const struct kind *kind = kinds; kind->name; kind++)

static inline void check_content(const struct kind *kind, const char *path, const char *want)
{
    size_t size = strlen(want) + 1;
    char *out = calloc(1, size + 1);
    ssize_t n = out ? kind->unpack(path, out, size) : -1;
    CU_ASSERT_EQUAL(n, (ssize_t)strlen(want));
    CU_ASSERT_TRUE(n >= 0 && strncmp(out, want, size) == 0);
    if (n != (ssize_t)strlen(want) || strncmp(out, want, size) != 0)
        fprintf(stderr, "%s holds %zd bytes, '%.60s', not '%.60s'\n", path, n, out, want);
    free(out);
}

// Lines that compress about as logs do; the caller frees.
static inline char *many_lines(size_t len)
{
    char *text = malloc(len + 64);
    size_t at = 0;
    if (!text)
        abort();
    for (unsigned seed = 1; at < len; seed = seed * 1103515245u + 12345u)
        at += (size_t)snprintf(text + at, 64, "{\"n\":%u,\"status\":%u}\n", seed, seed >> 16 & 511);
    return text;
}
