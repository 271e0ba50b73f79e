// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "operator_test.h"
#include "operators/dedup.h"
#include "operators/fill.h"
#include "operators/pattern.h"
#include "operators/reorder.h"
#include "operators/sample.h"
#include "operators/throttle.h"
#include "operators/top.h"
#include "operators/union.h"
#include "state/image.h"
#include "time/watermark.h"

// What all native operators have in common: bad options and records, limits, outputs that are full,
// a lack of memory, damaged state. What each of them does is held against references in
// tests/cases/test_natives_random.py.

struct subject {
    const struct operator_class *class;
    const char *options;
    uint32_t ports; // besides out
    bool keyed;     // refuses records without the field k
    bool stateful;
    bool late; // port 1 is that of late records, which are counted as such
};

static const struct subject subjects[] = {
    {&dedup_class, "key_by: k\nwithin: 5ms", 0, true, true, false},
    {&throttle_class, "key_by: k\nrate: 2\nevery: 5ms\ntime: event", 1, true, true, false},
    {&sample_class, "every: 3", 0, false, true, false},
    {&sample_class, "share: 0.5\nkey_by: k", 0, true, false, false},
    {&union_class, "", 0, false, false, false},
    {&reorder_class, "key_by: k", 1, true, true, true},
    {&top_class, "key_by: k\nby: n\nn: 2\nwindow: 5ms", 1, true, true, true},
    {&fill_class, "key_by: k\nevery: 2ms\nfields: [n, s]\nat: ts", 0, true, true, false},
    {&fill_class, "key_by: k\nevery: 2ms\nfields: n\nwith: linear", 0, true, true, false},
    {&pattern_class,
     "key_by: k\nwithin: 6ms\nsteps:\n  a: n % 3 == 0\n  b: n % 2 == 1\n  c: n % 5 ~= 0", 2, true,
     true, true},
};
enum { SUBJECTS = sizeof subjects / sizeof *subjects, RECORDS = 40, PORTS = 3 };

static void send_nth(struct one_operator *one, int n)
{
    char json[160];
    snprintf(json, sizeof json,
             "{\"k\":\"key %d, which is longer than what is kept near\",\"n\":%d}", n * 7 % 5, n);
    CU_ASSERT_PTR_NOT_NULL_FATAL(one_send(one, json, n * 3 % 17 + n / 2));
}

static void send_all(struct one_operator *one)
{
    for (int n = 0; n < RECORDS; n++) {
        send_nth(one, n);
        if (n % 8 == 7)
            CU_ASSERT_EQUAL(one_watermark(one, n / 2), OP_DONE);
    }
    CU_ASSERT_EQUAL(one_watermark(one, WATERMARK_END), OP_DONE);
}

// All that came out, port by port.
static char *all_of(struct one_operator *one)
{
    struct buf text;
    buf_init(&text, 1 << 24);
    for (uint32_t port = 0; port < PORTS; port++) {
        (void)buf_printf(&text, "port %u\n", port);
        for (size_t i = 0; i < fake_results(&one->outputs, port); i++)
            (void)buf_printf(&text, "%lld %s\n",
                             (long long)fake_result(&one->outputs, port, i)->time,
                             fake_result(&one->outputs, port, i)->json);
    }
    char *copy = strdup(buf_cstr(&text));
    buf_deinit(&text);
    return copy;
}

static void check_all(const struct subject *subject, const struct one_operator *one)
{
    uint64_t late = subject->late ? fake_results(&one->outputs, 1) : 0;
    check_accounts(one, RECORDS + late);
}

static void outputs_that_are_full_change_nothing(void)
{
    for (size_t s = 0; s < SUBJECTS; s++) {
        char *wanted = NULL;
        for (uint32_t room = UINT32_MAX; room > 0; room = room == UINT32_MAX ? 3 : room - 1) {
            struct one_operator one;
            build(&one, subjects[s].class, subjects[s].options);
            one.outputs.room = room;
            one.outputs.late = room < 3;
            send_all(&one);
            check_all(&subjects[s], &one);
            char *text = all_of(&one);
            if (wanted)
                CHECK_TEXT(text, wanted);
            else
                wanted = strdup(text);
            free(text);
            one_deinit(&one);
        }
        free(wanted);
    }
}

