// SPDX-License-Identifier: MIT
#include "fuzz/journal_files.h"
#include "base/hash.h"
#include "fuzz/fuzz.h"
#include "state/journal_format.h"
#include "state/journal_segment.h"

#include <dirent.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { BYTES_MAX = 1 << 16, SEGMENTS_MAX = 8 };

struct maker {
    const char *dir;
    const uint8_t *at, *end; // of the program
    unsigned char id[JOURNAL_ID_BYTES];
    uint64_t sequence;      // that comes next
    uint64_t first, before; // of the segment, and the one before it
    uint64_t name;          // that its file gets
    uint64_t durable;
    unsigned char bytes[BYTES_MAX];
    size_t len;
    uint32_t segments;
};

static uint8_t take(struct maker *maker)
{
    return maker->at < maker->end ? *maker->at++ : '.';
}

static void put(struct maker *maker, const void *bytes, size_t len)
{
    if (len > BYTES_MAX - maker->len)
        len = BYTES_MAX - maker->len;
    if (len)
        memcpy(maker->bytes + maker->len, bytes, len);
    maker->len += len;
}

static void end_segment(struct maker *maker)
{
    char path[PATH_MAX];
    if (!maker->segments)
        return;
    segment_path(path, maker->dir, maker->name);
    FILE *file = fopen(path, "wb");
    PROMISE(file != NULL);
    PROMISE(fwrite(maker->bytes, 1, maker->len, file) == maker->len);
    PROMISE(fclose(file) == 0);
    maker->before = maker->first;
    maker->len = 0;
}

static void begin_segment(struct maker *maker, uint8_t fault)
{
    unsigned char bytes[SEGMENT_HEADER];
    end_segment(maker);
    struct segment_header header = {.first = maker->sequence,
                                    .before = maker->segments ? maker->before : NO_SEGMENT,
                                    .flags = fault == 'c' ? SEGMENT_SNAPSHOT : 0};
    memcpy(header.id, maker->id, sizeof header.id);
    header.id[0] ^= fault == 'i';
    header.before ^= fault == 'b';
    maker->first = header.first;
    maker->name = maker->first + (fault == 'n');
    maker->durable = 0;
    segment_header_write(bytes, &header);
    bytes[SEGMENT_HEADER - 1] ^= fault == 's';
    put(maker, bytes, sizeof bytes);
    maker->segments++;
}

static void add_entry(struct maker *maker)
{
    unsigned char header[FRAME_HEADER];
    uint32_t count = (uint32_t)(take(maker) - '0');
    uint8_t fault = take(maker);
    size_t len = count % 64;
    if (len > (size_t)(maker->end - maker->at))
        len = (size_t)(maker->end - maker->at);
    uint64_t sequence = maker->sequence + (fault == 'q');
    struct iovec part = {(void *)(uintptr_t)maker->at, len};
    entry_write(header, sequence, count, &part, 1, len + (fault == 'l'));
    header[8] ^= fault == 't' ? 4 : 0;
    header[0] ^= fault == 's';
    put(maker, header, sizeof header);
    put(maker, maker->at, len);
    maker->at += len;
    maker->sequence += count;
}

static void add_commit(struct maker *maker, bool synced)
{
    unsigned char bytes[COMMIT_BYTES];
    uint8_t fault = take(maker);
    unsigned char id[JOURNAL_ID_BYTES];
    memcpy(id, maker->id, sizeof id);
    id[1] ^= fault == 'i';
    if (synced)
        maker->durable = maker->len;
    commit_write(bytes, id, maker->sequence + (fault == 'q'), maker->len + (fault == 'o'),
                 maker->durable + (fault == 'd' ? 1000 : 0));
    bytes[0] ^= fault == 's';
    put(maker, bytes, sizeof bytes);
}

static void change(struct maker *maker)
{
    size_t at = take(maker) * 256u;
    at += take(maker);
    uint8_t byte = take(maker);
    if (at < maker->len)
        maker->bytes[at] = byte;
}

static void step(struct maker *maker)
{
    uint8_t letter = take(maker);
    size_t cut;
    switch (letter) {
    case 'S':
        if (maker->segments < SEGMENTS_MAX)
            begin_segment(maker, take(maker));
        break;
    case 'E':
        add_entry(maker);
        break;
    case 'C':
    case 'D':
        add_commit(maker, letter == 'D');
        break;
    case 'X':
        change(maker);
        break;
    case 'T':
        cut = take(maker);
        maker->len -= cut < maker->len ? cut : maker->len;
        break;
    case 'R':
        put(maker, maker->at, (size_t)(maker->end - maker->at));
        maker->at = maker->end;
        break;
    default:
        break;
    }
}

void journal_files_make(char dir[JOURNAL_DIR_MAX], const uint8_t *program, size_t size)
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; // in memory, if it can
    (void)snprintf(dir, JOURNAL_DIR_MAX, "%s/tidemill-fuzz-XXXXXX", base);
    PROMISE(mkdtemp(dir) != NULL);
    struct maker *maker = calloc(1, sizeof *maker);
    PROMISE(maker != NULL);
    maker->dir = dir;
    maker->at = program;
    maker->end = program + size;
    memcpy(maker->id, "0123456789abcdef", sizeof maker->id);
    while (maker->at < maker->end)
        step(maker);
    end_segment(maker);
    free(maker);
}

void journal_files_remove(const char *dir)
{
    DIR *open_dir = opendir(dir);
    struct dirent *item;
    PROMISE(open_dir != NULL);
    while ((item = readdir(open_dir)))
        (void)unlinkat(dirfd(open_dir), item->d_name, 0);
    (void)closedir(open_dir);
    (void)rmdir(dir);
}
