// SPDX-License-Identifier: MIT
#pragma once
#include "engine/engine_parts.h"
#include "engine/trial.h"
#include "record/json.h"

// What a trial is made of; for its files:
//
//   trial.c         making one, coming to rest, looking at what came out
//   trial_input.c   what is put in: records and marks, in the lanes where they would be

// What came out of one port of one node.
struct capture {
    struct buf lines;
};

struct trial {
    struct virtual_clock clock;
    struct engine *engine;
    struct json_reader *reader;
    struct capture *captures; // [node * PORTS + port]
    size_t ports_max;
    struct error failure; // of the tap
};

// Steps all lanes until nothing moves any more.
int trial_settle(struct trial *trial, struct error *err);
int trial_find(struct trial *trial, const char *name, size_t len, uint32_t *out, struct error *err);
