// SPDX-License-Identifier: MIT
#pragma once
#include "operators/aggregate.h"

// Spans: sliding windows that are told more than once, without a record or a firing that costs as
// much as there are windows over a moment.
//
// Windows are numbered by their starts. A span is 2^level of them, from a multiple of 2^level on,
// with a table of keys as a window has: what is in a span is in each of its windows. A record goes
// into the few spans that its open windows are made of, two a level at most, and a span of level 0
// is a window.
//
//     level 2   [               ]
//     level 1   [ a+b ] [       ]     a record of the windows 1 to 6 goes into the spans
//     level 0   [ ][x] [  ][  ] ...   {1}, {2, 3}, {4, 5}, {6}
//
// When one of its windows is due, a span is poured into its halves, key by key, until the window
// itself has all that belongs to it; from there on it is a bucket, with its panes and what it told
// last. Whatever is poured comes out of windows at the end, so pouring costs two merges for each
// result when windows close one after the other, and as many as there are levels at worst. Records
// that are late go into the windows that are closed, each of which tells again.
//
// This is a segment tree that is updated by ranges and read at points, the dual of the tree of
// partial sums that FlatFAT keeps over the records (Tangwongsan, Hirzel, Schneider, Wu: "General
// Incremental Sliding-Window Aggregation", PVLDB 8(7), 2015): only so may each window forget what
// it has told at a time of its own (panes: discard).
//
// Where neither the order nor the number of records matters at once, they are gathered in stages
// before: many records of a key at about the same time cost one addition each.
//
// Where the order of records matters (scripts by hand, ewma), what is above the spans of a record
// is poured before it goes in: then a span holds what came after all that is below it.

enum { SPAN_STAGE = 128 }; // levels from here on are no spans (aggregate_span_stage.c)
enum { SPAN_LEVELS = 40, SPAN_FROM = 8 }; // fewer windows over a moment: buckets

struct spans {
    uint8_t top;                  // the largest level
    bool ordered;                 // records are merged in the order in which they came
    bool staged;                  // records go into stages first
    int64_t done_to;              // windows are poured and told up to here
    struct keyed_window *pouring; // could not be finished; agg->fire_next is its next key
    // The record in hand.
    uint32_t late;    // targets[0 .. late): windows that are closed
    int64_t from, to; // those that are open; from > to: none
};

// The number of the window that starts last of those that start at or before `start`.
int64_t span_number(const struct aggregate *agg, int64_t start);
// The span of this level with this window; opened, or NULL.
struct keyed_window *span_find(const struct aggregate *agg, int64_t window, uint8_t level);
// 0, ERR_NOMEM, ERR_LIMIT.
int span_open(struct aggregate *agg, int64_t window, uint8_t level, struct keyed_window **out);
// Works out again when it is due, as spans->done_to has changed.
void span_look(struct aggregate *agg, struct keyed_window *span);
// All of one key, or of all keys, into the halves; the span of the latter goes. level > 0.
int span_pour_key(struct aggregate *agg, struct keyed_window *span, struct table_entry *entry,
                  struct error *err);
// The first with an error that is told. OP_STOP: on_error says so, or memory is out.
enum op_status span_pour_told(struct aggregate *agg, struct keyed_window *span,
                              struct table_entry *entry, struct outputs *outputs);
enum op_status span_pour(struct aggregate *agg, struct keyed_window *span, struct outputs *outputs);
// What this key has in spans that reach beyond the windows spans->from to spans->to goes down.
int span_settle(struct aggregate *agg, const struct table_key *key, struct error *err);

// The level of the largest span that begins with window `from` and does not reach beyond `to`.
uint8_t span_level(const struct aggregate *agg, int64_t from, int64_t to);

// Into agg->targets: the spans that the windows spans->from to spans->to are made of.
int span_take_all(struct aggregate *agg, const struct table_key *key);
// All that is in a slot into another, which is of a span.
int span_merge(struct aggregate *agg, struct agg_head *into, struct agg_head *from,
               struct error *err);

// -- stages (aggregate_span_stage.c) --

// The slot of this key for the windows from spans->from to the one with this start.
int stage_take(struct aggregate *agg, int64_t start, const struct table_key *key,
               struct keyed_window **stage, struct table_entry **entry);
int stage_pour_key(struct aggregate *agg, struct keyed_window *stage, struct table_entry *entry,
                   struct error *err);

// -- emit: { count } (aggregate_span_count.c) --

// In a span, agg_head.panes is the greatest count that one of its windows has, of the records that
// are in it or below it. Makes the entries of spans->from and spans->to on all levels.
int span_count_place(struct aggregate *agg, const struct table_key *key);
// A record of this key went into them: those that have enough are queued to fire.
enum op_status span_count_fire(struct aggregate *agg, const struct table_key *key,
                               struct outputs *outputs);
