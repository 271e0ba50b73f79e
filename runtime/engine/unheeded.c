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
    const char *no_state = "no checkpoints are kept yet; `every` paces acknowledgements";
    warn_if_given(top, "checkpoint.dir", no_state, problems);
    warn_if_given(top, "checkpoint.keep", no_state, problems);
    warn_if_given(top, "checkpoint.timeout", no_state, problems);
    warn_if_given(top, "limits.memory", "the process as a whole is not limited yet", problems);
    const char *delivery = setting_text(top, "delivery");
    if (delivery && strcmp(delivery, "exactly_once") == 0)
        warn_if_given(top, "delivery",
                      "exactly once is not there yet; `tidemill check` says what each path gets",
                      problems);
}
