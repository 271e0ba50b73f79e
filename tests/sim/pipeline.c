// SPDX-License-Identifier: MIT
#include "pipeline.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 4000, STAGES_MAX = 6 };

// -- text and streams --

static void add_text(char *to, size_t size, size_t *len, const char *fmt, va_list args)
{
    int n = vsnprintf(to + *len, size - *len, fmt, args);
    if (n < 0 || (size_t)n >= size - *len)
        abort();
    *len += (size_t)n;
}

void yaml_add(struct yaml *yaml, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    add_text(yaml->text, sizeof yaml->text, &yaml->len, fmt, args);
    va_end(args);
}

struct stream *stream_new(struct pipeline_plan *plan, const struct stream *from, const char *fmt,
                          ...)
{
    if (plan->stream_count == STREAMS_MAX)
        abort();
    struct stream *stream = &plan->streams[plan->stream_count++];
    if (from)
        *stream = *from;
    stream->rows = (struct rows){0};
    stream->open = true;
    size_t len = 0;
    va_list args;
    va_start(args, fmt);
    add_text(stream->ref, sizeof stream->ref, &len, fmt, args);
    va_end(args);
    return stream;
}

uint32_t node_number(struct pipeline_plan *plan)
{
    return plan->node_count++;
}

void stream_take(struct pipeline_plan *plan, struct stream *stream)
{
    stream->open = dice_chance(&plan->dice, 12);
}

struct stream *stream_pick(struct pipeline_plan *plan, bool tagged, bool keyed, bool ordered)
{
    struct stream *fit[STREAMS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->stream_count; i++) {
        struct stream *stream = &plan->streams[i];
        if (stream->open && stream->tagged >= tagged && stream->keyed >= keyed &&
            stream->ordered >= ordered && stream->rows.count < ROWS_MAX)
            fit[count++] = stream;
    }
    return count ? fit[dice_below(&plan->dice, count)] : NULL;
}

// -- dead letters --

static void make_fatal(struct pipeline_plan *plan, struct mood *mood)
{
    if (plan->world->checkpoints && dice_chance(&plan->keep, 20))
        mood->fatal = 3;
}

static uint32_t sink_new(struct pipeline_plan *plan)
{
    static const char *const kinds[2][3] = {{"sim", "sim_thread", "sim_parallel"},
                                            {"phased", "phased_thread", "phased_parallel"}};
    struct dice *dice = &plan->dice;
    uint32_t index = plan->world->sink_count++;
    bool phased = plan->world->checkpoints && dice_chance(&plan->keep, 70);
    struct world_sink *sink = &plan->world->sinks[index];
    sink->dice = dice_of(dice_next(dice), 3);
    sink->mood = (struct mood){.again = dice_chance(dice, 50) ? dice_below(dice, 60) : 0,
                               .retry = dice_chance(dice, 30) ? 5 : 0,
                               .partial = dice_chance(dice, 50) ? dice_below(dice, 90) : 0,
                               .nothing = dice_chance(dice, 20) ? 20 : 0,
                               .rest_ns = dice_chance(dice, 20) ? 400000000 : 3000000,
                               .faults = 3};
    make_fatal(plan, &sink->mood);
    sink->exact = phased && plan->exactly_once && !dice_chance(&plan->keep, 10);
    yaml_add(&plan->sinks, "  out%u: { type: %s, index: %u", index,
             kinds[phased][dice_below(dice, 3)], index);
    if (phased && plan->exactly_once && !sink->exact)
        yaml_add(&plan->sinks, ", delivery: at_least_once");
    return index;
}

const char *pipeline_on_error(struct pipeline_plan *plan)
{
    static char text[32];
    if (plan->letters < 0)
        return "skip";
    snprintf(text, sizeof text, "{ dlq: out%d }", plan->letters);
    return text;
}

void pipeline_letter(struct pipeline_plan *plan, const struct row *row)
{
    if (plan->letters >= 0)
        sim_rows_add(&plan->expected[plan->letters].rows, row);
}

static void make_letters(struct pipeline_plan *plan)
{
    plan->letters = -1;
    if (!plan->dirty || dice_chance(&plan->dice, 30))
        return;
    plan->letters = (int32_t)sink_new(plan);
    yaml_add(&plan->sinks, " }\n");
}

