// SPDX-License-Identifier: MIT
#include "cli/lines.h"
#include "support/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A file that comes into being and grows, in pieces that are no lines.

static void add(const char *path, const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, text, len), (ssize_t)len);
    close(fd);
}

static void check_next(struct lines *lines, const char *wanted)
{
    const char *line = NULL;
    size_t len = 0;
    int code;
    struct error err = ERROR_INIT;
    bool there = lines_next(lines, &line, &len, &code, &err);
    CU_ASSERT_EQUAL(code, 0);
    CU_ASSERT_EQUAL_FATAL(there, wanted != NULL);
    if (there) {
        CU_ASSERT_EQUAL_FATAL(len, strlen(wanted));
        CU_ASSERT_EQUAL(memcmp(line, wanted, len), 0);
    }
}

static void growing(void)
{
    char path[] = "/tmp/tidemill-lines-XXXXXX";
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    close(fd);
    unlink(path);
    struct lines lines;
    lines_init(&lines, path);
    check_next(&lines, NULL); // not there
    add(path, "one\ntw", 6);
    check_next(&lines, "one");
    check_next(&lines, NULL);
    add(path, "o\n\nthree\n", 9);
    check_next(&lines, "two");
    check_next(&lines, "");
    check_next(&lines, "three");
    check_next(&lines, NULL);
    lines_deinit(&lines);
    unlink(path);
}

static void endless_line(void)
{
    char path[] = "/tmp/tidemill-lines-XXXXXX";
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    static char block[1 << 20];
    memset(block, 'x', sizeof block);
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(write(fd, block, sizeof block), (ssize_t)sizeof block);
    close(fd);
    struct lines lines;
    lines_init(&lines, path);
    const char *line;
    size_t len;
    int code;
    struct error err = ERROR_INIT;
    CU_ASSERT_FALSE(lines_next(&lines, &line, &len, &code, &err));
    CU_ASSERT_EQUAL(code, ERR_LIMIT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, path));
    lines_deinit(&lines);
    unlink(path);
}

static CU_TestInfo cases[] = {
    {"growing", growing},
    {"endless line", endless_line},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("lines", cases))
