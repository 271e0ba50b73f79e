// SPDX-License-Identifier: MIT
#include "state/lock.h"
#include "base/clock.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { POLL_NS = 20000000 };

static int say_holder(int fd, const char *dir, const char *path, const char *state,
                      struct error *err)
{
    char pid[24] = "";
    size_t got;
    if (io_pread(fd, path, pid, sizeof pid - 1, 0, &got, NULL))
        got = 0;
    pid[got] = 0;
    pid[strspn(pid, "0123456789")] = 0;
    return error_set(err, ERR_REFUSED, "%s: %s by process %s", dir, state,
                     pid[0] ? pid : "(unknown)");
}

static int take(int fd, const char *dir, const char *path, uint32_t wait_ms, const char *state,
                struct error *err)
{
    char pid[24];
    struct clock *clock = clock_system();
    int64_t end = clock_mono_ns(clock) + (int64_t)wait_ms * 1000000;
    while (flock(fd, LOCK_EX | LOCK_NB)) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return error_errno(err, ERR_IO, errno, "%s: cannot lock", path);
        if (clock_mono_ns(clock) >= end)
            return say_holder(fd, dir, path, state, err);
        nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
    }
    int len = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    int code = io_truncate(fd, path, 0, err);
    return code ? code : io_write_all(fd, path, pid, (size_t)len, err); // its first write
}

int dir_lock(int *fd, const char *dir, uint32_t wait_ms, const char *state, struct error *err)
{
    char path[PATH_MAX];
    *fd = -1;
    if (snprintf(path, sizeof path, "%s/lock", dir) >= (int)sizeof path)
        return error_set(err, ERR_INPUT, "%.64s...: the path is too long", dir);
    int code = io_open(fd, path, O_RDWR | O_CREAT, 0644, err);
    if (code)
        return code;
    code = take(*fd, dir, path, wait_ms, state, err);
    if (code) {
        close(*fd);
        *fd = -1;
    }
    return code;
}
