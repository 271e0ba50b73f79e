// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "record/record.h"
#include "state/cells.h"
#include "state/cells_image.h"
#include "support/unit.h"
#include "time/watermark.h"

// Keyed cells: what is written, undone, expires, fires and comes back.

enum { VALUE, MAP, LIST, COUNTER, RULES, KINDS };

static const struct cell_spec plain[KINDS] = {
    {.name = "value", .kind = CELL_VALUE},
    {.name = "map", .kind = CELL_MAP},
    {.name = "list", .kind = CELL_LIST},
    {.name = "counter", .kind = CELL_COUNTER},
    {.name = "rules", .kind = CELL_MAP, .broadcast = true},
};
static const struct cell_spec short_lived[KINDS] = {
    {.name = "value", .kind = CELL_VALUE, .ttl_ms = 10},
    {.name = "map", .kind = CELL_MAP, .ttl_ms = 10},
    {.name = "list", .kind = CELL_LIST, .ttl_ms = 10},
    {.name = "counter", .kind = CELL_COUNTER, .ttl_ms = 10},
    {.name = "rules", .kind = CELL_MAP, .broadcast = true},
};

// As keycode.h has it, without memory that could fail.
static struct table_key key_of(const char *text)
{
    static char kept[512][128];
    static int next;
    struct table_key key;
    char *bytes = kept[next++ % 512];
    size_t len = strlen(text);
    bytes[0] = 7;
    bytes[1] = (char)len;
    memcpy(bytes + 2, text, len);
    table_key_set(&key, bytes, (uint32_t)len + 2);
    return key;
}

static void select_key(struct cells *cells, const char *text, int64_t time)
{
    struct table_key key = key_of(text);
    cells_select(cells, &key, time);
}

static struct value text_of(const char *text)
{
    return value_string(text, (uint32_t)strlen(text));
}

// Everything once; the first error.
static int write_all(struct cells *cells, int64_t number)
{
    struct error err = ERROR_INIT;
    struct table_key key = key_of("a key that is longer than those that stand in the table itself");
    int64_t sum;
    int rc = cells_set(cells, VALUE, text_of("a text"), &err);
    if (!rc)
        rc = cells_map_set(cells, MAP, &key, value_int(number), &err);
    if (!rc)
        rc = cells_append(cells, LIST, text_of("an element"), &err);
    if (!rc)
        rc = cells_add(cells, COUNTER, number, &sum, &err);
    if (!rc)
        rc = cells_timer_set(cells, "timer", 5, EVENT_TIME, number, &err);
    CU_ASSERT_EQUAL(rc, err.code);
    return rc;
}

static void check_nothing_is_kept(struct cells *cells)
{
    CU_ASSERT_EQUAL(cells->keys.count, 0);
    CU_ASSERT_EQUAL(cells->timers[EVENT_TIME].count, 0);
    CU_ASSERT_EQUAL(cells->budget.used_bytes, table_size(&cells->keys));
}

static void test_undo(void)
{
    struct cells cells;
    struct table_key key = key_of("a key that is longer than those that stand in the table itself");
    int64_t sum;
    CU_ASSERT_EQUAL_FATAL(cells_init(&cells, plain, KINDS, 0), 0);
    select_key(&cells, "k", 0);
    CU_ASSERT_EQUAL(write_all(&cells, 7), 0);
    cells_undo(&cells);
    check_nothing_is_kept(&cells);
    select_key(&cells, "k", 0);
    CU_ASSERT_EQUAL(write_all(&cells, 7), 0);
    cells_done(&cells);
    select_key(&cells, "k", 0);
    CU_ASSERT_EQUAL(write_all(&cells, 9), 0);
    for (uint32_t i = VALUE; i <= COUNTER; i++)
        CU_ASSERT_EQUAL(cells_clear(&cells, i, NULL), 0);
    CU_ASSERT_EQUAL(write_all(&cells, 11), 0);
    CU_ASSERT_EQUAL(cells_timer_cancel(&cells, "timer", 5, EVENT_TIME, NULL), 0);
    cells_undo(&cells);
    select_key(&cells, "k", 0);
    CU_ASSERT_EQUAL(cells_map_get(&cells, MAP, &key)->i, 7);
    CU_ASSERT_EQUAL(cells_list_count(&cells, LIST), 1);
    CU_ASSERT_EQUAL(cells_add(&cells, COUNTER, 0, &sum, NULL), 0);
    CU_ASSERT_EQUAL(sum, 7);
    CU_ASSERT_EQUAL(cells_next_due(&cells, EVENT_TIME), 7);
    cells_undo(&cells);
    cells_deinit(&cells);
}

