// SPDX-License-Identifier: MIT
#include "engine/source_driver.h"

// Splits that are held: the instance is asked not to read them.

enum { PAUSE_AT_ONCE = 64 };

bool source_align_waits(const struct source_driver *source)
{
    return source->alignment && alignment_changes(source->alignment) != source->aligned;
}

// The next splits, from *at on, that are to be paused, or read on.
static uint32_t gather(struct source_driver *source, bool on, size_t *at, uint32_t *ids)
{
    uint32_t n = 0;
    for (; *at < source->split_count && n < PAUSE_AT_ONCE; ++*at) {
        struct split *split = &source->splits[*at];
        if (!split->assigned || split->paused == on ||
            alignment_holds(source->alignment, (uint32_t)*at) != on)
            continue;
        split->paused = on;
        ids[n++] = (uint32_t)*at;
    }
    return n;
}

static void tell(struct source_driver *source, bool on)
{
    uint32_t ids[PAUSE_AT_ONCE], n;
    for (size_t at = 0;
         source->driver.state == DRIVER_RUNNING && (n = gather(source, on, &at, ids));) {
        tide_result rc = source->pause(source->driver.self, ids, n, on);
        if (rc < 0)
            driver_result(&source->driver, rc);
    }
}

void source_align(struct source_driver *source)
{
    if (!source_align_waits(source))
        return;
    source->aligned = alignment_changes(source->alignment); // what changes meanwhile comes again
    tell(source, false);
    tell(source, true);
}