static void ports_that_nobody_reads(void)
{
    for (size_t s = 0; s < SUBJECTS; s++) {
        struct one_operator one;
        build(&one, subjects[s].class, subjects[s].options);
        for (uint32_t port = 1; port <= subjects[s].ports; port++)
            one.outputs.ports[port].unwanted = true;
        send_all(&one);
        check_all(&subjects[s], &one);
        one_deinit(&one);
    }
}

static void building_without_memory(void)
{
    for (size_t s = 0; s < SUBJECTS; s++)
        build_without_memory(subjects[s].class, subjects[s].options);
}

// Each allocation fails once at work: a record may be lost to on_error, or the operator asks to be
// called again; nothing else happens.
static void working_without_memory(void)
{
    for (size_t s = 0; s < SUBJECTS; s++) {
        for (uint64_t n = 1, fired = 1; fired && n < 400; n++) {
            struct one_operator one;
            build(&one, subjects[s].class, subjects[s].options);
            for (int i = 0; i < 8; i++)
                send_nth(&one, i);
            mem_fail_at(n, false);
            (void)one.op->process(one.op, 0, one.batch, &one.outputs);
            fired = mem_fail_count();
            if (!fired && one.op->watermark)
                (void)one.op->watermark(one.op, 9, &one.outputs);
            fired = mem_fail_count();
            mem_fail_at(0, false);
            (void)one_process(&one);
            CU_ASSERT_EQUAL(one_watermark(&one, 9), OP_DONE);
            CU_ASSERT_EQUAL(one_watermark(&one, WATERMARK_END), OP_DONE);
            CU_ASSERT_TRUE(one.outputs.error_count <= 1);
            one_deinit(&one);
        }
    }
}

static void records_without_key_or_time(void)
{
    for (size_t s = 0; s < SUBJECTS; s++) {
        if (!subjects[s].keyed)
            continue;
        for (int verdict = 0; verdict < 2; verdict++) {
            struct one_operator one;
            build(&one, subjects[s].class, subjects[s].options);
            one.outputs.verdict = verdict ? ERROR_STOP : ERROR_SKIP;
            one_send(&one, "{\"n\":1}", 5);
            CU_ASSERT_EQUAL(one_process(&one), verdict ? OP_STOP : OP_DONE);
            CHECK_HAS(one.outputs.errors[0], "field 'k' (key_by) is absent");
            one_send(&one, "{\"k\":[1],\"n\":1}", 5);
            CU_ASSERT_EQUAL(one_process(&one), verdict ? OP_STOP : OP_DONE);
            CHECK_HAS(one.outputs.errors[1], "field 'k' (key_by): array is no key");
            if (subjects[s].stateful) {
                one_send(&one, "{\"k\":1,\"n\":1}", TIME_NONE);
                CU_ASSERT_EQUAL(one_process(&one), verdict ? OP_STOP : OP_DONE);
                CHECK_HAS(one.outputs.errors[2], "the record has no event time");
            }
            one_deinit(&one);
        }
    }
}

static void state_beyond_its_limit(void)
{
    for (size_t s = 0; s < SUBJECTS; s++) {
        if (!subjects[s].keyed || !subjects[s].stateful)
            continue;
        struct one_operator one;
        char options[512];
        snprintf(options, sizeof options, "%s\nlimits: { state: 4KiB }", subjects[s].options);
        build(&one, subjects[s].class, options);
        for (int n = 0; n < 200; n++) {
            char json[64];
            snprintf(json, sizeof json, "{\"k\":%d,\"n\":1}", n);
            one_send(&one, json, 5);
        }
        CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
        CU_ASSERT_TRUE(one.outputs.error_count > 0);
        CHECK_HAS(one.outputs.errors[0], "the state has reached its limit of 4096 bytes");
        struct operator_state state;
        one.op->measure(one.op, &state);
        CU_ASSERT_TRUE(state.bytes <= 4096 && state.bytes > 0);
        CU_ASSERT_EQUAL(one_watermark(&one, WATERMARK_END), OP_DONE);
        one_deinit(&one);
    }
}

