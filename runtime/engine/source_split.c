// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "engine/source_keep.h"
#include <string.h>

// The splits of a source in its lane: what each has come to in event time, and who is idle.

enum { IDLE_CHECKS = 4 }; // an idle split is noticed within idle_after / 4

void source_split_deinit(struct source_split *split)
{
    chunk_unref(split->rest_chunk);
    mem_free(split->name);
    mem_free(split->meta);
}

// Time in which the node could not take anything does not count: nobody is idle who is not heard.
static int64_t listening_ns(const struct source_node *node)
{
    int64_t now = clock_mono_ns(node->outputs.clock);
    return now - node->deaf_ns - (node->deaf_since_ns ? now - node->deaf_since_ns : 0);
}

// To the source's alignment, between its lock and unlock. A split without memory to be aligned is
// not held.
static void put_split(struct source_node *node, uint32_t id)
{
    const struct source_split *split = &node->splits[id];
    int64_t watermark = generator_watermark(&split->generator);
    bool silent = watermark == WATERMARK_NONE;
    bool counts = !split->ended && !split->idle && (!silent || node->waits_for_silent);
    (void)alignment_put(node->alignment, id, watermark, counts);
}

static void tell_alignment(struct source_node *node, uint32_t id)
{
    if (!node->alignment)
        return;
    alignment_lock(node->alignment);
    put_split(node, id);
    alignment_unlock(node->alignment);
}

static int begin(struct source_node *node, struct source_split *split)
{
    uint32_t id = (uint32_t)(split - node->splits);
    if (node->decoder->split_begin && node->decoder->split_begin(node->decoder, id, NULL, 0, NULL))
        return ERR_NOMEM;
    framer_open(&split->framer, &node->framing, node->limits.size);
    generator_init(&split->generator, node->out_of_order_ms);
    split->generator.kind = node->watermark_kind;
    split->seen_ns = listening_ns(node);
    split->offset = 0;
    split->ended = split->idle = false;
    stat_add(&node->outputs.stats->splits, 1);
    int rc = valve_add(&node->valve, &split->input);
    tell_alignment(node, id);
    return rc;
}

// Splits of topics are named "topic/partition"; a source of topics is one that has that option.
static uint32_t topic_len(const struct source_node *node, const char *split)
{
    const struct tide_config *options = node->plan->spec->options;
    const char *slash = strrchr(split, '/');
    if (!slash || !options || !(setting_at(options, "topic") || setting_at(options, "topics")))
        return 0;
    return (uint32_t)(slash - split);
}

// Room for the split of that number. Those of other lanes stay empty.
static int make_room(struct source_node *node, uint32_t id)
{
    if (mem_grow(&node->splits, &node->split_cap, (size_t)id + 1, sizeof *node->splits) ||
        mem_grow(&node->touched, &node->touched_cap, (size_t)id + 1, sizeof *node->touched))
        return ERR_NOMEM;
    while (node->split_count <= id)
        node->splits[node->split_count++] = (struct source_split){.ended = true};
    return 0;
}

static int name_split(struct source_node *node, const struct parcel *parcel)
{
    struct source_split *split = &node->splits[parcel->split];
    split->name = mem_strndup(parcel->text.data, parcel->text.len);
    split->meta = mem_zalloc(sizeof *split->meta);
    if (!split->name || !split->meta)
        return ERR_NOMEM;
    split->meta->split = split->name;
    split->meta->topic_len = topic_len(node, split->name);
    return 0;
}

static int restore(struct source_node *node, const struct parcel *parcel)
{
    struct error err = ERROR_INIT;
    pthread_mutex_lock(&node->outputs.look);
    int rc = source_split_restore(node, parcel->split, &parcel->part, &err);
    pthread_mutex_unlock(&node->outputs.look);
    if (rc) {
        node->outputs.failed = true;
        node->outputs.failure = err;
    }
    return rc;
}

static int add(struct source_node *node, const struct parcel *parcel)
{
    int rc = parcel->split >= node->split_count ? make_room(node, parcel->split) : 0;
    struct source_split *split = rc ? NULL : &node->splits[parcel->split];
    if (split && !split->name)
        rc = name_split(node, parcel);
    if (split && !rc && split->ended)
        rc = begin(node, split);
    return rc;
}

int source_split_add(struct source_node *node, const struct parcel *parcel)
{
    pthread_mutex_lock(&node->outputs.look);
    int rc = add(node, parcel);
    pthread_mutex_unlock(&node->outputs.look);
    if (rc) {
        outputs_out_of_memory(&node->outputs);
        return rc;
    }
    return parcel->part.len ? restore(node, parcel) : 0;
}

