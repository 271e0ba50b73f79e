// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "base/hash.h"
#include "base/io.h"
#include "state/store_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char unfinished[] = ".tmp", aside[] = ".damaged";
static const char first_line[] = "tidemill checkpoints, format %u\n";

int store_path(char out[PATH_MAX], const struct store *store, uint64_t generation,
               const char *suffix, struct error *err)
{
    int len = snprintf(out, PATH_MAX, "%s/%020" PRIu64 "%s", store->dir, generation, suffix);
    if (len < 0 || len + 32 > PATH_MAX) // room for the names in it
        return error_set(err, ERR_INPUT, "%.64s...: the path is too long", store->dir);
    return 0;
}

// The suffix behind a generation's number; NULL: it is no generation's name.
static const char *name_read(const char *name, uint64_t *number)
{
    if (strspn(name, "0123456789") != STORE_NAME_DIGITS)
        return NULL;
    errno = 0;
    *number = strtoull(name, NULL, 10);
    return errno ? NULL : name + STORE_NAME_DIGITS;
}

static int by_number(const void *a, const void *b)
{
    uint64_t left = ((const struct generation *)a)->number;
    uint64_t right = ((const struct generation *)b)->number;
    return (left > right) - (left < right);
}

static int add_name(struct store *store, const char *name, struct error *err)
{
    uint64_t number;
    const char *suffix = name_read(name, &number);
    if (!suffix)
        return 0;
    if (number >= store->next_generation)
        store->next_generation = number + 1;
    if (*suffix)
        return 0;
    if (mem_grow(&store->generations, &store->cap, store->count + 1, sizeof *store->generations))
        return error_nomem(err);
    store->generations[store->count++] = (struct generation){.number = number};
    return 0;
}

int store_list(struct store *store, struct error *err)
{
    DIR *dir = opendir(store->dir);
    if (!dir && errno == ENOENT)
        return error_set(err, ERR_RETRY, "%s: no such directory", store->dir);
    if (!dir)
        return error_errno(err, ERR_IO, errno, "%s: cannot list the directory", store->dir);
    int code = 0;
    while (!code) {
        errno = 0;
        struct dirent *item = readdir(dir);
        if (!item && errno)
            code = error_errno(err, ERR_IO, errno, "%s: cannot list the directory", store->dir);
        if (!item)
            break;
        code = add_name(store, item->d_name, err);
    }
    closedir(dir);
    if (store->count)
        qsort(store->generations, store->count, sizeof *store->generations, by_number);
    return code;
}

static int remove_dir(const char *path, struct error *err)
{
    DIR *dir = opendir(path);
    if (!dir && errno != ENOENT)
        return error_errno(err, ERR_IO, errno, "%s: cannot list the directory", path);
    for (struct dirent *item; dir && (item = readdir(dir));) {
        if (item->d_name[0] != '.')
            (void)unlinkat(dirfd(dir), item->d_name, 0); // what stays keeps the directory
    }
    if (dir)
        closedir(dir);
    if (rmdir(path) && errno != ENOENT)
        return error_errno(err, ERR_IO, errno, "%s: cannot remove", path);
    return 0;
}

int store_sweep(struct store *store, struct error *err)
{
    DIR *dir = opendir(store->dir);
    if (!dir)
        return error_errno(err, ERR_IO, errno, "%s: cannot list the directory", store->dir);
    int code = 0;
    for (struct dirent *item; !code && (item = readdir(dir));) {
        uint64_t number;
        char path[PATH_MAX];
        const char *suffix = name_read(item->d_name, &number);
        if (!suffix || strcmp(suffix, unfinished) != 0)
            continue;
        code = store_path(path, store, number, unfinished, err);
        if (!code)
            code = remove_dir(path, err);
    }
    closedir(dir);
    return code;
}

int store_name_generation(const struct store *store, uint64_t generation, struct error *err)
{
    char from[PATH_MAX], to[PATH_MAX];
    int code = store_path(from, store, generation, unfinished, err);
    if (!code)
        code = store_path(to, store, generation, "", err);
    return code ? code : io_rename(from, to, err);
}

// First the name goes, durably: what is half removed must not look like what is damaged.
int store_drop_generation(const struct store *store, const struct generation *generation,
                          bool *gone, struct error *err)
{
    char from[PATH_MAX], to[PATH_MAX];
    const char *suffix = generation->damaged ? aside : unfinished;
    int code = store_path(from, store, generation->number, "", err);
    if (!code)
        code = store_path(to, store, generation->number, suffix, err);
    if (!code)
        code = io_rename(from, to, err);
    *gone = access(from, F_OK) != 0; // perhaps not durably
    return code || generation->damaged ? code : remove_dir(to, err);
}

