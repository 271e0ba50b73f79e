// SPDX-License-Identifier: MIT
#include "sink_test.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

static char dir[64];

static void test_append_and_truncate(void)
{
    struct subject s;
    scratch_enter(dir);
    write_file("out", "old\n", 0);
    begin(&s, "out");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    CU_ASSERT_EQUAL(put(&s, "one"), TIDE_OK);
    CU_ASSERT_EQUAL(put(&s, ""), TIDE_OK);
    CU_ASSERT_EQUAL(flush(&s), TIDE_OK);
    check_file("out", "old\none\n\n");
    sink_close(&s);
    begin(&s, "out");
    fake_set(&s.host, "mode", "truncate");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    CU_ASSERT_EQUAL(flush(&s), TIDE_OK);
    check_file("out", ""); // also when nothing comes
    CU_ASSERT_EQUAL(put(&s, "two"), TIDE_OK);
    CU_ASSERT_EQUAL(flush(&s), TIDE_OK);
    CU_ASSERT_EQUAL(put(&s, "three"), TIDE_OK);
    CU_ASSERT_EQUAL(flush(&s), TIDE_OK);
    check_file("out", "two\nthree\n");
    sink_close(&s);
    scratch_leave(dir);
}

static void test_torn_line_is_ended(void)
{
    struct subject s;
    scratch_enter(dir);
    write_file("out", "one\ntw", 0);
    begin(&s, "out");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    CU_ASSERT_EQUAL(put(&s, "three"), TIDE_OK);
    CU_ASSERT_EQUAL(flush(&s), TIDE_OK);
    check_file("out", "one\ntw\nthree\n");
    CU_ASSERT_TRUE(text_has(s.host.log, "ends within a line"));
    sink_close(&s);
    scratch_leave(dir);
}

// Records from empty to larger than the buffer, far more than the buffer together.
static void test_sizes(void)
{
    struct subject s;
    scratch_enter(dir);
    begin(&s, "deep/down/out");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    enum { LARGEST = 700000 };
    char *text = malloc(LARGEST);
    size_t total = 0;
    memset(text, 'x', LARGEST);
    for (size_t len = 0; len < LARGEST; len += 1 + len / 3, total++) {
        tide_record record = {.struct_size = sizeof record, .value = {text, len}};
        CU_ASSERT_EQUAL(fake_write(&s.host, s.plugin->sink, s.self, &record, 1), TIDE_OK);
    }
    CU_ASSERT_EQUAL(flush(&s), TIDE_OK);
    char *got = file_text("deep/down/out"), *at = got;
    for (size_t len = 0; len < LARGEST; len += 1 + len / 3) {
        CU_ASSERT_EQUAL(strcspn(at, "\n"), len);
        at += len + 1;
    }
    CU_ASSERT_EQUAL(*at, '\0');
    free(got);
    free(text);
    sink_close(&s);
    scratch_leave(dir);
}

static void test_templated(void)
{
    struct subject s;
    char name[32], line[32], want[64];
    scratch_enter(dir);
    begin(&s, "data/{site}.jsonl");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    for (int i = 0; i < 600; i++) { // more paths than are kept open
        snprintf(name, sizeof name, "s%d", i % 200);
        snprintf(line, sizeof line, "%d", i);
        CU_ASSERT_EQUAL(put_to(&s, name, line), TIDE_OK);
    }
    CU_ASSERT_EQUAL(flush(&s), TIDE_OK);
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "data/s%d.jsonl", i);
        snprintf(want, sizeof want, "%d\n%d\n%d\n", i, i + 200, i + 400);
        check_file(name, want);
    }
    sink_close(&s);
    scratch_leave(dir);
}

static void test_refused_paths(void)
{
    static const struct {
        const char *template, *site;
        int refused;
    } cases[] = {
        {"data/{site}/x", "a", 0},      {"data/{site}/x", "a/b", 0},
        {"data/{site}/x", "..a", 0},    {"data/{site}/x", "..", 1},
        {"data/{site}", "../x", 1},     {"data/{site}", "a/../../x", 1},
        {"{site}", "/tmp/tidemill", 1}, {"{site}/x", "", 1},
        {"data/{site}", "", 1},         {"../{site}/x", "..", 1},
        {"data/{absent}/x", "a", 1},    {"data/{site}", "a/", 1},
        {"data/{site}", "..", 1},       {"./data/../d2/{site}", "a", 0},
    };
    scratch_enter(dir);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct subject s;
        begin(&s, cases[i].template);
        CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
        CU_ASSERT_EQUAL(put_to(&s, cases[i].site, "x"), TIDE_OK);
        CU_ASSERT_EQUAL(s.host.refused_count, (size_t)cases[i].refused);
        if (s.host.refused_count != (size_t)cases[i].refused)
            fprintf(stderr, "%s with '%s'\n", cases[i].template, cases[i].site);
        sink_close(&s);
    }
    scratch_leave(dir);
}

static void test_tombstone_is_refused(void)
{
    struct subject s;
    scratch_enter(dir);
    begin(&s, "out");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    tide_record record = {.struct_size = sizeof record};
    CU_ASSERT_EQUAL(fake_write(&s.host, s.plugin->sink, s.self, &record, 1), TIDE_OK);
    CU_ASSERT_EQUAL(s.host.refused_count, 1);
    sink_close(&s);
    scratch_leave(dir);
}

