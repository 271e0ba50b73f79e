// SPDX-License-Identifier: MIT
#include "support/nomem.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <netdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The names are the linker's: --wrap=f makes f __wrap_f, and __real_f what f was.
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

#define EXPORT __attribute__((visibility("default")))

static atomic_uint_fast64_t left, failures; // left: calls up to the one that fails; 0: off
static atomic_bool all_after;
static atomic_int_fast64_t live;

EXPORT void nomem_fail_at(uint64_t n, bool and_all_after)
{
    atomic_store(&left, 0);
    atomic_store(&all_after, and_all_after);
    atomic_store(&failures, 0);
    atomic_store(&left, n);
}

EXPORT uint64_t nomem_fail_count(void)
{
    return atomic_load(&failures);
}

EXPORT int64_t nomem_live(void)
{
    return atomic_load(&live);
}

EXPORT bool nomem_hit(void)
{
    uint_fast64_t now = atomic_load(&left);
    while (now > 1 && !atomic_compare_exchange_weak(&left, &now, now - 1))
        ;
    if (now != 1)
        return false;
    if (!atomic_load(&all_after))
        atomic_store(&left, 0);
    atomic_fetch_add(&failures, 1);
    errno = ENOMEM;
    return true;
}

static void *born(void *allocated)
{
    if (allocated)
        atomic_fetch_add(&live, 1);
    return allocated;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *allocated);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t len);
FILE *__real_fopen(const char *path, const char *mode);
DIR *__real_opendir(const char *path);
int __real_glob(const char *pattern, int flags, int (*error)(const char *, int), glob_t *found);
int __real_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                       struct addrinfo **found);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *),
                          void *arg);

void *__wrap_malloc(size_t size)
{
    return nomem_hit() ? NULL : born(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return nomem_hit() ? NULL : born(__real_calloc(count, size));
}

void *__wrap_realloc(void *old, size_t size)
{
    if (nomem_hit())
        return NULL;
    return old ? __real_realloc(old, size) : born(__real_malloc(size));
}

void __wrap_free(void *allocated)
{
    if (allocated)
        atomic_fetch_sub(&live, 1);
    __real_free(allocated);
}

char *__wrap_strdup(const char *text)
{
    return nomem_hit() ? NULL : born(__real_strdup(text));
}

char *__wrap_strndup(const char *text, size_t len)
{
    return nomem_hit() ? NULL : born(__real_strndup(text, len));
}

int __wrap_asprintf(char **out, const char *fmt, ...)
{
    if (nomem_hit())
        return -1;
    va_list args;
    va_start(args, fmt);
    int len = vasprintf(out, fmt, args);
    va_end(args);
    if (len >= 0)
        born(*out);
    return len;
}

// What getline is with the optimiser, too.
ssize_t __wrap___getdelim(char **line, size_t *room, int end, FILE *file)
{
    if (nomem_hit())
        return -1;
    char *before = *line;
    ssize_t len = getdelim(line, room, end, file);
    if (!before)
        born(*line);
    return len;
}

ssize_t __wrap_getline(char **line, size_t *room, FILE *file)
{
    return __wrap___getdelim(line, room, '\n', file);
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
    return nomem_hit() ? NULL : __real_fopen(path, mode);
}

DIR *__wrap_opendir(const char *path)
{
    return nomem_hit() ? NULL : __real_opendir(path);
}

int __wrap_glob(const char *pattern, int flags, int (*error)(const char *, int), glob_t *found)
{
    return nomem_hit() ? GLOB_NOSPACE : __real_glob(pattern, flags, error, found);
}

int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                       struct addrinfo **found)
{
    return nomem_hit() ? EAI_MEMORY : __real_getaddrinfo(host, port, hints, found);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *),
                          void *arg)
{
    return nomem_hit() ? EAGAIN : __real_pthread_create(thread, how, run, arg);
}

// -- libraries that a plugin may have: weak, as others have not. Declared here as their ABI is. --

#define WEAK __attribute__((weak))

int WEAK __real_deflateInit2_(void *stream, int level, int method, int window, int memory,
                              int strategy, const char *version, int size);
int WEAK __real_inflateInit2_(void *stream, int window, const char *version, int size);
void *WEAK __real_ZSTD_createCCtx(void);
void *WEAK __real_ZSTD_createDCtx(void);
void *WEAK __real_rd_kafka_new(int type, void *conf, char *why, size_t size);

int __wrap_deflateInit2_(void *stream, int level, int method, int window, int memory, int strategy,
                         const char *version, int size)
{
    enum { Z_MEM_ERROR = -4 };
    return nomem_hit() ? Z_MEM_ERROR
                       : __real_deflateInit2_(stream, level, method, window, memory, strategy,
                                              version, size);
}

int __wrap_inflateInit2_(void *stream, int window, const char *version, int size)
{
    enum { Z_MEM_ERROR = -4 };
    return nomem_hit() ? Z_MEM_ERROR : __real_inflateInit2_(stream, window, version, size);
}

void *__wrap_ZSTD_createCCtx(void)
{
    return nomem_hit() ? NULL : __real_ZSTD_createCCtx();
}

void *__wrap_ZSTD_createDCtx(void)
{
    return nomem_hit() ? NULL : __real_ZSTD_createDCtx();
}

void *__wrap_rd_kafka_new(int type, void *conf, char *why, size_t size)
{
    if (!nomem_hit())
        return __real_rd_kafka_new(type, conf, why, size);
    (void)snprintf(why, size, "out of memory");
    return NULL;
}
