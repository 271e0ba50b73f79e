// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "config/text.h"
#include "operators/aggregate_build.h"
#include "operators/aggregate_span.h"
#include "time/calendar.h"
#include "time/zone.h"

// The option `window:`.

static const int64_t GAP_MAX_MS = 1000000000000000;

// -- which window --

static bool given(const struct tide_config *window, const char *name)
{
    const struct tide_config *at = setting_at(window, name);
    return at && (at->is_map || at->option->type != TIDE_BOOL || at->flag);
}

static int one_kind(const struct tide_config *window, const char **kind, struct error *err)
{
    static const char *const kinds[] = {"tumbling", "sliding", "months",
                                        "session",  "count",   "global"};
    *kind = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!given(window, kinds[i]))
            continue;
        if (*kind)
            return error_set(err, ERR_INPUT, "either '%s' or '%s', not both", *kind, kinds[i]);
        *kind = kinds[i];
    }
    if (*kind)
        return 0;
    return error_set(err, ERR_INPUT,
                     "what kind? one of `tumbling: 60s`, `sliding: 60s` with `every: 10s`, "
                     "`months: 1`, `session: 30s`, `count: 100`, `global: true`");
}

static int read_fixed(struct window_assigner *windows, const struct tide_config *window,
                      bool sliding, struct error *err)
{
    windows->kind = sliding ? WINDOW_SLIDING : WINDOW_TUMBLING;
    windows->size = setting_int(window, sliding ? "sliding" : "tumbling", 0);
    windows->every = sliding ? setting_int(window, "every", 0) : windows->size;
    if (sliding == given(window, "every"))
        return 0;
    return error_set(err, ERR_INPUT,
                     sliding ? "a sliding window needs `every:`, e.g. `every: 10s`"
                             : "`every:` goes with `sliding:`");
}

static int read_session(struct aggregate *agg, const struct tide_config *window, struct error *err)
{
    int64_t gap = 1; // of an expression: each record's own
    agg->windows.kind = WINDOW_SESSION;
    if (text_parse_duration(setting_text(window, "session.gap"), &gap) &&
        (gap < 1 || gap > GAP_MAX_MS))
        return error_set(err, ERR_INPUT, "session: gap: expected 1ms to %lldms",
                         (long long)GAP_MAX_MS);
    agg->windows.size = gap;
    agg->session_max_ms = setting_int(window, "session.max", 0);
    if (agg->session_max_ms && agg->session_max_ms < agg->windows.size)
        return error_set(err, ERR_INPUT, "session: max (%lld ms) is less than gap (%lld ms)",
                         (long long)agg->session_max_ms, (long long)agg->windows.size);
    return 0;
}

static int read_kind(struct aggregate *agg, const struct tide_config *window, struct error *err)
{
    const char *kind;
    struct window_assigner *windows = &agg->windows;
    int rc = one_kind(window, &kind, err);
    if (rc)
        return rc;
    if (!strcmp(kind, "session"))
        return read_session(agg, window, err);
    if (!strcmp(kind, "tumbling") || !strcmp(kind, "sliding"))
        return read_fixed(windows, window, *kind == 's', err);
    windows->kind = !strcmp(kind, "months")  ? WINDOW_MONTHS
                    : !strcmp(kind, "count") ? WINDOW_COUNT
                                             : WINDOW_GLOBAL;
    windows->size = windows->every = setting_int(window, kind, 1);
    return 0;
}

// -- its zone --

// Windows of whole days in a zone are days of its calendar.
static int read_zone(struct aggregate *agg, const struct tide_config *window, struct error *err)
{
    struct window_assigner *windows = &agg->windows;
    const char *name = setting_text(window, "zone");
    bool fixed = windows->kind == WINDOW_TUMBLING || windows->kind == WINDOW_SLIDING;
    if (!name)
        return 0;
    if (!fixed && windows->kind != WINDOW_MONTHS)
        return error_set(err, ERR_INPUT, "a zone is for windows of days and months");
    if (fixed && (windows->size % MS_PER_DAY || windows->every % MS_PER_DAY))
        return error_set(err, ERR_INPUT,
                         "with a zone, windows are counted in whole days (1d, 7d) or months");
    if (fixed) {
        windows->kind = WINDOW_DAYS;
        windows->size /= MS_PER_DAY;
        windows->every /= MS_PER_DAY;
    }
    int rc = zone_open(&agg->zone, name, err);
    windows->zone = agg->zone;
    return rc;
}

// -- when it tells --

