// SPDX-License-Identifier: MIT
#define TEST_OPENS_MORE
#include "support/nomem_test.h"

enum { LARGE = 100 * 1024 }; // more than the sink's buffer

// Puts a file in the place of descriptor 0 or 1; what was there.
static int exchange(int target, const char *path, int flags)
{
    fflush(stdout);
    int kept = dup(target), fd = open(path, flags | O_CREAT, 0666);
    if (kept < 0 || fd < 0 || dup2(fd, target) < 0)
        abort();
    close(fd);
    return kept;
}

static void put_back(int target, int kept)
{
    dup2(kept, target);
    close(kept);
}

static tide_result write_some(struct subject *s, char *large)
{
    tide_record records[] = {
        {.struct_size = sizeof *records, .value = FAKE_BYTES("one")},
        {.struct_size = sizeof *records, .value = {large, LARGE}},
    };
    tide_result result = sink_open(s);
    if (result >= 0)
        result = fake_write(&s->host, s->plugin->sink, s->self, records, 2);
    return result >= 0 ? fake_flush(&s->host, s->plugin->sink, s->self, 5000) : result;
}

static tide_result sink_life(char why[1024])
{
    struct subject s;
    char *large = malloc(LARGE);
    memset(large, 'x', LARGE);
    int kept = exchange(1, "out", O_WRONLY | O_TRUNC);
    nomem_subject(&s);
    tide_result result = write_some(&s, large);
    nomem_end(&s.host, result, why);
    sink_close(&s);
    put_back(1, kept);
    struct stat st;
    CU_ASSERT_EQUAL(stat("out", &st), 0);
    if (result >= 0)
        CU_ASSERT_EQUAL(st.st_size, 4 + LARGE + 1);
    if (result < 0)
        CU_ASSERT_TRUE(st.st_size == 0 || st.st_size == 4); // whole lines
    free(large);
    return result;
}

static tide_result source_life(char why[1024])
{
    struct subject s;
    int kept = exchange(0, "in", O_RDONLY);
    nomem_subject(&s);
    tide_result result = source_open(&s);
    if (result >= 0)
        result = fake_assign(&s.host, s.plugin->source, s.self);
    while (result == TIDE_OK)
        result = fake_read(&s.host, s.plugin->source, s.self, 10);
    if (result >= 0)
        CU_ASSERT_STRING_EQUAL(s.host.splits[0].stream.data, "one\ntwo\n");
    nomem_end(&s.host, result, why);
    source_close(&s);
    put_back(0, kept);
    return result;
}

static void test_sink(void)
{
    char dir[64];
    scratch_enter(dir);
    nomem_each(sink_life);
    scratch_leave(dir);
}

static void test_source(void)
{
    char dir[64];
    scratch_enter(dir);
    write_file("in", "one\ntwo\n", 0);
    nomem_each(source_life);
    scratch_leave(dir);
}

static CU_TestInfo cases[] = {{"sink", test_sink}, {"source", test_source}, CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("stdio without memory", cases))
