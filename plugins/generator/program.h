// SPDX-License-Identifier: MIT
#pragma once
#include "random.h"
#include "tidemill/abi.h"

// What a record is made of, as a list of steps: each writes a fixed text, then one value. `fields:`
// becomes such a program once (fields.c); a text pattern or a nested object is just more steps.

enum step_kind {
    STEP_TEXT,     // nothing but the fixed text
    STEP_INT,      // low + random below span
    STEP_DECIMAL,  // the same, `digits` of it behind the point
    STEP_BOOL,     // true when random below 2^32 is under `low`
    STEP_CHOICE,   // one of the texts
    STEP_SEQUENCE, // low + number * by - random below span
    STEP_CLOCK,    // wall clock minus random below span; by > 0: units a ms, < 0: ms a unit
    STEP_NUMBER    // number modulo span (0: none) plus low
};

struct step {
    enum step_kind kind;
    char *text; // fixed, before the value
    size_t text_len;
    int64_t low, by;
    uint64_t span;
    int digits;  // DECIMAL: behind the point
    int width;   // INT, NUMBER: leading zeros up to so many digits
    int is_time; // the value is the record's time
    char **choices;
    uint32_t *choice_lens;
    uint32_t choice_count;
};

struct program {
    struct step *steps;
    uint32_t count, room;
    size_t longest; // bytes that a record can have
    int uses_clock;
};

struct program_state {
    struct random random;
    uint64_t number; // of the next record, from 0
};

// Writes the next record to `out` (room for `longest`); its length. *time_ms is set only by a field
// that is the time.
size_t program_run(const struct program *program, struct program_state *state, int64_t wall_ms,
                   char *out, int64_t *time_ms);
// A step more, all zero; NULL: memory is out.
struct step *program_add(struct program *program);
void program_measure(struct program *program);
void program_deinit(struct program *program);
