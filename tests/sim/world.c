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
            free(world->sinks[i].lines[k]);
        free(world->sinks[i].lines);
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