uint64_t store_generation_bytes(const struct store *store, uint64_t generation)
{
    char path[PATH_MAX];
    uint64_t bytes = 0;
    DIR *dir = store_path(path, store, generation, "", NULL) ? NULL : opendir(path);
    for (struct dirent *item; dir && (item = readdir(dir));) {
        struct stat st;
        if (item->d_name[0] != '.' && fstatat(dirfd(dir), item->d_name, &st, 0) == 0)
            bytes += (uint64_t)st.st_size;
    }
    if (dir)
        closedir(dir);
    return bytes;
}

void store_remove_unfinished(const struct store *store, uint64_t generation)
{
    char path[PATH_MAX];
    if (store_path(path, store, generation, unfinished, NULL) == 0)
        (void)remove_dir(path, NULL); // or the next open does it
}

// -- whose store it is --

static int pipeline_path(char out[PATH_MAX], const struct store *store, const char *suffix,
                         struct error *err)
{
    int len = snprintf(out, PATH_MAX, "%s/pipeline%s", store->dir, suffix);
    if (len < 0 || len >= PATH_MAX)
        return error_set(err, ERR_INPUT, "%.64s...: the path is too long", store->dir);
    return 0;
}

// The last line is the sum of those before it. False: it does not check.
static bool text_checks(char *text, size_t len, unsigned *version, char **name)
{
    char *sum = len > 13 ? text + len - 13 : NULL; // "sum 12345678\n"
    unsigned found;
    if (!sum || sum[-1] != '\n' || strncmp(sum, "sum ", 4) != 0 || sum[12] != '\n' ||
        strspn(sum + 4, "0123456789abcdef") != 8)
        return false;
    found = (unsigned)strtoul(sum + 4, NULL, 16);
    if (found != hash_crc32c(0, text, (size_t)(sum - text)) ||
        sscanf(text, first_line, version) != 1)
        return false;
    sum[-1] = 0;
    *name = strstr(text, "\npipeline ");
    if (!*name)
        return *version > STORE_VERSION; // there it may look otherwise
    *name += sizeof "\npipeline " - 1;
    return true;
}

static int check_text(struct store *store, const char *path, char *text, size_t len, bool *known,
                      struct error *err)
{
    unsigned version;
    char *name;
    if (!text_checks(text, len, &version, &name)) {
        struct error damage = ERROR_INIT;
        error_set(&damage, ERR_CORRUPT, "%s: its content does not check", path);
        store_say_damage(store, &damage);
        return 0;
    }
    if (version > STORE_VERSION)
        return error_set(err, ERR_REFUSED,
                         "%s: was written in format %u by a newer version; this one knows %u",
                         store->dir, version, STORE_VERSION);
    if (strcmp(name, store->pipeline) != 0)
        return error_set(err, ERR_REFUSED,
                         "%s: holds the checkpoints of pipeline '%s', not of '%s'", store->dir,
                         name, store->pipeline);
    *known = true;
    return 0;
}

int store_check_pipeline(struct store *store, bool *known, struct error *err)
{
    char path[PATH_MAX], text[4096];
    int fd;
    size_t got = 0;
    *known = false;
    int code = pipeline_path(path, store, "", err);
    if (code)
        return code;
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return 0;
    code = io_open(&fd, path, O_RDONLY, 0, err);
    if (code)
        return code;
    code = io_pread(fd, path, text, sizeof text - 1, 0, &got, err);
    close(fd);
    text[got] = 0;
    return code ? code : check_text(store, path, text, got, known, err);
}

int store_write_pipeline(const struct store *store, struct error *err)
{
    char path[PATH_MAX], temporary[PATH_MAX], text[4096];
    int fd;
    int code = pipeline_path(path, store, "", err);
    if (!code)
        code = pipeline_path(temporary, store, unfinished, err);
    if (code)
        return code;
    int len = snprintf(text, sizeof text - 16, first_line, STORE_VERSION);
    len += snprintf(text + len, sizeof text - 16 - (size_t)len, "pipeline %s\n", store->pipeline);
    if (len >= (int)sizeof text - 16)
        return error_set(err, ERR_INPUT, "%.64s...: the name is too long", store->pipeline);
    len += snprintf(text + len, sizeof text - (size_t)len, "sum %08x\n",
                    hash_crc32c(0, text, (size_t)len));
    code = io_open(&fd, temporary, O_WRONLY | O_CREAT | O_TRUNC, 0644, err);
    if (code)
        return code;
    code = io_write_all(fd, temporary, text, (size_t)len, err);
    if (!code)
        code = io_datasync(fd, temporary, err);
    close(fd);
    return code ? code : io_rename(temporary, path, err);
}
