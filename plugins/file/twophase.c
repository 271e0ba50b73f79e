// SPDX-License-Identifier: MIT
#include "sink.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// What prepare hands over: a version, then for each file that the epoch touched (and always for a
// fixed path): u64 base, u64 length, u64 inode, u32 bytes of the path, the path; little-endian.
// commit cuts back to `length`, abort to `base`.

enum { DATA_VERSION = 1, ENTRY_HEAD = 28 };

struct entry {
    uint64_t base, length, inode;
    const char *path; // not terminated
    uint32_t path_len;
};

static void put_number(unsigned char *out, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        out[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t get_number(const unsigned char *in, int bytes)
{
    uint64_t value = 0;
    while (bytes-- > 0)
        value = value << 8 | in[bytes];
    return value;
}

static int put_entry(struct sink *s, tide_buf *data, const struct outfile *file)
{
    unsigned char head[ENTRY_HEAD];
    size_t len = strlen(file->path);
    put_number(head, file->base, 8);
    put_number(head + 8, file->length, 8);
    put_number(head + 16, file->inode, 8);
    put_number(head + 24, len, 4);
    return s->host->put(data, head, sizeof head) || s->host->put(data, file->path, len);
}

// 1: the next entry; 0: there is none; -1: these bytes are no data of ours.
static int next_entry(tide_bytes data, size_t *at, struct entry *entry)
{
    const unsigned char *bytes = data.data;
    if (*at == 0 && (data.len == 0 || bytes[(*at)++] != DATA_VERSION))
        return -1;
    if (*at == data.len)
        return 0;
    if (data.len - *at < ENTRY_HEAD)
        return -1;
    entry->base = get_number(bytes + *at, 8);
    entry->length = get_number(bytes + *at + 8, 8);
    entry->inode = get_number(bytes + *at + 16, 8);
    entry->path_len = (uint32_t)get_number(bytes + *at + 24, 4);
    *at += ENTRY_HEAD;
    if (data.len - *at < entry->path_len)
        return -1;
    entry->path = (const char *)bytes + *at;
    *at += entry->path_len;
    return 1;
}

tide_result sink_prepare(void *self, uint64_t id, tide_buf *data)
{
    struct sink *s = self;
    (void)id;
    tide_result result = TIDE_OK;
    if (!s->two_phase && !s->wrote)
        result = touched_clear(s); // a list that an abandoned run left
    s->two_phase = 1;
    if (result == TIDE_OK)
        result = sink_sync_all(s);
    if (result != TIDE_OK)
        return result;
    unsigned char version = DATA_VERSION;
    int failed = s->host->put(data, &version, 1);
    for (struct outfile *file = sink_next(s, NULL); file && !failed; file = sink_next(s, file)) {
        if (!file->regular || (!file->touched && s->template >= 0))
            continue;
        failed = put_entry(s, data, file);
        file->base = file->length;
        file->touched = 0;
    }
    if (failed)
        return s->host->fail(s->ctx, TIDE_FATAL, "out of memory");
    s->undecided = 1;
    sink_forget_closed(s);
    return TIDE_OK;
}

static tide_result refuse(struct sink *s, const char *path, const char *why)
{
    return s->host->fail(s->ctx, TIDE_FATAL,
                         "%s %s: refusing to go on from the checkpoint that was made with it", path,
                         why);
}

// The file that was `path` when it had this inode must still be there, under a rotation's name, and
// hold so much.
static tide_result find_rotated(struct sink *s, const char *path, uint64_t inode, uint64_t length,
                                const char *otherwise)
{
    uint64_t rotated;
    int found = sink_find_rotated(path, inode, &rotated);
    if (found < 0)
        return sink_failed(s, "look beside", path, found);
    if (!found)
        return refuse(s, path, otherwise);
    return rotated < length ? refuse(s, path, "was rotated and is shorter now") : TIDE_OK;
}

static tide_result cut_missing(struct sink *s, const char *path, uint64_t inode, uint64_t length)
{
    if (length == 0)
        return TIDE_OK;
    return inode ? find_rotated(s, path, inode, length, "is missing")
                 : refuse(s, path, "is missing");
}

static tide_result cut_open(struct sink *s, const char *path, int fd, uint64_t inode,
                            uint64_t length)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return sink_failed(s, "look at", path, -errno);
    if (!S_ISREG(st.st_mode))
        return TIDE_OK;
    if (inode && st.st_ino != inode && length > 0) {
        // Rotated after the checkpoint: what has the name now came later.
        tide_result result = find_rotated(s, path, inode, length, "is another file");
        if (result != TIDE_OK)
            return result;
        length = 0;
    }
    uint64_t size = (uint64_t)st.st_size;
    if (size < length)
        return refuse(s, path, "is shorter than it was");
    if (size > length && (ftruncate(fd, (off_t)length) < 0 || fdatasync(fd) < 0))
        return sink_failed(s, "cut back", path, -errno);
    if (size > length)
        s->host->log(s->ctx, TIDE_LOG_INFO, "cut %llu bytes off %s: no checkpoint has them",
                     (unsigned long long)(size - length), path);
    return TIDE_OK;
}

tide_result sink_cut(struct sink *s, const char *path, uint64_t inode, uint64_t length)
{
    int fd = (int)TEMP_FAILURE_RETRY(open(path, O_WRONLY | O_CLOEXEC));
    if (fd < 0)
        return errno == ENOENT ? cut_missing(s, path, inode, length)
                               : sink_failed(s, "open", path, -errno);
    tide_result result = cut_open(s, path, fd, inode, length);
    close(fd);
    return result;
}

static int is_listed(void *arg, const char *path)
{
    const tide_bytes *data = arg;
    struct entry entry;
    size_t at = 0, len = strlen(path);
    while (next_entry(*data, &at, &entry) == 1)
        if (entry.path_len == len && !memcmp(entry.path, path, len))
            return 1;
    return 0;
}

static tide_result cut_entries(struct sink *s, tide_bytes data, int to_base)
{
    struct entry entry;
    size_t at = 0;
    int more;
    while ((more = next_entry(data, &at, &entry)) == 1) {
        char *path = strndup(entry.path, entry.path_len);
        if (!path)
            return s->host->fail(s->ctx, TIDE_FATAL, "out of memory");
        tide_result result = sink_cut(s, path, entry.inode, to_base ? entry.base : entry.length);
        free(path);
        if (result != TIDE_OK)
            return result;
    }
    return more < 0 ? s->host->fail(s->ctx, TIDE_FATAL, "a checkpoint's data is not a file sink's")
                    : TIDE_OK;
}

// Cuts all files back, forgets what was known of them and opens a fixed path again.
static tide_result recover(struct sink *s, tide_bytes data, int to_base)
{
    sink_drop_all(s);
    s->two_phase = s->recovered = 1;
    s->undecided = 0;
    tide_result result = cut_entries(s, data, to_base);
    if (result == TIDE_OK)
        result = touched_cut(s, is_listed, &data);
    if (result == TIDE_OK)
        result = touched_clear(s);
    if (result != TIDE_OK || s->template >= 0)
        return result;
    const char *path = s->host->opt_text(s->ctx, "path");
    struct outfile *file;
    return sink_file(s, path, strlen(path), &file);
}

tide_result sink_commit(void *self, tide_bytes data)
{
    struct sink *s = self;
    if (!s->wrote && !s->undecided)
        return recover(s, data, 0);
    if (!s->undecided)
        return TIDE_OK;
    // This instance prepared it: nothing was written since, its files are as they should be.
    tide_result result = touched_clear(s);
    s->undecided = result != TIDE_OK;
    return result;
}

tide_result sink_abort(void *self, tide_bytes data)
{
    return recover(self, data, 1);
}
