// SPDX-License-Identifier: MIT
#include "sink.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    BACKOFF_FIRST_MS = 100,
    BACKOFF_LAST_MS = 5000,
    LONE_BUFFER = 256 * 1024, // of the only file
    SHARED_BUFFER = 32 * 1024 // of each of many
};

static tide_result wait_for_space(struct sink *s, const char *path, int code)
{
    if (!s->backoff_ms)
        s->host->log(s->ctx, TIDE_LOG_WARN, "cannot write %s: %s; waiting for space", path,
                     strerror(-code));
    s->backoff_ms = s->backoff_ms ? 2 * s->backoff_ms : BACKOFF_FIRST_MS;
    if (s->backoff_ms > BACKOFF_LAST_MS)
        s->backoff_ms = BACKOFF_LAST_MS;
    s->host->wait_until(s->ctx, s->host->mono_ns(s->ctx) + s->backoff_ms * 1000000);
    return TIDE_AGAIN;
}

tide_result sink_failed(struct sink *s, const char *what, const char *path, int code)
{
    if (code == -ENOSPC || code == -EDQUOT)
        return wait_for_space(s, path, code);
    if (code == OUTFILE_BUSY)
        return s->host->fail(s->ctx, TIDE_FATAL, "%s is being written by another process or node",
                             path);
    return s->host->fail(s->ctx, TIDE_FATAL, "cannot %s %s: %s", what, path, strerror(-code));
}

static void space_again(struct sink *s)
{
    if (s->backoff_ms)
        s->host->log(s->ctx, TIDE_LOG_INFO, "there is space again");
    s->backoff_ms = 0;
}

// The part of the template before its first field, up to the last '/' in it.
static size_t fixed_prefix(const char *template)
{
    size_t plain = strcspn(template, "{");
    while (plain > 0 && template[plain - 1] != '/')
        plain--;
    return plain;
}

static tide_result read_compress(struct sink *s)
{
    const tide_host *host = s->host;
    const char *format = host->opt_text(s->ctx, "compress.format");
    s->how.packing = packing_named(format);
    s->how.level = (int)host->opt_int(s->ctx, "compress.level");
    if (s->how.packing == PACKING_NONE)
        return TIDE_OK;
    const struct packing_kind *kind = packing_kind(s->how.packing);
    if (!kind)
        return host->fail(s->ctx, TIDE_FATAL, "this build has no %s", format);
    if (s->how.level > kind->last_level)
        return host->fail(s->ctx, TIDE_FATAL, "compress.level of %s is 1 to %d, not %d", format,
                          kind->last_level, s->how.level);
    return TIDE_OK;
}

static tide_result read_options(struct sink *s)
{
    const tide_host *host = s->host;
    const char *path = host->opt_text(s->ctx, "path");
    if (!*path)
        return host->fail(s->ctx, TIDE_FATAL, "path is empty");
    s->truncate = !strcmp(host->opt_text(s->ctx, "mode"), "truncate");
    s->rotate_size = (uint64_t)host->opt_int(s->ctx, "rotate.size");
    s->rotate_every = host->opt_int(s->ctx, "rotate.every");
    s->now_ms = host->wall_ms(s->ctx);
    tide_result result = read_compress(s);
    if (result != TIDE_OK)
        return result;
    s->template = -1;
    s->how.room = strchr(path, '{') ? SHARED_BUFFER : LONE_BUFFER;
    struct outfile *file;
    if (!strchr(path, '{'))
        return sink_file(s, path, strlen(path), &file);
    s->template = host->template_of(s->ctx, "path");
    s->fixed_prefix = fixed_prefix(path);
    return touched_open(s, path);
}

static tide_result open_sink(const tide_host *host, tide_ctx *ctx, void **self)
{
    struct sink *s = *self;
    if (!s) {
        s = calloc(1, sizeof *s);
        if (!s)
            return host->fail(ctx, TIDE_FATAL, "out of memory");
        s->host = host;
        s->ctx = ctx;
        s->touched.fd = -1;
        *self = s;
    }
    return read_options(s);
}

static void close_sink(void *self)
{
    struct sink *s = self;
    sink_drop_all(s);
    touched_close(s);
    free(s);
}

