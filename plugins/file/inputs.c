// SPDX-License-Identifier: MIT
#include "source.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A rotated file is closed when nothing was appended to it for so long.
#define ROTATED_QUIET_NS (5 * INT64_C(1000000000))

tide_result source_input_failed(struct source *s, const struct input *in, const char *what,
                                int code)
{
    const char *why = code == ESTALE                  ? "another file took its place"
                      : code == ENOTSUP               ? "this build lacks its compression"
                      : code == EBADMSG && in->unpack ? unpack_why(in->unpack)
                                                      : strerror(code);
    return s->host->fail(s->ctx, TIDE_FATAL, "cannot %s %s (at byte %llu): %s", what, in->path,
                         (unsigned long long)input_at(in), why);
}

uint32_t source_pattern_count(const struct source *s)
{
    return s->host->config_text(s->patterns) ? 1 : s->host->config_len(s->patterns);
}

const char *source_pattern(const struct source *s, uint32_t index)
{
    const char *text = s->host->config_text(s->patterns);
    return text ? text : s->host->config_text(s->host->config_item(s->patterns, index));
}

static struct input *find(struct source *s, const struct stat *st)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (s->inputs[i]->inode == st->st_ino && s->inputs[i]->device == st->st_dev)
            return s->inputs[i];
    return NULL;
}

static int append(struct source *s, struct input *in)
{
    if (s->count == s->room) {
        uint32_t room = s->room ? 2 * s->room : 16;
        struct input **inputs = realloc(s->inputs, room * sizeof *inputs);
        if (!inputs)
            return ENOMEM;
        s->inputs = inputs;
        s->room = room;
    }
    s->inputs[s->count++] = in;
    return 0;
}

// The file that was under `path` until now: it is to be read to its end before its successor.
static struct input *predecessor(struct source *s, const char *path)
{
    for (uint32_t i = s->count; i-- > 0;)
        if (s->inputs[i]->state == INPUT_READY && !strcmp(s->inputs[i]->path, path))
            return s->inputs[i];
    return NULL;
}

static struct input *add(struct source *s, const struct found *found)
{
    struct input *in = input_new(found->path, &found->st);
    if (!in)
        return NULL;
    if (s->started)
        in->old = predecessor(s, found->path);
    if (in->old)
        in->old->at_end = 0; // what came before the rename is read first
    in->from_end = s->from_end && !s->started;
    in->packing = s->packing_by_name ? packing_of_path(found->path) : s->packing;
    in->seen = 1;
    if (append(s, in)) {
        input_free(in);
        return NULL;
    }
    return in;
}

// A rotated file keeps the name under which it was read: that of the shortest file found that it
// can come from. (It is open already, under the name that it has now.)
static tide_result rename_rotated(struct source *s, const struct scan *scan, struct input *in)
{
    const char *stem = NULL;
    for (size_t i = 0; i < scan->count; i++) {
        const char *path = scan->items[i].path;
        if (scan_is_rotation(in->path, path) && (!stem || strlen(path) < strlen(stem)))
            stem = path;
    }
    if (!stem)
        return TIDE_OK;
    char *copy = strdup(stem);
    if (!copy)
        return source_input_failed(s, in, "name", ENOMEM);
    free(in->path);
    in->path = copy;
    return TIDE_OK;
}

// A followed file is opened at once: from then on a rename does not lose it.
static tide_result hold(struct source *s, struct input *in)
{
    int denied = in->state == INPUT_DENIED;
    int code = input_open(in);
    if (!code) {
        in->state = INPUT_FOUND;
        return TIDE_OK;
    }
    if (code == EACCES && !denied)
        s->host->log(s->ctx, TIDE_LOG_WARN, "cannot read %s: %s", in->path, strerror(code));
    if (code == EACCES)
        in->state = INPUT_DENIED;
    else if (code == ENOENT || code == ESTALE)
        in->state = INPUT_DONE; // gone again already; what took its place is found next time
    else
        return source_input_failed(s, in, "open", code);
    return TIDE_OK;
}

static tide_result add_all(struct source *s, const struct scan *scan, size_t matched)
{
    for (size_t i = 0; i < scan->count; i++) {
        struct input *in = find(s, &scan->items[i].st);
        if (in) {
            in->seen = 1;
            tide_result held = in->state == INPUT_DENIED ? hold(s, in) : TIDE_OK;
            if (held != TIDE_OK)
                return held;
            continue;
        }
        in = add(s, &scan->items[i]);
        if (!in)
            return s->host->fail(s->ctx, TIDE_FATAL, "out of memory");
        in->resume_only = i >= matched;
        tide_result result = s->follow ? hold(s, in) : TIDE_OK;
        if (result == TIDE_OK && s->follow && !s->started)
            result = rename_rotated(s, scan, in);
        if (result != TIDE_OK)
            return result;
        if (s->started)
            s->host->log(s->ctx, TIDE_LOG_INFO, "found %s", in->path);
    }
    return TIDE_OK;
}

