// SPDX-License-Identifier: MIT
#include "base/io.h"
#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// A kind of calls that can be told to fail.
struct seam {
    struct fault fault;
    _Atomic int errnum;
};

static struct seam changes, reads;
static _Atomic bool cut_short;

static void seam_set(struct seam *seam, uint64_t n, int errnum, bool and_all_after)
{
    atomic_store(&seam->errnum, errnum);
    fault_set(&seam->fault, n, and_all_after);
}

// True: this call has to fail, errno is set.
static bool must_fail(struct seam *seam)
{
    if (!fault_hits(&seam->fault))
        return false;
    errno = atomic_load(&seam->errnum);
    return true;
}

void io_fail_at(uint64_t n, int errnum, bool and_all_after)
{
    seam_set(&changes, n, errnum, and_all_after);
}

uint64_t io_fail_count(void)
{
    return atomic_load(&changes.fault.failed);
}

void io_fail_read_at(uint64_t n, int errnum, bool and_all_after)
{
    seam_set(&reads, n, errnum, and_all_after);
}

uint64_t io_fail_read_count(void)
{
    return atomic_load(&reads.fault.failed);
}

void io_cut_short(bool on)
{
    atomic_store(&cut_short, on);
}

static size_t shorter(size_t len)
{
    return len > 1 && atomic_load_explicit(&cut_short, memory_order_relaxed) ? len / 2 : len;
}

int io_open(int *fd, const char *path, int flags, mode_t mode, struct error *err)
{
    struct seam *seam = flags & (O_CREAT | O_TRUNC) ? &changes : &reads;
    do
        *fd = must_fail(seam) ? -1 : open(path, flags | O_CLOEXEC, mode);
    while (*fd < 0 && errno == EINTR);
    return *fd < 0 ? error_errno(err, ERR_IO, errno, "%s: cannot open", path) : 0;
}

// What io_fail_at promises: half of the bytes are there.
static void write_half(int fd, const struct iovec *part)
{
    int errnum = errno;
    ssize_t done = write(fd, part->iov_base, part->iov_len / 2);
    (void)done;
    errno = errnum;
}

static ssize_t write_once(int fd, struct iovec *parts, size_t count)
{
    if (must_fail(&changes)) {
        if (errno != EINTR)
            write_half(fd, parts);
        return -1;
    }
    if (shorter(parts->iov_len) < parts->iov_len)
        return write(fd, parts->iov_base, shorter(parts->iov_len));
    return writev(fd, parts, (int)(count < IOV_MAX ? count : IOV_MAX));
}

static int write_some(int fd, struct iovec *parts, size_t count, size_t *done)
{
    ssize_t n;
    do
        n = write_once(fd, parts, count);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -1;
    *done = (size_t)n;
    return 0;
}

int io_writev_all(int fd, const char *path, struct iovec *parts, size_t count, struct error *err)
{
    while (count) {
        if (parts->iov_len == 0) {
            parts++;
            count--;
            continue;
        }
        size_t done = 0;
        if (write_some(fd, parts, count, &done))
            return error_errno(err, ERR_IO, errno, "%s: cannot write", path);
        while (count && done >= parts->iov_len) {
            done -= parts->iov_len;
            parts++;
            count--;
        }
        if (done) {
            parts->iov_base = (char *)parts->iov_base + done;
            parts->iov_len -= done;
        }
    }
    return 0;
}

int io_write_all(int fd, const char *path, const void *bytes, size_t len, struct error *err)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
    return io_writev_all(fd, path, &part, 1, err);
}

static ssize_t read_once(int fd, void *bytes, size_t len, uint64_t offset)
{
    return must_fail(&reads) ? -1 : pread(fd, bytes, shorter(len), (off_t)offset);
}

int io_pread(int fd, const char *path, void *bytes, size_t len, uint64_t offset, size_t *got,
             struct error *err)
{
    *got = 0;
    while (*got < len) {
        ssize_t n = read_once(fd, (char *)bytes + *got, len - *got, offset + *got);
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, ERR_IO, errno, "%s: cannot read at %llu", path,
                               (unsigned long long)offset);
        *got += (size_t)n;
    }
    return 0;
}

// A sync that was interrupted or failed is not made again: pages may be marked clean by then.
int io_datasync(int fd, const char *path, struct error *err)
{
    if (must_fail(&changes) || fdatasync(fd))
        return error_errno(err, ERR_IO, errno, "%s: cannot sync to disk", path);
    return 0;
}

int io_fsync_dir(const char *path, struct error *err)
{
    int fd;
    int code = io_open(&fd, path, O_RDONLY | O_DIRECTORY, 0, err);
    if (code)
        return code;
    if (must_fail(&changes) || fsync(fd))
        code = error_errno(err, ERR_IO, errno, "%s: cannot sync the directory to disk", path);
    close(fd);
    return code;
}

int io_truncate(int fd, const char *path, uint64_t len, struct error *err)
{
    int done = -1;
    if (!must_fail(&changes) || errno == ENOSPC) { // a full disk still lets go
        do
            done = ftruncate(fd, (off_t)len);
        while (done && errno == EINTR);
    }
    if (done)
        return error_errno(err, ERR_IO, errno, "%s: cannot cut to %llu bytes", path,
                           (unsigned long long)len);
    return 0;
}

static int parent_of(const char *path, char out[PATH_MAX], struct error *err)
{
    const char *slash = strrchr(path, '/');
    int len = !slash          ? snprintf(out, PATH_MAX, ".")
              : slash == path ? snprintf(out, PATH_MAX, "/")
                              : snprintf(out, PATH_MAX, "%.*s", (int)(slash - path), path);
    if (len < 0 || len >= PATH_MAX)
        return error_set(err, ERR_INPUT, "%.64s...: the path is too long", path);
    return 0;
}

int io_rename(const char *from, const char *to, struct error *err)
{
    if (must_fail(&changes) || rename(from, to))
        return error_errno(err, ERR_IO, errno, "%s: cannot rename to %s", from, to);
    char dir[PATH_MAX];
    int code = parent_of(to, dir, err);
    return code ? code : io_fsync_dir(dir, err);
}

static int make_dir(const char *path, struct error *err)
{
    if (mkdir(path, 0755) == 0) {
        char parent[PATH_MAX];
        int code = parent_of(path, parent, err);
        return code ? code : io_fsync_dir(parent, err);
    }
    if (errno == EEXIST)
        return 0;
    return error_errno(err, ERR_IO, errno, "%s: cannot make the directory", path);
}

int io_mkdir_all(const char *path, struct error *err)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len >= sizeof part)
        return error_set(err, ERR_INPUT, "%.64s...: the path is too long", path);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != 0)
            continue;
        memcpy(part, path, i);
        part[i] = 0;
        int code = make_dir(part, err);
        if (code)
            return code;
    }
    struct stat st;
    if (stat(path, &st) || !S_ISDIR(st.st_mode))
        return error_set(err, ERR_IO, "%s: is not a directory", path);
    return 0;
}
