// SPDX-License-Identifier: MIT
#pragma once
#include "state/journal.h"
#include "support/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// What the journal's tests share: a directory of their own, numbered entries, files as bytes.

static char test_dir[64];

static inline int journal_suite_begin(void)
{
    // In memory where that is possible: thousands of syncs are made here.
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(test_dir, sizeof test_dir, "%s/tidemill-journal-XXXXXX", base);
    return mkdtemp(test_dir) ? 0 : 1;
}

static inline int journal_suite_end(void)
{
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", test_dir);
    return system(command);
}

// A new empty path under the test's directory.
static inline const char *fresh_dir(void)
{
    static char path[2][128];
    static unsigned number;
    number++;
    snprintf(path[number % 2], sizeof path[0], "%s/%u", test_dir, number);
    return path[number % 2];
}

// Entry `sequence` with `len` bytes, which tell which one it is at every place.
static inline void fill_entry(char *out, size_t len, uint64_t sequence)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(sequence * 31 + i * 7 + (i >> 8));
}

static inline int add(struct journal *journal, size_t len, uint32_t count, unsigned flags)
{
    static char bytes[1 << 20];
    fill_entry(bytes, len, journal_next(journal));
    struct iovec parts[2] = {{bytes, len / 3}, {bytes + len / 3, len - len / 3}};
    return journal_append(journal, parts, 2, count, flags, NULL, NULL);
}

static inline bool entry_is_right(const struct journal_entry *entry)
{
    const char *data = entry->data;
    for (size_t i = 0; i < entry->len; i++) {
        if (data[i] != (char)(entry->sequence * 31 + i * 7 + (i >> 8)))
            return false;
    }
    return true;
}

// Reads from the start: the number behind the last good entry; *code is what next said in the end.
static inline uint64_t read_to_end(const char *dir, size_t chunk, int *code, struct error *err)
{
    struct journal_reader *reader;
    struct journal_entry entry;
    *code = journal_reader_open(&reader, dir, chunk, err);
    if (*code)
        return 0;
    uint64_t next = journal_reader_at(reader);
    while ((*code = journal_reader_next(reader, &entry, err)) == 1) {
        CU_ASSERT_EQUAL(entry.sequence, next);
        CU_ASSERT(entry_is_right(&entry));
        next = entry.sequence + entry.count;
    }
    journal_reader_close(reader);
    return next;
}

struct bytes {
    unsigned char *data;
    size_t len;
};

static inline struct bytes load_file(const char *path)
{
    struct bytes bytes = {NULL, 0};
    FILE *file = fopen(path, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fseek(file, 0, SEEK_END);
    bytes.len = (size_t)ftell(file);
    rewind(file);
    bytes.data = malloc(bytes.len + 1);
    CU_ASSERT_EQUAL_FATAL(fread(bytes.data, 1, bytes.len, file), bytes.len);
    fclose(file);
    return bytes;
}

static inline void save_file(const char *path, const unsigned char *data, size_t len)
{
    FILE *file = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fwrite(data, 1, len, file), len);
    fclose(file);
}

static inline const char *segment_file(const char *dir, uint64_t first)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%020" PRIu64 ".seg", dir, first);
    return path;
}

static inline int count_segments(const char *dir)
{
    DIR *open_dir = opendir(dir);
    int count = 0;
    struct dirent *item;
    while (open_dir && (item = readdir(open_dir)))
        count += strstr(item->d_name, ".seg") != NULL;
    if (open_dir)
        closedir(open_dir);
    return count;
}

static inline void empty_dir(const char *dir)
{
    DIR *open_dir = opendir(dir);
    struct dirent *item;
    while (open_dir && (item = readdir(open_dir)))
        (void)unlinkat(dirfd(open_dir), item->d_name, 0);
    if (open_dir)
        closedir(open_dir);
}
