// SPDX-License-Identifier: MIT
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// As Kafka's: also safe as a directory's name.
bool topic_name_ok(const char *name, size_t len)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (len == 0 || len > TOPIC_NAME_MAX || (name[0] == '.' && len == 1) ||
        (len == 2 && name[0] == '.' && name[1] == '.'))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!name[i] || !strchr(allowed, name[i]))
            return false;
    }
    return true;
}

// Whether trying again later is of no use: somebody has to change something first.
static bool is_lasting(int errnum)
{
    static const int lasting[] = {EACCES, EPERM, EROFS, ENOTDIR, EISDIR, ELOOP, ENAMETOOLONG};
    for (size_t i = 0; i < sizeof lasting / sizeof *lasting; i++)
        if (errnum == lasting[i])
            return true;
    return false;
}

static int fail(char *why, const char *path, const char *what)
{
    int errnum = errno;
    (void)snprintf(why, WHY, "%.300s: %s: %.100s", path, what, strerror(errnum));
    return is_lasting(errnum) ? TOPIC_NEVER : -1;
}

static int topic_file(char out[PATH_BYTES], const char *dir, const char *topic, const char *name)
{
    int len = snprintf(out, PATH_BYTES, "%s/%s%s%s", dir, topic, *name ? "/" : "", name);
    if (len < 0 || len >= PATH_BYTES) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return 0;
}

int partition_path(char out[PATH_BYTES], const char *dir, const char *topic, uint32_t partition)
{
    char name[16];
    (void)snprintf(name, sizeof name, "%" PRIu32, partition);
    return topic_file(out, dir, topic, name);
}

// Up to `size` bytes; fewer at the end of the file only. Negative: errno says why.
static ssize_t read_all(int fd, char *text, size_t size)
{
    size_t len = 0;
    ssize_t n = 1;
    while (len < size && n > 0) {
        n = TEMP_FAILURE_RETRY(read(fd, text + len, size - len));
        len += n > 0 ? (size_t)n : 0;
    }
    return n < 0 ? n : (ssize_t)len;
}

static int write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = TEMP_FAILURE_RETRY(write(fd, text, len));
        if (n < 0)
            return -1;
        text += n;
        len -= (size_t)n;
    }
    return 0;
}

int topic_load(const char *dir, const char *topic, uint32_t *partitions, char *why)
{
    char path[PATH_BYTES], text[64];
    if (topic_file(path, dir, topic, "topic"))
        return fail(why, topic, "cannot be read");
    int fd = (int)TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_CLOEXEC));
    if (fd < 0)
        return errno == ENOENT ? 1 : fail(why, path, "cannot open");
    ssize_t len = read_all(fd, text, sizeof text - 1);
    int code = len < 0 ? fail(why, path, "cannot read") : 0;
    close(fd);
    if (code)
        return code;
    text[len] = 0;
    int used = 0;
    if (sscanf(text, "partitions: %" SCNu32 "\n%n", partitions, &used) != 1 || used != len ||
        *partitions == 0 || *partitions > PARTITIONS_MAX) {
        (void)snprintf(why, WHY, "%.300s: found '%.40s', expected 'partitions: N', N from 1 to %d",
                       path, text, PARTITIONS_MAX);
        return -1;
    }
    return 0;
}

static int sync_dir(const char *path, char *why)
{
    int fd = (int)TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd < 0)
        return fail(why, path, "cannot open");
    int code = fsync(fd) ? fail(why, path, "cannot sync to disk") : 0;
    close(fd);
    return code;
}

static int make_dirs(char *path, char *why)
{
    for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = 0;
        bool made = mkdir(path, 0755) == 0;
        if (!made && errno != EEXIST)
            return fail(why, path, "cannot make the directory");
        if (!slash)
            return 0;
        *slash = '/';
    }
}

static int write_synced(const char *path, const char *text, size_t len, char *why)
{
    int fd = (int)TEMP_FAILURE_RETRY(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (fd < 0)
        return fail(why, path, "cannot open");
    int code = 0;
    if (write_all(fd, text, len) || fsync(fd))
        code = fail(why, path, "cannot write");
    close(fd);
    return code;
}

int topic_create(const char *dir, const char *topic, uint32_t partitions, char *why)
{
    char home[PATH_BYTES], temporary[PATH_BYTES], path[PATH_BYTES], text[64];
    if (topic_file(home, dir, topic, "") || topic_file(temporary, dir, topic, "topic.tmp") ||
        topic_file(path, dir, topic, "topic"))
        return fail(why, topic, "cannot be made");
    int len = snprintf(text, sizeof text, "partitions: %" PRIu32 "\n", partitions);
    int code = make_dirs(home, why);
    if (!code)
        code = write_synced(temporary, text, (size_t)len, why);
    if (code)
        return code;
    if (rename(temporary, path))
        return fail(why, path, "cannot be made");
    return sync_dir(home, why) || sync_dir(dir, why) ? -1 : 0;
}

// org.apache.kafka.common.utils.Utils.murmur2
static uint32_t murmur2(const unsigned char *p, size_t len)
{
    const uint32_t m = 0x5bd1e995u;
    uint32_t h = 0x9747b28cu ^ (uint32_t)len;
    for (; len >= 4; p += 4, len -= 4) {
        uint32_t k =
            (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        k *= m;
        k ^= k >> 24;
        h = h * m ^ k * m;
    }
    if (len == 3)
        h ^= (uint32_t)p[2] << 16;
    if (len >= 2)
        h ^= (uint32_t)p[1] << 8;
    if (len >= 1)
        h = (h ^ p[0]) * m;
    h ^= h >> 13;
    h *= m;
    return h ^ h >> 15;
}

uint32_t partition_of(tide_bytes key, uint32_t partitions)
{
    return (murmur2(key.data, key.len) & 0x7fffffffu) % partitions;
}
