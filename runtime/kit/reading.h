// SPDX-License-Identifier: MIT
#pragma once
#include "kit/subject.h"

// A source that is read as the runtime reads it.

struct reading {
    struct instance instance;
    const tide_source *source;
    bool ended;     // EOF
    bool went_dry;  // nothing came for a while
    bool stream;    // it hands over bytes
    uint32_t spins; // AGAIN in a row with a descriptor that was ready
    size_t last;    // what had come when something came last,
    int64_t dry_ns; // and when to give up unless more does
};

struct resume { // where a split is to be read on
    const char *name;
    size_t name_len;
    const void *bytes;
    size_t len;
};

// Opens it and assigns what there is, from the places where they are known.
void reading_open(struct reading *reading, const struct subject *subject,
                  const struct resume *places, size_t count);
void reading_close(struct reading *reading);
// One read of at most `max` messages of which the host takes `room`. Assigns what was announced.
// False: nothing more will come for now (ended or went_dry).
bool reading_step(struct reading *reading, uint32_t max, uint32_t room);
// Steps until `count` messages (or, of streams, bytes) are there.
void reading_until(struct reading *reading, size_t count);
size_t reading_count(const struct reading *reading);
// position of the split, appended to `out`; a position that cannot be is a finding.
void reading_position(struct reading *reading, uint32_t split, struct buf *out);
void reading_revoke(struct reading *reading);