static void test_what_is_emptied_goes(void)
{
    struct cells cells;
    struct table_key key = key_of("a key that is longer than those that stand in the table itself");
    CU_ASSERT_EQUAL_FATAL(cells_init(&cells, plain, KINDS, 0), 0);
    const char *const names[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        select_key(&cells, names[i], 0);
        CU_ASSERT_EQUAL(write_all(&cells, i), 0);
        cells_done(&cells);
    }
    select_key(&cells, "a", 0); // c takes its number, and its timer follows
    CU_ASSERT_EQUAL(cells_set(&cells, VALUE, value_absent(), NULL), 0);
    CU_ASSERT_EQUAL(cells_map_set(&cells, MAP, &key, value_absent(), NULL), 0);
    CU_ASSERT_EQUAL(cells_clear(&cells, LIST, NULL), 0);
    CU_ASSERT_EQUAL(cells_clear(&cells, COUNTER, NULL), 0);
    CU_ASSERT_EQUAL(cells_timer_cancel(&cells, "timer", 5, EVENT_TIME, NULL), 0);
    cells_done(&cells);
    CU_ASSERT_EQUAL(cells.keys.count, 2);
    CU_ASSERT_EQUAL(cells_fire(&cells, cells_due(&cells, EVENT_TIME, 5)), 0);
    cells_done(&cells);
    CU_ASSERT_EQUAL(cells_fire(&cells, cells_due(&cells, EVENT_TIME, 5)), 0);
    CU_ASSERT_EQUAL(cells_get(&cells, COUNTER)->i, 2); // c
    cells_done(&cells);
    CU_ASSERT_PTR_NULL(cells_due(&cells, EVENT_TIME, INT64_MAX));
    cells_deinit(&cells);
}

static void test_sweep(void)
{
    struct cells cells;
    struct error err = ERROR_INIT;
    CU_ASSERT_EQUAL_FATAL(cells_init(&cells, short_lived, KINDS, 0), 0);
    for (int i = 0; i < 100; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "key %d", i);
        select_key(&cells, name, i);
        CU_ASSERT_EQUAL(write_all(&cells, i), 0);
        CU_ASSERT_EQUAL(cells_timer_cancel(&cells, "timer", 5, EVENT_TIME, &err), 0);
        cells_done(&cells);
    }
    CU_ASSERT_EQUAL(cells.keys.count, 100);
    select_key(&cells, "key 0", 9);
    CU_ASSERT_PTR_NOT_NULL(cells_get(&cells, VALUE));
    select_key(&cells, "key 0", 10);
    CU_ASSERT_PTR_NULL(cells_get(&cells, VALUE));
    CU_ASSERT_EQUAL(cells_list_count(&cells, LIST), 0);
    CU_ASSERT_EQUAL(cells_map_count(&cells, MAP), 0);
    cells.progress[EVENT_TIME] = 59; // those of 0 to 49 are over
    cells_sweep(&cells, 10);
    CU_ASSERT_TRUE(cells.keys.count < 100 && cells.keys.count >= 90);
    cells_sweep(&cells, 1000);
    cells_sweep(&cells, 1000);
    CU_ASSERT_EQUAL(cells.keys.count, 50);
    cells.progress[EVENT_TIME] = WATERMARK_END;
    cells_sweep(&cells, 1000);
    check_nothing_is_kept(&cells);
    cells_deinit(&cells);
}

static void test_limits(void)
{
    struct cells cells;
    struct error err = ERROR_INIT;
    char name[32];
    CU_ASSERT_EQUAL_FATAL(cells_init(&cells, plain, KINDS, 4096), 0);
    select_key(&cells, "big", 0);
    int rc = 0;
    for (int i = 0; i < 1000 && !rc; i++)
        rc = cells_append(&cells, LIST, text_of("an element of some length"), &err);
    CU_ASSERT_EQUAL(rc, ERR_LIMIT);
    CU_ASSERT_STRING_EQUAL(err.text, "state 'list' of key \"big\": the state has reached its limit "
                                     "of 4096 bytes; raise `limits: { state: … }`");
    cells_undo(&cells);
    check_nothing_is_kept(&cells);
    cells_deinit(&cells);
    CU_ASSERT_EQUAL_FATAL(cells_init(&cells, plain, KINDS, 0), 0);
    select_key(&cells, "k", 0);
    for (int i = 0; i <= CELL_TIMERS_MAX; i++) {
        (void)snprintf(name, sizeof name, "t%d", i);
        rc = cells_timer_set(&cells, name, strlen(name), EVENT_TIME, i, &err);
        CU_ASSERT_EQUAL(rc, i < CELL_TIMERS_MAX ? 0 : ERR_LIMIT);
    }
    CU_ASSERT_STRING_EQUAL(err.text, "timer 't1000' of key \"k\": a key has 1000 timers at most");
    cells_deinit(&cells);
}

