// SPDX-License-Identifier: MIT
#include "cli/test_files.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 32 };

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), end_len = strlen(end);
    return len >= end_len && strcmp(name + len - end_len, end) == 0;
}

bool test_file_is_script(const char *path)
{
    return ends_with(path, ".lua");
}

// Overlays and pipelines without tests are passed over.
static bool has_tests(const char *path)
{
    char line[256];
    bool found = false, at_start = true;
    FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        found = at_start && strncmp(line, "tests:", 6) == 0;
        at_start = strchr(line, '\n') != NULL;
    }
    if (file)
        fclose(file);
    return found;
}

static int join(char out[PATH_MAX], const char *dir, const char *name, struct error *err)
{
    const char *slash = ends_with(dir, "/") ? "" : "/";
    int len = snprintf(out, PATH_MAX, "%s%s%s", dir, slash, name);
    if (len < 0 || len >= PATH_MAX)
        return error_set(err, ERR_INPUT, "%s: the path is too long", dir);
    return 0;
}

static bool is_wanted(const char *path, const char *name, bool directories)
{
    struct stat st;
    if (*name == '.' || lstat(path, &st))
        return false;
    if (S_ISLNK(st.st_mode) && (stat(path, &st) || S_ISDIR(st.st_mode)))
        return false;
    if (directories || S_ISDIR(st.st_mode))
        return directories && S_ISDIR(st.st_mode);
    return ends_with(name, "_test.lua") || (ends_with(name, ".yaml") && has_tests(path));
}

// The path of the name that comes behind `after` in the order of the alphabet; *after becomes it.
// *found false: none does.
static int next_path(const char *dir, char after[NAME_MAX + 1], bool directories,
                     char path[PATH_MAX], bool *found, struct error *err)
{
    char next[NAME_MAX + 1] = "";
    int code = 0;
    *found = false;
    DIR *stream = opendir(dir);
    if (!stream)
        return error_errno(err, ERR_IO, errno, "%s", dir);
    for (struct dirent *entry; !code && (entry = readdir(stream)) != NULL;) {
        if (strcmp(entry->d_name, after) <= 0 || (*found && strcmp(entry->d_name, next) >= 0))
            continue;
        code = join(path, dir, entry->d_name, err);
        if (code || !is_wanted(path, entry->d_name, directories))
            continue;
        *found = true;
        snprintf(next, sizeof next, "%s", entry->d_name);
    }
    closedir(stream);
    if (!code && *found) {
        memcpy(after, next, sizeof next);
        code = join(path, dir, after, err);
    }
    return code;
}

static int walk(const char *dir, int depth, test_file_fn *each, void *arg, struct error *err)
{
    if (depth > DEPTH_MAX)
        return error_set(err, ERR_INPUT, "%s: nested deeper than %d", dir, DEPTH_MAX);
    for (int directories = 0; directories < 2; directories++) {
        char name[NAME_MAX + 1] = "", path[PATH_MAX];
        bool found = false;
        int code = next_path(dir, name, directories, path, &found, err);
        while (!code && found) {
            if (directories)
                code = walk(path, depth + 1, each, arg, err);
            else
                each(arg, path);
            if (!code)
                code = next_path(dir, name, directories, path, &found, err);
        }
        if (code)
            return code;
    }
    return 0;
}

int test_files(const char *path, test_file_fn *each, void *arg, struct error *err)
{
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return walk(path, 0, each, arg, err);
    each(arg, path);
    return 0;
}
