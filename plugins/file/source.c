// SPDX-License-Identifier: MIT
#include "source.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS INT64_C(1000000000)
#define CHUNK ((size_t)256 * 1024)

static tide_result open_source(const tide_host *host, tide_ctx *ctx, void **self)
{
    struct source *s = calloc(1, sizeof *s);
    if (!s)
        return host->fail(ctx, TIDE_FATAL, "out of memory");
    *self = s;
    s->host = host;
    s->ctx = ctx;
    s->watch.fd = -1;
    s->follow = host->opt_bool(ctx, "follow");
    s->from_end = !strcmp(host->opt_text(ctx, "start"), "end");
    const char *compress = host->opt_text(ctx, "compress");
    s->packing_by_name = !strcmp(compress, "auto");
    s->packing = packing_named(compress);
    s->patterns = host->config(ctx, "path");
    if (s->follow)
        watch_init(&s->watch);
    tide_result result = source_scan(s);
    return result == TIDE_OK ? source_announce(s) : result;
}

static void close_source(void *self)
{
    struct source *s = self;
    for (uint32_t i = 0; i < s->count; i++)
        input_free(s->inputs[i]);
    free(s->inputs);
    watch_deinit(&s->watch);
    free(s);
}

static struct input *named(struct source *s, tide_bytes name)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (input_is_named(s->inputs[i], name))
            return s->inputs[i];
    return NULL;
}

static tide_result assign_input(struct source *s, struct input *in, const tide_split *split)
{
    in->split = split->id;
    in->state = INPUT_READY;
    if (!split->position.data && in->resume_only) {
        in->state = INPUT_UNKNOWN;
        return TIDE_OK;
    }
    if (!split->position.data && !in->from_end)
        return TIDE_OK;
    int code = input_open(in);
    if (code)
        return source_input_failed(s, in, "open", code);
    if (!split->position.data) {
        code = input_seek_end(in);
        return code ? source_input_failed(s, in, "find the end of", code) : TIDE_OK;
    }
    int fits = input_seek(in, split->position);
    if (fits == -EINVAL)
        return s->host->fail(s->ctx, TIDE_FATAL,
                             "the stored position of %s is not one of the "
                             "file source",
                             in->path);
    if (fits < 0)
        return source_input_failed(s, in, "read", -fits);
    if (!fits)
        in->state = INPUT_CHANGED;
    return TIDE_OK;
}

static tide_result assign(void *self, const tide_split *splits, uint32_t count, uint32_t stride)
{
    struct source *s = self;
    for (uint32_t i = 0; i < count; i++) {
        const tide_split *split =
            (const tide_split *)(const void *)((const char *)splits + (size_t)i * stride);
        struct input *in = named(s, split->name);
        tide_result result = in ? assign_input(s, in, split) : TIDE_OK;
        if (result != TIDE_OK)
            return result;
    }
    return TIDE_OK;
}

static tide_result revoke(void *self, const uint32_t *ids, uint32_t count)
{
    struct source *s = self;
    for (uint32_t n = 0; n < count; n++)
        for (uint32_t i = 0; i < s->count; i++)
            if (s->inputs[i]->state == INPUT_READY && s->inputs[i]->split == ids[n])
                s->inputs[i]->state = INPUT_DONE;
    return TIDE_OK;
}

static tide_result pause_inputs(void *self, const uint32_t *ids, uint32_t count, int on)
{
    struct source *s = self;
    for (uint32_t n = 0; n < count; n++)
        for (uint32_t i = 0; i < s->count; i++)
            if (s->inputs[i]->state == INPUT_READY && s->inputs[i]->split == ids[n])
                s->inputs[i]->paused = on;
    return TIDE_OK;
}

