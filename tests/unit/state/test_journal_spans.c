// SPDX-License-Identifier: MIT
#include "journal_support.h"
#include "base/alloc.h"

// What is sealed together and was never synced: a power cut may have torn any of it. A reader that
// comes before the writer hands out no entry that the writer then cuts off.

enum { SPANS = 4, PER_SPAN = 3, ENTRIES = SPANS * PER_SPAN };

static const size_t chunks[] = {30, 100, 300, 1000, 0};
enum { CHUNKS = sizeof chunks / sizeof *chunks };

// SPANS commits, each behind PER_SPAN entries; the first `synced` of them are durable.
static const char *make_spans(int synced, size_t entry)
{
    const char *dir = fresh_dir();
    struct journal *journal;
    CU_ASSERT_EQUAL_FATAL(journal_open(&journal, dir, NULL, NULL), 0);
    for (int i = 0; i < ENTRIES; i++) {
        bool last = i % PER_SPAN == PER_SPAN - 1;
        CU_ASSERT_EQUAL(add(journal, entry + (size_t)i, 1, last ? JOURNAL_SEAL : 0), 0);
        if (i + 1 == synced * PER_SPAN)
            CU_ASSERT_EQUAL(journal_sync(journal, NULL), 0);
    }
    journal_abandon(journal);
    return dir;
}

// What a writer that opens the journal keeps; -1: it refuses.
static int64_t kept(const char *dir)
{
    struct journal *journal;
    struct error err = ERROR_INIT;
    int code = journal_open(&journal, dir, NULL, &err);
    CU_ASSERT(code == 0 || code == ERR_CORRUPT);
    if (code)
        return -1;
    int64_t next = (int64_t)journal_next(journal);
    journal_abandon(journal);
    return next;
}

// From each record on: what is handed out is right, and ends where `end` says.
static void read_from_each(const char *dir, size_t chunk, uint64_t end)
{
    for (uint64_t from = 0; from < ENTRIES; from++) {
        struct journal_reader *reader;
        struct journal_entry entry;
        CU_ASSERT_EQUAL_FATAL(journal_reader_open(&reader, dir, chunk, NULL), 0);
        uint64_t next = from;
        int code = journal_reader_seek(reader, from, NULL);
        while (code >= 0 && (code = journal_reader_next(reader, &entry, NULL)) == 1) {
            CU_ASSERT_EQUAL(entry.sequence, next++);
            CU_ASSERT(entry_is_right(&entry));
        }
        CU_ASSERT(code == 0 || code == ERR_REFUSED);
        CU_ASSERT_EQUAL(next, from < end && !code ? end : from);
        journal_reader_close(reader);
    }
}

static void check_damaged(const char *dir, size_t at, size_t durable)
{
    struct error err = ERROR_INIT;
    uint64_t end = 0;
    for (int i = 0; i < CHUNKS; i++) {
        int code;
        uint64_t found = read_to_end(dir, chunks[i], &code, &err);
        CU_ASSERT_EQUAL(code, at < durable ? ERR_CORRUPT : 0);
        CU_ASSERT(code || found % PER_SPAN == 0);
        CU_ASSERT(i == 0 || code || found == end);
        end = found;
        if (!code && at % 16 == 0)
            read_from_each(dir, chunks[i], end);
    }
    if (at >= durable)
        CU_ASSERT_EQUAL(kept(dir), (int64_t)end);
}

static void a_reader_sees_what_the_writer_keeps(void)
{
    for (int synced = 0; synced < SPANS; synced++) {
        char dir[128];
        snprintf(dir, sizeof dir, "%s", make_spans(synced, 20));
        struct bytes bytes = load_file(segment_file(dir, 0));
        size_t durable = 64;
        for (int i = 0; i < synced * PER_SPAN; i++)
            durable += 24 + 20 + (size_t)i + (i % PER_SPAN == PER_SPAN - 1 ? 56 : 0);
        for (size_t at = 64; at < bytes.len; at++) {
            bytes.data[at] ^= 0x40;
            empty_dir(dir);
            save_file(segment_file(dir, 0), bytes.data, bytes.len);
            check_damaged(dir, at, durable);
            bytes.data[at] ^= 0x40;
        }
        free(bytes.data);
    }
}

// Larger than what is read at once: the end is checked before the beginning is handed out.
static void a_span_of_many_chunks(void)
{
    static const size_t sizes[] = {1000, 100000, 700000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char dir[128];
        snprintf(dir, sizeof dir, "%s", make_spans(0, sizes[i]));
        struct bytes bytes = load_file(segment_file(dir, 0));
        struct error err = ERROR_INIT;
        int code;
        for (int k = 0; k < CHUNKS; k++)
            CU_ASSERT_EQUAL(read_to_end(dir, chunks[k], &code, &err), ENTRIES);
        bytes.data[bytes.len - 100] ^= 1; // of the last entry
        save_file(segment_file(dir, 0), bytes.data, bytes.len);
        for (int k = 0; k < CHUNKS; k++) {
            CU_ASSERT_EQUAL(read_to_end(dir, chunks[k], &code, &err), ENTRIES - PER_SPAN);
            CU_ASSERT_EQUAL(code, 0);
        }
        CU_ASSERT_EQUAL(kept(dir), ENTRIES - PER_SPAN);
        free(bytes.data);
    }
}

