// SPDX-License-Identifier: MIT
#include "sink.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// A rotated file is called PATH.20261122T153000.123Z, the time of the rotation (UTC): names sort by
// time. The ending of a compressed file stays the last: x.20261122T153000.123Z.gz. Nothing is ever
// overwritten.

enum { STAMP = 21, TRIES = 1000 };

static int is_due(const struct sink *s, const struct outfile *file, size_t more)
{
    if (!file->regular || (file->length == 0 && !outfile_is_pending(file)))
        return 0;
    if (s->two_phase && (s->undecided || file->length != file->base || outfile_is_pending(file)))
        return 0; // only between two checkpoints: a cut never crosses a rename
    if (s->rotate_size && file->length + more > s->rotate_size)
        return 1;
    return s->rotate_every && file->since_ms / s->rotate_every != s->now_ms / s->rotate_every;
}

static void stamp(int64_t wall_ms, char out[STAMP])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    char text[32];
    strftime(text, sizeof text, "%Y%m%dT%H%M%S", &tm);
    snprintf(out, STAMP, "%.15s.%03uZ", text, (unsigned)(wall_ms % 1000) % 1000u);
}

static int move_away(const struct sink *s, const char *path)
{
    char to[PATH_MAX];
    size_t stem = strlen(path) - (s->how.packing == PACKING_NONE ? 0 : packing_suffix(path));
    for (int i = 0; i < TRIES; i++) {
        char time[STAMP];
        stamp(s->now_ms + i, time);
        if (snprintf(to, sizeof to, "%.*s.%s%s", (int)stem, path, time, path + stem) >=
            (int)sizeof to)
            return -ENAMETOOLONG;
        if (renameat2(AT_FDCWD, path, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
            return 0;
        if (errno == EINVAL && access(to, F_OK) < 0) // a file system without NOREPLACE
            return rename(path, to) < 0 ? -errno : 0;
        if (errno != EEXIST && errno != EINVAL)
            return -errno;
    }
    return -EEXIST;
}

tide_result sink_rotate(struct sink *s, struct outfile *file, size_t more)
{
    if (file->length == 0 && !outfile_is_pending(file))
        file->since_ms = s->now_ms;
    if (!is_due(s, file, more))
        return TIDE_OK;
    tide_result result = touched_sync(s);
    if (result != TIDE_OK)
        return result;
    int code = outfile_finish(file);
    if (code)
        return sink_failed(s, "write", file->path, code);
    code = outfile_sync(file); // what was promised of it holds under its new name
    if (!code)
        code = move_away(s, file->path);
    if (code)
        return s->host->fail(s->ctx, TIDE_FATAL, "cannot rotate %s: %s", file->path,
                             strerror(-code));
    outfile_close(file);
    code = outfile_open(file, &s->how);
    if (code)
        return sink_failed(s, "open", file->path, code);
    file->since_ms = s->now_ms;
    file->base = file->length;
    file->touched = file->headed = 0;
    return TIDE_OK;
}

// YYYYMMDDTHHMMSS.mmmZ, then `end`.
static int is_stamp(const char *text, const char *end)
{
    static const char form[] = "00000000T000000.000Z";
    for (size_t i = 0; i < STAMP - 1; i++) {
        int digit = text[i] >= '0' && text[i] <= '9';
        if (form[i] == '0' ? !digit : text[i] != form[i])
            return 0;
    }
    return !strcmp(text + STAMP - 1, end);
}

// `entry` is what a rotation made of `name`, which ends in `end` bytes of a compressed file's
// ending.
static int is_rotated(const char *entry, const char *name, size_t end)
{
    size_t stem = strlen(name) - end;
    return !strncmp(entry, name, stem) && entry[stem] == '.' &&
           is_stamp(entry + stem + 1, name + stem);
}

int sink_find_rotated(const char *path, uint64_t inode, uint64_t *length)
{
    char dir[PATH_MAX], full[PATH_MAX + 300];
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - path + 1) : 2, slash ? path : "./");
    size_t end = packing_suffix(name);
    DIR *entries = opendir(dir);
    if (!entries)
        return errno == ENOENT ? 0 : -errno;
    int found = 0;
    for (struct dirent *e; !found && (e = readdir(entries));) {
        struct stat st;
        if (!is_rotated(e->d_name, name, 0) && !is_rotated(e->d_name, name, end))
            continue;
        snprintf(full, sizeof full, "%s%s", dir, e->d_name);
        if (stat(full, &st) == 0 && st.st_ino == inode) {
            *length = (uint64_t)st.st_size;
            found = 1;
        }
    }
    closedir(entries);
    return found;
}