// Files whose stored position is of another life of the same inode: read from the beginning, as a
// split of their own.
static tide_result restart_changed(struct source *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct input *in = s->inputs[i];
        if (in->state != INPUT_CHANGED)
            continue;
        s->host->log(s->ctx, TIDE_LOG_WARN,
                     "%s does not hold what was read of it: reading from its beginning", in->path);
        tide_result result = s->host->splits_lost(s->ctx, &in->split, 1, TIDE_SPLIT_LOST);
        if (result != TIDE_OK)
            return result;
        input_restart(in);
    }
    return source_announce(s);
}

// A compressed file that goes no further: an error of this file, whose unfinished record is
// dropped. The others are read on, if on_error wants it.
static tide_result damaged(struct source *s, tide_out *out, struct input *in, const char *why)
{
    const char *kind = in->unpack->kind->name;
    tide_result result =
        s->host->bad(out, in->split, (tide_bytes){NULL, 0}, "%s is damaged at byte %llu (%s): %s",
                     in->path, (unsigned long long)input_at(in), kind, why);
    if (result != TIDE_OK) // AGAIN: the next read says it
        return result == TIDE_AGAIN ? TIDE_OK : result;
    input_close(in);
    in->state = INPUT_DONE;
    return s->host->splits_lost(s->ctx, &in->split, 1, TIDE_SPLIT_LOST);
}

// The end of what there is of `in`, for now or for good.
static tide_result at_end(struct source *s, tide_out *out, struct input *in)
{
    if (!s->follow && input_is_cut_off(in))
        return damaged(s, out, in, "it ends within a frame");
    if (!s->follow) {
        s->host->split_end(out, in->split);
        input_close(in);
        in->state = INPUT_DONE;
    } else if (input_shrank(in)) {
        s->host->log(s->ctx, TIDE_LOG_WARN, "%s was truncated: reading from its beginning",
                     in->path);
        s->host->split_end(out, in->split);
        input_restart(in);
        return source_announce(s);
    }
    return TIDE_OK;
}

// One chunk of one input. *moved: it gave bytes, or came to its end. AGAIN: the host has no room.
static tide_result read_input(struct source *s, tide_out *out, struct input *in, int *moved)
{
    *moved = 0;
    int code = input_open(in);
    if (code)
        return source_input_failed(s, in, "open", code);
    size_t size = CHUNK;
    void *room = s->host->reserve(out, in->split, &size);
    if (!room || size == 0)
        return TIDE_AGAIN;
    unsigned char before[INPUT_POSITION];
    size_t before_len = input_position(in, before);
    ssize_t n = input_read(in, room, size);
    if (n == -EBADMSG) {
        *moved = 1;
        return damaged(s, out, in, unpack_why(in->unpack));
    }
    if (n < 0)
        return source_input_failed(s, in, "read", (int)-n);
    if (n == 0 && !in->at_end) { // frames without content, so far
        *moved = 1;
        return TIDE_OK;
    }
    if (n == 0) {
        *moved = !s->follow;
        return at_end(s, out, in);
    }
    *moved = 1;
    if (s->follow)
        in->quiet_ns = s->host->mono_ns(s->ctx);
    return s->host->commit(out, in->split, (size_t)n, (tide_bytes){before, before_len});
}

static tide_result look_around(struct source *s, tide_out *out)
{
    int64_t now = s->host->mono_ns(s->ctx);
    s->next_scan_ns = now + (s->watch.fd >= 0 ? SECOND_NS : SECOND_NS / 4);
    tide_result result = source_scan(s);
    source_sweep(s, out);
    return result == TIDE_OK ? source_announce(s) : result;
}

static int readable(struct input *in)
{
    if (in->old && in->old->at_end)
        in->old = NULL;
    return in->state == INPUT_READY && !in->old && !in->paused;
}

