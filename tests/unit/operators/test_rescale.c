// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "base/hash.h"
#include "operators/operator.h"
#include "record/keycode.h"
#include "state/image.h"
#include "state/image_merge.h"
#include "support/one_operator.h"
#include "support/unit.h"
#include <stdio.h>
#include <stdlib.h>

// What n lanes of an operator keep, loaded into m: the results are those of a run that one lane did
// without a break, in whatever numbers of lanes it went on, and also when the lanes had not come to
// the same time. On the way it is saved several times: first all of it, then what has changed.

enum { LANES_MAX = 7, CHUNKS = 5, CHUNK_MS = 100, KEYS = 12, IMAGE_MAX = 1 << 24 };
enum { RECORDS = 120, SAVE_EVERY = 25, CHAIN_MAX = 1 + RECORDS / SAVE_EVERY + 2 };

struct sent {
    int64_t time;
    uint32_t key, input;
    int x;
};

struct kind {
    const char *name, *type, *options;
    bool late;   // records may be late, or near enough
    bool uneven; // lanes may be at other times: each result is told once
};

static const struct kind kinds[] = {
    {"tumbling", "aggregate",
     "key_by: k\nwindow: { tumbling: 70ms, lateness: 40ms }\n"
     "compute: { n: count(), s: sum(x), f: first(x) }\n",
     true, true},
    {"panes", "aggregate",
     "key_by: k\nwindow: { tumbling: 150ms, lateness: 40ms, panes: retract, emit: { every: 30ms } "
     "}\n"
     "compute: { n: count() }\n",
     true, false},
    {"slices", "aggregate",
     "key_by: k\nwindow: { sliding: 90ms, every: 10ms }\ncompute: { n: count(), s: sum(x) }\n",
     true, true},
    {"spans", "aggregate",
     "key_by: k\nwindow: { sliding: 90ms, every: 5ms, lateness: 30ms }\n"
     "compute: { n: count(), s: sum(x) }\n",
     true, true},
    {"spans of panes", "aggregate",
     "key_by: k\nwindow: { sliding: 90ms, every: 5ms, panes: discard, emit: { count: 3 } }\n"
     "compute: { n: count(), s: sum(x) }\n",
     true, false},
    {"sessions", "aggregate",
     "key_by: k\nwindow: { session: 30ms, lateness: 20ms }\ncompute: { n: count() }\n", true, true},
    {"counts", "aggregate", "key_by: k\nwindow: { count: 7 }\ncompute: { n: count(), s: sum(x) }\n",
     true, true},
    {"global", "aggregate", "key_by: k\nwindow: { global: true }\ncompute: { n: count() }\n", true,
     true},
    {"process", "process",
     "key_by: k\nlua: |\n"
     "  return {\n"
     "    state = { n = state.counter(), m = state.map() },\n"
     "    on_record = function(r, ctx)\n"
     "      ctx.m:set(tostring(r.x % 3), ctx.n:add(1))\n"
     "      ctx.timer('t', ctx.time + 35)\n"
     "    end,\n"
     "    on_timer = function(name, ctx)\n"
     "      ctx.emit({ k = ctx.key, n = ctx.n:get(), one = ctx.m:get('1') })\n"
     "    end,\n"
     "  }\n",
     false, false},
    {"join", "join", "on: k\ninterval: { before: 40ms, after: 10ms }\n", false, true},
    {"join of windows", "join", "on: k\nkind: left\nwindow: { tumbling: 50ms }\n", false, true},
    {"join of sessions", "join", "on: k\nwindow: { session: 20ms }\n", false, true},
    {"join without end", "join", "on: k\nttl: 60ms\n", false, false},
    {"dedup", "dedup", "key_by: [k, x]\nwithin: 120ms\n", false, true},
    {"top", "top", "key_by: k\nby: x\nn: 2\nwindow: 60ms\n", false, true},
    {"fill", "fill", "key_by: k\nevery: 10ms\nfields: x\nwith: linear\n", false, true},
    {"pattern", "pattern", "key_by: k\nwithin: 80ms\nsteps: { a: x > 0, b: x < 0, c: x > 3 }\n",
     false, true},
    {"reorder", "reorder", "key_by: k\n", false, true},
    {"throttle", "throttle", "key_by: k\nrate: 2\nevery: 90ms\ntime: event\n", false, true},
    {"sample", "sample", "key_by: k\nshare: 0.5\n", false, true},
};

struct lanes {
    struct one_operator ops[LANES_MAX];
    uint32_t count;
    struct buf chain[CHAIN_MAX]; // what was saved: all, then changes
    size_t saves;
};

static const struct operator_class *class_of(const char *type)
{
    const struct operator_class *const *at = operator_classes;
    while (*at && strcmp((*at)->type, type) != 0)
        at++;
    return *at;
}

