// SPDX-License-Identifier: MIT
#include "outfile.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITE_BEHIND = 8 * 1024 * 1024 };

struct outfile *outfile_new(const char *path, size_t len)
{
    struct outfile *file = calloc(1, sizeof *file);
    if (!file)
        return NULL;
    file->fd = -1;
    file->path = strndup(path, len);
    if (!file->path) {
        free(file);
        return NULL;
    }
    return file;
}

void outfile_free(struct outfile *file)
{
    if (!file)
        return;
    outfile_close(file);
    free(file->path);
    free(file);
}

static int make_parents(const char *path)
{
    char dir[PATH_MAX];
    size_t len = strlen(path);
    if (len >= sizeof dir)
        return -ENAMETOOLONG;
    memcpy(dir, path, len + 1);
    for (char *slash = dir + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        if (mkdir(dir, 0777) < 0 && errno != EEXIST)
            return -errno;
        *slash = '/';
    }
    return 0;
}

static int open_path(const char *path)
{
    int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
    int fd = open(path, flags, 0666);
    if (fd < 0 && errno == ENOENT) {
        int code = make_parents(path);
        if (code)
            return code;
        fd = open(path, flags, 0666);
    }
    return fd < 0 ? -errno : fd;
}

int outfile_open(struct outfile *file, size_t size)
{
    struct stat st;
    int existed = stat(file->path, &st) == 0;
    int fd = open_path(file->path);
    if (fd < 0)
        return fd;
    int code = 0;
    char *buffer = malloc(size);
    if (!buffer)
        code = -ENOMEM;
    else if (fstat(fd, &st) < 0)
        code = -errno;
    else if (S_ISREG(st.st_mode) && flock(fd, LOCK_EX | LOCK_NB) < 0)
        code = errno == EWOULDBLOCK ? OUTFILE_BUSY : -errno;
    if (code) {
        free(buffer);
        close(fd);
        return code;
    }
    file->fd = fd;
    file->buffer = buffer;
    file->size = size;
    file->start = file->used = 0;
    file->regular = S_ISREG(st.st_mode);
    file->inode = st.st_ino;
    file->length = file->regular ? (uint64_t)st.st_size : 0;
    file->behind = file->length;
    if (!file->begun)
        file->base = file->length;
    if (!file->since_ms && st.st_size > 0)
        file->since_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    file->created |= !existed;
    return 0;
}

void outfile_close(struct outfile *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    free(file->buffer);
    file->buffer = NULL;
    file->start = file->used = file->size = 0;
}

// Starts the disk on what was written, so that a sync at the end finds little left to wait for.
// Promises nothing; its failures show at the sync.
static void write_behind(struct outfile *file)
{
    uint64_t written = file->length - (file->used - file->start);
    if (!file->regular || written < file->behind || written - file->behind < WRITE_BEHIND)
        return;
    sync_file_range(file->fd, (off_t)file->behind, (off_t)(written - file->behind),
                    SYNC_FILE_RANGE_WRITE);
    file->behind = written;
}

int outfile_write_out(struct outfile *file)
{
    while (file->start < file->used) {
        ssize_t n = write(file->fd, file->buffer + file->start, file->used - file->start);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        file->dirty = 1;
        file->start += (size_t)n;
    }
    file->start = file->used = 0;
    write_behind(file);
    return 0;
}

int outfile_room(struct outfile *file, size_t len)
{
    if (len <= file->size - file->used)
        return 0;
    int code = outfile_write_out(file);
    if (code || len <= file->size)
        return code;
    char *buffer = realloc(file->buffer, len);
    if (!buffer)
        return -ENOMEM;
    file->buffer = buffer;
    file->size = len;
    return 0;
}

int outfile_sync_parent(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = !slash ? 0 : slash == path ? 1 : (size_t)(slash - path);
    if (len >= sizeof dir)
        return -ENAMETOOLONG;
    memcpy(dir, path, len);
    dir[len] = '\0';
    int fd = open(len ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int code = fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
    close(fd);
    return code;
}

int outfile_sync(struct outfile *file)
{
    if (file->created) {
        int code = outfile_sync_parent(file->path);
        if (code)
            return code;
        file->created = 0;
    }
    if (!file->dirty)
        return 0;
    // A closed one (many paths) is opened for this: the system syncs the file, not the descriptor.
    int fd = file->fd >= 0 ? file->fd : open(file->path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int code = fdatasync(fd) < 0 && errno != EINVAL && errno != EROFS ? -errno : 0;
    if (fd != file->fd)
        close(fd);
    if (!code)
        file->dirty = 0;
    return code;
}

int outfile_is_torn(const struct outfile *file)
{
    char last;
    if (!file->regular || file->length == 0)
        return 0;
    int fd = open(file->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = pread(fd, &last, 1, (off_t)file->length - 1);
    close(fd);
    return n == 1 && last != '\n';
}

int outfile_truncate(struct outfile *file)
{
    if (!file->regular)
        return 0;
    if (ftruncate(file->fd, 0) < 0)
        return -errno;
    file->length = file->base = 0;
    file->dirty = 1;
    return 0;
}
