// SPDX-License-Identifier: MIT
#include "state/journal_segment.h"
#include "base/alloc.h"
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_DIGITS = 20 };
static const char suffix[] = ".seg";

void segment_path(char out[PATH_MAX], const char *dir, uint64_t first)
{
    // journal_open has checked that the directory leaves room for the name.
    (void)snprintf(out, PATH_MAX, "%s/%020" PRIu64 "%s", dir, first, suffix);
}

static bool name_read(const char *name, uint64_t *first)
{
    if (strlen(name) != NAME_DIGITS + sizeof suffix - 1 || strcmp(name + NAME_DIGITS, suffix) ||
        strspn(name, "0123456789") != NAME_DIGITS)
        return false;
    errno = 0;
    *first = strtoull(name, NULL, 10);
    return errno == 0;
}

int segment_list_add(struct segment_list *list, uint64_t first)
{
    if (mem_grow(&list->firsts, &list->cap, list->count + 1, sizeof *list->firsts))
        return ERR_NOMEM;
    list->firsts[list->count++] = first;
    return 0;
}

void segment_list_free(struct segment_list *list)
{
    mem_free(list->firsts);
    *list = (struct segment_list){0};
}

static int by_number(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

int segment_list_read(struct segment_list *list, const char *dir, struct error *err)
{
    list->count = 0;
    DIR *open_dir = opendir(dir);
    if (!open_dir && errno == ENOENT)
        return error_set(err, ERR_RETRY, "%s: no such directory", dir);
    if (!open_dir)
        return error_errno(err, ERR_IO, errno, "%s: cannot list the directory", dir);
    int code = 0;
    for (;;) {
        errno = 0;
        struct dirent *item = readdir(open_dir);
        if (!item) {
            if (errno)
                code = error_errno(err, ERR_IO, errno, "%s: cannot list the directory", dir);
            break;
        }
        uint64_t first;
        if (name_read(item->d_name, &first) && segment_list_add(list, first)) {
            code = error_nomem(err);
            break;
        }
    }
    closedir(open_dir);
    if (!code && list->count)
        qsort(list->firsts, list->count, sizeof *list->firsts, by_number);
    return code;
}

static int load_header(int fd, const char *path, uint64_t first, struct segment_header *header,
                       struct error *err)
{
    unsigned char bytes[SEGMENT_HEADER];
    size_t got;
    int code = io_pread(fd, path, bytes, sizeof bytes, 0, &got, err);
    if (code)
        return code;
    if (got < sizeof bytes)
        return error_set(err, ERR_CORRUPT, "%s: byte %zu: the header ends, expected %d bytes", path,
                         got, SEGMENT_HEADER);
    code = segment_header_read(bytes, header, path, err);
    if (!code && header->first != first)
        code = error_set(err, ERR_CORRUPT,
                         "%s: byte 32: first record %" PRIu64 ", expected %" PRIu64
                         " as in the file's name",
                         path, header->first, first);
    return code;
}

int segment_open(int *fd, const char *path, uint64_t first, int flags,
                 struct segment_header *header, struct error *err)
{
    int code = io_open(fd, path, flags, 0, err);
    if (code)
        return code;
    code = load_header(*fd, path, first, header, err);
    if (code) {
        close(*fd);
        *fd = -1;
    }
    return code;
}
