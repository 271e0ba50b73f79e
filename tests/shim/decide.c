// SPDX-License-Identifier: MIT
#include "shim.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { KILL_BEFORE = -1, KILL_AFTER = -2, KILL_WITHIN = -3 };

static struct {
    const char *call, *path, *report;
    long nth, times;
    int code;
    atomic_long seen;
} plan;

static long number(const char *name, long otherwise)
{
    const char *text = getenv(name);
    return text ? strtol(text, NULL, 10) : otherwise;
}

__attribute__((constructor)) static void read_plan(void)
{
    plan.call = getenv("SHIM_CALL");
    plan.path = getenv("SHIM_PATH");
    plan.report = getenv("SHIM_REPORT");
    plan.nth = number("SHIM_NTH", 1);
    plan.times = number("SHIM_TIMES", 1);
    plan.code = (int)number("SHIM_CODE", EIO);
}

void *shim_next(const char *name)
{
    void *next = dlsym(RTLD_NEXT, name);
    if (!next)
        abort();
    return next;
}

// What a descriptor stands for; "" when that is nothing.
static const char *target_of(int fd, char *target, size_t size)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long n = fd < 0 ? -1 : syscall(SYS_readlink, link, target, size - 1);
    target[n < 0 ? 0 : n] = '\0';
    return target;
}

// An eventfd takes its eight bytes or is interrupted; it knows no other failure.
static bool concerns(const char *path, int fd)
{
    char target[4096];
    if (!path)
        path = target_of(fd, target, sizeof target);
    if (strstr(path, "[eventfd]") && plan.code != EINTR)
        return false;
    return !plan.path || strstr(path, plan.path);
}

// By raw calls, which nobody makes fail.
static void report(void)
{
    int fd = plan.report ? (int)syscall(SYS_openat, AT_FDCWD, plan.report, O_WRONLY | O_CREAT, 0666)
                         : -1;
    if (fd >= 0)
        syscall(SYS_close, fd);
}

enum shim_fault shim_decide(const char *call, const char *path, int fd)
{
    if (!plan.call || strcmp(call, plan.call) != 0)
        return SHIM_NONE;
    int before = errno;
    bool mine = concerns(path, fd);
    errno = before;
    if (!mine)
        return SHIM_NONE;
    long n = atomic_fetch_add(&plan.seen, 1) + 1;
    if (n < plan.nth || n >= plan.nth + plan.times)
        return SHIM_NONE;
    if (n == plan.nth)
        report();
    if (plan.code == KILL_BEFORE)
        raise(SIGKILL);
    errno = plan.code > 0 ? plan.code : before;
    if (plan.code > 0)
        return SHIM_FAIL;
    return plan.code == KILL_AFTER ? SHIM_LAST : plan.code == KILL_WITHIN ? SHIM_TORN : SHIM_SHORT;
}

void shim_done(enum shim_fault fault)
{
    if (fault == SHIM_LAST || fault == SHIM_TORN)
        raise(SIGKILL);
}