// -- sources --

struct course { // how a source's records come about
    int64_t begin, bound;
    uint32_t step, spoilt, broken;
};

static void make_row(struct pipeline_plan *plan, const struct course *course, int32_t split,
                     int32_t place, int64_t *now, struct row *row)
{
    struct dice *dice = &plan->dice;
    bool again = place && dice_chance(dice, 8); // a duplicate, but for its number
    *now += again ? 0 : dice_below(dice, course->step + 1);
    if (!again)
        *row = (struct row){.time = *now - dice_from_to(dice, 0, course->bound), .split = split};
    row->place = place;
    row_set(row, F_S, split);
    row_set(row, F_N, place);
    if (!again) {
        row_set(row, F_K, dice_below(dice, plan->keys));
        row_set(row, F_TS, row->time);
        row_set(row, F_V, dice_below(dice, 10));
        row->spoilt = dice_chance(dice, course->spoilt);
    }
    row->broken = dice_chance(dice, course->broken);
}

static void make_split(struct pipeline_plan *plan, const struct course *course, uint32_t source,
                       uint32_t number, struct stream *stream)
{
    struct world_split *split = &plan->world->sources[source].splits[number];
    struct dice *dice = &plan->dice;
    uint32_t count = dice_chance(dice, 10) ? 0 : dice_below(dice, dice_chance(dice, 3) ? 600 : 60);
    int64_t now = course->begin + dice_below(dice, 100);
    struct row row = {0};
    for (uint32_t i = 0; i < count; i++) {
        make_row(plan, course, (int32_t)(source * SPLITS_MAX + number), (int32_t)i, &now, &row);
        sim_rows_add(&split->rows, &row);
        if (row.broken)
            pipeline_letter(plan, &row);
        else
            sim_rows_add(&stream->rows, &row);
    }
    world_split_write(split);
}

static void make_mood(struct pipeline_plan *plan, struct world_source *source)
{
    struct dice *dice = &plan->dice;
    source->dice = dice_of(dice_next(dice), 2);
    source->stream = dice_chance(dice, 30);
    source->mood = (struct mood){.again = dice_chance(dice, 60) ? dice_below(dice, 70) : 0,
                                 .retry = dice_chance(dice, 40) ? 8 : 0,
                                 .rest_ns = dice_chance(dice, 50) ? 200000000 : 2000000,
                                 .burst = dice_chance(dice, 50) ? 5 : 60,
                                 .faults = 3};
    make_fatal(plan, &source->mood);
}

static void make_source(struct pipeline_plan *plan, uint32_t index)
{
    static const char *const kinds[] = {"sim", "sim_thread", "sim_parallel"};
    struct dice *dice = &plan->dice;
    struct world_source *source = &plan->world->sources[index];
    bool dirty = plan->dirty >> index & 1;
    struct course course = {.begin = dice_from_to(dice, -500, 1000),
                            .bound = dice_chance(dice, 70) ? dice_below(dice, 120) : 0,
                            .step = 1 + dice_below(dice, 30),
                            .spoilt = dirty ? 5 : 0,
                            .broken = dirty ? 3 : 0};
    struct stream *stream = stream_new(plan, NULL, "in%u", index);
    stream->sources = 1u << index;
    stream->ordered = stream->tagged = stream->keyed = true;
    source->split_count = 1 + dice_below(dice, SPLITS_MAX);
    for (uint32_t i = 0; i < source->split_count; i++)
        make_split(plan, &course, index, i, stream);
    make_mood(plan, source);
    // A source of which all splits have ended is waited for no longer, also for what its windows
    // have yet to tell: with others beside it, what is late then is a matter of chance.
    source->ends_splits = plan->world->source_count == 1;
    yaml_add(&plan->sources,
             "  in%u: { type: %s, index: %u, event_time: { field: ts }, watermark: { out_of_order: "
             "%lldms }, on_error: %s%s }\n",
             index, kinds[dice_below(dice, 3)], index, (long long)course.bound,
             dirty ? pipeline_on_error(plan) : "stop", source->stream ? ", framing: newline" : "");
    if (dirty)
        stage_guard(plan, stream);
}

