// SPDX-License-Identifier: MIT
#include "sink.h"
#include <stdlib.h>
#include <string.h>

static uint32_t bucket_of(const char *path, size_t len)
{
    uint32_t h = 2166136261u; // FNV-1a
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)path[i]) * 16777619u;
    return (h ^ h >> 16) % SINK_BUCKETS;
}

static struct outfile *find(const struct sink *s, const char *path, size_t len)
{
    struct outfile *file = s->buckets[bucket_of(path, len)];
    while (file && (strncmp(file->path, path, len) != 0 || file->path[len]))
        file = file->next_in_bucket;
    return file;
}

static void unlink_use(struct sink *s, struct outfile *file)
{
    *(file->newer ? &file->newer->older : &s->newest) = file->older;
    *(file->older ? &file->older->newer : &s->oldest) = file->newer;
    file->newer = file->older = NULL;
}

static void link_newest(struct sink *s, struct outfile *file)
{
    file->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = file;
    s->newest = file;
}

static void shut(struct sink *s, struct outfile *file)
{
    if (file->fd < 0)
        return;
    unlink_use(s, file);
    s->open_count--;
    outfile_close(file);
}

static tide_result evict(struct sink *s)
{
    struct outfile *file = s->oldest;
    tide_result result = touched_sync(s);
    if (result != TIDE_OK)
        return result;
    int code = outfile_finish(file);
    if (code)
        return sink_failed(s, "write", file->path, code);
    shut(s, file);
    return TIDE_OK;
}

tide_result sink_file(struct sink *s, const char *path, size_t len, struct outfile **out)
{
    struct outfile *file = find(s, path, len);
    *out = NULL;
    if (file && file->fd >= 0) {
        if (file != s->newest) {
            unlink_use(s, file);
            link_newest(s, file);
        }
        *out = file;
        return TIDE_OK;
    }
    tide_result result = s->open_count == SINK_OPEN ? evict(s) : TIDE_OK;
    if (result != TIDE_OK)
        return result;
    if (!file) {
        file = outfile_new(path, len);
        if (!file)
            return s->host->fail(s->ctx, TIDE_FATAL, "out of memory");
        uint32_t bucket = bucket_of(path, len);
        file->next_in_bucket = s->buckets[bucket];
        s->buckets[bucket] = file;
    }
    int code = outfile_open(file, &s->how);
    if (code)
        return sink_failed(s, "open", file->path, code);
    link_newest(s, file);
    s->open_count++;
    *out = file;
    return TIDE_OK;
}

struct outfile *sink_next(const struct sink *s, const struct outfile *file)
{
    if (file && file->next_in_bucket)
        return file->next_in_bucket;
    uint32_t i = file ? bucket_of(file->path, strlen(file->path)) + 1 : 0;
    for (; i < SINK_BUCKETS; i++)
        if (s->buckets[i])
            return s->buckets[i];
    return NULL;
}

static void sweep(struct sink *s, int all)
{
    for (uint32_t i = 0; i < SINK_BUCKETS; i++) {
        struct outfile **at = &s->buckets[i];
        while (*at) {
            struct outfile *file = *at;
            int needed = file->fd >= 0 || file->dirty || file->created || file->touched ||
                         (s->truncate && file->begun); // not to be emptied a second time
            if (needed && !all) {
                at = &file->next_in_bucket;
                continue;
            }
            *at = file->next_in_bucket;
            shut(s, file);
            outfile_free(file);
        }
    }
}

void sink_forget_closed(struct sink *s)
{
    sweep(s, 0);
}

void sink_drop_all(struct sink *s)
{
    sweep(s, 1);
}