static void test_timers_come_in_order(void)
{
    static const struct {
        const char *name;
        int64_t at;
    } set[] = {{"a", 50}, {"b", 10}, {"c", 10}, {"a", 10}, {"b", 60}, {"d", 5}, {"d", 20}};
    static const char *const order[] = {"c", "a", "d", "b"};
    struct cells cells;
    CU_ASSERT_EQUAL_FATAL(cells_init(&cells, plain, KINDS, 0), 0);
    select_key(&cells, "k", 0);
    for (size_t i = 0; i < sizeof set / sizeof *set; i++)
        CU_ASSERT_EQUAL(cells_timer_set(&cells, set[i].name, 1, EVENT_TIME, set[i].at, NULL), 0);
    cells_done(&cells);
    CU_ASSERT_PTR_NULL(cells_due(&cells, EVENT_TIME, 9));
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        struct timer *timer = cells_due(&cells, EVENT_TIME, 100);
        CU_ASSERT_PTR_NOT_NULL_FATAL(timer);
        CU_ASSERT_EQUAL(timer->name[0], order[i][0]);
        CU_ASSERT_EQUAL(cells_fire(&cells, timer), 0);
        cells_done(&cells);
    }
    check_nothing_is_kept(&cells);
    cells_deinit(&cells);
}

static int load_image(struct cells *cells, const char *bytes, size_t len)
{
    struct image_reader reader = {bytes, bytes + len};
    struct image_entry entry;
    int64_t version = 0;
    int rc;
    while (image_next(&reader, &entry, &rc)) {
        rc = cells_load(cells, &entry, &version, NULL);
        if (rc)
            return rc;
    }
    return rc;
}

static void fill(struct cells *cells)
{
    struct error err = ERROR_INIT;
    struct table_key key = key_of("rule");
    for (int i = 0; i < 5; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "a key of some length, number %d", i);
        select_key(cells, name, i);
        CU_ASSERT_EQUAL(write_all(cells, i), 0);
        cells_done(cells);
    }
    cells_select(cells, NULL, 0);
    CU_ASSERT_EQUAL(cells_map_set(cells, RULES, &key, text_of("a rule"), &err), 0);
    cells_done(cells);
}

static void test_image(void)
{
    struct cells cells, again;
    struct image image, second;
    CU_ASSERT_EQUAL_FATAL(cells_init(&cells, short_lived, KINDS, 0), 0);
    fill(&cells);
    image_init(&image, 1 << 20);
    image_init(&second, 1 << 20);
    CU_ASSERT_EQUAL(cells_save(&cells, 3, &image), 0);
    CU_ASSERT_EQUAL_FATAL(cells_init(&again, short_lived, KINDS, 0), 0);
    CU_ASSERT_EQUAL(load_image(&again, image.bytes.data, image.bytes.len), 0);
    CU_ASSERT_EQUAL(cells_save(&again, 3, &second), 0);
    CU_ASSERT_EQUAL_FATAL(image.bytes.len, second.bytes.len);
    CU_ASSERT_EQUAL(memcmp(image.bytes.data, second.bytes.data, image.bytes.len), 0);
    cells_deinit(&again);
    for (size_t i = 0; i < image.bytes.len; i++) { // damaged anywhere: no crash, no leak
        image.bytes.data[i] ^= 0x55;
        CU_ASSERT_EQUAL_FATAL(cells_init(&again, short_lived, KINDS, 0), 0);
        (void)load_image(&again, image.bytes.data, image.bytes.len);
        cells_deinit(&again);
        image.bytes.data[i] ^= 0x55;
    }
    CU_ASSERT_EQUAL_FATAL(cells_init(&again, plain, KINDS - 1, 0), 0);
    CU_ASSERT_EQUAL(load_image(&again, image.bytes.data, image.bytes.len), ERR_REFUSED);
    cells_deinit(&again);
    cells_deinit(&cells);
    image_deinit(&image);
    image_deinit(&second);
}

