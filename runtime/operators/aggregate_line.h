// SPDX-License-Identifier: MIT
#pragma once
#include "operators/aggregate.h"

// The slices of one key that sliding windows are put together of, oldest first, aggregated so that
// a window costs a constant number of merges whatever its length: the two-stacks algorithm
// (Tangwongsan, Hirzel, Schneider: "General Incremental Sliding-Window Aggregation", VLDB 2015).
//
//     parts   [ p0 p1 p2 | p3 p4 ]        first .. mid .. count
//     suffix    p0+p1+p2, p1+p2, p2       of those before mid
//     back                 p3+p4
//
// A window from part i on is suffix[i] + back. When all before mid have left, mid moves to the end
// and the suffixes are made anew: each part is merged once more for that.
//
// A merge that fails (an overflow) makes the line plain: from then on windows are merged of their
// parts one by one, so that only those that overflow fail.

struct line {
    char *parts;
    uint32_t first, mid, count, cap;
    bool plain, stale; // stale: a part behind the suffixes has changed
    int64_t told_to;   // of a saved state: windows that end up to here were told of this key
};

// Parts begin with their slice's start. What `slot` owns moves into the line, behind all that are
// there, unless another lane's state has brought later ones. 0, ERR_NOMEM, ERR_LIMIT, or what a
// merge says.
int line_put(struct aggregate *agg, struct line *line, int64_t start, struct agg_head *slot,
             struct error *err);
// The slot of a slice that may be there already, anywhere.
int line_take(struct aggregate *agg, struct line *line, int64_t start, struct agg_head **out);
// Drops the parts before `start`; false: none is left.
bool line_cut(struct aggregate *agg, struct line *line, int64_t start);
// All its parts together into `out`, which is empty. ERR_DATA: it overflows.
int line_sum(struct aggregate *agg, struct line *line, struct agg_head *out, struct error *err);
// The n-th of its parts, from the oldest on; NULL: there are no more.
struct agg_head *line_part(const struct aggregate *agg, const struct line *line, uint32_t n,
                           int64_t *start);
void line_free(struct aggregate *agg, struct line *line);