static int read_emit(struct aggregate *agg, const struct tide_config *window, struct error *err)
{
    int64_t early = setting_int(window, "emit.early", 0);
    agg->early_ms = setting_int(window, "emit.every", 0);
    agg->early_count = (uint32_t)setting_int(window, "emit.count", 0);
    if (early && agg->early_ms)
        return error_set(err, ERR_INPUT, "emit: either 'early' or 'every', they mean the same");
    if (early)
        agg->early_ms = early;
    const char *panes = setting_text(window, "panes");
    agg->panes = panes && !strcmp(panes, "discard")   ? PANES_DISCARD
                 : panes && !strcmp(panes, "retract") ? PANES_RETRACT
                                                      : PANES_ACCUMULATE;
    bool early_panes = agg->early_ms || agg->early_count;
    agg->many_panes = early_panes || agg->windows.lateness_ms;
    if (agg->windows.kind != WINDOW_COUNT)
        return 0;
    agg->panes = PANES_DISCARD;
    if (early_panes || panes || agg->windows.lateness_ms)
        return error_set(err, ERR_INPUT,
                         "a count window tells one result when it is full: it has no `emit:`, "
                         "`panes:` or `lateness:`");
    return 0;
}

static int read_time_kind(struct aggregate *agg, const struct tide_config *window, bool has_time,
                          struct error *err)
{
    const char *time = setting_text(window, "time");
    agg->processing = time && !strcmp(time, "processing");
    agg->close_after_ms = setting_int(window, "close_after", 0);
    bool timeless = agg->windows.kind == WINDOW_COUNT || agg->windows.kind == WINDOW_GLOBAL;
    if (agg->processing && (agg->windows.lateness_ms || agg->close_after_ms))
        return error_set(err, ERR_INPUT,
                         "windows of processing time know no late records: `lateness:` and "
                         "`close_after:` are for event time");
    if (agg->processing || timeless || has_time)
        return 0;
    return error_set(err, ERR_INPUT,
                     "windows need event time, but not every source of this node says where it "
                     "is; add `event_time: { field: ... }` to them, or `time: processing` here");
}

int window_configure(struct aggregate *agg, const struct tide_config *window, bool has_time,
                     struct error *err)
{
    int rc = read_kind(agg, window, err);
    agg->windows.offset_ms = setting_int(window, "offset", 0);
    agg->windows.lateness_ms = setting_int(window, "lateness", 0);
    if (!rc)
        rc = read_zone(agg, window, err);
    if (!rc)
        rc = window_assigner_check(&agg->windows, err);
    if (!rc)
        rc = read_emit(agg, window, err);
    if (rc)
        return error_prefix(err, "window");
    return read_time_kind(agg, window, has_time, err);
}

// -- how it is kept --

static int choose_of_key(struct aggregate *agg, struct error *err)
{
    agg->kind = agg->windows.kind == WINDOW_COUNT ? &agg_counts : &agg_sessions;
    agg->target_cap = 1;
    if (agg->kind == &agg_sessions && agg->by_hand && !script_has(agg->script, "merge"))
        return error_set(err, ERR_INPUT,
                         "sessions are merged when a record joins them: the script needs the "
                         "function merge(a, b)");
    return 0;
}

// Windows that may fire for one record: those that are closed and not gone, as it is late; all, as
// it may be the last that is missing in each (emit: count).
static int64_t again_overlap(const struct aggregate *agg, int64_t overlap)
{
    int64_t closed = agg->windows.lateness_ms / agg->windows.every + 2;
    return agg->early_count || closed > overlap ? overlap : closed;
}

// Sliding windows that share: told once by slices, else by spans. `overlap` becomes the places that
// a record can have.
static void choose_shared(struct aggregate *agg, int64_t *overlap)
{
    bool merges = !agg->by_hand || script_has(agg->script, "merge");
    if (agg->windows.kind != WINDOW_SLIDING || !merges)
        return;
    if (!agg->many_panes && *overlap > 1) {
        agg->kind = &agg_slices;
        *overlap = 1;
    } else if (*overlap > SPAN_FROM && !(agg->early_ms && agg->early_count)) {
        agg->kind = &agg_spans;
        *overlap = again_overlap(agg, *overlap) + 2 * SPAN_LEVELS;
    }
}

static int choose(struct aggregate *agg, struct error *err)
{
    if (agg->windows.kind == WINDOW_COUNT || agg->windows.kind == WINDOW_SESSION)
        return choose_of_key(agg, err);
    int64_t overlap = window_overlap(&agg->windows);
    agg->kind = &agg_buckets;
    agg->short_way = agg->windows.kind == WINDOW_GLOBAL || agg->windows.every == agg->windows.size;
    choose_shared(agg, &overlap);
    int64_t most = agg->kind == &agg_spans ? AGG_AGAIN_MAX : AGG_OVERLAP_MAX;
    if (overlap > most)
        return error_set(err, ERR_INPUT,
                         "a record would be in %lld windows; at most %lld %s: choose a longer "
                         "`every:`",
                         (long long)overlap, (long long)most,
                         agg->kind == &agg_spans ? "that may tell at once"
                                                 : "by the calendar, or by a script without "
                                                   "merge(a, b)");
    agg->target_cap = (uint32_t)overlap;
    return 0;
}

