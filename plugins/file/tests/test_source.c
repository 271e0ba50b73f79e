// SPDX-License-Identifier: MIT
#include "source_test.h"

static char dir[64];

static void test_files_in_order(void)
{
    struct subject s;
    scratch_enter(dir);
    write_file("b.log", "b1\nb2", 0);
    write_file("a.log", "a1\n", 0);
    write_file("c.txt", "", 0);
    begin_source(&s, "*.log", "false");
    fake_add(&s.host, "path", "c.txt");
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    CU_ASSERT_EQUAL(s.host.split_count, 3);
    CU_ASSERT_EQUAL(strncmp(s.host.splits[0].name.data, "a.log@", 6), 0);
    CU_ASSERT_EQUAL(drain(&s), TIDE_EOF);
    check_stream(&s, "a.log", 0, "a1\n");
    check_stream(&s, "b.log", 0, "b1\nb2");
    check_stream(&s, "c.txt", 0, "");
    for (size_t i = 0; i < 3; i++)
        CU_ASSERT_TRUE(s.host.splits[i].ended);
    source_close(&s);
    scratch_leave(dir);
}

static void test_cannot_open(void)
{
    static const struct {
        const char *path, *want;
    } cases[] = {
        {"missing.log", "missing.log: No such file"},
        {"none*.log", "no file matches none*.log"},
        {"directory", "directory: not a regular file"},
    };
    scratch_enter(dir);
    mkdir("directory", 0777);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct subject s;
        begin_source(&s, cases[i].path, "false");
        CU_ASSERT_EQUAL(source_open(&s), TIDE_FATAL);
        CU_ASSERT_TRUE(text_has(s.host.reason, cases[i].want));
        source_close(&s);
    }
    scratch_leave(dir);
}

static int64_t left(struct subject *s, uint32_t split)
{
    return s->plugin->source->lag_bytes(s->self, split);
}

static void test_bytes_left(void)
{
    struct subject s;
    scratch_enter(dir);
    write_file("a.log", "a1\na2\n", 0);
    write_file("b.log", "b1\n", 0);
    begin_source(&s, "*.log", "false");
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    CU_ASSERT_EQUAL(left(&s, 0), -1); // not assigned yet
    CU_ASSERT_EQUAL(fake_assign(&s.host, s.plugin->source, s.self), TIDE_OK);
    CU_ASSERT_EQUAL(left(&s, 0), 6);
    CU_ASSERT_EQUAL(left(&s, 1), 3);
    CU_ASSERT_EQUAL(left(&s, 0), 6); // in any order
    CU_ASSERT_EQUAL(left(&s, 2), -1);
    s.host.reserve_size = 4;
    CU_ASSERT_EQUAL(step(&s), TIDE_OK);
    CU_ASSERT_EQUAL(left(&s, 0), 2);
    CU_ASSERT_EQUAL(truncate("a.log", 1), 0);
    CU_ASSERT_EQUAL(left(&s, 0), 0);
    write_file("c.log", "c", 0);
    CU_ASSERT_EQUAL(rename("c.log", "b.log"), 0);
    CU_ASSERT_EQUAL(left(&s, 1), -1); // another file is there
    CU_ASSERT_EQUAL(unlink("b.log"), 0);
    CU_ASSERT_EQUAL(left(&s, 1), -1);
    source_close(&s);
    scratch_leave(dir);
}

static void test_vanished_between(void)
{
    struct subject s;
    scratch_enter(dir);
    write_file("a.log", "a\n", 0);
    begin_source(&s, "a.log", "false");
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    write_file("b.log", "b\n", 0);
    CU_ASSERT_EQUAL(rename("b.log", "a.log"), 0);
    CU_ASSERT_EQUAL(drain(&s), TIDE_FATAL);
    CU_ASSERT_TRUE(text_has(s.host.reason, "a.log (at byte 0): another file took its place"));
    source_close(&s);
    scratch_leave(dir);
}

// From the position before any chunk, the rest of the file is read again, byte for byte.
static void test_replay_from_each_position(void)
{
    static const char text[] = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n"
                               "eleven\ntwelve\nthirteen\nfourteen\nfifteen\nsixteen\n";
    struct subject s, again;
    scratch_enter(dir);
    write_file("a.log", text, 0);
    begin_source(&s, "a.log", "false");
    s.host.reserve_size = 7;
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    for (size_t at = 0; step(&s) == TIDE_OK && !s.host.splits[0].ended; at += 7) {
        const struct fake_split *split = &s.host.splits[0];
        begin_source(&again, "a.log", "false");
        fake_position(&again.host, split->name.data, split->before.data, split->before.len);
        CU_ASSERT_EQUAL(source_open(&again), TIDE_OK);
        CU_ASSERT_EQUAL(drain(&again), TIDE_EOF);
        check_stream(&again, "a.log", 0, text + at);
        source_close(&again);
    }
    check_stream(&s, "a.log", 0, text);
    source_close(&s);
    scratch_leave(dir);
}

