// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "state/store_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// Reads a generation from end to end: which checkpoints are in it, whole.

struct scan {
    struct store *store;
    struct generation *generation;
    const char *path;
    bool named; // the first entry was there
    bool open;  // between head and end
    struct saved saved;
    uint64_t chunks, bytes, missing;
};

struct saved *generation_find(const struct generation *generation, uint64_t number)
{
    for (size_t i = generation->count; i-- > 0;) {
        if (generation->saved[i].head.number == number)
            return &generation->saved[i];
    }
    return NULL;
}

const struct saved *generation_parent(const struct saved *saved)
{
    uint64_t parent = saved->head.parent;
    do
        saved--;
    while (saved->head.number != parent);
    return saved;
}

int generation_add(struct generation *generation, const struct saved *saved)
{
    if (mem_grow(&generation->saved, &generation->cap, generation->count + 1, sizeof *saved))
        return ERR_NOMEM;
    generation->saved[generation->count++] = *saved;
    return 0;
}

void generation_deinit(struct generation *generation)
{
    mem_free(generation->saved);
    *generation = (struct generation){0};
}

void store_say_damage(struct store *store, const struct error *err)
{
    size_t len = strlen(store->damage);
    (void)snprintf(store->damage + len, sizeof store->damage - len, "%s%s", len ? "; " : "",
                   err->text);
}

static int wrong(const struct scan *scan, uint64_t sequence, const char *what, struct error *err)
{
    return error_set(err, ERR_CORRUPT, "%s: record %" PRIu64 ": %s", scan->path, sequence, what);
}

static int take_generation(struct scan *scan, const struct store_entry *entry, struct error *err)
{
    struct store *store = scan->store;
    if (entry->generation.version > STORE_VERSION)
        return error_set(err, ERR_REFUSED,
                         "%s: was written in format %u by a newer version; this one knows %u",
                         scan->path, entry->generation.version, STORE_VERSION);
    const char *name = entry->generation.pipeline;
    size_t len = entry->generation.pipeline_len;
    if (len != strlen(store->pipeline) || memcmp(name, store->pipeline, len) != 0)
        return error_set(err, ERR_REFUSED,
                         "%s: holds the checkpoints of pipeline '%.*s', not of '%s'", scan->path,
                         (int)len, name, store->pipeline);
    if (entry->generation.highest > store->highest)
        store->highest = entry->generation.highest;
    scan->named = true;
    return 0;
}

static int take_head(struct scan *scan, const struct store_entry *entry, uint64_t sequence)
{
    scan->open = true;
    scan->saved = (struct saved){.head = entry->head, .sequence = sequence, .whole = true};
    scan->chunks = scan->bytes = scan->missing = 0;
    if (entry->head.number > scan->store->highest)
        scan->store->highest = entry->head.number;
    return 0;
}

static int take_part(struct scan *scan, const struct part_chunk *part, uint64_t sequence,
                     struct error *err)
{
    if (!scan->open || part->first != (scan->missing == 0) ||
        (!part->first && part->len > scan->missing))
        return wrong(scan, sequence, "a part out of place", err);
    scan->missing = (part->first ? part->part_len : scan->missing) - part->len;
    scan->chunks++;
    scan->bytes += part->len;
    if (part->kind == STORE_STATE && part->changes)
        scan->saved.whole = false;
    return 0;
}

static int take_end(struct scan *scan, const struct store_entry *entry, uint64_t sequence,
                    struct error *err)
{
    struct generation *generation = scan->generation;
    const struct saved *saved = &scan->saved;
    if (!scan->open || scan->missing || entry->end.number != saved->head.number ||
        entry->end.chunks != scan->chunks || entry->end.bytes != scan->bytes)
        return wrong(scan, sequence, "an end that does not fit what it ends", err);
    if (!saved->whole && !generation_find(generation, saved->head.parent))
        return wrong(scan, sequence, "a checkpoint that builds on one that is not there", err);
    scan->open = false;
    if (!generation->count)
        generation->first_bytes = scan->bytes;
    return generation_add(generation, saved) ? error_nomem(err) : 0;
}

static int take(struct scan *scan, const struct journal_entry *bytes, struct error *err)
{
    struct store_entry entry;
    if (!store_entry_read(bytes, &entry))
        return wrong(scan, bytes->sequence, "is nothing that is known here", err);
    if (scan->named == (entry.type == ENTRY_GENERATION))
        return wrong(scan, bytes->sequence, "an entry out of place", err);
    switch (entry.type) {
    case ENTRY_GENERATION:
        return take_generation(scan, &entry, err);
    case ENTRY_HEAD:
        return take_head(scan, &entry, bytes->sequence);
    case ENTRY_PART:
        return take_part(scan, &entry.part, bytes->sequence, err);
    case ENTRY_END:
        return take_end(scan, &entry, bytes->sequence, err);
    }
    return 0;
}

static int read_all(struct scan *scan, struct error *err)
{
    struct journal_reader *reader;
    struct journal_entry entry;
    int code = journal_reader_open(&reader, scan->path, READ_BYTES, err);
    if (code == ERR_RETRY)
        return error_set(err, ERR_CORRUPT, "%s: its journal is not there", scan->path);
    if (code)
        return code;
    while ((code = journal_reader_next(reader, &entry, err)) == 1) {
        code = take(scan, &entry, err);
        if (code)
            break;
        scan->generation->next = entry.sequence + entry.count;
    }
    journal_reader_close(reader);
    if (!code && !scan->generation->count)
        code = error_set(err, ERR_CORRUPT, "%s: its first checkpoint is not there", scan->path);
    return code;
}

int store_scan(struct store *store, struct generation *generation, struct error *err)
{
    char path[PATH_MAX];
    int code = store_path(path, store, generation->number, "", err);
    if (code)
        return code;
    struct scan scan = {.store = store, .generation = generation, .path = path};
    struct error local = ERROR_INIT;
    generation->count = 0;
    generation->bytes = store_generation_bytes(store, generation->number);
    code = read_all(&scan, &local);
    if (code && store->options.read_only && access(path, F_OK) != 0) {
        generation->count = 0; // who writes the store has removed it meanwhile
        return 0;
    }
    if (code == ERR_CORRUPT || code == ERR_LIMIT) {
        generation->damaged = true;
        if (generation->count)
            (void)snprintf(local.text + strlen(local.text), sizeof local.text - strlen(local.text),
                           " (it can be used up to checkpoint %" PRIu64 ")",
                           generation->saved[generation->count - 1].head.number);
        store_say_damage(store, &local);
        return 0;
    }
    return code ? error_set(err, code, "%s", local.text) : 0;
}
