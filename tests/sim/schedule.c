// SPDX-License-Identifier: MIT
#include "schedule.h"
#include <stdlib.h>

void schedule_init(struct schedule *schedule, struct sim_clock *clock, uint64_t seed)
{
    *schedule = (struct schedule){.dice = dice_of(seed, 4), .clock = clock};
    struct dice *dice = &schedule->dice;
    bool uneven = dice_chance(dice, 40);
    for (uint32_t i = 0; i < PARTS_MAX; i++)
        schedule->weights[i] = uneven && dice_chance(dice, 40) ? 1 : 40;
    schedule->stay = dice_chance(dice, 40) ? dice_below(dice, 98) : 0;
    schedule->disturb = dice_chance(dice, 30) ? 5 : 0;
}

struct awake {
    uint32_t parts[PARTS_MAX];
    uint32_t count, weight;
    int64_t until_ns; // the first deadline of those that sleep
};

static void look(const struct schedule *schedule, const struct engine *engine, struct awake *awake)
{
    uint32_t count = engine_part_count(engine);
    if (count > PARTS_MAX)
        abort();
    *awake = (struct awake){.until_ns = INT64_MAX};
    for (uint32_t i = 0; i < count; i++) {
        enum part_state state = engine_part_state(engine, i);
        if (state == PART_AWAKE) {
            awake->parts[awake->count++] = i;
            awake->weight += schedule->weights[i];
        } else if (state == PART_ASLEEP && engine_part_until_ns(engine, i) < awake->until_ns) {
            awake->until_ns = engine_part_until_ns(engine, i);
        }
    }
}

static uint32_t choose(struct schedule *schedule, const struct awake *awake)
{
    if (schedule->stay && dice_chance(&schedule->dice, schedule->stay))
        for (uint32_t i = 0; i < awake->count; i++)
            if (awake->parts[i] == schedule->last)
                return schedule->last;
    uint32_t at = dice_below(&schedule->dice, awake->weight), i = 0;
    while (at >= schedule->weights[awake->parts[i]])
        at -= schedule->weights[awake->parts[i++]];
    return awake->parts[i];
}

enum schedule_result schedule_step(struct schedule *schedule, struct engine *engine)
{
    struct awake awake;
    look(schedule, engine, &awake);
    if (!awake.count) {
        if (awake.until_ns == INT64_MAX)
            return SCHEDULE_HANGS;
        sim_clock_jump(schedule->clock, awake.until_ns);
        look(schedule, engine, &awake);
    }
    bool disturbs = schedule->disturb && dice_chance(&schedule->dice, schedule->disturb);
    uint32_t part = disturbs ? dice_below(&schedule->dice, engine_part_count(engine))
                             : choose(schedule, &awake);
    schedule->last = part;
    schedule->steps++;
    engine_step(engine, part);
    return SCHEDULE_STEPPED;
}
