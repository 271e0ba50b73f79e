// SPDX-License-Identifier: MIT
#pragma once
#include "cli/demo_devices.h"
#include "cli/status.h"

#include <jansson.h>

// What the demo shows: for each window a table of the devices, with totals and averages of those
// that answered and the last error of those that did not.

struct demo_row {
    json_t *result;    // of the window under way; NULL: none yet
    unsigned failures; // since the last table
    char error[160];
};

struct demo_view {
    struct demo_row rows[DEMO_DEVICES];
    int64_t start, end;      // of the window under way, ms; end 0: none
    int64_t changed_ns;      // when its last result came
    unsigned windows;        // tables shown
    double first_seconds;    // from the start of the demo to the first result; 0: none yet
    uint64_t last_collected; // at the last table
    int64_t last_ns;
};

void demo_view_init(struct demo_view *view, int64_t now_ns);
void demo_view_deinit(struct demo_view *view);
// One line of the pipeline's output. Results of a later window than the one under way are refused
// (false): show that first.
bool demo_view_result(struct demo_view *view, json_t *result, int64_t now_ns);
void demo_view_failure(struct demo_view *view, const json_t *failure);
// Prints the table of the window under way and begins a new one.
void demo_view_show(struct demo_view *view, const struct engine_status *status, int64_t now_ns);
