// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include "engine/driver.h"

// An engine without threads (engine_config.stepped): who has it decides, step by step, which of its
// parts goes on. So a whole run is one sequence of steps, which a seed can choose and choose again;
// the simulator (tests/sim) does.
//
// The parts are what threads would run: each lane, each driver whose plugin may block, and the
// coordinator of checkpoints. A part that has nothing to do falls asleep by the same protocol as
// the threads do: it arms its waker, looks once more, and is then left alone until its deadline, or
// until another part wakes it. A wake that is missing where threads would hang is missed here as
// well: all parts sleep, none has a deadline, and it is not over.
//
//   engine_start; while (engine_wait(engine, 0) == ENGINE_RUNNING) engine_step(engine, some part)
//
// A part may be stepped in any state: one that sleeps wakes up without a reason. To crash, free the
// engine; nothing is closed then, and the instances of plugins are left to who has made them.

struct engine;
struct chief;

enum part_state {
    PART_AWAKE,
    PART_ASLEEP,
    PART_OVER, // nothing more to do; to step it does nothing
};

struct part {
    struct lane *lane;               // one of them
    struct driver *driver;           //
    struct coordinator *coordinator; //
    bool armed, over;
    int64_t until_ns; // asleep, armed or not: its deadline; INT64_MAX: none
    bool busy;
};

enum stepper_phase {
    STEPPER_OPENING,
    STEPPER_RUNNING,
    STEPPER_FINISHING, // all lanes are over: the last checkpoint
    STEPPER_CLOSING,
    STEPPER_OVER
};

struct stepper {
    struct chief *chief;
    struct part *parts; // the lanes, then the drivers, then the coordinator
    uint32_t count;
    enum stepper_phase phase;
    bool told;        // the flow has been told to stop
    int64_t until_ns; // when closing goes on
};

int stepper_begin(struct stepper *stepper, struct engine *engine, struct error *err);
void stepper_deinit(struct stepper *stepper);

uint32_t engine_part_count(const struct engine *engine);
enum part_state engine_part_state(const struct engine *engine, uint32_t part);
// Until when it sleeps if nobody wakes it; INT64_MAX: for ever.
int64_t engine_part_until_ns(const struct engine *engine, uint32_t part);
void engine_step(struct engine *engine, uint32_t part);
