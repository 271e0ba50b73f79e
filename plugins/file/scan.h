// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>
#include <sys/stat.h>

// Looks for files, and for the moment at which to look again.

struct found {
    char *path;
    struct stat st;
};

struct scan {
    struct found *items; // in the order of the patterns, each pattern's files sorted by name
    size_t count, room;
};

// 0: `pattern`'s files were added (none: no error); else an errno, with *where (borrowed from the
// scan or the pattern) naming what could not be looked at. A pattern without wildcards that does
// not exist is ENOENT.
int scan_pattern(struct scan *scan, const char *pattern, const char **where);
// 1: log rotation makes `name` of `stem`: STEM, then '.' or '-', then more. The ending of a
// compressed file may stay the last (x.20261122.gz of x.gz).
int scan_is_rotation(const char *name, const char *stem);
// Adds what log rotation made of `path`: such files beside it. Not those that were compressed
// since, which are other files.
int scan_siblings(struct scan *scan, const char *path);
void scan_clear(struct scan *scan);
// 1: `pattern` has wildcards.
int scan_is_glob(const char *pattern);

// Tells when something in the directories of interest changed (inotify).
struct watch {
    int fd; // -1: there is no inotify, look by the clock
};

void watch_init(struct watch *watch);
void watch_deinit(struct watch *watch);
// Watches the directory that holds `path`; a pattern's fixed part counts. May be repeated.
void watch_parent(struct watch *watch, const char *path);
// Forgets the changes so far. 1: among them were names that came, went or moved.
int watch_drain(struct watch *watch);
