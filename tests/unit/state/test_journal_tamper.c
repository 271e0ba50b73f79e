// SPDX-License-Identifier: MIT
#include "journal_support.h"
#include "base/alloc.h"
#include "base/hash.h"
#include "state/journal_format.h"

#include <limits.h>

// Files that change under a reader, bytes that check but make no sense, calls in the wrong order.

// One large entry and `small` ones of 10 bytes, sealed by one commit; a reader with small chunks
// that has read the large one and so knows that the rest is sealed.
struct started {
    const char *dir;
    char path[256];
    struct journal_reader *reader;
    struct journal_entry entry;
    uint64_t offset; // of the first small entry
};

enum { LARGE = 500, SMALL = 10 };

static void start(struct started *started, int small)
{
    struct journal *journal;
    started->dir = fresh_dir();
    CU_ASSERT_EQUAL_FATAL(journal_open(&journal, started->dir, NULL, NULL), 0);
    CU_ASSERT_EQUAL(add(journal, LARGE, 1, 0), 0);
    for (int i = 0; i < small; i++)
        CU_ASSERT_EQUAL(add(journal, SMALL, 1, 0), 0);
    CU_ASSERT_EQUAL(journal_close(journal, NULL), 0);
    snprintf(started->path, sizeof started->path, "%s", segment_file(started->dir, 0));
    started->offset = SEGMENT_HEADER + FRAME_HEADER + LARGE;
    CU_ASSERT_EQUAL_FATAL(journal_reader_open(&started->reader, started->dir, 100, NULL), 0);
    CU_ASSERT_EQUAL(journal_reader_next(started->reader, &started->entry, NULL), 1);
    CU_ASSERT_EQUAL(started->entry.len, LARGE);
}

static void overwrite(const char *path, uint64_t offset, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(pwrite(fd, bytes, len, (off_t)offset), (ssize_t)len);
    close(fd);
}

