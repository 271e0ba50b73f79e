// SPDX-License-Identifier: MIT
#include "sink_test.h"

static char dir[64];

// Opens, commits or aborts `data` as after a crash, and goes on with a line.
static void recover(const char *path, tide_buf *data, int commit)
{
    struct subject s;
    begin(&s, path);
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    CU_ASSERT_EQUAL(finish(&s, data, commit), TIDE_OK);
    CU_ASSERT_EQUAL(finish(&s, data, commit), TIDE_OK); // may be repeated
    CU_ASSERT_EQUAL(put(&s, "again"), TIDE_OK);
    CU_ASSERT_EQUAL(flush(&s), TIDE_OK);
    sink_close(&s);
}

// One epoch with "one" decided, one with "two" prepared, "three" after it.
static tide_buf *crash_after_two(const char *path)
{
    struct subject s;
    begin(&s, path);
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    tide_buf *data = prepare(&s);
    CU_ASSERT_EQUAL(finish(&s, data, 1), TIDE_OK);
    fake_buf_free(data);
    CU_ASSERT_EQUAL(put(&s, "one"), TIDE_OK);
    data = prepare(&s);
    CU_ASSERT_EQUAL(finish(&s, data, 1), TIDE_OK);
    fake_buf_free(data);
    CU_ASSERT_EQUAL(put(&s, "two"), TIDE_OK);
    data = prepare(&s);
    CU_ASSERT_EQUAL(put(&s, "three"), TIDE_OK);
    CU_ASSERT_EQUAL(flush(&s), TIDE_OK);
    sink_close(&s);
    return data;
}

static void test_recovery(void)
{
    static const struct {
        const char *path, *file;
        int commit;
        const char *want;
    } cases[] = {
        {"out", "out", 1, "old\none\ntwo\nagain\n"},
        {"out", "out", 0, "old\none\nagain\n"},
        {"{site}.out", "x.out", 1, "one\ntwo\nagain\n"},
        {"{site}.out", "x.out", 0, "one\nagain\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scratch_enter(dir);
        write_file("out", "old\n", 0);
        tide_buf *data = crash_after_two(cases[i].path);
        recover(cases[i].path, data, cases[i].commit);
        check_file(cases[i].file, cases[i].want);
        fake_buf_free(data);
        scratch_leave(dir);
    }
}

// Files that only the lost epoch touched are cut back as well, new ones to nothing.
static void test_recovery_of_unlisted_files(void)
{
    struct subject s;
    scratch_enter(dir);
    write_file("b.out", "old\n", 0);
    begin(&s, "{site}.out");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    tide_buf *data = prepare(&s);
    CU_ASSERT_EQUAL(finish(&s, data, 1), TIDE_OK);
    fake_buf_free(data);
    put_to(&s, "a", "one");
    data = prepare(&s);
    CU_ASSERT_EQUAL(finish(&s, data, 1), TIDE_OK);
    put_to(&s, "b", "two");
    put_to(&s, "c", "three");
    CU_ASSERT_EQUAL(flush(&s), TIDE_OK);
    check_file("b.out", "old\ntwo\n");
    sink_close(&s);
    recover("{site}.out", data, 1);
    check_file("a.out", "one\n");
    check_file("b.out", "old\n");
    check_file("c.out", "");
    check_file("x.out", "again\n");
    fake_buf_free(data);
    scratch_leave(dir);
}

// An abort without a crash: buffered bytes go, the files are as before.
static void test_abort_in_place(void)
{
    struct subject s;
    scratch_enter(dir);
    begin(&s, "out");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    tide_buf *data = prepare(&s);
    finish(&s, data, 1);
    fake_buf_free(data);
    put(&s, "one");
    data = prepare(&s);
    CU_ASSERT_EQUAL(finish(&s, data, 0), TIDE_OK);
    put(&s, "two");
    CU_ASSERT_EQUAL(flush(&s), TIDE_OK);
    check_file("out", "two\n");
    fake_buf_free(data);
    sink_close(&s);
    scratch_leave(dir);
}

static void check_refused(const char *now, const char *want)
{
    struct subject s;
    scratch_enter(dir);
    tide_buf *data = crash_after_two("out");
    if (now)
        write_file("out", now, O_TRUNC);
    else
        unlink("out");
    begin(&s, "out");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    CU_ASSERT_EQUAL(finish(&s, data, 1), TIDE_FATAL);
    CU_ASSERT_TRUE(text_has(s.host.reason, want));
    sink_close(&s);
    fake_buf_free(data);
    scratch_leave(dir);
}

static void test_refusals(void)
{
    check_refused("one\n", "out is shorter than it was");
    check_refused(NULL, "refusing to go on"); // open made a new one
    struct subject s;
    scratch_enter(dir);
    begin(&s, "out");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    CU_ASSERT_EQUAL(s.plugin->sink->commit(s.self, FAKE_BYTES("nonsense")), TIDE_FATAL);
    CU_ASSERT_EQUAL(s.plugin->sink->commit(s.self, FAKE_BYTES("\1short")), TIDE_FATAL);
    sink_close(&s);
    scratch_leave(dir);
}

// In two-phase mode a file is rotated only after a checkpoint; a crash then leaves the rotated file
// whole and empties the new one.
static void test_rotation_and_recovery(void)
{
    struct subject s;
    scratch_enter(dir);
    begin(&s, "out");
    fake_set(&s.host, "rotate.size", "6B");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    tide_buf *data = prepare(&s);
    finish(&s, data, 1);
    fake_buf_free(data);
    put(&s, "one");
    put(&s, "two");
    CU_ASSERT_EQUAL(count_files("out."), 0);
    data = prepare(&s);
    finish(&s, data, 1);
    put(&s, "three");
    CU_ASSERT_EQUAL(flush(&s), TIDE_OK);
    CU_ASSERT_EQUAL(count_files("out."), 1);
    check_file("out", "three\n");
    sink_close(&s);
    recover("out", data, 1);
    check_file("out", "again\n");
    CU_ASSERT_EQUAL(count_files("out."), 1);
    fake_buf_free(data);
    scratch_leave(dir);
}

static void test_truncate_but_not_after_recovery(void)
{
    struct subject s;
    scratch_enter(dir);
    tide_buf *data = crash_after_two("out");
    begin(&s, "out");
    fake_set(&s.host, "mode", "truncate");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    CU_ASSERT_EQUAL(finish(&s, data, 1), TIDE_OK);
    put(&s, "again");
    CU_ASSERT_EQUAL(flush(&s), TIDE_OK);
    check_file("out", "one\ntwo\nagain\n");
    sink_close(&s);
    fake_buf_free(data);
    scratch_leave(dir);
}

static CU_TestInfo cases[] = {
    {"recovery cuts back to the decided epoch", test_recovery},
    {"recovery of files that no checkpoint names", test_recovery_of_unlisted_files},
    {"abort in place", test_abort_in_place},
    {"what recovery refuses", test_refusals},
    {"rotation and recovery", test_rotation_and_recovery},
    {"mode truncate does not undo a checkpoint", test_truncate_but_not_after_recovery},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("file sink, two-phase", cases))
