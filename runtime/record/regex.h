// SPDX-License-Identifier: MIT
#pragma once
#include "record/typed.h"

// Lines read by a regular expression of PCRE2: its named groups are the members, in their order,
// typed as in CSV; a group that took no part is null. The expression may match anywhere in the
// line (^ and $ pin it down). A line that it does not match is an error, and so is one on which it
// takes more than `match_limit` steps: an expression that tries ever more ways ends there.

struct regex_options {
    const char *pattern;
    const struct typed_member *types; // groups that are not `auto`
    uint32_t type_count;
    uint32_t match_limit;
};
#define REGEX_OPTIONS_DEFAULT                                                                      \
    {                                                                                              \
        .match_limit = 100000                                                                      \
    }
