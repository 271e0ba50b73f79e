// SPDX-License-Identifier: MIT
#include "support/nomem_test.h"

#include "packed_test.h"

// The file plugin's lives: what a sink writes, in two phases and over a restart, and what a source
// reads, follows and goes on with; plain and compressed.

enum { LONG_LINE = 40 * 1024 }; // more than the buffer of one of many files

static char dir[64];
static const char *format; // compress.format of this walk; NULL: none

static tide_result open_sink(struct subject *s, const char *path)
{
    nomem_subject(s);
    fake_set(&s->host, "path", path);
    if (format)
        fake_set(&s->host, "compress.format", format);
    return sink_open(s);
}

// From now on the sink writes in two phases.
static tide_result first_epoch(struct subject *s)
{
    tide_buf *data = fake_buf_new();
    tide_result result = s->plugin->sink->prepare(s->self, 1, data);
    if (result >= 0)
        result = finish(s, data, 1);
    fake_buf_free(data);
    return result;
}

// One epoch that is committed, one that is not; then another instance commits the first again (as
// after a crash), which cuts the second off, and writes on.
static tide_result two_epochs(struct subject *s, const char *path, const char *large,
                              tide_buf *data)
{
    tide_result result = open_sink(s, path);
    if (result >= 0)
        result = first_epoch(s);
    if (result >= 0)
        result = put_to(s, "a", "one");
    if (result >= 0)
        result = put_to(s, "b", large);
    if (result >= 0)
        result = s->plugin->sink->prepare(s->self, 2, data);
    if (result >= 0)
        result = finish(s, data, 1);
    if (result >= 0)
        result = put_to(s, "a", "lost");
    if (result >= 0)
        result = put_to(s, "c", "lost");
    return result >= 0 ? flush(s) : result;
}

static tide_result again(struct subject *s, const char *path, tide_buf *data, int commit)
{
    tide_result result = open_sink(s, path);
    if (result >= 0)
        result = finish(s, data, commit);
    if (result >= 0)
        result = put_to(s, "a", "two");
    return result >= 0 ? flush(s) : result;
}

static void clear(void)
{
    if (chdir("/") < 0)
        abort();
    scratch_remove(dir);
    if (mkdir(dir, 0777) < 0 || chdir(dir) < 0)
        abort();
}

static tide_result sink_life(const char *path, int commit, char why[1024])
{
    struct subject s;
    tide_buf *data = fake_buf_new();
    char *large = calloc(1, LONG_LINE + 1);
    memset(large, 'x', LONG_LINE);
    clear();
    tide_result result = two_epochs(&s, path, large, data);
    nomem_end(&s.host, result, why);
    sink_close(&s);
    if (result >= 0) {
        result = again(&s, path, data, commit);
        nomem_end(&s.host, result, why);
        sink_close(&s);
    }
    fake_buf_free(data);
    free(large);
    return result;
}

static tide_result many_life(char why[1024])
{
    tide_result result = sink_life("out/{site}", 1, why);
    if (result >= 0 && !format) {
        check_file("out/a", "one\ntwo\n");
        check_file("out/c", "");
        struct stat st;
        CU_ASSERT_TRUE(stat("out/b", &st) == 0 && st.st_size == LONG_LINE + 1);
    }
    return result;
}

static tide_result aborted_life(char why[1024])
{
    tide_result result = sink_life("out", 0, why);
    if (result >= 0 && !format)
        check_file("out", "two\n");
    return result;
}

// The file was rotated after the checkpoint that another instance goes on from.
static tide_result rotated_life(char why[1024])
{
    struct subject s;
    tide_buf *data = fake_buf_new();
    clear();
    tide_result result = open_sink(&s, "out");
    if (result >= 0)
        result = first_epoch(&s);
    if (result >= 0)
        result = put_to(&s, "a", "one");
    if (result >= 0)
        result = s.plugin->sink->prepare(s.self, 2, data);
    nomem_end(&s.host, result, why);
    sink_close(&s);
    if (result >= 0 && rename("out", "out.20261122T153000.123Z") < 0)
        abort();
    if (result >= 0) {
        result = again(&s, "out", data, 1);
        nomem_end(&s.host, result, why);
        sink_close(&s);
    }
    if (result >= 0 && !format)
        check_file("out", "two\n");
    fake_buf_free(data);
    return result;
}

// Once more, without checkpoints: appending to what is there, with rotation.
static tide_result append_life(char why[1024])
{
    struct subject s;
    clear();
    write_file("out", format ? "" : "torn", 0);
    nomem_subject(&s);
    fake_set(&s.host, "path", "out");
    fake_set(&s.host, "rotate.size", "10");
    if (format)
        fake_set(&s.host, "compress.format", format);
    tide_result result = sink_open(&s);
    for (int i = 0; i < 3 && result >= 0; i++)
        result = put_to(&s, "a", "12345678");
    if (result >= 0)
        result = flush(&s);
    if (result >= 0 && !format)
        check_file("out", "12345678\n");
    nomem_end(&s.host, result, why);
    sink_close(&s);
    return result;
}

static void walk_sinks(const char *with)
{
    scratch_enter(dir);
    format = with;
    nomem_each(many_life);
    nomem_each(aborted_life);
    nomem_each(rotated_life);
    nomem_each(append_life);
    scratch_leave(dir);
    format = NULL;
}

static void test_sink(void)
{
    walk_sinks(NULL);
}

static void test_packed_sink(void)
{
    EACH_KIND(kind)
    {
        walk_sinks(kind->name);
    }
}

static CU_TestInfo cases[] = {
    {"sink", test_sink}, {"compressed sink", test_packed_sink}, CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("file sink without memory", cases))
