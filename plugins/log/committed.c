// SPDX-License-Identifier: MIT
#include "committed.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// On disk: the bytes, then a sum of them: who reads while it is written sees by it that he has read
// half of the old and half of the new, and reads again.

enum { FILE_BYTES = COMMITTED_BYTES + 8, READS = 1000 };

static int fail(char *why, const char *path, const char *what)
{
    (void)snprintf(why, WHY, "%.300s: %s: %s", path, what, strerror(errno));
    return -1;
}

static int path_of(char path[PATH_BYTES], const struct log_connection *connection,
                   const char *topic, uint32_t partition, const char *suffix, char *why)
{
    int n = snprintf(path, PATH_BYTES, "%s/%s/%" PRIu32 ".committed%s", connection->dir, topic,
                     partition, suffix);
    if (n > 0 && n < PATH_BYTES)
        return 0;
    (void)snprintf(why, WHY, "%.200s: the path is too long", topic);
    return -1;
}

static void put_number(unsigned char *out, uint64_t n)
{
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)(n >> 8 * i);
}

static uint64_t get_number(const unsigned char *in)
{
    uint64_t n = 0;
    for (int i = 8; i--;)
        n = n << 8 | in[i];
    return n;
}

// FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/
static uint64_t sum_of(const unsigned char bytes[COMMITTED_BYTES])
{
    uint64_t sum = 0xcbf29ce484222325u;
    for (int i = 0; i < COMMITTED_BYTES; i++)
        sum = (sum ^ bytes[i]) * 0x100000001b3u;
    return sum;
}

void committed_pack(const struct committed *committed, unsigned char out[COMMITTED_BYTES])
{
    put_number(out, committed->place.segment);
    put_number(out + 8, committed->place.offset);
    put_number(out + 16, committed->place.sequence);
    memcpy(out + 24, committed->journal, sizeof committed->journal);
}

void committed_unpack(const unsigned char in[COMMITTED_BYTES], struct committed *out)
{
    out->place.segment = get_number(in);
    out->place.offset = get_number(in + 8);
    out->place.sequence = get_number(in + 16);
    memcpy(out->journal, in + 24, sizeof out->journal);
}

static int read_whole(int fd, const char *path, struct committed *out, char *why)
{
    unsigned char bytes[FILE_BYTES];
    for (int i = 0; i < READS; i++) {
        ssize_t n = TEMP_FAILURE_RETRY(pread(fd, bytes, sizeof bytes, 0));
        if (n < 0)
            return fail(why, path, "cannot read");
        if (n == FILE_BYTES && get_number(bytes + COMMITTED_BYTES) == sum_of(bytes)) {
            committed_unpack(bytes, out);
            return 0;
        }
    }
    (void)snprintf(why, WHY, "%.300s: is damaged; when its writer goes on, it is made anew", path);
    return -1;
}

int committed_read(const struct log_connection *connection, const char *topic, uint32_t partition,
                   struct committed *out, char *why)
{
    char path[PATH_BYTES];
    if (path_of(path, connection, topic, partition, "", why))
        return -1;
    int fd = (int)TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_CLOEXEC));
    if (fd < 0)
        return errno == ENOENT ? 1 : fail(why, path, "cannot open");
    int code = read_whole(fd, path, out, why);
    close(fd);
    return code;
}

static int sync_topic(const struct log_connection *connection, const char *topic, char *why)
{
    char path[PATH_BYTES];
    if (snprintf(path, sizeof path, "%s/%s", connection->dir, topic) >= PATH_BYTES)
        return -1;
    int fd = (int)TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    int code = fd < 0 || fsync(fd) ? fail(why, path, "cannot sync to disk") : 0;
    if (fd >= 0)
        close(fd);
    return code;
}

static int write_all(int fd, const unsigned char bytes[FILE_BYTES])
{
    for (ssize_t done = 0; done < FILE_BYTES;) {
        ssize_t n =
            TEMP_FAILURE_RETRY(pwrite(fd, bytes + done, FILE_BYTES - (size_t)done, (off_t)done));
        if (n == 0)
            errno = ENOSPC;
        if (n <= 0)
            return -1;
        done += n;
    }
    return 0;
}

static int write_to(const char *path, const unsigned char bytes[FILE_BYTES], bool durable,
                    char *why)
{
    int fd = (int)TEMP_FAILURE_RETRY(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    if (fd < 0)
        return fail(why, path, "cannot open");
    int code = write_all(fd, bytes) || (durable && fsync(fd)) ? fail(why, path, "cannot write") : 0;
    close(fd);
    return code;
}

// A new one is whole or not there; an old one moves on in its place.
int committed_write(const struct log_connection *connection, const char *topic, uint32_t partition,
                    const struct committed *committed, bool durable, char *why)
{
    char path[PATH_BYTES], aside[PATH_BYTES];
    unsigned char bytes[FILE_BYTES];
    if (path_of(path, connection, topic, partition, "", why) ||
        path_of(aside, connection, topic, partition, ".tmp", why))
        return -1;
    committed_pack(committed, bytes);
    put_number(bytes + COMMITTED_BYTES, sum_of(bytes));
    if (!durable)
        return write_to(path, bytes, false, why);
    int code = write_to(aside, bytes, true, why);
    if (!code && rename(aside, path))
        code = fail(why, path, "cannot be made");
    return code ? code : sync_topic(connection, topic, why);
}

int committed_remove(const struct log_connection *connection, const char *topic, uint32_t partition,
                     char *why)
{
    char path[PATH_BYTES];
    if (path_of(path, connection, topic, partition, "", why))
        return -1;
    if (unlink(path) && errno != ENOENT)
        return fail(why, path, "cannot remove");
    return 0;
}
