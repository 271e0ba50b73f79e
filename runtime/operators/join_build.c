// SPDX-License-Identifier: MIT
#include "operators/join.h"
#include "base/alloc.h"
#include <string.h>

enum { KEY_BYTES_MAX = 1 << 20, ROW_BYTES_MAX = 1 << 28 };

// -- sides --

static int read_sides(struct join *join, const struct node_spec *node, struct error *err)
{
    bool seen[JOIN_SIDES] = {false, false};
    uint8_t *sides = mem_alloc(node->input_count + 1);
    if (!sides)
        return error_nomem(err);
    join->side_of = sides;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const char *name = node->inputs[i].side;
        bool right = name && !strcmp(name, "right");
        if (!right && !(name && !strcmp(name, "left")))
            return error_set(err, ERR_INPUT,
                             "inputs: a join has the sides left and right; '%s' is neither",
                             name ? name : "");
        sides[i] = right ? JOIN_RIGHT : JOIN_LEFT;
        seen[sides[i]] = true;
    }
    if (seen[JOIN_LEFT] && seen[JOIN_RIGHT])
        return 0;
    return error_set(err, ERR_INPUT,
                     "inputs: the side '%s' is missing: { left: node, right: node }",
                     seen[JOIN_LEFT] ? "right" : "left");
}

// -- on --

static int read_side_keys(struct join *join, enum join_side side, const struct tide_config *fields,
                          uint32_t *count, struct error *err)
{
    *count = fields->is_list ? fields->count : 1;
    if (*count > KEY_FIELDS_MAX)
        return error_set(err, ERR_INPUT, "on: %u fields; at most %d", *count, KEY_FIELDS_MAX);
    for (uint32_t i = 0; i < *count; i++) {
        const struct tide_config *field = fields->is_list ? &fields->items[i] : fields;
        if (!field->text || !*field->text)
            return error_set(err, ERR_INPUT, "on: expected the name of a field");
        int rc = path_compile(&join->keys[side][i], field->text, err);
        if (rc)
            return error_prefix(err, "on");
    }
    return 0;
}

static int read_on(struct join *join, const struct tide_config *on, struct error *err)
{
    const struct tide_config *left = on, *right = on;
    uint32_t rights;
    if (on->is_map) {
        left = setting_at(on, "left");
        right = setting_at(on, "right");
        if (!left || !right || on->count != 2)
            return error_set(err, ERR_INPUT,
                             "on: expected a field, a list of fields, or { left: field, right: "
                             "field }");
    }
    int rc = read_side_keys(join, JOIN_LEFT, left, &join->key_count, err);
    if (!rc)
        rc = read_side_keys(join, JOIN_RIGHT, right, &rights, err);
    if (rc)
        return rc;
    if (join->key_count == 0)
        return error_set(err, ERR_INPUT, "on: no field");
    if (rights != join->key_count)
        return error_set(err, ERR_INPUT, "on: %u fields on the left, %u on the right",
                         join->key_count, rights);
    return 0;
}

// -- kind --

static int read_window(struct join *join, const struct tide_config *window, struct error *err)
{
    struct window_assigner *windows = &join->windows;
    int64_t tumbling = setting_int(window, "tumbling", 0);
    int64_t sliding = setting_int(window, "sliding", 0);
    int64_t session = setting_int(window, "session", 0), every = setting_int(window, "every", 0);
    if ((tumbling != 0) + (sliding != 0) + (session != 0) != 1)
        return error_set(err, ERR_INPUT,
                         "window: what kind? one of `tumbling: 60s`, `sliding: 60s` with `every: "
                         "10s`, `session: 30s`");
    if ((sliding != 0) != (every != 0))
        return error_set(err, ERR_INPUT,
                         sliding ? "window: a sliding window needs `every:`, e.g. `every: 10s`"
                                 : "window: `every:` goes with `sliding:`");
    windows->kind = tumbling ? WINDOW_TUMBLING : sliding ? WINDOW_SLIDING : WINDOW_SESSION;
    windows->size = tumbling + sliding + session;
    windows->every = sliding ? every : session ? 0 : tumbling;
    windows->offset_ms = setting_int(window, "offset", 0);
    windows->lateness_ms = join->lateness_ms;
    join->lateness_ms = 0; // counted from the end of a window
    join->kind = session ? &join_sessions : &join_windows;
    int rc = window_assigner_check(windows, err);
    if (rc)
        return error_prefix(err, "window");
    if (window_overlap(windows) <= JOIN_OVERLAP_MAX)
        return 0;
    return error_set(err, ERR_INPUT,
                     "window: a record would be in %lld windows; at most %d: choose a longer "
                     "`every:`, or an `interval:`",
                     (long long)window_overlap(windows), JOIN_OVERLAP_MAX);
}

static int read_interval(struct join *join, const struct tide_config *interval, struct error *err)
{
    join->kind = &join_timed;
    join->low_ms = -setting_int(interval, "before", 0);
    join->high_ms = setting_int(interval, "after", 0);
    if (join->low_ms <= join->high_ms)
        return 0;
    return error_set(err, ERR_INPUT,
                     "interval: it is empty: it begins %lld ms before the left record and ends "
                     "%lld ms after it",
                     (long long)-join->low_ms, (long long)join->high_ms);
}

