// SPDX-License-Identifier: MIT
#include "verdict.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct lines {
    char **items;
    size_t count;
};

static struct lines expected_lines(const struct rows *rows)
{
    struct lines lines = {sim_alloc((rows->count + 1) * sizeof *lines.items), rows->count};
    for (size_t i = 0; i < rows->count; i++) {
        lines.items[i] = sim_alloc(ROW_TEXT);
        row_print(&rows->items[i], lines.items[i]);
    }
    qsort(lines.items, lines.count, sizeof *lines.items, by_text);
    return lines;
}

// Borrowed from the sink.
static struct lines written_lines(const struct world_sink *sink)
{
    struct lines lines = {sim_alloc((sink->count + 1) * sizeof *lines.items), sink->count};
    lines.count = 0;
    for (size_t i = 0; i < sink->count; i++)
        if (sink->lines[i].state == LINE_THERE)
            lines.items[lines.count++] = sink->lines[i].text;
    qsort(lines.items, lines.count, sizeof *lines.items, by_text);
    return lines;
}

// `again`: lines may come more than once.
static bool compare(uint32_t sink, const struct lines *want, const struct lines *got, bool whole,
                    bool again, char why[WHY_MAX])
{
    size_t i = 0, k = 0;
    while (i < want->count || k < got->count) {
        if (again && i && k < got->count && !strcmp(want->items[i - 1], got->items[k])) {
            if (i < want->count && !strcmp(want->items[i], got->items[k]))
                i++;
            k++;
            continue;
        }
        int order = i == want->count  ? 1
                    : k == got->count ? -1
                                      : strcmp(want->items[i], got->items[k]);
        if (order > 0 || (order < 0 && whole)) {
            snprintf(why, WHY_MAX, "out%u: %s %s (%zu lines expected, %zu written)", sink,
                     order < 0 ? "missing" : "too many", order < 0 ? want->items[i] : got->items[k],
                     want->count, got->count);
            return false;
        }
        i++;
        k += order == 0;
    }
    return true;
}

// {"s":1,"n":2,"k":"k3",... : the places of a split and key only grow.
static bool keeps_order(uint32_t number, const struct world_sink *sink, char why[WHY_MAX])
{
    enum { SPLITS = SOURCES_MAX * SPLITS_MAX, KEYS = 32 };
    int last[SPLITS][KEYS] = {{0}};
    for (size_t i = 0; i < sink->count; i++) {
        int split, place, key;
        if (sink->lines[i].state != LINE_THERE)
            continue;
        if (sscanf(sink->lines[i].text, "{\"s\":%d,\"n\":%d,\"k\":\"k%d", &split, &place, &key) !=
                3 ||
            split < 0 || split >= SPLITS || key < 0 || key >= KEYS)
            continue; // not as expected, which has been found before
        if (place + 1 < last[split][key]) {
            snprintf(why, WHY_MAX, "out%u: %s comes after place %d", number, sink->lines[i].text,
                     last[split][key] - 1);
            return false;
        }
        last[split][key] = place + 1;
    }
    return true;
}

bool verdict_of_sinks(const struct pipeline_plan *plan, bool whole, char why[WHY_MAX])
{
    bool good = true;
    for (uint32_t i = 0; good && i < plan->world->sink_count; i++) {
        const struct world_sink *sink = &plan->world->sinks[i];
        struct lines want = expected_lines(&plan->expected[i].rows), got = written_lines(sink);
        bool again = plan->world->returned && !sink->exact;
        good = compare(i, &want, &got, whole, again, why);
        if (good && plan->expected[i].ordered && !again)
            good = keeps_order(i, sink, why);
        for (size_t k = 0; k < want.count; k++)
            free(want.items[k]);
        free(want.items);
        free(got.items);
    }
    return good;
}
