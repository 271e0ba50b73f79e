// SPDX-License-Identifier: MIT
#pragma once
#include "engine/engine.h"

// What holds a node's watermark where it is: the way from the node up to the split, or to whatever
// else it waits for, each step being the input with the smallest watermark. Read from another
// thread while the pipeline runs: each node is looked at under its lock, so a step may be a moment
// younger than the one before it.

enum why_cause {
    WHY_SPLIT,    // a split that has come no further
    WHY_IDLE,     // all splits are idle, so that nobody knows more
    WHY_NO_SPLIT, // the source has none yet
    WHY_QUEUE,    // the node has records to do first: those before it are further
    WHY_NO_TIME,  // the source has no event time: it says nothing before its end
    WHY_ENDED,    // nothing holds it: it is at the end
};

enum { WHY_STEPS_MAX = 64, WHY_NAME_MAX = 256 };

struct why_step {
    const char *node, *type; // borrowed from the pipeline
    uint32_t lane, lanes;
    int64_t watermark; // WATERMARK_NONE, WATERMARK_END
    int64_t still_ns;  // how long it has not moved; -1: it never has
    bool idle;         // says nothing, and holds nobody
};

struct why_split {
    char name[WHY_NAME_MAX];
    int64_t watermark;
    int64_t still_ns;  // since its watermark moved; -1: it never has
    int64_t silent_ns; // since its last record; -1: none has come
    bool held;         // not read now: it is far ahead of others (align)
};

struct why {
    struct why_step steps[WHY_STEPS_MAX]; // from the node that was asked about to what holds it
    uint32_t count;
    enum why_cause cause;
    struct why_split split;   // WHY_SPLIT
    uint64_t queued;          // WHY_QUEUE: records
    const char *kind;         // of the source's watermarks: bounded, marker, none
    int64_t idle_after_ms;    // of the source; 0: not set
    int64_t close_after_ms;   // of the node that was asked about; 0: not set
    bool open;                // the source's plugin can work
    char fault[WHY_NAME_MAX]; // why it cannot, or could not
};

// ERR_INPUT: there is no such node.
int engine_why(const struct engine *engine, const char *node, struct why *out, struct error *err);