static int read_table(struct join *join, const char *table, struct error *err)
{
    join->kind = &join_tables;
    join->table = !strcmp(table, "left") ? JOIN_LEFT : JOIN_RIGHT;
    if (join->lateness_ms)
        return error_set(err, ERR_INPUT,
                         "table: a record of the stream waits for the watermark anyway: raise "
                         "`out_of_order` of its source instead of `lateness`");
    if (join->outer[join->table])
        return error_set(err, ERR_INPUT,
                         "table: the %s side is a table: its records are told with those of the "
                         "stream only; use `kind: inner` or `kind: %s`",
                         table[0] == 'l' ? "left" : "right", table[0] == 'l' ? "right" : "left");
    return 0;
}

static int read_kind(struct join *join, const struct tide_config *options, struct error *err)
{
    const struct tide_config *window = setting_at(options, "window");
    const struct tide_config *interval = setting_at(options, "interval");
    const struct tide_config *ttl = setting_at(options, "ttl");
    const char *table = setting_text(options, "table");
    join->lateness_ms = setting_int(options, "lateness", 0);
    if ((window != NULL) + (interval != NULL) + (ttl != NULL) + (table != NULL) != 1)
        return error_set(err, ERR_INPUT,
                         "how long may a record wait for its match? one of `window: { tumbling: "
                         "60s }`, `interval: { before: 5s, after: 10s }`, `ttl: 1h`, `table: "
                         "right`");
    if (window)
        return read_window(join, window, err);
    if (interval)
        return read_interval(join, interval, err);
    if (table)
        return read_table(join, table, err);
    join->kind = &join_timed;
    join->ttl = true;
    join->high_ms = setting_int(options, "ttl", 0);
    join->low_ms = -join->high_ms;
    return 0;
}

static void read_kept(struct join *join, const char *kind)
{
    bool both = !strcmp(kind, "outer") || !strcmp(kind, "full");
    join->outer[JOIN_LEFT] = both || !strcmp(kind, "left");
    join->outer[JOIN_RIGHT] = both || !strcmp(kind, "right");
}

// -- the result --

static int read_selected(struct join_select *out, const struct tide_config *item, struct error *err)
{
    const char *text = item->text;
    bool left = !strncmp(text, "left.", 5), right = !strncmp(text, "right.", 6);
    if (!left && !right)
        return error_set(err, ERR_INPUT,
                         "select.%s: expected left.field or right.field, found '%s'", item->name,
                         text);
    out->side = left ? JOIN_LEFT : JOIN_RIGHT;
    int rc = path_compile(&out->path, text + (left ? 5 : 6), err);
    return rc ? error_prefix(err, "select.%s", item->name) : 0;
}

static int read_select(struct join *join, const struct tide_config *select, struct error *err)
{
    if (!select)
        return 0;
    if (select->count == 0 || select->count > SHAPE_MEMBERS_MAX)
        return error_set(err, ERR_INPUT, "select: %u members", select->count);
    struct shape_name *names = mem_array(select->count, sizeof *names);
    join->select = mem_zalloc(select->count * sizeof *join->select);
    int rc = names && join->select ? 0 : error_nomem(err);
    for (uint32_t i = 0; i < select->count && !rc; i++) {
        rc = read_selected(&join->select[i], &select->items[i], err);
        names[i] = (struct shape_name){.bytes = select->items[i].name,
                                       .len = (uint32_t)strlen(select->items[i].name)};
        join->select_count++;
    }
    if (!rc) {
        join->select_shape = shape_intern(join->shapes, NULL, names, select->count);
        rc = join->select_shape ? 0 : error_nomem(err);
    }
    mem_free(names);
    return rc;
}

static int read_result(struct join *join, const struct tide_config *options, struct error *err)
{
    join->prefix[JOIN_LEFT] = setting_text(options, "prefix.left");
    join->prefix[JOIN_RIGHT] = setting_text(options, "prefix.right");
    join->bounds = setting_bool(options, "bounds", false);
    if (join->bounds && join->kind != &join_windows)
        return error_set(err, ERR_INPUT,
                         join->kind == &join_sessions
                             ? "bounds: pairs are told before the end of their session is known"
                             : "bounds: there is no window");
    return read_select(join, setting_at(options, "select"), err);
}

static int make_parts(struct join *join, struct error *err)
{
    struct json_limits limits = {.depth = UINT32_MAX, .size = UINT32_MAX, .members = UINT32_MAX};
    join->readers[0] = json_reader_new(join->shapes, &limits);
    limits.big_ints = BIG_INTS_STRING;
    join->readers[1] = json_reader_new(join->shapes, &limits);
    int64_t overlap = join->kind == &join_windows ? window_overlap(&join->windows) : 1;
    join->now.rows = mem_array((size_t)overlap, sizeof(struct join_row *));
    return join->readers[0] && join->readers[1] && join->now.rows ? 0 : error_nomem(err);
}

