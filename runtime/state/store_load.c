// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "state/image_merge.h"
#include "state/store_parts.h"

#include <inttypes.h>
#include <string.h>

// Reads a checkpoint and what it builds on, oldest first, in one pass.

struct node { // its state so far
    char *name;
    struct buf *images; // all of it, then changes on top
    size_t count, cap;
    size_t link; // that touched it last
};

struct loading {
    const struct chain *chain;
    struct journal_reader *reader;
    size_t link; // in hand
    struct node *nodes;
    size_t node_count, node_cap;
    struct checkpoint *out;
    size_t part_cap;
    struct buf *now;  // what continuations go to
    struct buf other; // a part that is not state
    uint64_t missing; // bytes of the part in hand
};

// -- chain --

int chain_init(struct chain *chain, const struct store *store, uint64_t number, struct error *err)
{
    const struct saved *saved;
    const struct generation *generation = store_find(store, number, &saved);
    *chain = (struct chain){0};
    if (!generation)
        return error_set(err, ERR_REFUSED, "%s: there is no checkpoint %" PRIu64, store->dir,
                         number);
    chain->head = saved->head;
    size_t count = 1;
    for (const struct saved *at = saved; !at->whole; count++)
        at = generation_parent(at);
    chain->links = mem_array(count, sizeof *chain->links);
    if (!chain->links)
        return error_nomem(err);
    chain->count = count;
    while (count) {
        chain->links[--count] = *saved;
        if (count)
            saved = generation_parent(saved);
    }
    return store_path(chain->dir, store, generation->number, "", err);
}

void chain_deinit(struct chain *chain)
{
    mem_free(chain->links);
    chain->links = NULL;
}

// -- state --

static void drop_images(struct node *node)
{
    for (size_t i = 0; i < node->count; i++)
        buf_deinit(&node->images[i]);
    node->count = 0;
}

static int take_node(struct loading *loading, const struct part_chunk *part, struct node **out)
{
    for (size_t i = 0; i < loading->node_count; i++) {
        *out = &loading->nodes[i];
        if (strlen((*out)->name) == part->node_len &&
            memcmp((*out)->name, part->node, part->node_len) == 0)
            return 0;
    }
    if (mem_grow(&loading->nodes, &loading->node_cap, loading->node_count + 1,
                 sizeof *loading->nodes))
        return ERR_NOMEM;
    char *name = mem_strndup(part->node, part->node_len);
    if (!name)
        return ERR_NOMEM;
    *out = &loading->nodes[loading->node_count++];
    **out = (struct node){.name = name, .link = SIZE_MAX};
    return 0;
}

static int add_image(struct node *node)
{
    if (mem_grow(&node->images, &node->cap, node->count + 1, sizeof *node->images))
        return ERR_NOMEM;
    buf_init(&node->images[node->count++], SIZE_MAX);
    return 0;
}

static int begin_state(struct loading *loading, const struct part_chunk *part)
{
    struct node *node;
    int code = take_node(loading, part, &node);
    if (code)
        return code;
    if (node->link != loading->link) { // else another lane's part comes behind the first
        // Without a part in the checkpoint before there is nothing to build on.
        if (!part->changes || node->link + 1 != loading->link)
            drop_images(node);
        if (part->changes && !node->count)
            code = add_image(node);
        if (!code)
            code = add_image(node);
        node->link = loading->link;
    }
    loading->now = code ? NULL : &node->images[node->count - 1];
    return code;
}

// -- parts --

static int add_part(struct loading *loading, enum store_kind kind, const char *node, size_t len)
{
    struct checkpoint *out = loading->out;
    if (mem_grow(&out->parts, &loading->part_cap, out->part_count + 1, sizeof *out->parts))
        return ERR_NOMEM;
    char *name = mem_strndup(node, len);
    if (!name)
        return ERR_NOMEM;
    out->parts[out->part_count++] = (struct store_part){.kind = kind, .node = name};
    return 0;
}

static void hand_over(struct store_part *part, struct buf *bytes)
{
    part->bytes = bytes->data;
    part->len = bytes->len;
    buf_init(bytes, SIZE_MAX);
}

// The first chunk: where its bytes go.
static int begin_part(struct loading *loading, const struct part_chunk *part)
{
    bool last = loading->link + 1 == loading->chain->count;
    int code = 0;
    loading->now = NULL;
    loading->missing = part->part_len;
    if (part->kind == STORE_STATE) {
        code = begin_state(loading, part);
    } else if (last) {
        code = add_part(loading, part->kind, part->node, part->node_len);
        loading->now = &loading->other;
    }
    if (!code && loading->now)
        code = buf_reserve(loading->now, (size_t)part->part_len);
    return code;
}

