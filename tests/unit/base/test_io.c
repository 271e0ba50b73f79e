// SPDX-License-Identifier: MIT
#include "base/io.h"
#include "support/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[64];

static const char *in_dir(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void writes_and_reads(void)
{
    int fd;
    struct error err = ERROR_INIT;
    const char *path = in_dir("a");
    CU_ASSERT_EQUAL_FATAL(io_open(&fd, path, O_RDWR | O_CREAT, 0600, &err), 0);
    char one[] = "one,", two[] = "two,";
    struct iovec parts[] = {{one, 4}, {NULL, 0}, {two, 4}};
    CU_ASSERT_EQUAL(io_writev_all(fd, path, parts, 3, &err), 0);
    CU_ASSERT_EQUAL(io_write_all(fd, path, "three", 5, &err), 0);
    CU_ASSERT_EQUAL(io_datasync(fd, path, &err), 0);
    char bytes[64] = {0};
    size_t got;
    CU_ASSERT_EQUAL(io_pread(fd, path, bytes, sizeof bytes, 4, &got, &err), 0);
    CU_ASSERT_EQUAL(got, 9);
    CU_ASSERT_STRING_EQUAL(bytes, "two,three");
    CU_ASSERT_EQUAL(io_truncate(fd, path, 4, &err), 0);
    CU_ASSERT_EQUAL(io_pread(fd, path, bytes, sizeof bytes, 0, &got, &err), 0);
    CU_ASSERT_EQUAL(got, 4);
    close(fd);
}

static void writes_more_parts_than_one_call_takes(void)
{
    enum { PARTS = 3000 };
    static struct iovec parts[PARTS];
    static char bytes[PARTS];
    for (int i = 0; i < PARTS; i++) {
        bytes[i] = (char)('a' + i % 26);
        parts[i] = (struct iovec){&bytes[i], 1};
    }
    int fd;
    const char *path = in_dir("many");
    CU_ASSERT_EQUAL_FATAL(io_open(&fd, path, O_RDWR | O_CREAT, 0600, NULL), 0);
    CU_ASSERT_EQUAL(io_writev_all(fd, path, parts, PARTS, NULL), 0);
    char back[PARTS + 1];
    size_t got;
    CU_ASSERT_EQUAL(io_pread(fd, path, back, sizeof back, 0, &got, NULL), 0);
    CU_ASSERT_EQUAL(got, PARTS);
    CU_ASSERT(!memcmp(bytes, back, PARTS));
    close(fd);
}

static void makes_and_renames(void)
{
    struct error err = ERROR_INIT;
    char from[128];
    CU_ASSERT_EQUAL(io_mkdir_all(in_dir("x/y//z/"), &err), 0);
    CU_ASSERT_EQUAL(io_mkdir_all(in_dir("x/y/z"), &err), 0);
    CU_ASSERT_EQUAL(access(in_dir("x/y/z"), F_OK), 0);
    int fd;
    snprintf(from, sizeof from, "%s", in_dir("x/f"));
    CU_ASSERT_EQUAL(io_open(&fd, from, O_WRONLY | O_CREAT, 0600, &err), 0);
    close(fd);
    CU_ASSERT_EQUAL(io_rename(from, in_dir("x/y/g"), &err), 0);
    CU_ASSERT_EQUAL(access(in_dir("x/y/g"), F_OK), 0);
    CU_ASSERT_EQUAL(io_mkdir_all(in_dir("x/y/g"), &err), ERR_IO); // a file is in the way
    CU_ASSERT_EQUAL(io_mkdir_all(in_dir("x/y/g/h"), &err), ERR_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "x/y/g"));
}

static void names_path_and_reason(void)
{
    int fd;
    struct error err = ERROR_INIT;
    CU_ASSERT_EQUAL(io_open(&fd, in_dir("none"), O_RDONLY, 0, &err), ERR_IO);
    CU_ASSERT_EQUAL(fd, -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/none: cannot open: No such file"));
    CU_ASSERT_EQUAL(io_fsync_dir(in_dir("none"), &err), ERR_IO);
    CU_ASSERT_EQUAL(io_rename(in_dir("none"), "/x", &err), ERR_IO);
}

static void fails_when_told(void)
{
    int fd;
    struct error err = ERROR_INIT;
    const char *path = in_dir("fail");
    CU_ASSERT_EQUAL_FATAL(io_open(&fd, path, O_RDWR | O_CREAT, 0600, &err), 0);
    io_fail_at(2, ENOSPC, false);
    CU_ASSERT_EQUAL(io_write_all(fd, path, "1234", 4, &err), 0);
    CU_ASSERT_EQUAL(io_write_all(fd, path, "5678", 4, &err), ERR_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "No space left"));
    CU_ASSERT_EQUAL(lseek(fd, 0, SEEK_END), 6); // half of it
    CU_ASSERT_EQUAL(io_datasync(fd, path, &err), 0);
    CU_ASSERT_EQUAL(io_fail_count(), 1);
    io_fail_at(1, EIO, true);
    CU_ASSERT_EQUAL(io_datasync(fd, path, &err), ERR_IO);
    CU_ASSERT_EQUAL(io_truncate(fd, path, 0, &err), ERR_IO);
    CU_ASSERT_EQUAL(io_rename(path, path, &err), ERR_IO);
    CU_ASSERT_EQUAL(io_fsync_dir(dir, &err), ERR_IO);
    int other;
    CU_ASSERT_EQUAL(io_open(&other, path, O_CREAT | O_RDWR, 0600, &err), ERR_IO);
    io_fail_at(0, 0, false);
    CU_ASSERT_EQUAL(io_datasync(fd, path, &err), 0);
    close(fd);
}

