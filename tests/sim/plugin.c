// SPDX-License-Identifier: MIT
#include "plugin.h"

tide_result plugin_rests(const tide_host *host, tide_ctx *ctx, struct mood *mood, struct dice *dice)
{
    if (mood->faults && dice_chance(dice, mood->retry)) {
        mood->faults--;
        return host->fail(ctx, TIDE_RETRY, "the line is cut");
    }
    if (world_now->fatals && dice_chance(dice, mood->fatal)) {
        world_now->fatals--;
        world_now->excused = true;
        return host->fail(ctx, TIDE_FATAL, "it is broken");
    }
    if (!dice_chance(dice, mood->again))
        return TIDE_OK;
    if (dice_chance(dice, 30))
        host->wake(ctx);
    else
        host->wait_until(ctx, host->mono_ns(ctx) + dice_from_to(dice, 1, mood->rest_ns));
    return TIDE_AGAIN;
}

#define PLUGIN(number, its_name)                                                                   \
    {                                                                                              \
        TIDE_PLUGIN_HEAD, .name = its_name, .version = "1.0.0", .license = "MIT",                  \
                          .help = "of the simulator", .source = &sim_sources[number],              \
                          .sink = &sim_sinks[number]                                               \
    }

static const tide_plugin plugins[] = {PLUGIN(0, "sim"),           PLUGIN(1, "sim_thread"),
                                      PLUGIN(2, "sim_parallel"),  PLUGIN(3, "phased"),
                                      PLUGIN(4, "phased_thread"), PLUGIN(5, "phased_parallel")};

const tide_plugin *const sim_plugins[PLUGIN_KINDS] = {&plugins[0], &plugins[1], &plugins[2],
                                                      &plugins[3], &plugins[4], &plugins[5]};