static void open_lanes(struct lanes *lanes, const struct kind *kind, uint32_t count)
{
    memset(lanes, 0, sizeof *lanes);
    lanes->count = count;
    for (uint32_t i = 0; i < count; i++) {
        int rc = one_init(&lanes->ops[i], class_of(kind->type), kind->options);
        if (rc)
            printf("%s: %s\n", kind->name, lanes->ops[i].err.text);
        CU_ASSERT_EQUAL_FATAL(rc, 0);
    }
}

static void close_lanes(struct lanes *lanes)
{
    for (uint32_t i = 0; i < lanes->count; i++)
        one_deinit(&lanes->ops[i]);
    for (size_t i = 0; i < lanes->saves; i++)
        buf_deinit(&lanes->chain[i]);
}

// By the first field, as that is what records are shared out by here.
static uint32_t lane_of(const char *key, size_t len, uint32_t lanes)
{
    struct value first[KEY_FIELDS_MAX];
    CU_ASSERT_TRUE_FATAL(key_decode(key, len, first, KEY_FIELDS_MAX) > 0);
    return (uint32_t)(hash_bytes(first[0].bytes, first[0].len) % lanes);
}

static void send(struct lanes *lanes, const struct sent *sent)
{
    char json[64], key[16];
    int len = snprintf(key, sizeof key, "key %u", sent->key);
    uint32_t lane = (uint32_t)(hash_bytes(key, (size_t)len) % lanes->count);
    struct one_operator *one = &lanes->ops[lane];
    snprintf(json, sizeof json, "{\"k\":\"%s\",\"x\":%d}", key, sent->x);
    if (one->input != sent->input)
        CU_ASSERT_EQUAL(one_process(one), OP_DONE);
    one->input = sent->input;
    CU_ASSERT_PTR_NOT_NULL(one_send(one, json, sent->time));
}

// -- results --

struct lines {
    char **items;
    size_t count, cap;
};

static void add_lines(struct lines *lines, char *text)
{
    for (char *at = strtok(text, "\n"); at; at = strtok(NULL, "\n")) {
        if (lines->count == lines->cap)
            lines->items = realloc(lines->items, (lines->cap = lines->cap * 2 + 64) * sizeof at);
        lines->items[lines->count++] = strdup(at);
    }
}

