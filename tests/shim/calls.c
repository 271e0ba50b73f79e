// SPDX-License-Identifier: MIT
#include "shim.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

// The calls that can be made to fail. Each is the real one behind a question.

#define EXPORT __attribute__((visibility("default")))

// A call whose failure is -1: its type, name, parameters, arguments, and the path or descriptor
// that the plan's filter looks at.
#define CALL(type, name, params, args, path, fd)                                                   \
    EXPORT type name params;                                                                       \
    EXPORT type name params                                                                        \
    {                                                                                              \
        static type(*next) params;                                                                 \
        if (!next)                                                                                 \
            *(void **)(void *)&next = shim_next(#name);                                            \
        enum shim_fault fault = shim_decide(#name, path, fd);                                      \
        type result = fault == SHIM_FAIL ? (type)-1 : next args;                                   \
        shim_done(fault);                                                                          \
        return result;                                                                             \
    }

// A call that moves up to `len` bytes: short is the half of them, at least one.
#define TRANSFER(name, params, args, fd, len)                                                      \
    EXPORT ssize_t name params;                                                                    \
    EXPORT ssize_t name params                                                                     \
    {                                                                                              \
        static ssize_t(*next) params;                                                              \
        if (!next)                                                                                 \
            *(void **)(void *)&next = shim_next(#name);                                            \
        enum shim_fault fault = shim_decide(#name, NULL, fd);                                      \
        if (fault == SHIM_FAIL)                                                                    \
            return -1;                                                                             \
        if ((fault == SHIM_SHORT || fault == SHIM_TORN) && len > 1)                                \
            len /= 2;                                                                              \
        ssize_t result = next args;                                                                \
        shim_done(fault);                                                                          \
        return result;                                                                             \
    }

TRANSFER(read, (int fd, void *bytes, size_t len), (fd, bytes, len), fd, len)
TRANSFER(pread, (int fd, void *bytes, size_t len, off_t at), (fd, bytes, len, at), fd, len)
TRANSFER(write, (int fd, const void *bytes, size_t len), (fd, bytes, len), fd, len)
TRANSFER(pwrite, (int fd, const void *bytes, size_t len, off_t at), (fd, bytes, len, at), fd, len)
TRANSFER(recv, (int fd, void *bytes, size_t len, int flags), (fd, bytes, len, flags), fd, len)
TRANSFER(send, (int fd, const void *bytes, size_t len, int flags), (fd, bytes, len, flags), fd, len)

// The first part alone, and half of that.
EXPORT ssize_t writev(int fd, const struct iovec *parts, int count)
{
    static ssize_t (*next)(int, const struct iovec *, int);
    if (!next)
        *(void **)(void *)&next = shim_next("writev");
    enum shim_fault fault = shim_decide("writev", NULL, fd);
    if (fault == SHIM_FAIL)
        return -1;
    bool whole = fault == SHIM_NONE || fault == SHIM_LAST || count < 1;
    struct iovec half = count < 1 ? (struct iovec){0} : parts[0];
    half.iov_len = half.iov_len > 1 ? half.iov_len / 2 : half.iov_len;
    ssize_t result = whole ? next(fd, parts, count) : next(fd, &half, 1);
    shim_done(fault);
    return result;
}

static int open_one(const char *name, const char *path, int flags, mode_t mode)
{
    static int (*next)(const char *, int, ...);
    if (!next)
        *(void **)(void *)&next = shim_next("open");
    enum shim_fault fault = shim_decide(name, path, -1);
    int fd = fault == SHIM_FAIL ? -1 : next(path, flags, mode);
    shim_done(fault);
    return fd;
}

EXPORT int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    return open_one("open", path, flags, mode);
}

// Closes in any case, as Linux does.
EXPORT int close(int fd)
{
    static int (*next)(int);
    if (!next)
        *(void **)(void *)&next = shim_next("close");
    enum shim_fault fault = shim_decide("close", NULL, fd);
    int rc = next(fd);
    return fault == SHIM_FAIL ? -1 : rc;
}

CALL(int, fsync, (int fd), (fd), NULL, fd)
CALL(int, fdatasync, (int fd), (fd), NULL, fd)
CALL(int, ftruncate, (int fd, off_t len), (fd, len), NULL, fd)
CALL(int, rename, (const char *from, const char *to), (from, to), from, -1)
CALL(int, renameat2, (int a, const char *from, int b, const char *to, unsigned flags),
     (a, from, b, to, flags), from, -1)
CALL(int, mkdir, (const char *path, mode_t mode), (path, mode), path, -1)
CALL(int, unlink, (const char *path), (path), path, -1)
CALL(int, stat, (const char *path, struct stat *st), (path, st), path, -1)
CALL(int, fstat, (int fd, struct stat *st), (fd, st), NULL, fd)
CALL(int, flock, (int fd, int how), (fd, how), NULL, fd)
CALL(int, socket, (int family, int type, int protocol), (family, type, protocol), NULL, -1)
CALL(int, connect, (int fd, const struct sockaddr *to, socklen_t len), (fd, to, len), NULL, fd)
CALL(int, accept4, (int fd, struct sockaddr *from, socklen_t *len, int flags),
     (fd, from, len, flags), NULL, fd)
CALL(int, bind, (int fd, const struct sockaddr *to, socklen_t len), (fd, to, len), NULL, fd)
CALL(int, listen, (int fd, int backlog), (fd, backlog), NULL, fd)
CALL(int, epoll_create1, (int flags), (flags), NULL, -1)
CALL(int, epoll_ctl, (int set, int op, int fd, struct epoll_event *event), (set, op, fd, event),
     NULL, fd)
CALL(int, epoll_wait, (int set, struct epoll_event *events, int max, int ms),
     (set, events, max, ms), NULL, set)
CALL(int, eventfd, (unsigned first, int flags), (first, flags), NULL, -1)
CALL(int, inotify_init1, (int flags), (flags), NULL, -1)

// Says its errno by its result.
EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                          void *arg)
{
    static int (*next)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (!next)
        *(void **)(void *)&next = shim_next("pthread_create");
    int before = errno;
    if (shim_decide("pthread_create", NULL, -1) != SHIM_FAIL)
        return next(thread, attr, run, arg);
    int code = errno;
    errno = before;
    return code;
}
