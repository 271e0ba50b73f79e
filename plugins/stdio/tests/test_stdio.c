// SPDX-License-Identifier: MIT
#define TEST_OPENS_MORE
#include "support/plugin_test.h"
#include <sys/socket.h>

// The plugin uses descriptors 0 and 1: each test puts something else there and takes it away.

static int kept_in = -1, kept_out = -1;

static void set_fd(int fd, int target, int *kept)
{
    fflush(stdout);
    *kept = dup(target);
    if (*kept < 0 || dup2(fd, target) < 0)
        abort();
}

static void reset_fd(int target, int *kept)
{
    dup2(*kept, target);
    close(*kept);
    *kept = -1;
}

static tide_result read_once(struct subject *s)
{
    fake_assign(&s->host, s->plugin->source, s->self);
    return fake_read(&s->host, s->plugin->source, s->self, 100);
}

static void test_source_from_pipe(void)
{
    struct subject s;
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    set_fd(ends[0], 0, &kept_in);
    subject_init(&s);
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    CU_ASSERT_EQUAL(read_once(&s), TIDE_AGAIN); // an open, empty pipe: does not wait
    CU_ASSERT_EQUAL(s.plugin->source->poll_fd(s.self), 0);
    CU_ASSERT_EQUAL(write(ends[1], "one\ntw", 6), 6);
    CU_ASSERT_TRUE(fake_wait(&s.host, 0, 5000));
    CU_ASSERT_EQUAL(read_once(&s), TIDE_OK);
    CU_ASSERT_EQUAL(read_once(&s), TIDE_AGAIN);
    CU_ASSERT_EQUAL(write(ends[1], "o\n", 2), 2);
    close(ends[1]);
    CU_ASSERT_EQUAL(read_once(&s), TIDE_OK);
    CU_ASSERT_EQUAL(read_once(&s), TIDE_EOF);
    CU_ASSERT_STRING_EQUAL(s.host.splits[0].stream.data, "one\ntwo\n");
    CU_ASSERT_TRUE(s.host.splits[0].ended);
    CU_ASSERT_EQUAL(fcntl(0, F_GETFL) & O_NONBLOCK, 0); // the shell's descriptor is as it was
    source_close(&s);
    reset_fd(0, &kept_in);
    close(ends[0]);
}

static void test_source_from_file(void)
{
    struct subject s;
    char dir[64];
    scratch_enter(dir);
    write_file("in", "one\ntwo", 0);
    int fd = open("in", O_RDONLY);
    set_fd(fd, 0, &kept_in);
    subject_init(&s);
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    CU_ASSERT_EQUAL(read_once(&s), TIDE_OK);
    CU_ASSERT_EQUAL(read_once(&s), TIDE_EOF);
    CU_ASSERT_STRING_EQUAL(s.host.splits[0].stream.data, "one\ntwo");
    source_close(&s);
    reset_fd(0, &kept_in);
    close(fd);
    scratch_leave(dir);
}

static uint32_t write_some(struct subject *s, const char *text, size_t len, tide_result *result)
{
    tide_record record = {.struct_size = sizeof record, .value = {text, len}};
    tide_batch batch = {
        .struct_size = sizeof batch, .count = 1, .stride = sizeof record, .records = &record};
    uint32_t accepted = 0;
    *result = s->plugin->sink->write(s->self, &batch, &accepted);
    return accepted;
}

// A reader that sleeps: the sink takes what fits, then says AGAIN; read later, every line is there
// once.
static void test_sink_slow_reader(void)
{
    struct subject s;
    int ends[2];
    char line[100];
    tide_result result;
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    set_fd(ends[1], 1, &kept_out);
    close(ends[1]);
    subject_init(&s);
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    memset(line, 'x', sizeof line);
    int taken = 0, total = 10000, got = 0, lines = 0, wrong = 0;
    char *all = malloc(101 * 10000 + 1);
    for (int stalls = 0; taken < total;) {
        snprintf(line, 16, "%06d", taken);
        line[7] = 'x';
        line[6] = 'x';
        taken += (int)write_some(&s, line, sizeof line, &result);
        if (result == TIDE_AGAIN) {
            stalls++;
            CU_ASSERT_FALSE(fake_wait(&s.host, s.plugin->sink->poll_fd(s.self), 1));
            ssize_t n = read(ends[0], all + got, 8192);
            got += n > 0 ? (int)n : 0;
            CU_ASSERT_TRUE(fake_wait(&s.host, s.plugin->sink->poll_fd(s.self), 5000));
        }
        if (result < 0)
            break;
    }
    while (s.plugin->sink->flush(s.self) == TIDE_AGAIN)
        got += (int)read(ends[0], all + got, 4096);
    sink_close(&s);
    reset_fd(1, &kept_out);
    for (ssize_t n; (n = read(ends[0], all + got, 65536)) > 0;)
        got += (int)n;
    CU_ASSERT_EQUAL(got, 101 * total);
    for (; lines < got / 101; lines++)
        wrong += atoi(all + 101 * lines) != lines || all[101 * lines + 100] != '\n';
    CU_ASSERT_EQUAL(wrong, 0);
    free(all);
    close(ends[0]);
}

static void test_sink_closed_reader(void)
{
    struct subject s;
    int ends[2];
    tide_result result;
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    set_fd(ends[1], 1, &kept_out);
    close(ends[1]);
    close(ends[0]);
    subject_init(&s);
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    CU_ASSERT_EQUAL(write_some(&s, "one", 3, &result), 1);
    result = s.plugin->sink->flush(s.self);
    reset_fd(1, &kept_out);
    CU_ASSERT_EQUAL(result, TIDE_FATAL);
    CU_ASSERT_TRUE(text_has(s.host.reason, "the reader closed the pipe (4 bytes unwritten)"));
    sink_close(&s);
}

static void test_sink_to_file(void)
{
    struct subject s;
    char dir[64];
    tide_result result;
    scratch_enter(dir);
    int fd = open("out", O_WRONLY | O_CREAT, 0666);
    set_fd(fd, 1, &kept_out);
    subject_init(&s);
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    char *large = malloc(300000);
    memset(large, 'y', 300000);
    write_some(&s, "one", 3, &result);
    CU_ASSERT_EQUAL(write_some(&s, large, 300000, &result), 1);
    CU_ASSERT_EQUAL(s.plugin->sink->flush(s.self), TIDE_OK);
    sink_close(&s);
    reset_fd(1, &kept_out);
    char *text = file_text("out");
    CU_ASSERT_EQUAL(strlen(text), 4 + 300001);
    CU_ASSERT_EQUAL(memcmp(text, "one\nyyy", 7), 0);
    free(text);
    free(large);
    close(fd);
    scratch_leave(dir);
}

static CU_TestInfo cases[] = {
    {"source: a pipe", test_source_from_pipe},
    {"source: a redirected file", test_source_from_file},
    {"sink: a reader that is slow", test_sink_slow_reader},
    {"sink: a reader that went away", test_sink_closed_reader},
    {"sink: a redirected file", test_sink_to_file},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("stdio", cases))