static void headers_that_change_under_a_reader(void)
{
    static const unsigned char zeros[FRAME_HEADER];
    static const struct {
        int at;   // which of the small entries loses its header
        int read; // how many of them are still read
    } rows[] = {{0, 0}, {1, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct started s;
        struct error err = ERROR_INIT;
        int code, count = 0;
        start(&s, 3);
        overwrite(s.path, s.offset + (uint64_t)(rows[i].at * (FRAME_HEADER + SMALL)), zeros,
                  sizeof zeros);
        while ((code = journal_reader_next(s.reader, &s.entry, &err)) > 0)
            count++;
        CU_ASSERT_EQUAL(count, rows[i].read);
        CU_ASSERT_EQUAL(code, ERR_CORRUPT); // the close made it durable
        CHECK_HAS(err.text, ".seg: byte ");
        CHECK_HAS(err.text, "no frame begins here");
        journal_reader_close(s.reader);
    }
}

static void a_number_that_does_not_follow_is_damage(void)
{
    struct started s;
    struct error err = ERROR_INIT;
    unsigned char frame[FRAME_HEADER + SMALL];
    struct iovec part = {frame + FRAME_HEADER, SMALL};
    start(&s, 2);
    memset(frame, 7, sizeof frame);
    entry_write(frame, 5, 1, &part, 1, SMALL); // expected: 2
    overwrite(s.path, s.offset + FRAME_HEADER + SMALL, frame, sizeof frame);
    CU_ASSERT_EQUAL(journal_reader_next(s.reader, &s.entry, &err), 1);
    CU_ASSERT_EQUAL(journal_reader_next(s.reader, &s.entry, &err), ERR_CORRUPT);
    CHECK_HAS(err.text, "record 5, expected 2");
    journal_reader_close(s.reader);
}

static void a_file_that_is_cut_under_a_reader(void)
{
    static const struct {
        uint64_t keep; // bytes of the small entry
        int code;
        const char *text;
    } rows[] = {{FRAME_HEADER + 3, ERR_CORRUPT, "the file was cut under the reader"},
                {5, ERR_CORRUPT, "no frame begins here"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct started s;
        struct error err = ERROR_INIT;
        start(&s, 1);
        CU_ASSERT_EQUAL(truncate(s.path, (off_t)(s.offset + rows[i].keep)), 0);
        CU_ASSERT_EQUAL(journal_reader_next(s.reader, &s.entry, &err), rows[i].code);
        CHECK_HAS(err.text, rows[i].text);
        journal_reader_close(s.reader);
    }
    struct started s;
    struct error err = ERROR_INIT;
    start(&s, 0);
    CU_ASSERT_EQUAL(journal_reader_next(s.reader, &s.entry, &err), 0);
    CU_ASSERT_EQUAL(truncate(s.path, 100), 0);
    CU_ASSERT_EQUAL(journal_reader_next(s.reader, &s.entry, &err), ERR_REFUSED);
    CHECK_HAS(err.text, "was cut back to byte 100");
    journal_reader_close(s.reader);
}

static void bounds_of_what_went_away(void)
{
    struct started s;
    struct error err = ERROR_INIT;
    uint64_t first, next;
    start(&s, 1);
    save_file(segment_file(s.dir, 9), (const unsigned char *)"short", 5);
    CU_ASSERT_EQUAL(journal_reader_bounds(s.reader, &first, &next, &err), ERR_CORRUPT);
    CHECK_HAS(err.text, "00009.seg");
    empty_dir(s.dir);
    CU_ASSERT_EQUAL(journal_reader_bounds(s.reader, &first, &next, &err), ERR_RETRY);
    CHECK_HAS(err.text, "there is no journal");
    CU_ASSERT_EQUAL(journal_reader_seek(s.reader, 0, &err), ERR_LIMIT);
    CU_ASSERT_EQUAL(rmdir(s.dir), 0);
    CU_ASSERT_EQUAL(journal_reader_bounds(s.reader, &first, &next, &err), ERR_RETRY);
    CU_ASSERT_EQUAL(journal_reader_next(s.reader, &s.entry, &err), 1); // in memory or still open
    CU_ASSERT_EQUAL(journal_reader_next(s.reader, &s.entry, &err), ERR_RETRY);
    journal_reader_close(s.reader);
}

// Behind the sealed end lie bytes that are no frame: the end stays where it is for a seek, unless a
// commit further on says that they were durable.
static void seeks_to_the_end_in_front_of_a_torn_tail(void)
{
    struct started s;
    struct error err = ERROR_INIT;
    unsigned char tail[40 + COMMIT_BYTES];
    start(&s, 2);
    struct bytes bytes = load_file(s.path);
    memset(tail, 'x', sizeof tail);
    overwrite(s.path, bytes.len, tail, 40);
    CU_ASSERT_EQUAL(journal_reader_seek(s.reader, 3, &err), 0);
    CU_ASSERT_EQUAL(journal_reader_at(s.reader), 3);
    CU_ASSERT_EQUAL(journal_reader_next(s.reader, &s.entry, &err), 0);
    CU_ASSERT_EQUAL(journal_reader_seek(s.reader, 4, &err), ERR_REFUSED);
    CHECK_HAS(err.text, "lies beyond the end, which is at 3");
    commit_write(tail + 40, journal_reader_id(s.reader), 9, bytes.len + 40, bytes.len + 40);
    overwrite(s.path, bytes.len, tail, sizeof tail);
    CU_ASSERT_EQUAL(journal_reader_seek(s.reader, 3, &err), ERR_CORRUPT);
    CHECK_HAS(err.text, "says that this was whole");
    journal_reader_close(s.reader);
    free(bytes.data);
}

static void headers_that_check_but_are_wrong(void)
{
    struct started s;
    struct error err = ERROR_INIT;
    struct journal *journal;
    start(&s, 1);
    struct bytes bytes = load_file(s.path);
    unsigned char commit[COMMIT_BYTES];
    // The last commit: durable up to where no commit ends.
    commit_write(commit, journal_reader_id(s.reader), 2, bytes.len - COMMIT_BYTES, 70);
    overwrite(s.path, bytes.len - COMMIT_BYTES, commit, sizeof commit);
    overwrite(s.path, bytes.len, "torn", 4);
    journal_reader_close(s.reader);
    CU_ASSERT_EQUAL(journal_open(&journal, s.dir, NULL, &err), ERR_CORRUPT);
    CHECK_HAS(err.text, "byte 70: no commit ends here, but a later one says so");
    // A version of tomorrow, with a sum that is right.
    bytes.data[8] = 2;
    uint32_t sum = hash_crc32c(0, bytes.data, 60);
    for (int i = 0; i < 4; i++)
        bytes.data[60 + i] = (unsigned char)(sum >> (8 * i));
    save_file(s.path, bytes.data, bytes.len);
    CU_ASSERT_EQUAL(journal_open(&journal, s.dir, NULL, &err), ERR_CORRUPT);
    CHECK_HAS(err.text, "journal version 2, expected 1");
    free(bytes.data);
}

// A crash's tail is checked entry by entry when a writer opens: every allocation of that fails.
static void recovery_survives_a_lack_of_memory(void)
{
    for (uint64_t n = 1;; n++) {
        const char *dir = fresh_dir();
        struct journal *journal;
        struct error err = ERROR_INIT;
        CU_ASSERT_EQUAL_FATAL(journal_open(&journal, dir, NULL, NULL), 0);
        CU_ASSERT_EQUAL(add(journal, LARGE, 1, JOURNAL_SEAL), 0);
        CU_ASSERT_EQUAL(add(journal, LARGE, 1, JOURNAL_SEAL), 0);
        journal_abandon(journal);
        struct bytes bytes = load_file(segment_file(dir, 0));
        overwrite(segment_file(dir, 0), bytes.len, "torn", 4);
        free(bytes.data);
        mem_fail_at(n, false);
        int code = journal_open(&journal, dir, NULL, &err);
        bool fired = mem_fail_count() > 0;
        mem_fail_at(0, false);
        CU_ASSERT_EQUAL(code, fired ? ERR_NOMEM : 0);
        if (!code) {
            CU_ASSERT_EQUAL(journal_next(journal), 2);
            CU_ASSERT_EQUAL(journal_close(journal, NULL), 0);
            break;
        }
    }
}

static void what_cannot_be_is_said(void)
{
    struct journal *journal;
    struct journal_reader *reader;
    struct error err = ERROR_INIT;
    static char path[PATH_MAX + 10];
    memset(path, 'x', sizeof path - 1);
    CU_ASSERT_EQUAL(journal_open(&journal, path, NULL, &err), ERR_INPUT);
    CHECK_HAS(err.text, "the path is too long");
    CU_ASSERT_EQUAL(journal_reader_open(&reader, path, 0, &err), ERR_INPUT);
    CHECK_HAS(err.text, "the path is too long");
    journal_abandon(NULL);
    CU_ASSERT_EQUAL(journal_close(NULL, NULL), 0);
    const char *dir = fresh_dir();
    CU_ASSERT_EQUAL_FATAL(journal_open(&journal, dir, NULL, NULL), 0);
    CU_ASSERT_EQUAL(journal_compact_end(journal, &err), ERR_BUG);
    CU_ASSERT_EQUAL(journal_compact_begin(journal, NULL), 0);
    CU_ASSERT_EQUAL(journal_retain(journal, 1, 0, &err), ERR_BUG);
    CHECK_HAS(err.text, "within a compaction");
    journal_compact_abort(journal);
    CU_ASSERT_EQUAL(journal_close(journal, NULL), 0);
    const char *file = fresh_dir();
    save_file(file, (const unsigned char *)"a file", 6);
    CU_ASSERT_EQUAL(journal_reader_open(&reader, file, 0, &err), ERR_IO);
    CHECK_HAS(err.text, "cannot list the directory: Not a directory");
}

static CU_TestInfo cases[] = {
    {"headers that change under a reader", headers_that_change_under_a_reader},
    {"a number that does not follow is damage", a_number_that_does_not_follow_is_damage},
    {"a file that is cut under a reader", a_file_that_is_cut_under_a_reader},
    {"bounds of what went away", bounds_of_what_went_away},
    {"seeks to the end in front of a torn tail", seeks_to_the_end_in_front_of_a_torn_tail},
    {"headers that check but are wrong", headers_that_check_but_are_wrong},
    {"recovery survives a lack of memory", recovery_survives_a_lack_of_memory},
    {"what cannot be is said", what_cannot_be_is_said},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN({"journal_tamper", journal_suite_begin, journal_suite_end, NULL, NULL, cases})