static void advance(struct source_node *node, struct source_split *split, int64_t now)
{
    split->touched = false;
    split->seen_ns = now;
    split->came_ns = node->outputs.complaints.now_ns;
    if (split->ended)
        return;
    if (split->idle) {
        split->idle = false;
        valve_active(&node->valve, split->input);
    }
    if (!node->has_time)
        return;
    struct valve_input *input = &node->valve.inputs[split->input];
    int64_t before = input->watermark;
    valve_advance(&node->valve, split->input, generator_watermark(&split->generator));
    if (input->watermark > before)
        input->moved_ns = node->outputs.complaints.now_ns;
}

// What its splits have come to together has moved, or not.
static void note_moved(struct source_node *node, int64_t before)
{
    if (node->valve.watermark > before)
        node->outputs.moved_ns = node->outputs.complaints.now_ns;
}

// It holds nobody back any more, behind what its last records have come to. Its unfinished frame
// goes with it.
void source_split_end(struct source_node *node, uint32_t id)
{
    struct source_split *split = &node->splits[id];
    if (split->ended)
        return;
    int64_t before = node->valve.watermark;
    pthread_mutex_lock(&node->outputs.look);
    if (split->touched)
        advance(node, split, listening_ns(node));
    split->ended = true;
    chunk_unref(split->rest_chunk);
    split->rest_chunk = NULL;
    split->rest_len = 0;
    valve_remove(&node->valve, split->input);
    note_moved(node, before);
    pthread_mutex_unlock(&node->outputs.look);
    tell_alignment(node, id);
    stat_set(&node->outputs.stats->splits, stat_get(&node->outputs.stats->splits) - 1);
}

void source_splits_advance(struct source_node *node)
{
    if (!node->touched_count)
        return;
    int64_t now = listening_ns(node), before = node->valve.watermark;
    pthread_mutex_lock(&node->outputs.look);
    if (node->alignment)
        alignment_lock(node->alignment);
    while (node->touched_count) {
        uint32_t id = node->touched[--node->touched_count];
        advance(node, &node->splits[id], now);
        if (node->alignment)
            put_split(node, id);
    }
    note_moved(node, before);
    if (node->alignment)
        alignment_unlock(node->alignment);
    pthread_mutex_unlock(&node->outputs.look);
}

static void look(struct source_node *node, int64_t now)
{
    int64_t limit = node->idle_after_ms * 1000000;
    for (uint32_t i = 0; i < node->split_count; i++) {
        struct source_split *split = &node->splits[i];
        if (split->idle || split->ended || now - split->seen_ns < limit)
            continue;
        if (node->alignment && alignment_holds(node->alignment, i)) {
            split->seen_ns = now; // it is not read: that is not its silence
            continue;
        }
        int64_t before = node->valve.watermark;
        pthread_mutex_lock(&node->outputs.look);
        split->idle = true;
        valve_idle(&node->valve, split->input);
        note_moved(node, before);
        pthread_mutex_unlock(&node->outputs.look);
        tell_alignment(node, i);
    }
}

void source_splits_renew(struct source_node *node)
{
    int64_t now = listening_ns(node);
    pthread_mutex_lock(&node->outputs.look);
    for (uint32_t i = 0; i < node->split_count; i++) {
        struct source_split *split = &node->splits[i];
        if (split->ended)
            continue;
        split->seen_ns = now;
        split->idle = false;
        valve_active(&node->valve, split->input);
        tell_alignment(node, i);
    }
    pthread_mutex_unlock(&node->outputs.look);
}

void source_splits_look_for_idle(struct source_node *node, bool listening, struct wait *wait)
{
    if (!node->idle_after_ms || node->phase != SOURCE_READING)
        return;
    int64_t now = clock_mono_ns(node->outputs.clock);
    if (!listening) {
        node->deaf_since_ns = node->deaf_since_ns ? node->deaf_since_ns : now;
        return;
    }
    if (node->deaf_since_ns)
        node->deaf_ns += now - node->deaf_since_ns;
    node->deaf_since_ns = 0;
    if (now >= node->idle_check_ns) {
        node->idle_check_ns = now + node->idle_after_ms * 1000000 / IDLE_CHECKS;
        look(node, now - node->deaf_ns);
    }
    if (node->idle_check_ns < wait->until_ns)
        wait->until_ns = node->idle_check_ns;
}