static void collect(struct lanes *lanes, struct lines *lines)
{
    for (uint32_t i = 0; i < lanes->count; i++) {
        fake_outputs_collect(&lanes->ops[i].outputs);
        CU_ASSERT_EQUAL(lanes->ops[i].outputs.error_count, 0);
        for (size_t n = 0; n < lanes->ops[i].outputs.result_count; n++) {
            const struct fake_result *result = &lanes->ops[i].outputs.results[n];
            char line[512];
            snprintf(line, sizeof line, "%u %lld %s", result->port, (long long)result->time,
                     result->json);
            add_lines(lines, line);
        }
        fake_outputs_clear(&lanes->ops[i].outputs);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool same_lines(struct lines *a, struct lines *b, const char *name)
{
    qsort(a->items, a->count, sizeof *a->items, by_text);
    qsort(b->items, b->count, sizeof *b->items, by_text);
    size_t i = 0;
    while (i < a->count && i < b->count && !strcmp(a->items[i], b->items[i]))
        i++;
    if (i == a->count && i == b->count)
        return true;
    printf("\n%s: line %zu of %zu, %zu\n  %s\n  %s\n", name, i, a->count, b->count,
           i < a->count ? a->items[i] : "", i < b->count ? b->items[i] : "");
    return false;
}

static void free_lines(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        free(lines->items[i]);
    free(lines->items);
}

// -- from lanes to lanes --

static void load_entries(struct lanes *to, const struct buf *state, bool keyed)
{
    struct image_reader reader = {state->data, state->data + state->len};
    struct image_entry entry;
    struct error err;
    int bad;
    while (image_next(&reader, &entry, &bad)) {
        for (uint32_t i = 0; i < to->count; i++) {
            if (!entry.key == keyed ||
                (entry.key && lane_of(entry.key, entry.key_len, to->count) != i))
                continue;
            struct image_entry copy = entry;
            error_clear(&err);
            int rc = to->ops[i].op->load(to->ops[i].op, &copy, &err);
            if (rc)
                printf("%s\n", err.text);
            CU_ASSERT_EQUAL_FATAL(rc, 0);
        }
    }
    CU_ASSERT_EQUAL(bad, 0);
}

// The lane that is saved first is another one each time.
static void save(struct lanes *lanes, uint32_t first)
{
    struct image image;
    bool changes = lanes->saves && lanes->ops[0].op->track;
    image_init(&image, IMAGE_MAX);
    for (uint32_t i = 0; i < lanes->count; i++) {
        struct op *op = lanes->ops[(i + first) % lanes->count].op;
        if (op->save)
            CU_ASSERT_EQUAL(changes ? op->save_changes(op, &image) : op->save(op, &image), 0);
        if (op->track && !changes)
            CU_ASSERT_EQUAL(op->track(op), 0);
    }
    if (!changes && lanes->saves)
        buf_deinit(&lanes->chain[--lanes->saves]);
    CU_ASSERT_TRUE_FATAL(lanes->saves < CHAIN_MAX);
    lanes->chain[lanes->saves++] = image.bytes;
    buf_deinit(&image.body);
}

static struct lanes *move(struct lanes *lanes, const struct kind *kind, uint32_t count,
                          uint32_t first)
{
    struct lanes *to = malloc(sizeof *to);
    struct error err = ERROR_INIT;
    open_lanes(to, kind, count);
    save(lanes, first);
    CU_ASSERT_EQUAL(image_merge(lanes->chain, lanes->saves, &err), 0);
    load_entries(to, &lanes->chain[0], false);
    load_entries(to, &lanes->chain[0], true);
    close_lanes(lanes);
    free(lanes);
    return to;
}

// -- runs --

static struct sent random_sent(int chunk, bool late)
{
    int64_t start = (int64_t)chunk * CHUNK_MS;
    struct sent sent = {.time = start + rand() % CHUNK_MS,
                        .key = (uint32_t)rand() % KEYS,
                        .input = 0,
                        .x = rand() % 11 - 5};
    if (late && rand() % 8 == 0)
        sent.time -= rand() % 150;
    return sent;
}

// All records so far are in, and what they have changed is saved.
static void settle(struct lanes *lanes, uint32_t first)
{
    for (uint32_t i = 0; i < lanes->count; i++)
        CU_ASSERT_EQUAL(one_process(&lanes->ops[i]), OP_DONE);
    save(lanes, first);
}

// `numbers` of lanes, one for each chunk; NULL: one lane that never saves anything. `behind`: how
// much later each lane is than the one before.
static void run(const struct kind *kind, const uint32_t *numbers, int64_t behind,
                struct lines *lines)
{
    struct lanes *lanes = malloc(sizeof *lanes);
    open_lanes(lanes, kind, numbers ? numbers[0] : 1);
    srand(7);
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
        if (chunk && numbers) {
            collect(lanes, lines);
            lanes = move(lanes, kind, numbers[chunk], (uint32_t)chunk);
        }
        for (int i = 0; i < RECORDS; i++) {
            if (numbers && i % SAVE_EVERY == 0)
                settle(lanes, (uint32_t)i);
            struct sent sent = random_sent(chunk, kind->late && !behind);
            sent.input = strcmp(kind->type, "join") == 0 && i % 2;
            send(lanes, &sent);
        }
        int64_t at = (int64_t)chunk * CHUNK_MS + CHUNK_MS - 1;
        for (uint32_t i = 0; i < lanes->count; i++)
            CU_ASSERT_EQUAL(one_watermark(&lanes->ops[i], at - behind * i), OP_DONE);
    }
    for (uint32_t i = 0; i < lanes->count; i++)
        CU_ASSERT_EQUAL(one_watermark(&lanes->ops[i], INT64_MAX), OP_DONE);
    collect(lanes, lines);
    close_lanes(lanes);
    free(lanes);
}

static const uint32_t plans[][CHUNKS] = {{1, 2, 3, 7, 1}, {7, 1, 7, 3, 2}, {2, 7, 2, 1, 3},
                                         {3, 3, 1, 2, 7}, {1, 1, 1, 1, 1}, {2, 3, 2, 7, 7},
                                         {7, 7, 2, 2, 1}, {3, 1, 3, 2, 3}};

static void compare(int64_t behind)
{
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        if (behind && !kinds[k].uneven)
            continue;
        for (size_t p = 0; p < sizeof plans / sizeof *plans; p++) {
            struct lines whole = {0}, parts = {0};
            struct kind kind = kinds[k];
            run(&kind, NULL, behind, &whole);
            run(&kind, plans[p], behind, &parts);
            CU_ASSERT_TRUE(whole.count >= KEYS);
            bool same = same_lines(&whole, &parts, kind.name);
            CU_ASSERT_TRUE(same);
            free_lines(&whole);
            free_lines(&parts);
            if (!same)
                break;
        }
    }
}

static void test_even(void)
{
    compare(0);
}

static void test_uneven(void)
{
    compare(13);
}

static CU_TestInfo cases[] = {{"lanes at the same time", test_even},
                              {"lanes at other times", test_uneven},
                              CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("rescale", cases))