// An image cut anywhere, or with any byte changed, is refused or read, and never more.
static void damaged_state(void)
{
    for (size_t s = 0; s < SUBJECTS; s++) {
        struct one_operator one, other;
        struct image image;
        if (!subjects[s].class->stateful)
            continue;
        build(&one, subjects[s].class, subjects[s].options);
        for (int n = 0; n < 12; n++)
            send_nth(&one, n);
        CU_ASSERT_EQUAL(one_watermark(&one, 2), OP_DONE);
        image_init(&image, 1 << 20);
        CU_ASSERT_EQUAL_FATAL(one.op->save(one.op, &image), 0);
        uint64_t dice = 1;
        for (int round = 0; round < 400; round++) {
            char *bytes = malloc(image.bytes.len);
            memcpy(bytes, image.bytes.data, image.bytes.len);
            dice = dice * 6364136223846793005 + 1442695040888963407;
            if (round)
                bytes[(dice >> 33) % image.bytes.len] ^= (char)(1 << (dice >> 60 & 7));
            struct image_reader reader = {bytes, bytes + image.bytes.len};
            struct image_entry entry;
            int rc = 0;
            build(&other, subjects[s].class, subjects[s].options);
            while (!rc && image_next(&reader, &entry, &rc)) {
                struct error err = ERROR_INIT;
                rc = other.op->load(other.op, &entry, &err);
                CU_ASSERT_TRUE(rc == 0 || err.text[0]);
            }
            CU_ASSERT_TRUE(round || rc == 0);
            if (!rc)
                CU_ASSERT_EQUAL(one_watermark(&other, WATERMARK_END), OP_DONE);
            one_deinit(&other);
            free(bytes);
        }
        image_deinit(&image);
        one_deinit(&one);
    }
}

