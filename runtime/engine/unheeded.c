// SPDX-License-Identifier: MIT
#include "engine/unheeded.h"
#include <string.h>

static void warn_if_given(const struct tide_config *map, const char *path, const char *what,
                          struct problems *problems)
{
    const struct tide_config *setting = setting_at(map, path);
    if (setting && setting->given)
        problem_warn(problems, setting->place, REASON_UNHEEDED, "%s: %s", path, what);
}

static bool heeds_key_limit(const struct node_spec *node)
{
    return strcmp(node->type, "process") == 0;
}

static bool same_place(struct place a, struct place b)
{
    return a.line == b.line && a.col == b.col && a.file && b.file && strcmp(a.file, b.file) == 0;
}

// From `defaults` or an anchor it comes to others, too.
static bool is_heeded_by_another(const struct topology *topology, struct place place)
{
    for (uint32_t i = 0; i < topology->node_count; i++) {
        const struct node_spec *node = &topology->nodes[i];
        const struct tide_config *limit = setting_at(node->common, "limits.key");
        if (limit && heeds_key_limit(node) && same_place(limit->place, place))
            return true;
    }
    return false;
}

static void warn_of_key_limit(const struct topology *topology, const struct node_spec *node,
                              struct problems *problems)
{
    const struct tide_config *limit = setting_at(node->common, "limits.key");
    if (limit && !heeds_key_limit(node) && !is_heeded_by_another(topology, limit->place))
        problem_warn(problems, limit->place, REASON_UNHEEDED,
                     "%s: limits.key has no effect: only a process has a limit for each key",
                     node->name);
}

void warn_unheeded(const struct topology *topology, struct problems *problems)
{
    for (uint32_t i = 0; i < topology->node_count; i++)
        warn_of_key_limit(topology, &topology->nodes[i], problems);
    const struct tide_config *top = topology->top;
    const char *delivery = setting_text(top, "delivery");
    if (delivery && !strcmp(delivery, "exactly_once") && !setting_at(top, "checkpoint"))
        warn_if_given(top, "delivery", "without `checkpoint:` nothing is exactly once", problems);
    if (setting_int(top, "restart.max", 0) && !setting_at(top, "checkpoint"))
        warn_if_given(top, "restart", "without `checkpoint:` there is nothing to go on from",
                      problems);
}