static void reads_fail_when_told(void)
{
    int fd;
    size_t got;
    char bytes[8];
    struct error err = ERROR_INIT;
    const char *path = in_dir("reads");
    CU_ASSERT_EQUAL_FATAL(io_open(&fd, path, O_RDWR | O_CREAT, 0600, &err), 0);
    CU_ASSERT_EQUAL(io_write_all(fd, path, "12345678", 8, &err), 0);
    io_fail_read_at(2, EIO, false);
    CU_ASSERT_EQUAL(io_pread(fd, path, bytes, 4, 0, &got, &err), 0);
    CU_ASSERT_EQUAL(io_pread(fd, path, bytes, 4, 4, &got, &err), ERR_IO);
    CHECK_HAS(err.text, "/reads: cannot read at 4: Input/output error");
    CU_ASSERT_EQUAL(io_pread(fd, path, bytes, 4, 4, &got, &err), 0);
    CU_ASSERT_EQUAL(io_fail_read_count(), 1);
    io_fail_read_at(1, EMFILE, true);
    int other;
    CU_ASSERT_EQUAL(io_open(&other, path, O_RDONLY, 0, &err), ERR_IO);
    CHECK_HAS(err.text, "/reads: cannot open: Too many open files");
    CU_ASSERT_EQUAL(io_write_all(fd, path, "9", 1, &err), 0); // that is no read
    io_fail_read_at(0, 0, false);
    close(fd);
}

static void interrupted_and_short_calls_are_finished(void)
{
    int fd, other;
    size_t got;
    char bytes[9] = "";
    const char *path = in_dir("short");
    io_fail_at(1, EINTR, false); // of the open, then of the first write
    CU_ASSERT_EQUAL_FATAL(io_open(&fd, path, O_RDWR | O_CREAT, 0600, NULL), 0);
    io_fail_at(1, EINTR, false);
    io_cut_short(true);
    char one[] = "12345", two[] = "678";
    struct iovec parts[] = {{one, 5}, {two, 3}};
    CU_ASSERT_EQUAL(io_writev_all(fd, path, parts, 2, NULL), 0);
    CU_ASSERT_EQUAL(io_fail_count(), 1);
    CU_ASSERT_EQUAL(lseek(fd, 0, SEEK_END), 8);
    io_fail_read_at(2, EINTR, false);
    CU_ASSERT_EQUAL(io_pread(fd, path, bytes, 8, 0, &got, NULL), 0);
    CU_ASSERT_EQUAL(io_fail_read_count(), 1);
    CU_ASSERT_EQUAL(got, 8);
    CHECK_TEXT(bytes, "12345678");
    io_fail_read_at(1, EINTR, false);
    CU_ASSERT_EQUAL(io_open(&other, path, O_RDONLY, 0, NULL), 0);
    io_cut_short(false);
    io_fail_at(0, 0, false);
    io_fail_read_at(0, 0, false);
    close(other);
    close(fd);
}

static void long_paths_are_refused(void)
{
    struct error err = ERROR_INIT;
    static char path[PATH_MAX + 10];
    memset(path, 'x', sizeof path - 1);
    path[0] = '/';
    CU_ASSERT_EQUAL(io_mkdir_all(path, &err), ERR_INPUT);
    CHECK_HAS(err.text, "xxx...: the path is too long");
}

static CU_TestInfo cases[] = {
    {"writes and reads", writes_and_reads},
    {"writes more parts than one call takes", writes_more_parts_than_one_call_takes},
    {"makes and renames", makes_and_renames},
    {"names path and reason", names_path_and_reason},
    {"fails when told", fails_when_told},
    {"reads fail when told", reads_fail_when_told},
    {"interrupted and short calls are finished", interrupted_and_short_calls_are_finished},
    {"long paths are refused", long_paths_are_refused},
    CU_TEST_INFO_NULL,
};

static int make_dir(void)
{
    snprintf(dir, sizeof dir, "/tmp/tidemill-io-XXXXXX");
    return mkdtemp(dir) ? 0 : 1;
}

static int drop_dir(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

UNIT_MAIN({"io", make_dir, drop_dir, NULL, NULL, cases})
