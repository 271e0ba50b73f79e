// SPDX-License-Identifier: MIT
#pragma once
#include "engine/edge.h"
#include "engine/plan.h"
#include "record/keycode.h"

// The end of a port's edge that leads to all lanes of its consumer: one edge for each, and how
// batches are shared out among them.
//
// By key: the values of the key's fields are hashed to one of 128 key groups (equal keys, in the
// sense of record/keycode.h, to the same one; stable over runs and machines), and groups go to
// lanes in stretches: with n lanes, group g is lane g * n / 128's. A record without a key, or with
// one that is no key, goes to the first lane, where the operator says what is wrong with it.
//
// A record that goes to another lane goes over the bytes of the batch that it came in: nothing but
// its struct is copied, unless it shares nested values that were entered with another record. What
// stays goes on in the batch itself.
// Records of one key stay in their order. Marks go to every lane, behind the records.

enum { KEY_GROUPS = 128, SCATTER_LANES_MAX = KEY_GROUPS };

struct outlet {
    enum plan_pass pass;
    struct edge **edges; // one for each lane that it leads to
    uint32_t lanes;
    uint32_t turn;      // whose it is next
    struct path *paths; // PASS_KEY
    uint32_t path_count;
    uint8_t *owner;       // scratch: the lane of each record
    struct batch **parts; // scratch: what goes to each lane
};

// The key group of a key's canonical bytes. 0, or ERR_CORRUPT: they are no key.
int key_group(const void *key, size_t len, uint32_t *group);
// The lane that owns it.
static inline uint32_t group_lane(uint32_t group, uint32_t lanes)
{
    return group * lanes / KEY_GROUPS;
}

int outlet_init(struct outlet *outlet, const struct plan_edge *edge, uint32_t lanes,
                struct error *err);
void outlet_deinit(struct outlet *outlet);
bool outlet_open(const struct outlet *outlet);        // room for records
bool outlet_takes_marks(const struct outlet *outlet); // room for marks alone
// Of an outlet by key: the lane that the record goes to.
uint32_t outlet_owner(struct outlet *outlet, struct batch *batch, struct record *record);
// Sends the batch with its marks on. Takes the reference. ERR_NOMEM: nothing was sent, and the
// caller still has it.
int outlet_send(struct outlet *outlet, struct batch *batch, struct batch_pool *pool);
