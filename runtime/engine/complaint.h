// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>

// How a node speaks of the records that failed: a line a second at most for each kind of trouble,
// which tells how many were held back since the last. In a storm of errors nobody reads most of
// the texts; who asks `complaints_open` first can leave them unwritten.

enum trouble {
    TROUBLE_DATA,    // the record cannot be used: not decoded, no time stamp, a script's error
    TROUBLE_LIMIT,   // too long, too deep; a script's time or memory
    TROUBLE_REFUSED, // by the sink's plugin
    TROUBLE_UNREAD,  // a split could not be read
    TROUBLE_OTHER,
    TROUBLES
};

extern const char *const trouble_names[TROUBLES]; // "data", "limit", ...

struct complaint {
    int64_t said_ns; // last line; 0: none yet
    uint64_t held;   // since then
};

struct complaints {
    const char *node;
    int64_t now_ns; // when the step began
    uint32_t quiet; // bits of the kinds of which nothing is said before the next step
    bool any_held;
    struct complaint of[TROUBLES];
};

static inline enum trouble trouble_of(int code)
{
    switch (code) {
    case ERR_DATA:
        return TROUBLE_DATA;
    case ERR_LIMIT:
        return TROUBLE_LIMIT;
    case ERR_REFUSED:
        return TROUBLE_REFUSED;
    case ERR_IO:
        return TROUBLE_UNREAD;
    default:
        return TROUBLE_OTHER;
    }
}
// The node's step begins: says how many were held back where nothing has followed for a second.
void complaints_tick(struct complaints *complaints, int64_t now_ns);
// Whether a complaint of that kind would be written now.
static inline bool complaints_open(const struct complaints *complaints, enum trouble trouble)
{
    return !(complaints->quiet >> trouble & 1);
}
void complaints_hold(struct complaints *complaints, enum trouble trouble); // counted, not written
void complaints_say(struct complaints *complaints, enum trouble trouble, const struct error *err);
void complaints_end(struct complaints *complaints); // what is still held back
