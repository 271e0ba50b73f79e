// SPDX-License-Identifier: MIT
#include "config/problems.h"

#include <ctype.h>
#include <string.h>

// Did-you-mean: edit distance with swapped neighbours (optimal string alignment). Case, and `-` for
// `_`, count nothing, so that they decide only between otherwise equal names.

enum { NAME_MAX_LEN = 48 };

static char folded(char c)
{
    return c == '-' ? '_' : (char)tolower((unsigned char)c);
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned rows[3][NAME_MAX_LEN + 1];
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        unsigned *now = rows[i % 3];
        const unsigned *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            char x = folded(a[i - 1]), y = folded(b[j - 1]);
            now[j] = least(least(last[j] + 1, now[j - 1] + 1), last[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == folded(b[j - 2]) && y == folded(a[i - 2]))
                now[j] = least(now[j], before[j - 2] + 1);
        }
    }
    return rows[a_len % 3][b_len];
}

const char *nearest_name(const char *name, const char *const *names)
{
    size_t len = strlen(name);
    if (!names || len == 0 || len > NAME_MAX_LEN)
        return NULL;
    const char *best = NULL;
    unsigned best_distance = len <= 2 ? 1 : (unsigned)(len + 2) / 3;
    for (; *names; names++) {
        size_t other = strlen(*names);
        if (other > NAME_MAX_LEN)
            continue;
        unsigned d = distance(name, len, *names, other);
        // Nothing is left of a name that was changed in each letter.
        if (d >= other || (best ? d >= best_distance : d > best_distance))
            continue;
        best = *names;
        best_distance = d;
    }
    return best;
}
