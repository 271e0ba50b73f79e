// SPDX-License-Identifier: MIT
#pragma once
#include "engine/lane.h"

// The edges of all lanes: queues within a lane, links from one to another.

struct crossing { // the producer's end of a link, and the link
    struct edge out;
    struct link link;
};

struct wiring {
    struct crossing **crossings;
    size_t count, cap;
    size_t slots; // of a link
};

// So many edges lead to the node in this lane: one for each of the plan's and each lane that it
// comes from.
uint32_t wiring_inputs(const struct plan *plan, uint32_t node, uint32_t lane);
// Where such an edge, the `input`-th of the node in this lane, comes from.
void wiring_from(const struct plan *plan, uint32_t node, uint32_t lane, uint32_t input,
                 uint32_t *from, uint32_t *from_lane);
// Connects the nodes of all lanes. 0, ERR_NOMEM, or what is wrong with a key's path.
int wiring_connect(struct wiring *wiring, const struct plan *plan, struct lane **lanes,
                   struct error *err);
void wiring_deinit(struct wiring *wiring); // drops what is on its way