// A crash may leave a frame without its end, behind which nothing could be read: all of it came
// after the last flush, so it goes. Finding it takes reading the file.
static tide_result cut_frame(struct sink *s, struct outfile *file)
{
    uint64_t end, length = file->length;
    if (!file->regular || length == 0 || s->recovered)
        return TIDE_OK;
    int code = outfile_whole_frames(file, s->how.packing, &end);
    if (code == 0)
        return s->host->fail(s->ctx, TIDE_FATAL,
                             "%s is no %s file from byte %llu on: not appending to it", file->path,
                             packing_kind(s->how.packing)->name, (unsigned long long)end);
    if (code > 0)
        code = end < length ? outfile_cut(file, end) : 0;
    if (code)
        return sink_failed(s, "look through", file->path, code);
    if (end < length)
        s->host->log(s->ctx, TIDE_LOG_WARN, "%s ends within a frame: cut %llu bytes off",
                     file->path, (unsigned long long)(length - end));
    return TIDE_OK;
}

tide_result sink_begin(struct sink *s, struct outfile *file)
{
    tide_result result = TIDE_OK;
    if (file->begun)
        return TIDE_OK;
    if (s->truncate && !s->recovered) {
        int code = outfile_cut(file, 0);
        if (code)
            return sink_failed(s, "truncate", file->path, code);
    } else if (file->pack) {
        result = cut_frame(s, file);
    } else if (!s->framed && outfile_is_torn(file)) {
        s->host->log(s->ctx, TIDE_LOG_WARN, "%s ends within a line: starting a new one",
                     file->path);
        outfile_add(file, "\n", 1);
    }
    if (result != TIDE_OK)
        return result;
    file->begun = 1;
    return TIDE_OK;
}

// A path that comes from a record's fields stays below the template's own directory.
static int escapes(const struct sink *s, const char *path, size_t len)
{
    if (memchr(path, '\0', len))
        return 1;
    size_t at = s->fixed_prefix;
    if (at == 0 && len > 0 && path[0] == '/')
        return 1;
    while (at <= len) {
        const char *slash = at < len ? memchr(path + at, '/', len - at) : NULL;
        size_t end = slash ? (size_t)(slash - path) : len;
        if (end - at == 2 && !memcmp(path + at, "..", 2))
            return 1;
        at = end + 1;
    }
    return path[len - 1] == '/';
}

// The file of a record; *out NULL with OK: the record was refused.
static tide_result choose(struct sink *s, const tide_batch *batch, uint32_t index,
                          struct outfile **out)
{
    *out = s->newest;
    if (s->template <0)
        return TIDE_OK;
    tide_bytes path = s->host->expand(s->ctx, batch, index, s->template);
    *out = NULL;
    if (!path.data || path.len == 0)
        return s->host->refuse(s->ctx, batch, index, "path needs a field that is absent");
    if (escapes(s, path.data, path.len))
        return s->host->refuse(s->ctx, batch, index, "path '%.*s' leads out of its directory",
                               (int)path.len, (const char *)path.data);
    return sink_file(s, path.data, path.len, out);
}

static tide_result write_out(struct sink *s, struct outfile *file, size_t more)
{
    if (more <= file->size - file->used)
        return TIDE_OK;
    tide_result result = touched_sync(s);
    if (result != TIDE_OK)
        return result;
    int code = outfile_room(file, more);
    if (code)
        return sink_failed(s, "write", file->path, code);
    space_again(s);
    return TIDE_OK;
}

static tide_result prepare_file(struct sink *s, struct outfile *file, size_t more)
{
    tide_result result = sink_begin(s, file);
    if (result == TIDE_OK && (s->rotate_size || s->rotate_every))
        result = sink_rotate(s, file, more);
    if (result == TIDE_OK && !file->touched)
        result = touched_add(s, file);
    file->touched |= result == TIDE_OK;
    return result == TIDE_OK ? write_out(s, file, more) : result;
}

// What a new file begins with. Rotation does not count it.
static tide_result put_preamble(struct sink *s, struct outfile *file, size_t more)
{
    tide_result result = write_out(s, file, s->preamble.len + more);
    if (result != TIDE_OK)
        return result;
    outfile_add(file, s->preamble.data, s->preamble.len);
    file->headed = 1;
    return TIDE_OK;
}

static tide_result put(struct sink *s, struct outfile *file, tide_bytes value)
{
    size_t more = value.len + !s->framed;
    int simple = file->begun && file->touched && !s->rotate_size && !s->rotate_every;
    tide_result result = simple ? write_out(s, file, more) : prepare_file(s, file, more);
    if (result == TIDE_OK && s->preamble.len && file->length == 0 && !file->headed)
        result = put_preamble(s, file, more);
    if (result != TIDE_OK)
        return result;
    outfile_add(file, value.data, value.len);
    if (!s->framed)
        outfile_add(file, "\n", 1);
    return TIDE_OK;
}