static void test_one_writer(void)
{
    struct subject s, second;
    scratch_enter(dir);
    begin(&s, "out");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    begin(&second, "out");
    CU_ASSERT_EQUAL(sink_open(&second), TIDE_FATAL);
    CU_ASSERT_TRUE(text_has(second.host.reason, "out is being written by another"));
    sink_close(&second);
    sink_close(&s);
    scratch_leave(dir);
}

// /dev/full: each write is refused for want of space.
static void test_no_space_waits(void)
{
    struct subject s;
    begin(&s, "/dev/full");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    CU_ASSERT_EQUAL(put(&s, "one"), TIDE_OK); // in the buffer
    CU_ASSERT_EQUAL(s.plugin->sink->flush(s.self), TIDE_AGAIN);
    CU_ASSERT_TRUE(s.host.wait_until > 0);
    CU_ASSERT_TRUE(text_has(s.host.log, "waiting for space"));
    CU_ASSERT_EQUAL(s.plugin->sink->flush(s.self), TIDE_AGAIN);
    CU_ASSERT_EQUAL(s.host.log_count, 1); // said once
    sink_close(&s);
}

// A small file system fills up, and is emptied again: what was accepted is there, once. Needs the
// right to mount; without it the child says so by its status.
static int fill_and_empty(void)
{
    struct subject s;
    char line[1000];
    if (mkdir("small", 0777) < 0 || unshare(CLONE_NEWNS) < 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", "small", "tmpfs", 0, "size=2m") < 0)
        return 77;
    write_file("small/ballast", "", 0);
    if (truncate("small/ballast", 0) < 0)
        return 77;
    char *ballast = calloc(1, 1 << 20);
    int fd = open("small/ballast", O_WRONLY);
    if (!ballast || fd < 0 || write(fd, ballast, 1 << 20) != 1 << 20)
        return 77;
    close(fd);
    begin(&s, "small/out");
    if (sink_open(&s) != TIDE_OK)
        return 1;
    int waited = 0;
    memset(line, 'x', sizeof line);
    for (int i = 0; i < 1500; i++) {
        tide_record record = {.struct_size = sizeof record, .value = {line, sizeof line}};
        tide_batch batch = {
            .struct_size = sizeof batch, .count = 1, .stride = sizeof record, .records = &record};
        snprintf(line, 8, "%06d", i);
        line[6] = 'x';
        for (uint32_t accepted = 0; !accepted;) {
            tide_result result = s.plugin->sink->write(s.self, &batch, &accepted);
            if (result < 0)
                return 2;
            if (result == TIDE_AGAIN && waited++ == 3 && truncate("small/ballast", 0) < 0)
                return 3;
        }
    }
    if (flush(&s) != TIDE_OK || waited < 3)
        return 4;
    char *text = file_text("small/out");
    for (int i = 0; i < 1500; i++)
        if (atoi(text + i * 1001) != i || text[i * 1001 + 1000] != '\n')
            return 5;
    return text[1500 * 1001] != '\0';
}

static void test_disk_fills_up(void)
{
    scratch_enter(dir);
    pid_t child = fork();
    if (child == 0)
        _exit(fill_and_empty());
    int status = 0;
    waitpid(child, &status, 0);
    CU_ASSERT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        fprintf(stderr, "(no right to mount: not tried) ");
    else
        CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
    scratch_leave(dir);
}

static void test_rotate_by_size(void)
{
    struct subject s;
    scratch_enter(dir);
    begin(&s, "out");
    fake_set(&s.host, "rotate.size", "10B");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    s.host.clock_set = true;
    s.host.wall_ms = INT64_C(1700000000123);
    static const char *const lines[] = {"one", "two", "three", "a line beyond the limit", "four"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        CU_ASSERT_EQUAL(put(&s, lines[i]), TIDE_OK);
    CU_ASSERT_EQUAL(flush(&s), TIDE_OK);
    check_file("out.20231114T221320.123Z", "one\ntwo\n");
    check_file("out.20231114T221320.124Z", "three\n"); // the name was taken
    check_file("out.20231114T221320.125Z", "a line beyond the limit\n");
    check_file("out", "four\n");
    sink_close(&s);
    scratch_leave(dir);
}

static void test_rotate_by_time(void)
{
    struct subject s;
    scratch_enter(dir);
    begin(&s, "out");
    fake_set(&s.host, "rotate.every", "1h");
    s.host.clock_set = true;
    s.host.wall_ms = 3600000 - 1;
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    CU_ASSERT_EQUAL(put(&s, "one"), TIDE_OK);
    CU_ASSERT_EQUAL(put(&s, "two"), TIDE_OK);
    s.host.wall_ms = 3600000;
    CU_ASSERT_EQUAL(put(&s, "three"), TIDE_OK);
    CU_ASSERT_EQUAL(flush(&s), TIDE_OK);
    check_file("out.19700101T010000.000Z", "one\ntwo\n");
    check_file("out", "three\n");
    sink_close(&s);
    scratch_leave(dir);
}

static CU_TestInfo cases[] = {
    {"append and truncate", test_append_and_truncate},
    {"a torn last line is ended first", test_torn_line_is_ended},
    {"records of all sizes; directories", test_sizes},
    {"many templated paths", test_templated},
    {"paths that are refused", test_refused_paths},
    {"a tombstone is refused", test_tombstone_is_refused},
    {"a file has one writer", test_one_writer},
    {"no space: waits, says it once", test_no_space_waits},
    {"a disk that fills up loses and doubles nothing", test_disk_fills_up},
    {"rotation by size", test_rotate_by_size},
    {"rotation by time", test_rotate_by_time},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("file sink", cases))
