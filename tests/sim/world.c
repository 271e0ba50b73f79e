// SPDX-License-Identifier: MIT
#include "world.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world *world_now;

void world_init(struct world *world, struct clock *clock)
{
    *world = (struct world){.clock = clock, .trace = 0xcbf29ce484222325u};
    world_now = world;
}

static void free_source(struct world_source *source)
{
    for (uint32_t i = 0; i < source->split_count; i++) {
        sim_rows_free(&source->splits[i].rows);
        free(source->splits[i].text);
        free(source->splits[i].starts);
    }
}

void world_free(struct world *world)
{
    for (uint32_t i = 0; i < world->source_count; i++)
        free_source(&world->sources[i]);
    for (uint32_t i = 0; i < world->sink_count; i++) {
        for (size_t k = 0; k < world->sinks[i].count; k++)
            free(world->sinks[i].lines[k].text);
        free(world->sinks[i].lines);
        for (uint32_t k = 0; k < SOURCES_MAX * SPLITS_MAX; k++) {
            free(world->sinks[i].debts[k].left);
            free(world->sinks[i].debts[k].owed);
        }
    }
    world_now = NULL;
}

void world_note(const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < len; i++)
        world_now->trace = (world_now->trace ^ at[i]) * 0x100000001b3u;
}

void world_complain(const char *fmt, ...)
{
    va_list args;
    if (world_now->broken[0])
        return;
    va_start(args, fmt);
    vsnprintf(world_now->broken, sizeof world_now->broken, fmt, args);
    va_end(args);
}

void world_split_write(struct world_split *split)
{
    size_t len = 0;
    split->text = sim_alloc(split->rows.count * ROW_TEXT + 1);
    split->starts = sim_alloc((split->rows.count + 1) * sizeof *split->starts);
    for (size_t i = 0; i < split->rows.count; i++) {
        split->starts[i] = len;
        len += row_print(&split->rows.items[i], split->text + len);
        split->text[len++] = '\n';
    }
    split->starts[split->rows.count] = len;
}

// -- what is owed --

static int32_t *debt_of(struct world_sink *sink, int64_t split, int64_t place)
{
    if (split < 0 || split >= SOURCES_MAX * SPLITS_MAX || place < 0)
        return NULL;
    struct debt *debt = &sink->debts[split];
    return (size_t)place < debt->count ? &debt->left[place] : NULL;
}

void world_owe(struct world_sink *sink, const struct row *row)
{
    if (row->split == NO_TAG)
        return;
    struct debt *debt = &sink->debts[row->split];
    size_t before = debt->count, need = (size_t)row->place + 1;
    if (need > before) {
        size_t cap = before, same = before;
        debt->left = sim_grow(debt->left, &cap, need, sizeof *debt->left);
        debt->owed = sim_grow(debt->owed, &same, need, sizeof *debt->owed);
        memset(debt->left + before, 0, (cap - before) * sizeof *debt->left);
        memset(debt->owed + before, 0, (cap - before) * sizeof *debt->owed);
        debt->count = cap;
    }
    debt->left[row->place]++;
    debt->owed[row->place]++;
}

void world_pay(struct world_sink *sink, struct line *line)
{
    int split, place;
    int32_t *left = NULL;
    if (!line->paid && sscanf(line->text, "{\"s\":%d,\"n\":%d", &split, &place) == 2)
        left = debt_of(sink, split, place);
    if (left)
        --*left;
    line->paid = true;
}

bool world_is_paid(const struct world *world, uint32_t split, int64_t from, int64_t end)
{
    for (uint32_t i = 0; i < world->sink_count; i++) {
        const struct debt *debt = &world->sinks[i].debts[split];
        for (int64_t k = from; k < end && (size_t)k < debt->count; k++)
            if (debt->left[k] > 0)
                return false;
    }
    return true;
}

// -- instances, and what becomes of things when the engine goes --

void world_enter(struct live *live)
{
    live->next = world_now->live;
    live->self = &world_now->live;
    if (live->next)
        live->next->self = &live->next;
    world_now->live = live;
    world_now->open_instances++;
}

void world_leave(struct live *live)
{
    *live->self = live->next;
    if (live->next)
        live->next->self = live->self;
    world_now->open_instances--;
}

static void return_sink(struct world_sink *sink, struct dice *dice)
{
    for (uint32_t i = 0; i < SOURCES_MAX * SPLITS_MAX; i++)
        if (sink->debts[i].count)
            memcpy(sink->debts[i].left, sink->debts[i].owed,
                   sink->debts[i].count * sizeof *sink->debts[i].left);
    for (size_t i = 0; i < sink->count; i++) {
        struct line *line = &sink->lines[i];
        line->paid = false;
        if (line->state == LINE_HELD)
            line->state = !sink->exact && dice_chance(dice, 50) ? LINE_THERE : LINE_LOST;
        if (line->state == LINE_THERE)
            world_pay(sink, line);
    }
}

void world_return(struct world *world, bool crashed, struct dice *dice)
{
    while (crashed && world->live) {
        struct live *live = world->live;
        world_leave(live);
        live->drop(live);
    }
    for (uint32_t i = 0; i < world->sink_count; i++)
        return_sink(&world->sinks[i], dice);
    for (uint32_t i = 0; i < world->source_count; i++)
        for (uint32_t k = 0; k < world->sources[i].split_count; k++)
            world->sources[i].splits[k].handed = NOT_KNOWN;
    world->excused = false;
    world->returned = true;
}
