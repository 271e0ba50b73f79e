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

void warn_unheeded(const struct topology *topology, struct problems *problems)
{
    const struct tide_config *top = topology->top;
    const char *delivery = setting_text(top, "delivery");
    if (delivery && !strcmp(delivery, "exactly_once") && !setting_at(top, "checkpoint"))
        warn_if_given(top, "delivery", "without `checkpoint:` nothing is exactly once", problems);
}