// A write on its way: the same reader waits, and goes on when it is there.
static void a_span_that_becomes_whole(void)
{
    for (int k = 0; k < CHUNKS; k++) {
        char dir[128];
        snprintf(dir, sizeof dir, "%s", make_spans(1, 40));
        struct bytes bytes = load_file(segment_file(dir, 0));
        struct journal_reader *reader;
        struct journal_entry entry;
        size_t at = bytes.len - 60;
        bytes.data[at] ^= 1;
        save_file(segment_file(dir, 0), bytes.data, bytes.len);
        CU_ASSERT_EQUAL_FATAL(journal_reader_open(&reader, dir, chunks[k], NULL), 0);
        for (int i = 0; i < ENTRIES - PER_SPAN; i++)
            CU_ASSERT_EQUAL(journal_reader_next(reader, &entry, NULL), 1);
        for (int i = 0; i < 3; i++)
            CU_ASSERT_EQUAL(journal_reader_next(reader, &entry, NULL), 0);
        CU_ASSERT_EQUAL(journal_reader_at(reader), ENTRIES - PER_SPAN);
        bytes.data[at] ^= 1;
        int fd = open(segment_file(dir, 0), O_WRONLY);
        CU_ASSERT_EQUAL(pwrite(fd, bytes.data, bytes.len, 0), (ssize_t)bytes.len);
        close(fd);
        for (uint64_t i = ENTRIES - PER_SPAN; i < ENTRIES; i++) {
            CU_ASSERT_EQUAL_FATAL(journal_reader_next(reader, &entry, NULL), 1);
            CU_ASSERT_EQUAL(entry.sequence, i);
            CU_ASSERT(entry_is_right(&entry));
        }
        CU_ASSERT_EQUAL(journal_reader_next(reader, &entry, NULL), 0);
        journal_reader_close(reader);
        free(bytes.data);
    }
}

// The writer comes, cuts, and writes other records of the same numbers: the reader that waited in
// front of them reads those.
static void a_torn_span_that_is_cut_off(void)
{
    char dir[128];
    snprintf(dir, sizeof dir, "%s", make_spans(0, 40));
    struct bytes bytes = load_file(segment_file(dir, 0));
    struct journal_reader *reader;
    struct journal_entry entry;
    struct journal *journal;
    bytes.data[bytes.len - 60] ^= 1;
    save_file(segment_file(dir, 0), bytes.data, bytes.len);
    CU_ASSERT_EQUAL_FATAL(journal_reader_open(&reader, dir, 0, NULL), 0);
    while (journal_reader_next(reader, &entry, NULL) == 1)
        ;
    CU_ASSERT_EQUAL(journal_reader_at(reader), ENTRIES - PER_SPAN);
    CU_ASSERT_EQUAL_FATAL(journal_open(&journal, dir, NULL, NULL), 0);
    CU_ASSERT_EQUAL(journal_next(journal), ENTRIES - PER_SPAN);
    CU_ASSERT_EQUAL(add(journal, 77, 1, JOURNAL_SEAL), 0);
    CU_ASSERT_EQUAL_FATAL(journal_reader_next(reader, &entry, NULL), 1);
    CU_ASSERT_EQUAL(entry.sequence, ENTRIES - PER_SPAN);
    CU_ASSERT_EQUAL(entry.len, 77);
    CU_ASSERT_EQUAL(journal_reader_next(reader, &entry, NULL), 0);
    journal_reader_close(reader);
    CU_ASSERT_EQUAL(journal_close(journal, NULL), 0);
    free(bytes.data);
}

// Memory for a look at what lies beyond the chunk may be out: said, and tried again.
static void a_look_without_memory(void)
{
    char dir[128];
    snprintf(dir, sizeof dir, "%s", make_spans(0, 3000));
    for (uint64_t n = 1; n < 200; n++) {
        struct journal_reader *reader;
        struct journal_entry entry;
        struct error err = ERROR_INIT;
        CU_ASSERT_EQUAL_FATAL(journal_reader_open(&reader, dir, 100, NULL), 0);
        mem_fail_at(n, true);
        int count = 0, code;
        while ((code = journal_reader_next(reader, &entry, &err)) == 1)
            count++;
        mem_fail_at(0, false);
        CU_ASSERT(code == 0 || code == ERR_NOMEM);
        bool done = code == 0;
        while (journal_reader_next(reader, &entry, &err) == 1)
            count++;
        CU_ASSERT_EQUAL(count, ENTRIES);
        journal_reader_close(reader);
        if (done)
            return;
    }
    CU_FAIL("it never ends");
}

static CU_TestInfo cases[] = {
    {"a reader sees what the writer keeps", a_reader_sees_what_the_writer_keeps},
    {"a span of many chunks", a_span_of_many_chunks},
    {"a span that becomes whole", a_span_that_becomes_whole},
    {"a torn span that is cut off", a_torn_span_that_is_cut_off},
    {"a look without memory", a_look_without_memory},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN({"journal_spans", journal_suite_begin, journal_suite_end, NULL, NULL, cases})
