// SPDX-License-Identifier: MIT
#include "record/batch.h"
#include "base/alloc.h"
#include "support/unit.h"
#include "unit/record/lane.h"
#include <pthread.h>

static void count_release(void *arg)
{
    ++*(int *)arg;
}

static void test_chunks_are_counted(void)
{
    struct lane lane;
    int released = 0;
    lane_init(&lane);
    struct chunk *chunk = chunk_new(100);
    CU_ASSERT_PTR_NOT_NULL_FATAL(chunk);
    for (int i = 0; i < CHUNK_PAD; i++)
        CU_ASSERT_EQUAL(chunk->data[100 + i], 0);
    char *data = chunk->data;
    chunk->release = count_release;
    chunk->release_arg = &released;
    CU_ASSERT_EQUAL(batch_hold(lane.batch, chunk), 0);
    CU_ASSERT_EQUAL(batch_hold(lane.batch, chunk), 0);
    CU_ASSERT_EQUAL(lane.batch->chunk_count, 1);
    chunk_unref(chunk);
    CU_ASSERT_EQUAL(released, 0);
    lane_new_batch(&lane);
    CU_ASSERT_EQUAL(released, 1);
    mem_free(data);
    struct chunk *chunks[BATCH_CHUNKS + 1];
    for (int i = 0; i <= BATCH_CHUNKS; i++) {
        chunks[i] = chunk_new(1);
        CU_ASSERT_EQUAL(batch_hold(lane.batch, chunks[i]), i < BATCH_CHUNKS ? 0 : ERR_LIMIT);
        chunk_unref(chunks[i]);
    }
    lane_deinit(&lane);
}

static void test_a_batch_comes_back_clean(void)
{
    struct lane lane;
    lane_init(&lane);
    lane.batch->marks = BATCH_END;
    lane.batch->cursor = 3;
    lane_record(&lane, "{\"a\":1}");
    struct batch *old = lane.batch;
    lane_new_batch(&lane);
    CU_ASSERT_PTR_EQUAL(lane.batch, old); // the pool recycles
    CU_ASSERT_EQUAL(lane.batch->count + lane.batch->marks + lane.batch->cursor, 0);
    for (int i = 0; i < BATCH_RECORDS; i++)
        CU_ASSERT_PTR_NOT_NULL(batch_add(lane.batch));
    CU_ASSERT_PTR_NULL(batch_add(lane.batch));
    lane_deinit(&lane);
}

static void test_steady_state_allocates_nothing(void)
{
    static const char text[] = "{\"device\":\"r1\",\"v\":12,\"o\":{\"x\":[1,2]}}";
    struct lane lane;
    uint64_t calls = 0;
    struct chunk *chunk = chunk_new(sizeof text);
    lane_init(&lane);
    memcpy(chunk->data, text, sizeof text);
    for (int round = 0; round < 20; round++) {
        if (round == 10)
            calls = mem_calls();
        for (int i = 0; i < 100; i++) {
            struct record *r = batch_add(lane.batch);
            CU_ASSERT_EQUAL(json_read(lane.reader, lane.batch, chunk->data, sizeof text - 1,
                                      CHUNK_PAD, r, NULL),
                            0);
            CU_ASSERT_EQUAL(record_set_name(lane.batch, r, "new", 3, value_int(i)), 0);
            CU_ASSERT_PTR_NOT_NULL(node_enter(lane.batch, r, 2));
            lane_json(&lane, r);
        }
        batch_unref(lane.batch);
        lane.batch = batch_new(lane.pool);
    }
    CU_ASSERT_EQUAL(mem_calls(), calls);
    chunk_unref(chunk);
    lane_deinit(&lane);
}

