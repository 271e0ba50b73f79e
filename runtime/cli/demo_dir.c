// SPDX-License-Identifier: MIT
#include "cli/demo_dir.h"

#include "base/io.h"
#include "cli/embedded.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int write_file(const char *dir, const struct embedded_file *file, struct error *err)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/%s", dir, file->name);
    if (len < 0 || (size_t)len >= sizeof path)
        return error_set(err, ERR_INPUT, "%s: the path is too long", dir);
    char *slash = strrchr(path, '/');
    *slash = 0;
    int code = io_mkdir_all(path, err);
    *slash = '/';
    int fd = -1;
    if (!code)
        code = io_open(&fd, path, O_WRONLY | O_CREAT | O_TRUNC, 0644, err);
    if (!code)
        code = io_write_all(fd, path, file->bytes, file->len, err);
    if (fd >= 0 && close(fd) && !code)
        code = error_errno(err, ERR_IO, errno, "%s", path);
    return code;
}

static int choose(char *path, size_t cap, const char *wanted, struct error *err)
{
    const char *base = getenv("TMPDIR");
    int len = wanted
                  ? snprintf(path, cap, "%s", wanted)
                  : snprintf(path, cap, "%s/tidemill-demo-XXXXXX", base && *base ? base : "/tmp");
    if (len < 0 || (size_t)len >= cap)
        return error_set(err, ERR_INPUT, "the path of the directory is too long");
    if (wanted)
        return io_mkdir_all(path, err);
    return mkdtemp(path) ? 0 : error_errno(err, ERR_IO, errno, "%s", path);
}

int demo_dir_make(char *path, size_t cap, const char *wanted, struct error *err)
{
    int code = choose(path, cap, wanted, err);
    for (const struct embedded_file *file = embedded_files; !code && file->name; file++)
        code = write_file(path, file, err);
    return code;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

void demo_dir_remove(const char *path)
{
    enum { OPEN_DIRECTORIES = 16 };
    nftw(path, remove_entry, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
