// SPDX-License-Identifier: MIT
#include "disk.h"
#include "row.h"
#include "base/io.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FDS = 256, DIR_MAX = 128 };

struct entry { // a file that was made or written to since the last crash
    char path[PATH_MAX];
    off_t synced;
    bool named; // its name is durable
};

static struct {
    char dir[DIR_MAX];
    struct dice dice;
    struct entry *entries;
    size_t count, cap;
    uint32_t of_fd[FDS]; // entry + 1
    uint32_t calls, die_at, fault_at;
    bool dead, had_fault;
} disk;

int __real_io_open(int *fd, const char *path, int flags, mode_t mode, struct error *err);
int __real_io_writev_all(int fd, const char *path, struct iovec *parts, size_t count,
                         struct error *err);
int __real_io_datasync(int fd, const char *path, struct error *err);
int __real_io_fsync_dir(const char *path, struct error *err);
int __real_io_truncate(int fd, const char *path, uint64_t len, struct error *err);
int __real_io_rename(const char *from, const char *to, struct error *err);
int __real_io_mkdir_all(const char *path, struct error *err);
int __real_unlink(const char *path);
int __real_unlinkat(int dir, const char *path, int flags);
int __real_rmdir(const char *path);

// -- what is durable --

static struct entry *find(const char *path)
{
    for (size_t i = 0; i < disk.count; i++)
        if (!strcmp(disk.entries[i].path, path))
            return &disk.entries[i];
    return NULL;
}

static struct entry *add(const char *path)
{
    struct entry *entry = find(path);
    if (!entry) {
        disk.entries = sim_grow(disk.entries, &disk.cap, disk.count + 1, sizeof *disk.entries);
        entry = &disk.entries[disk.count++];
    }
    *entry = (struct entry){.synced = 0};
    snprintf(entry->path, sizeof entry->path, "%s", path);
    return entry;
}

static off_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) ? -1 : st.st_size;
}

static struct entry *of_fd(int fd)
{
    return fd >= 0 && fd < FDS && disk.of_fd[fd] ? &disk.entries[disk.of_fd[fd] - 1] : NULL;
}

// -- calls --

enum fate { DONE, FAILS, DIES };

static enum fate fate(void)
{
    if (disk.dead)
        return FAILS;
    disk.calls++;
    if (disk.die_at && disk.calls == disk.die_at) {
        disk.dead = true;
        return DIES;
    }
    disk.had_fault |= disk.fault_at && disk.calls == disk.fault_at;
    return disk.fault_at && disk.calls == disk.fault_at ? FAILS : DONE;
}

static int fail(struct error *err, const char *path)
{
    return error_errno(err, ERR_IO, ENOSPC, "%s", path);
}

int __wrap_io_open(int *fd, const char *path, int flags, mode_t mode, struct error *err);
int __wrap_io_open(int *fd, const char *path, int flags, mode_t mode, struct error *err)
{
    off_t before = size_of(path);
    *fd = -1;
    if ((flags & (O_CREAT | O_TRUNC)) && fate() != DONE)
        return fail(err, path);
    int rc = __real_io_open(fd, path, flags, mode, err);
    if (rc || *fd >= FDS)
        return rc;
    disk.of_fd[*fd] = 0;
    if ((flags & O_ACCMODE) == O_RDONLY)
        return rc;
    struct entry *entry = find(path);
    if (!entry || before < 0) {
        entry = add(path);
        entry->named = before >= 0;
        entry->synced = before > 0 ? before : 0;
    }
    if (flags & O_TRUNC)
        entry->synced = 0;
    disk.of_fd[*fd] = (uint32_t)(entry - disk.entries) + 1;
    return rc;
}

int __wrap_io_writev_all(int fd, const char *path, struct iovec *parts, size_t count,
                         struct error *err);
int __wrap_io_writev_all(int fd, const char *path, struct iovec *parts, size_t count,
                         struct error *err)
{
    enum fate is = fate();
    if (is == DONE)
        return __real_io_writev_all(fd, path, parts, count, err);
    if (is == DIES && count) {
        ssize_t done = write(fd, parts->iov_base, parts->iov_len / 2);
        (void)done;
    }
    return fail(err, path);
}

int __wrap_io_write_all(int fd, const char *path, const void *bytes, size_t len, struct error *err);
int __wrap_io_write_all(int fd, const char *path, const void *bytes, size_t len, struct error *err)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
    return __wrap_io_writev_all(fd, path, &part, 1, err);
}

int __wrap_io_datasync(int fd, const char *path, struct error *err);
int __wrap_io_datasync(int fd, const char *path, struct error *err)
{
    struct entry *entry = of_fd(fd);
    struct stat st;
    if (fate() != DONE)
        return fail(err, path);
    if (entry && !fstat(fd, &st))
        entry->synced = st.st_size;
    return 0;
}

static void sync_names(const char *dir)
{
    size_t len = strlen(dir);
    for (size_t i = 0; i < disk.count; i++) {
        struct entry *entry = &disk.entries[i];
        if (!strncmp(entry->path, dir, len) && entry->path[len] == '/' &&
            !strchr(entry->path + len + 1, '/'))
            entry->named = true;
    }
}

int __wrap_io_fsync_dir(const char *path, struct error *err);
int __wrap_io_fsync_dir(const char *path, struct error *err)
{
    if (fate() != DONE)
        return fail(err, path);
    sync_names(path);
    return 0;
}

