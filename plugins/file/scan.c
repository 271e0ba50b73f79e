// SPDX-License-Identifier: MIT
#include "scan.h"
#include "packing.h"
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

int scan_is_glob(const char *pattern)
{
    return strpbrk(pattern, "*?[") != NULL;
}

static int has(const struct scan *scan, const struct stat *st)
{
    for (size_t i = 0; i < scan->count; i++)
        if (scan->items[i].st.st_ino == st->st_ino && scan->items[i].st.st_dev == st->st_dev)
            return 1;
    return 0;
}

static int add(struct scan *scan, const char *path, const struct stat *st)
{
    if (has(scan, st))
        return 0;
    if (scan->count == scan->room) {
        size_t room = scan->room ? 2 * scan->room : 16;
        struct found *items = realloc(scan->items, room * sizeof *items);
        if (!items)
            return ENOMEM;
        scan->items = items;
        scan->room = room;
    }
    char *copy = strdup(path);
    if (!copy)
        return ENOMEM;
    scan->items[scan->count++] = (struct found){copy, *st};
    return 0;
}

int scan_pattern(struct scan *scan, const char *pattern, const char **where)
{
    struct stat st;
    *where = pattern;
    if (!scan_is_glob(pattern)) {
        if (stat(pattern, &st) < 0)
            return errno;
        return S_ISREG(st.st_mode) ? add(scan, pattern, &st) : ESPIPE;
    }
    glob_t found;
    int code = glob(pattern, 0, NULL, &found);
    if (code == GLOB_NOMATCH)
        return 0;
    if (code)
        return code == GLOB_NOSPACE ? ENOMEM : EIO;
    for (size_t i = 0; i < found.gl_pathc && !code; i++)
        if (stat(found.gl_pathv[i], &st) == 0 && S_ISREG(st.st_mode))
            code = add(scan, found.gl_pathv[i], &st);
    globfree(&found);
    return code;
}

static int begins_rotation(const char *name, const char *stem, size_t len)
{
    return !strncmp(name, stem, len) && (name[len] == '.' || name[len] == '-');
}

int scan_is_rotation(const char *name, const char *stem)
{
    size_t len = strlen(stem), end = packing_suffix(stem), name_len = strlen(name);
    if (begins_rotation(name, stem, len))
        return 1;
    return end && name_len > len && begins_rotation(name, stem, len - end) &&
           !strcmp(name + name_len - end, stem + len - end);
}

static int is_compressed(const char *name)
{
    static const char *const ends[] = {".gz", ".xz", ".bz2", ".zst", ".lz4"};
    size_t len = strlen(name);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t end = strlen(ends[i]);
        if (len > end && !strcmp(name + len - end, ends[i]))
            return 1;
    }
    return 0;
}

// The directory of `path` ("." when it names none) and the name in it.
static const char *split_path(const char *path, char dir[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        memcpy(dir, ".", 2);
        return path;
    }
    size_t len = slash == path ? 1 : (size_t)(slash - path);
    if (len >= PATH_MAX)
        len = PATH_MAX - 1;
    memcpy(dir, path, len);
    dir[len] = '\0';
    return slash + 1;
}

int scan_siblings(struct scan *scan, const char *path)
{
    char dir[PATH_MAX], full[PATH_MAX + 256 + 2];
    const char *name = split_path(path, dir);
    size_t end = packing_suffix(name);
    DIR *entries = opendir(dir);
    if (!entries)
        return errno == ENOENT ? 0 : errno;
    int code = 0;
    for (struct dirent *e; !code && (e = readdir(entries));) {
        struct stat st;
        if (!scan_is_rotation(e->d_name, name) || (is_compressed(e->d_name) && !end))
            continue;
        snprintf(full, sizeof full, "%.*s%s", (int)(name - path), path, e->d_name);
        if (stat(full, &st) == 0 && S_ISREG(st.st_mode))
            code = add(scan, full, &st);
    }
    closedir(entries);
    return code;
}

void scan_clear(struct scan *scan)
{
    for (size_t i = 0; i < scan->count; i++)
        free(scan->items[i].path);
    free(scan->items);
    *scan = (struct scan){0};
}

void watch_init(struct watch *watch)
{
    watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
}

void watch_deinit(struct watch *watch)
{
    if (watch->fd >= 0)
        close(watch->fd);
    watch->fd = -1;
}

void watch_parent(struct watch *watch, const char *path)
{
    if (watch->fd < 0)
        return;
    char dir[PATH_MAX], fixed[PATH_MAX];
    size_t len = strcspn(path, "*?[");
    if (len >= sizeof fixed)
        return;
    memcpy(fixed, path, len);
    fixed[len] = '\0';
    split_path(fixed, dir);
    // What cannot be watched is still found by the look that happens each second.
    (void)inotify_add_watch(watch->fd, dir,
                            IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE);
}

int watch_drain(struct watch *watch)
{
    char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    int names = 0;
    ssize_t n;
    while (watch->fd >= 0 && (n = read(watch->fd, events, sizeof events)) > 0) {
        for (char *at = events; at < events + n;) {
            const struct inotify_event *event = (const void *)at;
            names |= !(event->mask & IN_MODIFY); // an overflow counts too
            at += sizeof *event + event->len;
        }
    }
    return names;
}