// The position of the last chunk but one of "one\ntwo\nthree\n", read four bytes at a time.
static void read_some(struct subject *s, const char *follow)
{
    write_file("a.log", "one\ntwo\nthree\n", 0);
    begin_source(s, "a.log", follow);
    s->host.reserve_size = 4;
    CU_ASSERT_EQUAL(source_open(s), TIDE_OK);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(step(s), TIDE_OK);
}

static void check_changed(const char *now, const char *want)
{
    struct subject s, again;
    scratch_enter(dir);
    read_some(&s, "false");
    write_file("a.log", now, O_TRUNC);
    begin_source(&again, "a.log", "false");
    const struct fake_split *split = &s.host.splits[0];
    fake_position(&again.host, split->name.data, split->before.data, split->before.len);
    CU_ASSERT_EQUAL(source_open(&again), TIDE_OK);
    CU_ASSERT_EQUAL(drain(&again), TIDE_EOF);
    check_stream(&again, "a.log", 1, want);
    CU_ASSERT_TRUE(text_has(split_of(&again, "a.log", 1)->name.data, "+1"));
    CU_ASSERT_TRUE(split_of(&again, "a.log", 0)->lost);
    CU_ASSERT_TRUE(text_has(again.host.log, "does not hold what was read of it"));
    source_close(&again);
    source_close(&s);
    scratch_leave(dir);
}

static void test_rewritten_between_runs(void)
{
    check_changed("x\n", "x\n");                                         // shorter
    check_changed("ONE\nTWO\nTHREE\nFOUR\n", "ONE\nTWO\nTHREE\nFOUR\n"); // as long, but another
}

static void test_bad_position(void)
{
    struct subject s, again;
    scratch_enter(dir);
    read_some(&s, "false");
    begin_source(&again, "a.log", "false");
    fake_position(&again.host, s.host.splits[0].name.data, "what?", 5);
    CU_ASSERT_EQUAL(source_open(&again), TIDE_OK);
    CU_ASSERT_EQUAL(step(&again), TIDE_FATAL);
    source_close(&again);
    source_close(&s);
    scratch_leave(dir);
}

static void test_follow_appended(void)
{
    struct subject s;
    scratch_enter(dir);
    begin_source(&s, "a.log", "true");
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK); // not there yet: waited for
    CU_ASSERT_EQUAL(drain(&s), TIDE_AGAIN);
    write_file("a.log", "one\n", 0);
    follow_until(&s, 4);
    write_file("a.log", "two\n", O_APPEND);
    follow_until(&s, 8);
    check_stream(&s, "a.log", 0, "one\ntwo\n");
    CU_ASSERT_FALSE(s.host.splits[0].ended);
    source_close(&s);
    scratch_leave(dir);
}

static void test_follow_glob_grows(void)
{
    struct subject s;
    scratch_enter(dir);
    write_file("a.log", "one\n", 0);
    begin_source(&s, "*.log", "true");
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    follow_until(&s, 4);
    write_file("b.log", "two\n", 0);
    write_file("b.txt", "no\n", 0);
    follow_until(&s, 8);
    check_stream(&s, "b.log", 0, "two\n");
    CU_ASSERT_EQUAL(s.host.split_count, 2);
    source_close(&s);
    scratch_leave(dir);
}

// The rotated file is read to its end, what is written to it late as well, the new one from its
// beginning; nothing twice.
static void test_follow_rotation(void)
{
    struct subject s;
    scratch_enter(dir);
    write_file("a.log", "one\n", 0);
    begin_source(&s, "a.log", "true");
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    follow_until(&s, 4);
    write_file("a.log", "two\n", O_APPEND);
    CU_ASSERT_EQUAL(rename("a.log", "a.log.1"), 0);
    write_file("a.log", "three\n", 0);
    follow_until(&s, 14);
    write_file("a.log.1", "late\n", O_APPEND);
    follow_until(&s, 19);
    check_stream(&s, "a.log", 0, "one\ntwo\nlate\n");
    check_stream(&s, "a.log", 1, "three\n");
    CU_ASSERT_EQUAL(s.host.split_count, 2);
    // Quiet for five seconds: given up.
    s.host.clock_set = true;
    s.host.mono_ns = INT64_MAX / 2;
    step(&s);
    CU_ASSERT_TRUE(s.host.splits[0].ended);
    CU_ASSERT_FALSE(s.host.splits[1].ended);
    source_close(&s);
    scratch_leave(dir);
}

static void test_follow_rotation_within_glob(void)
{
    struct subject s;
    scratch_enter(dir);
    write_file("a.log", "one\n", 0);
    begin_source(&s, "a.log*", "true");
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    follow_until(&s, 4);
    CU_ASSERT_EQUAL(rename("a.log", "a.log.1"), 0);
    write_file("a.log", "two\n", 0);
    follow_until(&s, 8);
    check_stream(&s, "a.log", 0, "one\n");
    check_stream(&s, "a.log", 1, "two\n");
    CU_ASSERT_EQUAL(s.host.split_count, 2);
    source_close(&s);
    scratch_leave(dir);
}