// Two branches of a fan-out: each sees what was, and its own writes.
static void test_shared_records(void)
{
    struct lane lane;
    lane_init(&lane);
    struct record *r = lane_record(&lane, "{\"a\":1,\"o\":{\"x\":1}}");
    CU_ASSERT_EQUAL(record_set_name(lane.batch, r, "b", 1, value_int(2)), 0);
    struct node *o = node_enter(lane.batch, r, 1);
    CU_ASSERT_EQUAL(node_set(lane.batch, o, "y", 1, value_int(2)), 0);
    struct batch *branch = batch_new(lane.pool);
    batch_set_base(branch, lane.batch);
    struct record *copy = batch_share(branch, r);
    CU_ASSERT_EQUAL(record_set_name(branch, copy, "a", 1, value_int(10)), 0);
    struct node *of_copy = node_enter(branch, copy, 1);
    CU_ASSERT_PTR_NOT_EQUAL(of_copy, o);
    CU_ASSERT_EQUAL(node_set(branch, of_copy, "x", 1, value_absent()), 0);
    CHECK_TEXT(lane_json(&lane, copy), "{\"a\":10,\"o\":{\"y\":2},\"b\":2}");
    CHECK_TEXT(lane_json(&lane, r), "{\"a\":1,\"o\":{\"x\":1,\"y\":2},\"b\":2}");
    CU_ASSERT_EQUAL(record_set_name(lane.batch, r, "b", 1, value_absent()), 0);
    CHECK_TEXT(lane_json(&lane, r), "{\"a\":1,\"o\":{\"x\":1,\"y\":2}}");
    CHECK_TEXT(lane_json(&lane, copy), "{\"a\":10,\"o\":{\"y\":2},\"b\":2}");
    // The base lives as long as the branch.
    batch_unref(lane.batch);
    lane.batch = branch;
    CHECK_TEXT(lane_json(&lane, copy), "{\"a\":10,\"o\":{\"y\":2},\"b\":2}");
    lane_deinit(&lane);
}

static void test_clone_stands_alone(void)
{
    struct lane lane;
    lane_init(&lane);
    char text[] = "{\"a\":\"one\",\"o\":{\"x\":[1,{\"d\":1}],\"s\":\"t\"}}";
    struct header header = {.name = "op", .bytes = "retract", .len = 7};
    struct record_meta meta = {.key = "k", .key_len = 1, .header_count = 1, .headers = &header};
    struct record *r = lane_record(&lane, text);
    r->meta = &meta;
    r->time = 5;
    struct node *o = node_enter(lane.batch, r, 1);
    CU_ASSERT_EQUAL(node_set(lane.batch, o, "n", 1, value_string("new", 3)), 0);
    struct batch *other = batch_new(lane.pool);
    struct record *copy = batch_clone(other, lane.batch, r);
    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    memset(&meta, 0, sizeof meta);
    batch_unref(lane.batch);
    lane_forget_texts(&lane);
    lane.batch = other;
    CHECK_TEXT(lane_json(&lane, copy),
               "{\"a\":\"one\",\"o\":{\"x\":[1,{\"d\":1}],\"s\":\"t\",\"n\":\"new\"}}");
    CU_ASSERT_EQUAL(copy->time, 5);
    CU_ASSERT_EQUAL(copy->meta->headers[0].len, 7);
    CU_ASSERT_STRING_EQUAL(copy->meta->headers[0].name, "op");
    CU_ASSERT_EQUAL(memcmp(copy->meta->key, "k", 1), 0);
    lane_deinit(&lane);
}