static void options_that_do_not_go_together(void)
{
    static const struct {
        const struct operator_class *class;
        const char *options, *error;
    } rows[] = {
        {&dedup_class, "within: 1s", "key_by"},
        {&dedup_class, "key_by: k", "within"},
        {&dedup_class, "key_by: []\nwithin: 1s", "0 fields"},
        {&dedup_class, "key_by: 'a..b'\nwithin: 1s", "key_by"},
        {&dedup_class, "key_by: k\nwithin: 0s", "within"},
        {&throttle_class, "key_by: k", "rate"},
        {&throttle_class, "rate: 0", "rate"},
        {&top_class, "by: v\nn: 2", "window"},
        {&top_class, "by: v\nn: 0\nwindow: 1s", "n"},
        {&top_class, "by: 'a..b'\nn: 1\nwindow: 1s", "by: "},
        {&fill_class, "key_by: k\nfields: v", "every"},
        {&fill_class, "every: 1s", "fields"},
        {&fill_class, "every: 1s\nfields: []", "fields: 0 of them"},
        {&fill_class, "every: 1s\nfields: 'a..b'", "fields"},
        {&fill_class, "every: 1s\nfields: v\nwith: zero", "with"},
        {&fill_class, "every: 1s\nfields: [filled]", "a member twice"},
        {&pattern_class, "within: 1s", "steps"},
        {&pattern_class, "steps: { a: x > 1 }", "within"},
        {&pattern_class, "within: 1s\nsteps: {}", "steps: wants a map of name: condition"},
        {&pattern_class, "within: 1s\nsteps: { a: { when: x } }", "'a' is no condition"},
        {&pattern_class, "within: 1s\nsteps: { a: 'x >' }", "test.yaml:9: "},
        {&pattern_class, "within: 1s\nsteps: { end: x }", "two members 'end'"},
        {&sample_class, "key_by: k", "give every: or share:"},
        {&sample_class, "every: 2\nshare: 0.1\nkey_by: k", "either every: or share:, not both"},
        {&sample_class, "share: 0.1", "share: wants key_by:"},
        {&sample_class, "every: 2\nkey_by: k", "key_by: belongs to share:"},
        {&sample_class, "share: 2\nkey_by: k", "share"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        build_fails(rows[i].class, rows[i].options, rows[i].error);
    struct one_operator one = {.no_event_time = true};
    CU_ASSERT_EQUAL(one_init(&one, &dedup_class, "key_by: k\nwithin: 1s"), ERR_INPUT);
    CHECK_HAS(one.err.text, "the records have no event time");
    one_deinit(&one);
    one.no_event_time = true;
    CU_ASSERT_EQUAL(one_init(&one, &dedup_class, "key_by: k\nwithin: 1s\ntime: processing"), 0);
    one_deinit(&one);
}

static void keys_of_the_clock_are_forgotten(void)
{
    struct one_operator one;
    struct operator_state state;
    build(&one, &throttle_class, "key_by: k\nrate: 1\nevery: 10ms");
    CU_ASSERT_EQUAL(one.op->next_wall_ms(one.op), INT64_MAX);
    virtual_clock_set(&one.clock, 1000);
    one_send(&one, "{\"k\":1}", 5);
    CU_ASSERT_EQUAL(one_watermark(&one, 50), OP_DONE);
    CU_ASSERT_EQUAL(one.op->next_wall_ms(one.op), 1010);
    one.op->measure(one.op, &state);
    CU_ASSERT_EQUAL(state.keys, 1);
    CU_ASSERT_EQUAL(one.op->tick(one.op, 1010, &one.outputs), OP_DONE);
    one.op->measure(one.op, &state);
    CU_ASSERT_EQUAL(state.keys, 0);
    one_deinit(&one);
}

// The share is that of the keys, and the same keys every time.
static void a_share_of_the_keys(void)
{
    enum { KEYS = 4000 };
    static bool passed[KEYS];
    for (int round = 0; round < 2; round++) {
        struct one_operator one;
        int count = 0;
        build(&one, &sample_class, "share: 0.25\nkey_by: k");
        for (int n = 0; n < KEYS; n++) {
            char json[64];
            snprintf(json, sizeof json, "{\"k\":\"device-%d\"}", n);
            one_send(&one, json, 5);
            CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
            bool now = fake_results(&one.outputs, 0) == 1;
            fake_outputs_clear(&one.outputs);
            CU_ASSERT_TRUE(round == 0 || now == passed[n]);
            passed[n] = now;
            count += now;
        }
        CU_ASSERT_TRUE(count > KEYS / 4 - 150 && count < KEYS / 4 + 150); // five sigma
        one_deinit(&one);
    }
}

static void top_of_what_is_no_number(void)
{
    struct one_operator one;
    build(&one, &top_class, "by: v\nn: 2\nwindow: 5ms");
    one_send(&one, "{\"v\":\"1\"}", 1);
    one_send(&one, "{\"v\":null}", 1);
    one_send(&one, "{\"v\":7}", 1);
    CU_ASSERT_EQUAL(one_watermark(&one, 4), OP_DONE);
    CHECK_HAS(one.outputs.errors[0], "field 'v' (by) is no number but string");
    CHECK_PORT(&one, 0, "1 {\"v\":7,\"rank\":1,\"start\":0,\"end\":5}\n");
    check_accounts(&one, 3);
    one_deinit(&one);
}

// What belongs to a record besides its members comes back with it, also after a restart.
static void kept_records_are_whole(void)
{
    for (int restart = 0; restart < 2; restart++) {
        struct one_operator one, other;
        struct header headers[] = {{"a", "x\0y", 3}, {"none", NULL, 0}, {"b", "", 0}};
        struct record_meta meta = {
            .key = "the key", .key_len = 7, .headers = headers, .header_count = 3};
        build(&one, &reorder_class, "");
        build(&other, &reorder_class, "");
        struct record *record =
            one_send(&one, "{\"big\":123456789012345678901,\"s\":\"\\u00e4\"}", 5);
        record->meta = &meta;
        record->offset = 77;
        record->split = 3;
        record->flags |= RECORD_RETRACT;
        CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
        struct op *op = one.op;
        struct image image;
        image_init(&image, 1 << 20);
        if (restart) {
            struct image_entry entry;
            int rc = 0;
            CU_ASSERT_EQUAL(op->save(op, &image), 0);
            struct image_reader reader = {image.bytes.data, image.bytes.data + image.bytes.len};
            op = other.op;
            while (image_next(&reader, &entry, &rc))
                CU_ASSERT_EQUAL(op->load(op, &entry, &one.err), 0);
        }
        struct outputs *outputs = restart ? &other.outputs : &one.outputs;
        CU_ASSERT_EQUAL(op->watermark(op, 5, outputs), OP_DONE);
        struct batch *batch = outputs->ports[0].pending;
        CU_ASSERT_PTR_NOT_NULL_FATAL(batch);
        record = &batch->records[0];
        CU_ASSERT_EQUAL(record->offset, 77);
        CU_ASSERT_EQUAL(record->split, 3);
        CU_ASSERT_TRUE(record->flags & RECORD_RETRACT);
        CU_ASSERT_EQUAL_FATAL(record->meta->header_count, 3);
        CU_ASSERT_TRUE(record->meta->key_len == 7 && !memcmp(record->meta->key, "the key", 7));
        CU_ASSERT_STRING_EQUAL(record->meta->headers[0].name, "a");
        CU_ASSERT_EQUAL(record->meta->headers[0].len, 3);
        CU_ASSERT_TRUE(!memcmp(record->meta->headers[0].bytes, "x\0y", 3));
        CU_ASSERT_PTR_NULL(record->meta->headers[1].bytes);
        CU_ASSERT_EQUAL(record->meta->headers[2].len, 0);
        image_deinit(&image);
        fake_outputs_collect(outputs);
        CU_ASSERT_STRING_EQUAL(fake_result(outputs, 0, 0)->json,
                               "{\"big\":123456789012345678901,\"s\":\"\\u00e4\"}");
        one_deinit(&one);
        one_deinit(&other);
    }
}

// What there is too much of is an error, without a record, and the rest goes on.
static void matches_under_way_are_bounded(void)
{
    for (int verdict = 0; verdict < 2; verdict++) {
        struct one_operator one;
        build(&one, &pattern_class, "within: 1s\npartials: 2\nsteps: { a: v == 1, b: v == 2 }");
        one.outputs.verdict = verdict ? ERROR_STOP : ERROR_SKIP;
        for (int i = 0; i < 3; i++)
            one_send(&one, "{\"v\":1}", i);
        one_send(&one, "{\"v\":2}", 3);
        CU_ASSERT_EQUAL(one_watermark(&one, 10), verdict ? OP_STOP : OP_DONE);
        CHECK_HAS(one.outputs.errors[0], "a key has 2 matches under way; raise `partials:`");
        CU_ASSERT_EQUAL(fake_results(&one.outputs, 0), verdict ? 0 : 2);
        one_deinit(&one);
    }
}

static CU_TestInfo cases[] = {
    {"outputs that are full change nothing", outputs_that_are_full_change_nothing},
    {"ports that nobody reads", ports_that_nobody_reads},
    {"building without memory", building_without_memory},
    {"working without memory", working_without_memory},
    {"records without key or time", records_without_key_or_time},
    {"state beyond its limit", state_beyond_its_limit},
    {"damaged state", damaged_state},
    {"options that do not go together", options_that_do_not_go_together},
    {"keys of the clock are forgotten", keys_of_the_clock_are_forgotten},
    {"a share of the keys", a_share_of_the_keys},
    {"top of what is no number", top_of_what_is_no_number},
    {"matches under way are bounded", matches_under_way_are_bounded},
    {"kept records are whole", kept_records_are_whole},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN(UNIT_SUITE("natives", cases))