static tide_result write_batch(void *self, const tide_batch *batch, uint32_t *accepted)
{
    struct sink *s = self;
    s->now_ms = s->host->wall_ms(s->ctx);
    s->wrote = 1;
    s->framed = batch->count && tide_record_at(batch, 0)->flags & TIDE_RECORD_FRAMED;
    if (TIDE_HAS(s->host, preamble) && s->host->preamble)
        s->preamble = s->host->preamble(s->ctx);
    for (*accepted = 0; *accepted < batch->count; (*accepted)++) {
        const tide_record *record = tide_record_at(batch, *accepted);
        struct outfile *file = NULL;
        tide_result result =
            record->value.data
                ? choose(s, batch, *accepted, &file)
                : s->host->refuse(s->ctx, batch, *accepted, "a tombstone is no line of a file");
        if (result == TIDE_OK && file)
            result = put(s, file, record->value);
        if (result != TIDE_OK)
            return result;
    }
    return TIDE_OK;
}

tide_result sink_sync_all(struct sink *s)
{
    tide_result result = touched_sync(s);
    if (result != TIDE_OK)
        return result;
    for (struct outfile *file = sink_next(s, NULL); file; file = sink_next(s, file)) {
        if (file->fd >= 0) {
            result = s->truncate ? sink_begin(s, file) : TIDE_OK;
            if (result != TIDE_OK)
                return result;
            int code = outfile_finish(file);
            if (code)
                return sink_failed(s, "write", file->path, code);
        }
        int code = outfile_sync(file);
        if (code) // never tried again: the system may have dropped the pages
            return s->host->fail(s->ctx, TIDE_FATAL, "cannot sync %s: %s", file->path,
                                 strerror(-code));
    }
    space_again(s);
    return TIDE_OK;
}

static tide_result flush(void *self)
{
    struct sink *s = self;
    tide_result result = sink_sync_all(s);
    if (result == TIDE_OK && !s->two_phase) {
        for (struct outfile *file = sink_next(s, NULL); file; file = sink_next(s, file)) {
            file->touched = 0;
            file->base = file->length; // no epoch takes it back: it was before the first
        }
        sink_forget_closed(s);
    }
    return result;
}

static const tide_option rotate_options[] = {
    {.name = "size",
     .type = TIDE_SIZE,
     .min = 1,
     .max = 1e18,
     .help = "a file that would grow beyond it is rotated"},
    {.name = "every",
     .type = TIDE_DURATION,
     .min = 1000,
     .max = 1e13,
     .help = "a file is rotated when such a span (counted from 1970, UTC) is over"},
    {.name = NULL},
};

static const tide_option compress_options[] = {
    {.name = "format",
     .type = TIDE_CHOICE,
     .default_text = "none",
     .choices = "none|gzip|zstd",
     .help = "how the files are compressed"},
    {.name = "level",
     .type = TIDE_INT,
     .min = 1,
     .max = 19,
     .help = "how hard it tries: gzip 1 to 9 (default 6), zstd 1 to 19 (default 3)"},
    {.name = NULL},
};

static const tide_option options[] = {
    {.name = "path",
     .type = TIDE_TEXT,
     .flags = TIDE_OPTION_REQUIRED | TIDE_OPTION_TEMPLATE,
     .help = "the file; with {field} parts one file for each value; directories are made"},
    {.name = "mode",
     .type = TIDE_CHOICE,
     .default_text = "append",
     .choices = "append|truncate",
     .help = "truncate: begin each file anew in each run"},
    {.name = "rotate",
     .type = TIDE_MAP,
     .members = rotate_options,
     .help = "when a file is renamed to PATH.TIME and begun anew"},
    {.name = "compress",
     .type = TIDE_MAP,
     .flags = TIDE_OPTION_SHORT,
     .members = compress_options,
     .help = "`gzip`, `zstd`, or a map with a level; what is flushed are whole frames"},
    {.name = NULL},
};

const tide_sink file_sink = {
    .struct_size = sizeof file_sink,
    .capabilities =
        TIDE_SINK_TWO_PHASE | TIDE_SINK_BLOCKING | TIDE_SINK_STREAM | TIDE_SINK_PREAMBLE,
    .options = options,
    .open = open_sink,
    .close = close_sink,
    .write = write_batch,
    .flush = flush,
    .prepare = sink_prepare,
    .commit = sink_commit,
    .abort = sink_abort,
};
