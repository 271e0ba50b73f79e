// SPDX-License-Identifier: MIT
#pragma once
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Lua's patterns, as section 6.4.1 of its manual describes them, with the time limit reaching every
// step of a search: backtracking can take exponential time, and Lua's own matcher cannot be
// stopped. What matches, what is captured and what is refused, with which text, is as in Lua; a
// wrong pattern is found when the search comes to its wrong part, as there.
//
// A search lives on the C stack and owns nothing; it may raise.

enum { PATTERN_CAPTURES = 32 };

struct pattern_capture {
    const char *start;
    ptrdiff_t len; // or one of
};
enum { CAPTURE_OPEN = -1, CAPTURE_POSITION = -2 };

struct pattern {
    lua_State *L;
    const char *subject, *subject_end;
    const char *end;    // of the pattern
    uint32_t countdown; // steps to the next look at the time
    int depth;          // of recursion still allowed
    int count;          // captures seen so far
    struct pattern_capture captures[PATTERN_CAPTURES];
};

void pattern_init(struct pattern *pattern, lua_State *L, const char *subject, size_t subject_len,
                  const char *end);
// The end of the match of `text`.. at `at`, or NULL. Captures are those of this match.
const char *pattern_match(struct pattern *pattern, const char *at, const char *text);
// Capture number `index`, from 0; without any the whole match [at, end) is number 0. `*len` is
// CAPTURE_POSITION for (). Raises when there is none of that number, or when it is not closed.
const char *pattern_capture(struct pattern *pattern, int index, const char *at, const char *end,
                            ptrdiff_t *len);
// Pushes all; the whole match when there are none and `at` is given. Their number.
int pattern_push(struct pattern *pattern, const char *at, const char *end);
// Pushes one. [-0, +1]
void pattern_push_one(struct pattern *pattern, int index, const char *at, const char *end);
// True when the text means itself.
bool pattern_is_plain(const char *text, size_t len);