int __wrap_io_truncate(int fd, const char *path, uint64_t len, struct error *err);
int __wrap_io_truncate(int fd, const char *path, uint64_t len, struct error *err)
{
    struct entry *entry = of_fd(fd);
    if (fate() != DONE)
        return fail(err, path);
    if (entry && entry->synced > (off_t)len)
        entry->synced = (off_t)len;
    return __real_io_truncate(fd, path, len, err);
}

// Of a file, or of a directory with all that is in it. What the new name was is gone.
static void move_entries(const char *from, const char *to)
{
    size_t len = strlen(from);
    struct entry *old = find(to), *moved = find(from);
    if (old && moved)
        old->path[0] = '\0';
    for (size_t i = 0; i < disk.count; i++) {
        struct entry *entry = &disk.entries[i];
        char rest[PATH_MAX];
        if (strncmp(entry->path, from, len) != 0 || (entry->path[len] && entry->path[len] != '/'))
            continue;
        snprintf(rest, sizeof rest, "%s", entry->path + len);
        snprintf(entry->path, sizeof entry->path, "%.2000s%.2000s", to, rest);
    }
    if (moved)
        moved->named = true;
}

int __wrap_io_rename(const char *from, const char *to, struct error *err);
int __wrap_io_rename(const char *from, const char *to, struct error *err)
{
    enum fate is = fate();
    if (is == FAILS || (is == DIES && dice_chance(&disk.dice, 50)))
        return fail(err, from);
    int rc = __real_io_rename(from, to, err);
    if (!rc)
        move_entries(from, to);
    return is == DIES ? fail(err, from) : rc;
}

int __wrap_io_mkdir_all(const char *path, struct error *err);
int __wrap_io_mkdir_all(const char *path, struct error *err)
{
    return fate() == DONE ? __real_io_mkdir_all(path, err) : fail(err, path);
}

static int refuse(void)
{
    errno = EIO;
    return -1;
}

int __wrap_unlink(const char *path);
int __wrap_unlink(const char *path)
{
    return fate() == DONE ? __real_unlink(path) : refuse();
}

int __wrap_unlinkat(int dir, const char *path, int flags);
int __wrap_unlinkat(int dir, const char *path, int flags)
{
    return fate() == DONE ? __real_unlinkat(dir, path, flags) : refuse();
}

int __wrap_rmdir(const char *path);
int __wrap_rmdir(const char *path)
{
    return fate() == DONE ? __real_rmdir(path) : refuse();
}

// -- its life --

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)walk;
    return type == FTW_DP ? __real_rmdir(path) : __real_unlink(path);
}

static void remove_all(const char *dir)
{
    if (size_of(dir) >= 0 && nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS))
        abort();
}

void disk_begin(const char *dir, struct dice dice)
{
    disk.dice = dice;
    disk.count = disk.calls = disk.die_at = disk.fault_at = 0;
    disk.dead = disk.had_fault = false;
    memset(disk.of_fd, 0, sizeof disk.of_fd);
    snprintf(disk.dir, sizeof disk.dir, "%s", dir);
    remove_all(dir);
}

void disk_end(void)
{
    remove_all(disk.dir);
    free(disk.entries);
    disk.entries = NULL;
    disk.count = disk.cap = 0;
}

void disk_die_at(uint32_t n)
{
    disk.die_at = n ? disk.calls + n : 0;
}

void disk_die(void)
{
    disk.dead = true;
}

bool disk_is_dead(void)
{
    return disk.dead;
}

void disk_fault_at(uint32_t n)
{
    disk.fault_at = n ? disk.calls + n : 0;
}

bool disk_had_fault(void)
{
    bool had = disk.had_fault;
    disk.had_fault = false;
    return had;
}

// Of the bytes behind `synced` some part is kept, perhaps with a hole, or with the end of its last
// block unwritten.
static void tear(struct entry *entry, off_t size)
{
    uint32_t loose = (uint32_t)(size - entry->synced);
    off_t kept = entry->synced + (dice_chance(&disk.dice, 30)   ? 0
                                  : dice_chance(&disk.dice, 40) ? loose
                                                                : dice_below(&disk.dice, loose));
    if (truncate(entry->path, kept))
        abort();
    if (kept == entry->synced || !dice_chance(&disk.dice, 40))
        return;
    int fd = open(entry->path, O_WRONLY | O_CLOEXEC);
    char zeros[64] = {0};
    off_t at = entry->synced + dice_below(&disk.dice, (uint32_t)(kept - entry->synced));
    size_t len = (size_t)(kept - at) < sizeof zeros ? (size_t)(kept - at) : sizeof zeros;
    if (fd < 0 || pwrite(fd, zeros, len, at) != (ssize_t)len)
        abort();
    close(fd);
}

void disk_crash(void)
{
    for (size_t i = 0; i < disk.count; i++) {
        struct entry *entry = &disk.entries[i];
        off_t size = entry->path[0] ? size_of(entry->path) : -1;
        if (size < 0)
            continue;
        if (!entry->named && dice_chance(&disk.dice, 50))
            __real_unlink(entry->path);
        else if (size > entry->synced)
            tear(entry, size);
    }
    disk.count = 0;
    memset(disk.of_fd, 0, sizeof disk.of_fd);
    disk.dead = false;
    disk.die_at = disk.fault_at = 0;
}