static int take_part(struct loading *loading, const struct part_chunk *part, struct error *err)
{
    int code = part->first ? begin_part(loading, part) : 0;
    if (!code && part->len > loading->missing)
        code = ERR_CORRUPT;
    if (!code && loading->now)
        code = buf_append(loading->now, part->bytes, part->len);
    if (code)
        return error_set(err, code, "%s: a part of '%.*s': %s", loading->chain->dir,
                         (int)part->node_len, part->node, error_meaning(code));
    loading->missing -= part->len;
    if (!loading->missing && loading->now == &loading->other)
        hand_over(&loading->out->parts[loading->out->part_count - 1], &loading->other);
    return 0;
}

// -- all of it --

static int next_entry(struct loading *loading, struct store_entry *entry, struct error *err)
{
    struct journal_entry bytes;
    int code = journal_reader_next(loading->reader, &bytes, err);
    if (code < 0)
        return code;
    if (code == 0 || !store_entry_read(&bytes, entry))
        return error_set(err, ERR_CORRUPT, "%s: checkpoint %" PRIu64 " is no longer there",
                         loading->chain->dir, loading->chain->links[loading->link].head.number);
    return 0;
}

static int read_link(struct loading *loading, struct error *err)
{
    const struct saved *saved = &loading->chain->links[loading->link];
    struct store_entry entry;
    int code = 0;
    if (journal_reader_at(loading->reader) != saved->sequence)
        code = journal_reader_seek(loading->reader, saved->sequence, err);
    if (!code)
        code = next_entry(loading, &entry, err);
    if (!code && (entry.type != ENTRY_HEAD || entry.head.number != saved->head.number))
        code = error_set(err, ERR_CORRUPT, "%s: record %" PRIu64 " is not checkpoint %" PRIu64,
                         loading->chain->dir, saved->sequence, saved->head.number);
    while (!code) {
        code = next_entry(loading, &entry, err);
        if (code || entry.type != ENTRY_PART)
            break;
        code = take_part(loading, &entry.part, err);
    }
    return code;
}

// The states that the checkpoint itself has.
static int finish(struct loading *loading, struct error *err)
{
    for (size_t i = 0; i < loading->node_count; i++) {
        struct node *node = &loading->nodes[i];
        if (node->link + 1 != loading->chain->count)
            continue;
        int code = image_merge(node->images, node->count, err);
        if (code)
            return (void)error_prefix(err, "%s: the state of '%s'", loading->chain->dir,
                                      node->name),
                   code;
        if (add_part(loading, STORE_STATE, node->name, strlen(node->name)))
            return error_nomem(err);
        hand_over(&loading->out->parts[loading->out->part_count - 1], &node->images[0]);
    }
    return 0;
}

static void loading_deinit(struct loading *loading)
{
    for (size_t i = 0; i < loading->node_count; i++) {
        drop_images(&loading->nodes[i]);
        mem_free(loading->nodes[i].images);
        mem_free(loading->nodes[i].name);
    }
    mem_free(loading->nodes);
    buf_deinit(&loading->other);
    journal_reader_close(loading->reader);
}

int chain_load(const struct chain *chain, struct checkpoint **out, struct error *err)
{
    struct loading loading = {.chain = chain};
    *out = NULL;
    buf_init(&loading.other, SIZE_MAX);
    loading.out = mem_zalloc(sizeof *loading.out);
    int code = loading.out ? journal_reader_open(&loading.reader, chain->dir, READ_BYTES, err)
                           : error_nomem(err);
    for (; !code && loading.link < chain->count; loading.link++)
        code = read_link(&loading, err);
    if (!code)
        code = finish(&loading, err);
    loading_deinit(&loading);
    if (code) {
        checkpoint_free(loading.out);
        return code;
    }
    loading.out->head = chain->head;
    *out = loading.out;
    return 0;
}

int store_load(struct store *store, uint64_t number, struct checkpoint **out, struct error *err)
{
    struct chain chain;
    *out = NULL;
    int code = chain_init(&chain, store, number, err);
    if (!code)
        code = chain_load(&chain, out, err);
    chain_deinit(&chain);
    return code;
}

void checkpoint_free(struct checkpoint *checkpoint)
{
    if (!checkpoint)
        return;
    for (uint32_t i = 0; i < checkpoint->part_count; i++) {
        mem_free((void *)(uintptr_t)checkpoint->parts[i].node);
        mem_free((void *)(uintptr_t)checkpoint->parts[i].bytes);
    }
    mem_free(checkpoint->parts);
    mem_free(checkpoint);
}

const struct store_part *checkpoint_part(const struct checkpoint *checkpoint, enum store_kind kind,
                                         const char *node)
{
    for (uint32_t i = 0; i < checkpoint->part_count; i++) {
        const struct store_part *part = &checkpoint->parts[i];
        if (part->kind == kind && strcmp(part->node, node) == 0)
            return part;
    }
    return NULL;
}
