// SPDX-License-Identifier: MIT
#include "sink.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// With a templated path a crash may leave bytes in files that the last checkpoint does not name.
// So, in a two-phase pipeline, "LENGTH PATH\n" is durable in a small file beside the output before
// the first byte of an epoch goes into PATH: recovery cuts PATH back to that length. The list is
// emptied when a checkpoint is decided. A fixed path needs none: each checkpoint names it.

tide_result touched_open(struct sink *s, const char *template)
{
    free(s->touched.path);
    s->touched.path = NULL;
    if (asprintf(&s->touched.path, "%.*s.%s.%s.touched", (int)s->fixed_prefix, template,
                 s->host->pipeline(s->ctx), s->host->node(s->ctx)) < 0)
        s->touched.path = NULL;
    return s->touched.path ? TIDE_OK : s->host->fail(s->ctx, TIDE_FATAL, "out of memory");
}

void touched_close(struct sink *s)
{
    if (s->touched.fd >= 0)
        close(s->touched.fd);
    free(s->touched.pending);
    free(s->touched.path);
    s->touched = (struct touched){.fd = -1};
}

tide_result touched_add(struct sink *s, const struct outfile *file)
{
    struct touched *t = &s->touched;
    if (!s->two_phase || !t->path || !file->regular)
        return TIDE_OK;
    size_t need = t->used + strlen(file->path) + 24;
    if (need > t->size) {
        char *more = realloc(t->pending, 2 * need);
        if (!more)
            return s->host->fail(s->ctx, TIDE_FATAL, "out of memory");
        t->pending = more;
        t->size = 2 * need;
    }
    t->used += (size_t)snprintf(t->pending + t->used, t->size - t->used, "%llu %s\n",
                                (unsigned long long)file->base, file->path);
    return TIDE_OK;
}

static int open_list(struct touched *t)
{
    if (t->fd >= 0)
        return 0;
    t->fd = (int)TEMP_FAILURE_RETRY(open(t->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    if (t->fd < 0)
        return -errno;
    return outfile_sync_parent(t->path);
}

static int write_list(struct touched *t)
{
    int code = open_list(t);
    size_t done = 0;
    while (!code && done < t->used) {
        ssize_t n = write(t->fd, t->pending + done, t->used - done);
        if (n >= 0)
            done += (size_t)n;
        else if (errno != EINTR)
            code = -errno;
    }
    // What was written stays written: a line is a line, even when its end comes later.
    memmove(t->pending, t->pending + done, t->used - done);
    t->used -= done;
    return !code && fdatasync(t->fd) < 0 ? -errno : code;
}

tide_result touched_sync(struct sink *s)
{
    if (s->touched.used == 0)
        return TIDE_OK;
    int code = write_list(&s->touched);
    return code ? sink_failed(s, "write", s->touched.path, code) : TIDE_OK;
}

tide_result touched_cut(struct sink *s, int (*listed)(void *arg, const char *path), void *arg)
{
    struct touched *t = &s->touched;
    if (!t->path)
        return TIDE_OK;
    FILE *list = fopen(t->path, "re");
    if (!list)
        return errno == ENOENT ? TIDE_OK : sink_failed(s, "read", t->path, -errno);
    char *line = NULL;
    size_t room = 0;
    tide_result result = TIDE_OK;
    ssize_t n = 0;
    while (result == TIDE_OK && (n = getline(&line, &room, list)) > 0) {
        char *path;
        unsigned long long length = strtoull(line, &path, 10);
        if (line[n - 1] != '\n' || *path != ' ')
            break; // a torn last line: its file was not yet written
        line[n - 1] = '\0';
        if (!listed(arg, path + 1))
            result = sink_cut(s, path + 1, 0, length);
    }
    if (n < 0 && !feof(list)) // what it does not say would not be cut back
        result = sink_failed(s, "read", t->path, -errno);
    free(line);
    fclose(list);
    return result;
}

tide_result touched_clear(struct sink *s)
{
    struct touched *t = &s->touched;
    t->used = 0;
    if (!t->path || (t->fd < 0 && access(t->path, F_OK) < 0))
        return TIDE_OK;
    int code = open_list(t);
    if (!code && (ftruncate(t->fd, 0) < 0 || fdatasync(t->fd) < 0))
        code = -errno;
    return code ? sink_failed(s, "write", t->path, code) : TIDE_OK;
}