int join_configure(struct join *join, const struct operator_spec *spec, struct error *err)
{
    const struct tide_config *options = spec->node->options;
    size_t limit = (size_t)setting_int(spec->node->common, "limits.state", 0);
    buf_init(&join->key, KEY_BYTES_MAX);
    buf_init(&join->text, ROW_BYTES_MAX);
    keyed_init(&join->keyed, JOIN_SIDES * sizeof(struct join_rows), limit);
    join->budget = &join->keyed.budget;
    table_init(&join->keys_table, sizeof(void *), join->budget);
    join->shapes = spec->shapes;
    read_kept(join, setting_text(options, "kind"));
    int rc = read_sides(join, spec->node, err);
    if (!rc)
        rc = read_on(join, setting_at(options, "on"), err);
    if (!rc)
        rc = read_kind(join, options, err);
    if (!rc)
        rc = read_result(join, options, err);
    if (rc)
        return rc;
    if (!spec->has_event_time)
        return error_set(err, ERR_INPUT,
                         "a join needs event time, but not every source of this node says where it "
                         "is; add `event_time: { field: ... }` to them");
    return make_parts(join, err);
}

// -- options --

static const tide_option window_members[] = {
    {.name = "tumbling",
     .type = TIDE_DURATION,
     .min = 1,
     .max = 1e15,
     .help = "the length of each window; they follow each other without a gap"},
    {.name = "sliding",
     .type = TIDE_DURATION,
     .min = 1,
     .max = 1e15,
     .help = "the length of each window; one begins at each `every`; a pair is told for each "
             "window that it shares"},
    {.name = "every",
     .type = TIDE_DURATION,
     .min = 1,
     .max = 1e15,
     .help = "sliding: from the start of one window to that of the next"},
    {.name = "session",
     .type = TIDE_DURATION,
     .min = 1,
     .max = 1e15,
     .help = "one window for all records of a key, of both sides, that are not further apart"},
    {.name = "offset",
     .type = TIDE_DURATION,
     .default_text = "0s",
     .min = -1e15,
     .max = 1e15,
     .help = "windows start at 1970-01-01T00:00:00Z plus this; smaller than the length"},
    {.name = NULL},
};

static const tide_option interval_members[] = {
    {.name = "before",
     .type = TIDE_DURATION,
     .default_text = "0s",
     .min = -1e15,
     .max = 1e15,
     .help = "how much older than the left record the right one may be"},
    {.name = "after",
     .type = TIDE_DURATION,
     .default_text = "0s",
     .min = -1e15,
     .max = 1e15,
     .help = "how much younger than the left record the right one may be"},
    {.name = NULL},
};

static const tide_option prefix_members[] = {
    {.name = "right", .type = TIDE_TEXT, .help = "in front of the right side's names"},
    {.name = "left", .type = TIDE_TEXT, .help = "in front of the left side's names"},
    {.name = NULL},
};

const tide_option join_options[] = {
    {.name = "on",
     .type = TIDE_DATA_MAP,
     .flags = TIDE_OPTION_REQUIRED | TIDE_OPTION_ANY,
     .help = "the field, or list of fields, that are equal on both sides; { left: a, right: b } "
             "where they have different names; null is equal to nothing"},
    {.name = "kind",
     .type = TIDE_CHOICE,
     .choices = "inner|left|right|outer|full",
     .default_text = "inner",
     .help = "whose records are told also when they found no other: none's, one side's, both's "
             "(outer, full)"},
    {.name = "window",
     .type = TIDE_MAP,
     .members = window_members,
     .help = "pairs of records that are in the same window"},
    {.name = "interval",
     .type = TIDE_MAP,
     .members = interval_members,
     .help = "pairs in which right.time is in [left.time - before, left.time + after]"},
    {.name = "ttl",
     .type = TIDE_DURATION,
     .min = 1,
     .max = 1e15,
     .help = "pairs of records that are no further apart in event time; each is kept so long"},
    {.name = "table",
     .type = TIDE_CHOICE,
     .choices = "right|left|true",
     .help = "that side (true: the right) is a table, each record the value of its key from its "
             "time on, one without a value its end; the other side sees what was valid at its "
             "time"},
    {.name = "lateness",
     .type = TIDE_DURATION,
     .default_text = "0s",
     .help = "how far behind the watermark (window: its window's end) a record is still taken; "
             "later ones go to the port `late`"},
    {.name = "prefix",
     .type = TIDE_MAP,
     .flags = TIDE_OPTION_SHORT,
     .members = prefix_members,
     .help = "in front of a side's names in the result, the common key excepted; without it only "
             "a name that both have becomes right_NAME"},
    {.name = "select",
     .type = TIDE_FREE_MAP,
     .help = "the members of the result and where they come from: { price: right.price }; "
             "without it all of both"},
    {.name = "bounds",
     .type = TIDE_BOOL,
     .default_text = "false",
     .help = "results have `start` and `end` of their window (ms)"},
    {.name = NULL},
};