// What is told of all, by a lane that had come to `progress`, goes into another's cells.
static void load_progress(struct cells *cells, int64_t progress)
{
    struct cells other;
    struct image image;
    CU_ASSERT_EQUAL_FATAL(cells_init(&other, plain, KINDS, 0), 0);
    other.progress[EVENT_TIME] = progress;
    image_init(&image, 1 << 20);
    CU_ASSERT_EQUAL(cells_save(&other, 1, &image), 0);
    CU_ASSERT_EQUAL(load_image(cells, image.bytes.data, image.bytes.len), 0);
    cells_deinit(&other);
    image_deinit(&image);
}

// A lane that no watermark had come to is the furthest behind, whichever is loaded first.
static void test_least_progress_counts(void)
{
    static const int64_t lanes[][3] = {{9, 5, 7},
                                       {5, 7, 9},
                                       {WATERMARK_NONE, 5, 7},
                                       {7, WATERMARK_NONE, 5},
                                       {7, 5, WATERMARK_NONE}};
    for (size_t i = 0; i < sizeof lanes / sizeof lanes[0]; i++) {
        struct cells cells;
        CU_ASSERT_EQUAL_FATAL(cells_init(&cells, plain, KINDS, 0), 0);
        for (int lane = 0; lane < 3; lane++)
            load_progress(&cells, lanes[i][lane]);
        CU_ASSERT_EQUAL(cells.progress[EVENT_TIME], i < 2 ? 5 : WATERMARK_NONE);
        cells_deinit(&cells);
    }
}

// Whatever allocation fails: an error, and nothing of the record is left.
static void test_no_memory(void)
{
    for (uint64_t n = 1; n < 60; n++) {
        struct cells cells;
        CU_ASSERT_EQUAL_FATAL(cells_init(&cells, plain, KINDS, 0), 0);
        select_key(&cells, "a key that is longer than those that stand in the table", 0);
        mem_fail_at(n, true);
        int rc = write_all(&cells, 1);
        if (rc) {
            CU_ASSERT_EQUAL(rc, ERR_NOMEM);
            cells_undo(&cells);
        } else {
            cells_done(&cells);
        }
        mem_fail_at(0, false);
        CU_ASSERT_EQUAL(cells.keys.count, rc ? 0 : 1);
        cells_deinit(&cells);
        if (!rc)
            return;
    }
    CU_FAIL("it never succeeded");
}

// Each key for itself, whatever the others keep; what goes makes room again, also by undoing and
// sweeping.
static void test_key_limit(void)
{
    struct cells cells;
    struct error err = ERROR_INIT;
    CU_ASSERT_EQUAL_FATAL(cells_init(&cells, short_lived, KINDS, 0), 0);
    cells.key_limit = 2048;
    int64_t now = 0;
    for (int round = 0; round < 3; round++) {
        int held[3] = {0};
        for (int k = 0; k < 3; k++) {
            char name[16];
            (void)snprintf(name, sizeof name, "key %d", k);
            int rc = 0;
            for (int i = 0; i < 1000 && !rc; i++) {
                select_key(&cells, name, now);
                rc = cells_append(&cells, LIST, text_of("an element of some length"), &err);
                held[k] += !rc;
                if (rc || i % 3 == 0)
                    cells_undo(&cells);
                else
                    cells_done(&cells);
            }
            CU_ASSERT_EQUAL(rc, ERR_LIMIT);
            CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "the key has reached its limit of 2048 bytes; "
                                                    "raise `limits: { key: … }`"));
        }
        CU_ASSERT_TRUE(held[0] > 15 && held[0] < 80);
        CU_ASSERT_TRUE(held[1] == held[0] && held[2] == held[0]);
        now += 1000000;
        cells.progress[EVENT_TIME] = cells.progress[PROCESSING_TIME] = now;
        if (round == 0)
            cells_sweep(&cells, 1000);
        for (int k = 0; round == 1 && k < 3; k++) {
            char name[16];
            (void)snprintf(name, sizeof name, "key %d", k);
            select_key(&cells, name, now);
            CU_ASSERT_EQUAL(cells_clear(&cells, LIST, &err), 0);
            cells_done(&cells);
        }
    }
    cells_deinit(&cells);
}

static CU_TestInfo cases[] = {{"a record is taken back", test_undo},
                              {"what is emptied goes", test_what_is_emptied_goes},
                              {"what has expired is swept", test_sweep},
                              {"limits name key and state", test_limits},
                              {"timers come in order", test_timers_come_in_order},
                              {"bytes and back", test_image},
                              {"the least progress of several lanes", test_least_progress_counts},
                              {"no memory", test_no_memory},
                              {"limit of a key", test_key_limit},
                              CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("cells", cases))