// Rotated while nobody looked: the rest of the old file, then the new one. Older rotated files, of
// which no position is known, are not read.
static void check_rotated_while_down(const char *pattern)
{
    struct subject s, again;
    scratch_enter(dir);
    read_some(&s, "true");
    CU_ASSERT_EQUAL(rename("a.log", "a.log.1"), 0);
    write_file("a.log", "new\n", 0);
    begin_source(&again, pattern, "true");
    const struct fake_split *split = &s.host.splits[0];
    fake_position(&again.host, split->name.data, split->before.data, split->before.len);
    CU_ASSERT_EQUAL(source_open(&again), TIDE_OK);
    follow_until(&again, 10);
    check_stream(&again, "a.log", 0, "three\n");
    check_stream(&again, "a.log", 1, "new\n");
    source_close(&again);
    source_close(&s);
    scratch_leave(dir);
}

static void test_rotated_while_down(void)
{
    check_rotated_while_down("a.log");
    check_rotated_while_down("a.log*");
}

static void test_unknown_siblings_stay_unread(void)
{
    struct subject s;
    scratch_enter(dir);
    write_file("a.log.1", "old\n", 0);
    write_file("a.log.2.gz", "old\n", 0);
    write_file("a.log", "new\n", 0);
    begin_source(&s, "a.log", "true");
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    follow_until(&s, 4);
    s.host.clock_set = true;
    s.host.mono_ns = INT64_MAX / 2;
    step(&s);
    step(&s);
    CU_ASSERT_EQUAL(stream_len(&s), 4);
    CU_ASSERT_EQUAL(s.host.split_count, 2);
    CU_ASSERT_TRUE(s.host.splits[1].ended); // does not hold the watermark back
    source_close(&s);
    scratch_leave(dir);
}

static void test_follow_truncation(void)
{
    struct subject s;
    scratch_enter(dir);
    write_file("a.log", "one\ntwo\nthr", 0);
    begin_source(&s, "a.log", "true");
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    follow_until(&s, 11);
    write_file("a.log", "new\n", O_TRUNC);
    follow_until(&s, 15);
    check_stream(&s, "a.log", 0, "one\ntwo\nthr");
    check_stream(&s, "a.log", 1, "new\n");
    CU_ASSERT_TRUE(s.host.splits[0].ended);
    CU_ASSERT_TRUE(text_has(s.host.log, "a.log was truncated"));
    source_close(&s);
    scratch_leave(dir);
}

static void test_start_end(void)
{
    struct subject s;
    scratch_enter(dir);
    write_file("a.log", "one\ntwo\nth", 0);
    begin_source(&s, "*.log", "true");
    fake_set(&s.host, "start", "end");
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    follow_until(&s, 2);
    write_file("a.log", "ree\n", O_APPEND);
    follow_until(&s, 6);
    write_file("b.log", "all of it\n", 0); // came later: from its beginning
    follow_until(&s, 16);
    check_stream(&s, "a.log", 0, "three\n");
    check_stream(&s, "b.log", 0, "all of it\n");
    source_close(&s);
    scratch_leave(dir);
}

static void test_full_batch_is_no_idleness(void)
{
    struct subject s;
    scratch_enter(dir);
    write_file("a.log", "one\n", 0);
    begin_source(&s, "a.log", "false");
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    s.host.room = 0;
    CU_ASSERT_EQUAL(step(&s), TIDE_OK);
    CU_ASSERT_EQUAL(step(&s), TIDE_OK);
    s.host.room = UINT32_MAX;
    CU_ASSERT_EQUAL(drain(&s), TIDE_EOF);
    check_stream(&s, "a.log", 0, "one\n");
    source_close(&s);
    scratch_leave(dir);
}

static CU_TestInfo cases[] = {
    {"files are read in order, each to its end", test_files_in_order},
    {"what cannot be opened stops at the start", test_cannot_open},
    {"how many bytes are left", test_bytes_left},
    {"a file that was replaced before its turn", test_vanished_between},
    {"reading on from each position", test_replay_from_each_position},
    {"a file rewritten between two runs", test_rewritten_between_runs},
    {"a position that is not ours", test_bad_position},
    {"follow: a file that comes and grows", test_follow_appended},
    {"follow: a glob that grows", test_follow_glob_grows},
    {"follow: rotation by rename", test_follow_rotation},
    {"follow: rotation within the glob", test_follow_rotation_within_glob},
    {"follow: rotated while down", test_rotated_while_down},
    {"follow: rotated files never read stay unread", test_unknown_siblings_stay_unread},
    {"follow: truncation in place", test_follow_truncation},
    {"start: end", test_start_end},
    {"a full batch is no idleness", test_full_batch_is_no_idleness},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("file source", cases))