// Every piece is larger than what the arena has left, so that each is an allocation that can fail.
static void test_cloning_survives_a_lack_of_memory(void)
{
    enum { LONG = 200 << 10 };
    struct lane lane;
    static char text[LONG + 100], name[LONG];
    memset(name, 'n', sizeof name - 1);
    int len = snprintf(text, sizeof text, "{\"a\":\"%s\"}", name);
    lane_init(&lane);
    lane.reader->limits.size = sizeof text;
    struct record *record;
    CU_ASSERT_EQUAL_FATAL(lane_read(&lane, text, (size_t)len, CHUNK_PAD, &record), 0);
    struct value value = value_string(name, sizeof name - 1);
    CU_ASSERT_EQUAL(record_set_name(lane.batch, record, "b", 1, value), 0);
    struct header header = {.name = name, .bytes = name, .len = sizeof name};
    struct record_meta meta = {
        .key = name, .key_len = sizeof name, .header_count = 1, .headers = &header};
    record->meta = &meta;
    for (uint64_t n = 1;; n++) {
        struct batch *other = batch_new(lane.pool);
        CU_ASSERT_PTR_NOT_NULL_FATAL(other);
        arena_reset(&other->arena, 0); // no blocks from before
        mem_fail_at(n, false);
        struct record *copy = batch_clone(other, lane.batch, record);
        bool fired = mem_fail_count() > 0;
        mem_fail_at(0, false);
        CU_ASSERT_EQUAL(copy == NULL, fired);
        CU_ASSERT_EQUAL(other->count, fired ? 0 : 1);
        if (copy) {
            CU_ASSERT(copy->meta->headers[0].bytes != name && copy->meta->key != name);
            CU_ASSERT_EQUAL(record_members(copy), 2);
        }
        batch_unref(other);
        if (!fired) {
            CU_ASSERT(n > 5);
            break;
        }
    }
    lane_deinit(&lane);
}

// A shape that the full table could not take lives in the arena of its batch.
static void test_a_clone_brings_its_shape(void)
{
    struct lane lane;
    char text[64];
    lane_init(&lane);
    for (int i = 0; i <= SHAPES_MAX; i++) {
        (void)snprintf(text, sizeof text, "{\"a%d\":%d}", i, i);
        lane_room(&lane, 1);
        lane_record(&lane, text);
    }
    struct record *record = &lane.batch->records[lane.batch->count - 1];
    CU_ASSERT_FALSE(record->shape->flags & SHAPE_INTERNED);
    struct batch *other = batch_new(lane.pool);
    struct record *copy = batch_clone(other, lane.batch, record);
    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    CU_ASSERT_PTR_NOT_EQUAL(copy->shape, record->shape);
    batch_unref(lane.batch);
    lane_forget_texts(&lane);
    lane.batch = other;
    (void)snprintf(text, sizeof text, "{\"a%d\":%d}", SHAPES_MAX, SHAPES_MAX);
    CHECK_TEXT(lane_json(&lane, copy), text);
    while (batch_add(other))
        ;
    CU_ASSERT_PTR_NULL(batch_clone(other, other, copy)); // full
    CU_ASSERT_PTR_NULL(batch_share(other, copy));
    lane_deinit(&lane);
}

static void *drop_batches(void *arg)
{
    struct batch **batches = arg;
    for (int i = 0; i < 200; i++)
        batch_unref(batches[i]);
    return NULL;
}

// Two threads give back batches of one pool, some of them the last reference of a shared base.
static void test_threads_return_batches(void)
{
    struct lane lane;
    struct batch *mine[200], *theirs[200];
    pthread_t thread;
    lane_init(&lane);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 200; i++) {
            struct batch *base = batch_new(lane.pool);
            CU_ASSERT_PTR_NOT_NULL_FATAL(base);
            mine[i] = batch_new(lane.pool);
            theirs[i] = batch_new(lane.pool);
            batch_set_base(mine[i], base);
            batch_set_base(theirs[i], base);
            batch_unref(base);
        }
        CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, drop_batches, theirs), 0);
        drop_batches(mine);
        pthread_join(thread, NULL);
    }
    lane_deinit(&lane);
}

static CU_TestInfo cases[] = {
    {"chunks are counted", test_chunks_are_counted},
    {"a batch comes back clean", test_a_batch_comes_back_clean},
    {"the steady state allocates nothing", test_steady_state_allocates_nothing},
    {"shared records part when written", test_shared_records},
    {"a clone stands alone", test_clone_stands_alone},
    {"cloning survives a lack of memory", test_cloning_survives_a_lack_of_memory},
    {"a clone brings its shape", test_a_clone_brings_its_shape},
    {"any thread may give a batch back", test_threads_return_batches},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("batch", cases))