// Gives each input its turn until one has something.
static tide_result read_next(struct source *s, tide_out *out, int *moved)
{
    *moved = 0;
    for (uint32_t tried = 0; tried < s->count; tried++) {
        if (s->turn >= s->count)
            s->turn = 0;
        struct input *in = s->inputs[s->turn];
        if (readable(in)) {
            tide_result result = read_input(s, out, in, moved);
            if (result == TIDE_AGAIN)
                *moved = 1; // a full batch is no idleness
            if (result == TIDE_AGAIN || result < 0)
                return result == TIDE_AGAIN ? TIDE_OK : result;
            if (!s->follow && *moved && in->state == INPUT_READY)
                return TIDE_OK; // a bounded file keeps its turn to its end
        }
        s->turn++;
        if (*moved)
            return TIDE_OK;
    }
    return TIDE_OK;
}

static int all_done(const struct source *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (s->inputs[i]->state != INPUT_DONE)
            return 0;
    return 1;
}

// New bytes alone do not make it look for files; names that changed do, and each second.
static tide_result follow(struct source *s, tide_out *out, int *moved)
{
    int names = watch_drain(&s->watch);
    tide_result result = read_next(s, out, moved);
    if (result != TIDE_OK)
        return result;
    if (!names && s->host->mono_ns(s->ctx) < s->next_scan_ns)
        return TIDE_OK;
    result = look_around(s, out);
    if (result == TIDE_OK && !*moved)
        result = read_next(s, out, moved);
    return result;
}

static tide_result read_source(void *self, tide_out *out, uint32_t max)
{
    (void)max; // messages are cut by the host
    struct source *s = self;
    int moved = 0;
    s->announced = 0;
    tide_result result = restart_changed(s);
    if (result == TIDE_OK)
        result = s->follow ? follow(s, out, &moved) : read_next(s, out, &moved);
    if (result != TIDE_OK || moved || s->announced)
        return result; // what was announced is assigned before the next call
    if (!s->follow)
        return all_done(s) ? TIDE_EOF : TIDE_AGAIN;
    s->host->wait_until(s->ctx, s->next_scan_ns);
    return TIDE_AGAIN;
}

static int poll_fd(void *self)
{
    return ((struct source *)self)->watch.fd;
}

static const struct input *split_of(struct source *s, uint32_t split)
{
    for (uint32_t n = 0; n < s->count; n++) {
        uint32_t i = (s->hint + n) % s->count;
        enum input_state state = s->inputs[i]->state;
        if ((state != INPUT_READY && state != INPUT_DONE) || s->inputs[i]->split != split)
            continue;
        s->hint = i + 1;
        return s->inputs[i];
    }
    return NULL;
}

// Of a compressed file the bytes as they are on disk.
static int64_t lag_bytes(void *self, uint32_t split)
{
    const struct input *in = split_of(self, split);
    if (!in)
        return -1;
    return in->state == INPUT_DONE ? 0 : input_left(in);
}

static const tide_option options[] = {
    {.name = "path",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .flags = TIDE_OPTION_REQUIRED,
     .help = "a file or glob, or a list of them"},
    {.name = "follow",
     .type = TIDE_BOOL,
     .default_text = "false",
     .help = "keep reading what is appended, through rotation and truncation"},
    {.name = "start",
     .type = TIDE_CHOICE,
     .default_text = "begin",
     .choices = "begin|end",
     .help = "where a file that was never read is begun; end: only what is appended from now on"},
    {.name = "compress",
     .type = TIDE_CHOICE,
     .default_text = "auto",
     .choices = "auto|none|gzip|zstd",
     .help = "how the files are compressed; auto: by .gz and .zst in their names"},
    {.name = NULL},
};

const tide_source file_source = {
    .struct_size = sizeof file_source,
    .capabilities = TIDE_SOURCE_REPLAYABLE | TIDE_SOURCE_SPLITS | TIDE_SOURCE_BOUNDED |
                    TIDE_SOURCE_BLOCKING | TIDE_SOURCE_STREAM,
    .options = options,
    .open = open_source,
    .close = close_source,
    .assign = assign,
    .revoke = revoke,
    .read = read_source,
    .poll_fd = poll_fd,
    .pause = pause_inputs,
    .lag_bytes = lag_bytes,
};