// -- sinks --

static void add_expected(struct pipeline_plan *plan, uint32_t sink, const struct stream *stream)
{
    for (size_t i = 0; i < stream->rows.count; i++)
        sim_rows_add(&plan->expected[sink].rows, &stream->rows.items[i]);
}

static void make_sink(struct pipeline_plan *plan)
{
    uint32_t seen = 0, index = sink_new(plan);
    const char *between = ", inputs: [";
    bool alone = dice_chance(&plan->dice, 60), ordered = true;
    for (uint32_t i = 0; i < plan->stream_count; i++) {
        struct stream *stream = &plan->streams[i];
        if (!stream->open || (seen && alone && plan->world->sink_count < SINKS_MAX))
            continue;
        yaml_add(&plan->sinks, "%s%s", between, stream->ref);
        add_expected(plan, index, stream);
        ordered = ordered && stream->ordered && stream->tagged && !(seen & stream->sources);
        seen |= stream->sources;
        stream->open = false;
        between = ", ";
    }
    plan->expected[index].ordered = ordered;
    yaml_add(&plan->sinks, "] }\n");
}

static bool any_open(const struct pipeline_plan *plan)
{
    for (uint32_t i = 0; i < plan->stream_count; i++)
        if (plan->streams[i].open)
            return true;
    return false;
}

// -- all --

static void add_stages(struct pipeline_plan *plan)
{
    static const stage stages[] = {stage_filter, stage_map,       stage_flat_map,  stage_route,
                                   stage_union,  stage_aggregate, stage_aggregate, stage_dedup,
                                   stage_count,  stage_timers,    stage_join};
    for (uint32_t n = dice_below(&plan->dice, STAGES_MAX); n; n--)
        stages[dice_below(&plan->dice, sizeof stages / sizeof *stages)](plan);
}

static void make_checkpoints(struct pipeline_plan *plan, const char *dir, char *text, size_t size)
{
    static const uint32_t pauses[] = {10, 100, 5000};
    struct dice *dice = &plan->keep;
    text[0] = '\0';
    plan->world->checkpoints = dice_chance(dice, 60);
    if (!plan->world->checkpoints)
        return;
    plan->exactly_once = dice_chance(dice, 75);
    plan->world->fatals = dice_chance(dice, 40) ? 3 : 0;
    snprintf(text, size, "checkpoint: { every: %ums, dir: %s, keep: %u }\n%s",
             pauses[dice_below(dice, 3)], dir, 1 + dice_below(dice, 3),
             plan->exactly_once ? "delivery: exactly_once\n" : "");
}

void plan_make(struct pipeline_plan *plan, struct world *world, uint64_t seed, const char *dir)
{
    char top[256];
    *plan =
        (struct pipeline_plan){.dice = dice_of(seed, 0), .keep = dice_of(seed, 7), .world = world};
    make_checkpoints(plan, dir, top, sizeof top);
    static const uint32_t keys[] = {1, 3, 20};
    plan->keys = keys[dice_below(&plan->dice, 3)];
    world->source_count = 1 + dice_below(&plan->dice, SOURCES_MAX);
    if (dice_chance(&plan->dice, 40))
        plan->dirty = 1 + dice_below(&plan->dice, (1u << world->source_count) - 1);
    make_letters(plan);
    for (uint32_t i = 0; i < world->source_count; i++)
        make_source(plan, i);
    add_stages(plan);
    while (any_open(plan))
        make_sink(plan);
    snprintf(plan->text, sizeof plan->text, "pipeline: sim\n%ssources:\n%s%s%ssinks:\n%s", top,
             plan->sources.text, plan->operators.len ? "operators:\n" : "", plan->operators.text,
             plan->sinks.text);
}

void plan_drop(struct pipeline_plan *plan)
{
    for (uint32_t i = 0; i < plan->stream_count; i++)
        sim_rows_free(&plan->streams[i].rows);
    for (uint32_t i = 0; i < SINKS_MAX; i++)
        sim_rows_free(&plan->expected[i].rows);
}
