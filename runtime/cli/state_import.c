// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "base/clock.h"
#include "cli/state.h"
#include "cli/state_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

// Lines become parts, those of the newest checkpoint that they do not name are added, and the whole
// becomes a checkpoint of its own, of the same incarnation: a start goes on from it.

enum { PART_MAX_BYTES = 1 << 30, PARTS_MAX = 65536 };

struct incoming {
    enum store_kind kind;
    char *node;
    struct image image; // of state; of others `bytes` alone
};

struct import {
    const struct state_place *place;
    struct incoming *parts;
    uint32_t count, cap;
    bool finished;
};

static struct incoming *find(const struct import *import, enum store_kind kind, const char *node)
{
    for (uint32_t i = import->count; i--;)
        if (import->parts[i].kind == kind && strcmp(import->parts[i].node, node) == 0)
            return &import->parts[i];
    return NULL;
}

static struct incoming *add(struct import *import, enum store_kind kind, const char *node)
{
    if (import->count == import->cap) {
        uint32_t cap = import->cap ? import->cap * 2 : 16;
        void *grown = mem_realloc(import->parts, cap * sizeof *import->parts);
        if (!grown)
            return NULL;
        import->parts = grown;
        import->cap = cap;
    }
    struct incoming *part = &import->parts[import->count];
    *part = (struct incoming){.kind = kind, .node = mem_strdup(node)};
    image_init(&part->image, PART_MAX_BYTES);
    import->count += part->node != NULL;
    return part->node ? part : NULL;
}

// -- lines --

static int take_head(struct import *import, const json_t *line, struct error *err)
{
    const char *pipeline = json_string_value(json_object_get(line, "pipeline"));
    import->finished = json_is_true(json_object_get(line, "finished"));
    if (!pipeline || strcmp(pipeline, import->place->pipeline) != 0)
        return error_set(err, ERR_REFUSED, "this is the state of '%s', not of '%s'",
                         pipeline ? pipeline : "?", import->place->pipeline);
    return 0;
}

static int take_part(struct import *import, const json_t *line, const char *node, struct error *err)
{
    const char *name = json_string_value(json_object_get(line, "part"));
    enum store_kind kind;
    if (!name || !state_kind_read(name, &kind))
        return error_set(err, ERR_INPUT, "there is no part '%s'", name ? name : "?");
    if (find(import, kind, node) || import->count == PARTS_MAX)
        return error_set(err, ERR_INPUT, "%s of '%s' is there twice", name, node);
    struct incoming *part = add(import, kind, node);
    if (!part)
        return error_nomem(err);
    return state_bytes_read(line, "bytes", &part->image.bytes, err);
}

static int take_line(struct import *import, const json_t *line, struct error *err)
{
    const char *node = json_string_value(json_object_get(line, "node"));
    if (json_object_get(line, "checkpoint"))
        return take_head(import, line, err);
    if (!node)
        return error_set(err, ERR_INPUT, "this is no line of an export: it has no \"node\"");
    if (json_object_get(line, "part"))
        return take_part(import, line, node, err);
    struct incoming *part = find(import, STORE_STATE, node);
    if (!part)
        return error_set(err, ERR_INPUT,
                         "{\"part\": \"state\", \"node\": \"%s\"} comes before its "
                         "entries",
                         node);
    return state_entry_read(line, &part->image, err);
}

// Up to the next line that has something in it; *number becomes its.
static bool has_more(FILE *in, uint64_t *number)
{
    int c;
    while ((c = getc(in)) == ' ' || (c >= '\t' && c <= '\r'))
        *number += c == '\n';
    return c != EOF && ungetc(c, in) == c;
}

static int take_lines(struct import *import, struct error *err)
{
    int code = 0;
    for (uint64_t number = 1; !code && has_more(stdin, &number);) {
        json_error_t why;
        json_t *line = json_loadf(
            stdin, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &why);
        code = json_is_object(line)
                   ? take_line(import, line, err)
                   : error_set(err, ERR_INPUT, "%s", line ? "no object" : why.text);
        json_decref(line);
        if (code)
            error_prefix(err, "line %" PRIu64, number);
    }
    if (!code && ferror(stdin))
        return error_set(err, ERR_IO, "standard input");
    return code || import->count ? code : error_set(err, ERR_INPUT, "there are no lines");
}

// -- the checkpoint --

static int put_old(const struct import *import, struct store *store, const struct checkpoint *old,
                   struct error *err)
{
    int code = 0;
    for (uint32_t i = 0; old && i < old->part_count && !code; i++) {
        struct store_part part = old->parts[i];
        part.changes = false;
        if (!find(import, part.kind, part.node))
            code = store_put(store, &part, err);
    }
    return code;
}

static int put_new(const struct import *import, struct store *store, struct error *err)
{
    int code = 0;
    for (uint32_t i = 0; i < import->count && !code; i++) {
        const struct incoming *from = &import->parts[i];
        const struct store_part part = {.kind = from->kind,
                                        .node = from->node,
                                        .bytes = from->image.bytes.data,
                                        .len = from->image.bytes.len};
        code = store_put(store, &part, err);
    }
    return code;
}

static int write(const struct import *import, struct store *store, const struct checkpoint *old,
                 struct error *err)
{
    struct checkpoint_head head = {.number = store_highest(store) + 1,
                                   .wall_ms = clock_wall_ms(clock_system()),
                                   .finished = import->finished};
    if (getrandom(&head.attempt, sizeof head.attempt, 0) != (ssize_t)sizeof head.attempt ||
        getrandom(head.incarnation, sizeof head.incarnation, 0) != (ssize_t)sizeof head.incarnation)
        return error_set(err, ERR_IO, "the system gives no random bytes");
    if (old)
        memcpy(head.incarnation, old->head.incarnation, sizeof head.incarnation);
    int code = store_begin(store, &head, err);
    if (code)
        return code;
    code = put_old(import, store, old, err);
    if (!code)
        code = put_new(import, store, err);
    if (code)
        store_give_up(store);
    if (!code)
        code = store_prepare(store, err);
    if (!code)
        code = store_decided(store, head.number, err);
    if (!code)
        printf("checkpoint %" PRIu64 "\n", head.number);
    return code;
}

static int put_in(const struct import *import, struct error *err)
{
    const struct state_place *place = import->place;
    const struct store_options options = {.keep = place->keep};
    struct store *store;
    struct checkpoint *old = NULL;
    int code = store_open(&store, place->dir, place->pipeline, &options, err);
    if (code)
        return code;
    uint32_t count = store_count(store);
    if (count)
        code = store_load(store, store_at(store, count - 1)->number, &old, err);
    if (!code)
        code = write(import, store, old, err);
    if (old)
        checkpoint_free(old);
    store_close(store);
    return code;
}

int state_import(const struct state_place *place, struct error *err)
{
    struct import import = {.place = place};
    if (place->decided_elsewhere)
        return error_set(err, ERR_REFUSED,
                         "a connection decides about the checkpoints of %s, and would go back "
                         "behind one that it does not know",
                         place->pipeline);
    int code = take_lines(&import, err);
    if (!code)
        code = put_in(&import, err);
    for (uint32_t i = 0; i < import.count; i++) {
        mem_free(import.parts[i].node);
        image_deinit(&import.parts[i].image);
    }
    mem_free(import.parts);
    return code;
}
