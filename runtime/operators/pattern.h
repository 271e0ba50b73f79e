// SPDX-License-Identifier: MIT
#pragma once
#include "operators/buffer.h"
#include "operators/scripted.h"

// pattern: a sequence of conditions that records of a key meet one after the other, in the order of
// their event times, the last less than `within` after the first.
//
// A record's conditions are run when it comes; then it waits in a buffer until the watermark has
// passed its time, so that disorder changes nothing. Then it moves on the partial matches of its
// key: each takes the first record that meets its next condition (relaxed), or is given up by a
// record that does not (strict). Every record that meets the first condition begins one more.
//
//   pattern.c         the operator, and how it is built
//   pattern_match.c   partial matches: begun, moved on, given up; as bytes and back
//   pattern_tell.c    a match, or one that ran out of time, as a record

extern const struct operator_class pattern_class;

enum { PATTERN_STEPS_MAX = 32 };
enum { PATTERN_LATE = 1, PATTERN_TIMEOUT = 2 }; // ports

enum match_state { MATCH_PARTIAL, MATCH_DONE, MATCH_TIMEOUT };

struct match {
    struct match *next;
    uint32_t matched, key_len;
    enum match_state state;
    struct kept *steps[]; // of all steps, then the key's bytes
};

struct match_list {
    struct match *first, **last;
};

struct pattern_key {
    struct native_key key; // first; due when its oldest match runs out of time
    uint32_t count;
    struct match_list partial; // by the time of their first record
};

struct pattern {
    struct native native; // first
    struct scripted conditions;
    struct keeper keeper;
    struct buffer buffer;
    const char *names[PATTERN_STEPS_MAX];
    uint32_t steps, partials_max;
    bool strict;
    int64_t within_ms;
    const struct shape *shape; // of results
    struct match_list tell;    // what has no room on an output yet
};

// -- pattern_match.c --

void match_append(struct match_list *list, struct match *match);
void match_free(struct pattern *pattern, struct match *match);
void matches_free(struct pattern *pattern, struct match_list *list);
// The record moves on the matches of its key; what is complete or out of time goes to
// pattern->tell. An error: nothing has changed; `skip`: it begins no match.
int pattern_advance(struct pattern *pattern, struct buffered *item, bool skip, struct error *err);
// Gives up the oldest match of a key, which is out of time.
void pattern_expire(struct pattern *pattern, struct pattern_key *state);
void pattern_save(struct pattern *pattern, struct image *image, uint32_t section);
int pattern_load(struct pattern *pattern, struct image_entry *entry, struct error *err);

// -- pattern_tell.c --

int pattern_make_shape(struct pattern *pattern, struct shape_table *shapes, struct error *err);
// Tells pattern->tell. OP_AGAIN: there was no room for all.
enum op_status pattern_tell(struct pattern *pattern, struct outputs *outputs);
