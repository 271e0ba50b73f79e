// SPDX-License-Identifier: MIT
#pragma once
#include "engine/engine.h"
#include "verdict.h"

// What all runs share: the registry with the simulated plugins, and the catalogue.
struct house {
    struct registry *registry;
    struct catalogue *catalogue;
    char dir[64]; // for checkpoints
};

struct outcome {
    bool good;
    char why[WHY_MAX];
    uint64_t steps, lines, acks, trace;
    uint32_t lanes;                    // of the last life
    uint32_t lives, crashes, failures; // how often the engine was started, and why again
    uint64_t checkpoints;
    bool stopped; // by the dice, before all was read
};

int house_open(struct house *house, struct error *err);
void house_close(struct house *house);

// One whole run. `show`: the pipeline to stderr.
void run_seed(const struct house *house, uint64_t seed, bool show, struct outcome *out);
