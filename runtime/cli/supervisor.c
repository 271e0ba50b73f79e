// SPDX-License-Identifier: MIT
#include "cli/supervisor.h"

#include "base/log.h"
#include "engine/backoff.h"

#include <inttypes.h>

enum { MAX_DEFAULT = 10, FROM_MS = 1000, TO_MS = 60000, RESET_MS = 300000 };

void supervisor_init(struct supervisor *supervisor, const struct topology *topology)
{
    const struct tide_config *top = topology->top;
    *supervisor = (struct supervisor){
        .max = setting_int(top, "restart.max", MAX_DEFAULT), // `false` is 0
        .from_ms = setting_int(top, "restart.backoff.from", FROM_MS),
        .to_ms = setting_int(top, "restart.backoff.to", TO_MS),
        .reset_ms = setting_int(top, "restart.reset_after", RESET_MS),
        .random = (uint64_t)clock_mono_ns(clock_system()) | 1,
    };
}

static void say(const struct supervisor *supervisor, const struct error *why, int64_t wait_ms)
{
    const struct log_field fields[] = {{"attempt", supervisor->attempts},
                                       {"retry_ms", (long long)wait_ms}};
    const struct log_event event = {.level = LOG_WARN,
                                    .place = "restart",
                                    .reason = error_reason(why),
                                    .fields = fields,
                                    .field_count = 2};
    log_say(&event,
            "%s; going on from the last checkpoint in %" PRId64 " ms, attempt %u of %" PRId64,
            why->text, wait_ms, supervisor->attempts, supervisor->max);
}

bool supervisor_takes_error(struct supervisor *supervisor, const struct error *why, int64_t now_ms)
{
    if (supervisor->attempts >= supervisor->max) {
        if (supervisor->max)
            log_line(LOG_ERROR, "restart", "given up after %u attempts", supervisor->attempts);
        return false;
    }
    int64_t wait_ms = backoff_ns(supervisor->from_ms, supervisor->to_ms, supervisor->attempts,
                                 &supervisor->random) /
                      1000000;
    supervisor->attempts++;
    supervisor->due_ms = now_ms + wait_ms;
    say(supervisor, why, wait_ms);
    return true;
}

bool supervisor_takes(struct supervisor *supervisor, const struct engine *engine,
                      int64_t started_ms, int64_t now_ms)
{
    if (!engine_can_mend(engine, supervisor->attempts == 0))
        return false;
    if (now_ms - started_ms >= supervisor->reset_ms)
        supervisor->attempts = 0;
    return supervisor_takes_error(supervisor, engine_error(engine), now_ms);
}