int window_choose_kind(struct aggregate *agg, struct error *err)
{
    int rc = choose(agg, err);
    if (rc)
        return error_prefix(err, "window");
    agg->targets = mem_array(agg->target_cap, sizeof *agg->targets);
    agg->again = mem_array(agg->target_cap, sizeof *agg->again);
    if (!agg->targets || !agg->again)
        return error_nomem(err);
    return agg->kind->init ? agg->kind->init(agg, err) : 0;
}

// -- options --

static const tide_option session_options[] = {
    {.name = "gap",
     .type = TIDE_TEXT,
     .flags = TIDE_OPTION_REQUIRED,
     .help = "a session ends when nothing of its key has come for so long: a duration, or a Lua "
             "expression over the fields of each record, in ms or as text: `critical and 5000 or "
             "30000`"},
    {.name = "max",
     .type = TIDE_DURATION,
     .min = 1,
     .max = 1e15,
     .help = "the longest a session may get; what would make it longer begins another"},
    {.name = NULL},
};

static const tide_option emit_options[] = {
    {.name = "when",
     .type = TIDE_CHOICE,
     .choices = "on_close",
     .help = "when the watermark passes its end, and again for each late record"},
    {.name = "early",
     .type = TIDE_DURATION,
     .min = 1,
     .max = 1e15,
     .help = "also so often before that, in the window's time: what came so far, if anything came "
             "since"},
    {.name = "every", .type = TIDE_DURATION, .min = 1, .max = 1e15, .help = "the same as early"},
    {.name = "count",
     .type = TIDE_INT,
     .min = 1,
     .max = 1e9,
     .help = "also whenever so many records of a key have come"},
    {.name = NULL},
};

const tide_option window_options[] = {
    {.name = "tumbling",
     .type = TIDE_DURATION,
     .min = 1,
     .max = 1e15,
     .help = "the length of each window; they follow each other without a gap"},
    {.name = "sliding",
     .type = TIDE_DURATION,
     .min = 1,
     .max = 1e15,
     .help = "the length of each window; one begins at each `every`"},
    {.name = "every",
     .type = TIDE_DURATION,
     .min = 1,
     .max = 1e15,
     .help = "sliding: from the start of one window to that of the next"},
    {.name = "months",
     .type = TIDE_INT,
     .min = 1,
     .max = 1200,
     .help = "windows of so many months of the calendar; 12 is a year"},
    {.name = "session",
     .type = TIDE_MAP,
     .flags = TIDE_OPTION_SHORT,
     .members = session_options,
     .help = "one window for all records of a key that are not further apart than this"},
    {.name = "count",
     .type = TIDE_INT,
     .min = 1,
     .max = 1e9,
     .help = "one window for so many records of a key"},
    {.name = "global", .type = TIDE_BOOL, .help = "one window for all; it ends with the stream"},
    {.name = "offset",
     .type = TIDE_DURATION,
     .default_text = "0s",
     .min = -1e15,
     .max = 1e15,
     .help = "windows start at 1970-01-01T00:00:00Z plus this; smaller than the length"},
    {.name = "zone",
     .type = TIDE_TEXT,
     .help = "the time zone whose days and months count, e.g. Europe/Berlin; for lengths of whole "
             "days and for months"},
    {.name = "lateness",
     .type = TIDE_DURATION,
     .default_text = "0s",
     .help = "how long after its end a window still takes late records, each of which fires it "
             "again; later ones go to the port `late`"},
    {.name = "time",
     .type = TIDE_CHOICE,
     .choices = "event|processing",
     .default_text = "event",
     .help = "whose clock counts: the records' own, or the machine's"},
    {.name = "close_after",
     .type = TIDE_DURATION,
     .min = 1,
     .max = 1e15,
     .help = "when no record has come for so long, time goes on with the machine's clock, so that "
             "open windows close; without it they wait"},
    {.name = "emit",
     .type = TIDE_MAP,
     .flags = TIDE_OPTION_SHORT,
     .members = emit_options,
     .help = "when a window tells its result: on_close, { early: 10s }, { count: 4 }"},
    {.name = "panes",
     .type = TIDE_CHOICE,
     .choices = "accumulate|discard|retract",
     .help = "what a window that tells several results tells: all so far, what came since the last "
             "one, or all so far after taking the last one back (header op: retract)"},
    {.name = NULL},
};