static tide_result match(struct source *s, struct scan *scan)
{
    const tide_host *host = s->host;
    for (uint32_t i = 0; i < source_pattern_count(s); i++) {
        const char *pattern = source_pattern(s, i);
        const char *where;
        size_t before = scan->count;
        int code = scan_pattern(scan, pattern, &where);
        if (s->follow)
            watch_parent(&s->watch, pattern);
        if (code && !(s->follow && code == ENOENT))
            return host->fail(s->ctx, TIDE_FATAL, "cannot read %s: %s", where,
                              code == ESPIPE ? "not a regular file (the stdio source reads pipes)"
                                             : strerror(code));
        if (!s->follow && !code && scan->count == before && scan_is_glob(pattern))
            return host->fail(s->ctx, TIDE_FATAL, "no file matches %s", pattern);
    }
    return TIDE_OK;
}

static tide_result check_readable(struct source *s, const struct scan *scan)
{
    for (size_t i = 0; i < scan->count; i++)
        if (access(scan->items[i].path, R_OK) < 0)
            return s->host->fail(s->ctx, TIDE_FATAL, "cannot read %s: %s", scan->items[i].path,
                                 strerror(errno));
    return TIDE_OK;
}

static tide_result siblings(struct source *s, struct scan *scan, size_t matched)
{
    for (size_t i = 0; i < matched; i++) {
        int code = scan_siblings(scan, scan->items[i].path);
        if (code)
            return s->host->fail(s->ctx, TIDE_FATAL, "cannot look beside %s: %s",
                                 scan->items[i].path, strerror(code));
    }
    return TIDE_OK;
}

tide_result source_scan(struct source *s)
{
    struct scan scan = {0};
    for (uint32_t i = 0; i < s->count; i++)
        s->inputs[i]->seen = 0;
    tide_result result = match(s, &scan);
    size_t matched = scan.count;
    if (result == TIDE_OK && !s->follow)
        result = check_readable(s, &scan);
    if (result == TIDE_OK && !s->started && s->follow)
        result = siblings(s, &scan, matched);
    if (result == TIDE_OK)
        result = add_all(s, &scan, matched);
    for (size_t i = 0; i < matched && s->follow; i++)
        watch_parent(&s->watch, scan.items[i].path);
    for (uint32_t i = 0; i < s->count && result == TIDE_OK; i++) {
        struct input *in = s->inputs[i];
        int gone = !in->seen || in->resume_only;
        if (gone && !in->gone)
            in->quiet_ns = s->host->mono_ns(s->ctx);
        in->gone = gone;
    }
    scan_clear(&scan);
    s->started = 1;
    return result;
}

tide_result source_announce(struct source *s)
{
    uint32_t fresh = 0;
    for (uint32_t i = 0; i < s->count; i++)
        fresh += s->inputs[i]->state == INPUT_FOUND;
    if (!fresh)
        return TIDE_OK;
    tide_bytes *names = calloc(fresh, sizeof *names);
    uint32_t n = 0;
    int failed = !names;
    for (uint32_t i = 0; i < s->count && !failed; i++) {
        if (s->inputs[i]->state != INPUT_FOUND)
            continue;
        s->inputs[i]->state = INPUT_WAITING;
        char *name = input_name(s->inputs[i]);
        failed = !name;
        if (name)
            names[n++] = (tide_bytes){name, strlen(name)};
    }
    tide_result result = failed ? s->host->fail(s->ctx, TIDE_FATAL, "out of memory")
                                : s->host->splits_added(s->ctx, names, n);
    while (n > 0)
        free((void *)(uintptr_t)names[--n].data);
    free(names);
    s->announced = 1;
    return result;
}

static void forget(struct source *s, uint32_t index)
{
    struct input *in = s->inputs[index];
    for (uint32_t i = 0; i < s->count; i++)
        if (s->inputs[i]->old == in)
            s->inputs[i]->old = NULL;
    memmove(s->inputs + index, s->inputs + index + 1, (s->count - index - 1) * sizeof *s->inputs);
    s->count--;
    input_free(in);
}

void source_sweep(struct source *s, tide_out *out)
{
    int64_t now = s->host->mono_ns(s->ctx);
    for (uint32_t i = s->count; i-- > 0;) {
        struct input *in = s->inputs[i];
        int over = in->state == INPUT_READY && in->gone && in->at_end &&
                   now - in->quiet_ns >= ROTATED_QUIET_NS;
        if (over || in->state == INPUT_UNKNOWN)
            s->host->split_end(out, in->split);
        if (over)
            s->host->log(s->ctx, TIDE_LOG_INFO, "%s was rotated or removed; read to its end",
                         in->path);
        int done = in->gone && (in->state == INPUT_DONE || in->state == INPUT_DENIED);
        if (over || done || in->state == INPUT_UNKNOWN)
            forget(s, i);
    }
    if (s->turn >= s->count)
        s->turn = 0;
}
