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
    int fd = (int)TEMP_FAILURE_RETRY(open(path, flags, 0666));
    if (fd < 0 && errno == ENOENT) {
        int code = make_parents(path);
        if (code)
            return code;
        fd = (int)TEMP_FAILURE_RETRY(open(path, flags, 0666));
    }
    return fd < 0 ? -errno : fd;
}

int outfile_open(struct outfile *file, const struct outfile_how *how)
{
    struct stat st;
    int existed = stat(file->path, &st) == 0;
    int fd = open_path(file->path);
    if (fd < 0)
        return fd;
    int code = 0;
    char *buffer = malloc(how->room);
    struct pack *pack = NULL;
    if (!buffer)
        code = -ENOMEM;
    else if (fstat(fd, &st) < 0)
        code = -errno;
    else if (S_ISREG(st.st_mode) && flock(fd, LOCK_EX | LOCK_NB) < 0)
        code = errno == EWOULDBLOCK ? OUTFILE_BUSY : -errno;
    else if (how->packing != PACKING_NONE)
        code = pack_new(&pack, how->packing, how->level);
    if (code) {
        free(buffer);
        close(fd);
        return code;
    }
    file->fd = fd;
    file->buffer = buffer;
    file->pack = pack;
    file->size = how->room;
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
    pack_free(file->pack);
    file->pack = NULL;
    file->start = file->used = file->size = 0;
}

// Starts the disk on what was written, so that a sync at the end finds little left to wait for.
// Promises nothing; its failures show at the sync.
static void write_behind(struct outfile *file)
{
    uint64_t written = file->pack ? file->length : file->length - (file->used - file->start);
    if (!file->regular || written < file->behind || written - file->behind < WRITE_BEHIND)
        return;
    sync_file_range(file->fd, (off_t)file->behind, (off_t)(written - file->behind),
                    SYNC_FILE_RANGE_WRITE);
    file->behind = written;
}

// Writes bytes[*start..used). 0 or a negative errno.
static int write_all(struct outfile *file, const void *bytes, size_t *start, size_t used)
{
    while (*start < used) {
        ssize_t n = write(file->fd, (const char *)bytes + *start, used - *start);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -ENOSPC; // a write of nothing: as a full disk
        file->dirty = 1;
        *start += (size_t)n;
        if (file->pack)
            file->length += (uint64_t)n;
    }
    return 0;
}

static int write_packed(struct outfile *file, int end)
{
    struct pack *pack = file->pack;
    for (int done = 0;;) {
        int code = write_all(file, pack->out, &pack->start, pack->used);
        if (code || done)
            return code;
        pack->start = pack->used = 0;
        const char *at = file->buffer + file->start;
        size_t len = file->used - file->start;
        done = pack_fill(pack, &at, &len, end);
        file->start = file->used - len;
        if (done < 0)
            return done;
    }
}

static int write_out(struct outfile *file, int end)
{
    int code = file->pack ? write_packed(file, end)
                          : write_all(file, file->buffer, &file->start, file->used);
    if (code)
        return code;
    file->start = file->used = 0;
    write_behind(file);
    return 0;
}

int outfile_write_out(struct outfile *file)
{
    return write_out(file, 0);
}

int outfile_finish(struct outfile *file)
{
    return write_out(file, 1);
}

int outfile_is_pending(const struct outfile *file)
{
    return file->start < file->used ||
           (file->pack && (file->pack->open || file->pack->start < file->pack->used));
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
    int fd = (int)TEMP_FAILURE_RETRY(open(len ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
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
    int fd =
        file->fd >= 0 ? file->fd : (int)TEMP_FAILURE_RETRY(open(file->path, O_WRONLY | O_CLOEXEC));
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
    int fd = (int)TEMP_FAILURE_RETRY(open(file->path, O_RDONLY | O_CLOEXEC));
    if (fd < 0)
        return 0;
    ssize_t n = pread(fd, &last, 1, (off_t)file->length - 1);
    close(fd);
    return n == 1 && last != '\n';
}

int outfile_cut(struct outfile *file, uint64_t length)
{
    if (!file->regular)
        return 0;
    if (ftruncate(file->fd, (off_t)length) < 0)
        return -errno;
    file->length = file->base = file->behind = length;
    file->headed &= length > 0;
    file->dirty = 1;
    return 0;
}

int outfile_whole_frames(const struct outfile *file, enum packing packing, uint64_t *end)
{
    struct unpack *unpack;
    *end = 0;
    int code = unpack_new(&unpack, packing);
    if (code)
        return -code;
    void *scratch = malloc(UNPACK_ROOM);
    int fd = scratch ? (int)TEMP_FAILURE_RETRY(open(file->path, O_RDONLY | O_CLOEXEC)) : -1;
    code = !scratch ? -ENOMEM : fd < 0 ? -errno : 1;
    for (int at_end = 0; code == 1 && !at_end;) {
        ssize_t n = unpack_read(unpack, fd, scratch, UNPACK_ROOM, &at_end);
        if (n < 0)
            code = n == -EBADMSG ? 0 : (int)n;
    }
    *end = unpack->frame;
    if (fd >= 0)
        close(fd);
    free(scratch);
    unpack_free(unpack);
    return code;
}
