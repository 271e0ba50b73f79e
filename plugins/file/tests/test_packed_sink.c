// SPDX-License-Identifier: MIT
#include "packed_test.h"

static char dir[64];

static void begin_packed(struct subject *s, const struct kind *kind, char path[32])
{
    snprintf(path, 32, "out%s", kind->suffix);
    begin(s, path);
    fake_set(&s->host, "compress.format", kind->name);
}

static uint64_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

// What was flushed is a valid file, at each flush and when it is cut back to it later.
static void test_flushed_is_whole(void)
{
    EACH_KIND(kind)
    {
        struct subject s;
        char path[32];
        uint64_t lengths[3];
        static const char *const contents[] = {"one\n", "one\ntwo\n", "one\ntwo\n\n"};
        static const char *const lines[] = {"one", "two", ""};
        scratch_enter(dir);
        begin_packed(&s, kind, path);
        CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
        for (int i = 0; i < 3; i++) {
            CU_ASSERT_EQUAL(put(&s, lines[i]), TIDE_OK);
            CU_ASSERT_EQUAL(flush(&s), TIDE_OK);
            CU_ASSERT_EQUAL(flush(&s), TIDE_OK); // adds nothing
            check_content(kind, path, contents[i]);
            lengths[i] = size_of(path);
        }
        sink_close(&s);
        for (int i = 3; i-- > 0;) {
            CU_ASSERT_EQUAL(truncate(path, (off_t)lengths[i]), 0);
            check_content(kind, path, contents[i]);
        }
        scratch_leave(dir);
    }
}

// More than any buffer holds, at every level, appended to in a second run.
static void test_much(void)
{
    EACH_KIND(kind)
    {
        char *text = many_lines(3000000);
        for (int level = 1; level <= 9; level += 4) {
            struct subject s;
            char path[32], number[8];
            scratch_enter(dir);
            for (int run = 0; run < 2; run++) {
                begin_packed(&s, kind, path);
                snprintf(number, sizeof number, "%d", level);
                fake_set(&s.host, "compress.level", number);
                CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
                char *half = text + strlen(text) / 2;
                char *from = run ? half : text, *end = run ? text + strlen(text) : half;
                tide_record record = {.struct_size = sizeof record,
                                      .value = {from, (size_t)(end - from)}};
                CU_ASSERT_EQUAL(fake_write(&s.host, s.plugin->sink, s.self, &record, 1), TIDE_OK);
                CU_ASSERT_EQUAL(flush(&s), TIDE_OK);
                sink_close(&s);
            }
            CU_ASSERT_TRUE(size_of(path) < strlen(text) / 2);
            size_t size = strlen(text) + 3;
            char *out = malloc(size);
            size_t half = strlen(text) / 2;
            CU_ASSERT_EQUAL(kind->unpack(path, out, size), (ssize_t)size - 1);
            CU_ASSERT_EQUAL(memcmp(out, text, half), 0);
            CU_ASSERT_EQUAL(memcmp(out + half + 1, text + half, strlen(text) - half), 0);
            free(out);
            scratch_leave(dir);
        }
        free(text);
    }
}

// A frame that a crash left unfinished goes, wherever it was cut; what was flushed before stays.
static void test_unfinished_frame_is_cut_off(void)
{
    EACH_KIND(kind)
    {
        struct subject s;
        char path[32];
        scratch_enter(dir);
        begin_packed(&s, kind, path);
        kind->pack(path, "one\n", 4);
        uint64_t whole = size_of(path);
        kind->pack(path, "two\n", 4);
        uint64_t both = size_of(path);
        fake_host_deinit(&s.host);
        for (uint64_t cut = both - 1; cut >= whole; cut--) {
            CU_ASSERT_EQUAL(truncate(path, (off_t)cut), 0);
            begin_packed(&s, kind, path);
            CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
            CU_ASSERT_EQUAL(put(&s, "three"), TIDE_OK);
            CU_ASSERT_EQUAL(flush(&s), TIDE_OK);
            check_content(kind, path, "one\nthree\n");
            CU_ASSERT_TRUE(cut == whole || text_has(s.host.log, "ends within a frame"));
            sink_close(&s);
            CU_ASSERT_EQUAL(truncate(path, (off_t)whole), 0);
            kind->pack(path, "two\n", 4);
        }
        scratch_leave(dir);
    }
}

static void test_not_appended_to(void)
{
    EACH_KIND(kind)
    {
        static const char *const before[] = {"plain text\n", "{}\n"};
        for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
            struct subject s;
            char path[32], want[64];
            scratch_enter(dir);
            begin_packed(&s, kind, path);
            if (i)
                kind->pack(path, "one\n", 4); // garbage behind a frame
            snprintf(want, sizeof want, "is no %s file from byte %llu on", kind->name,
                     (unsigned long long)size_of(path));
            append_bytes(path, before[i], strlen(before[i]));
            CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
            CU_ASSERT_EQUAL(put(&s, "three"), TIDE_FATAL);
            CU_ASSERT_TRUE(text_has(s.host.reason, want));
            sink_close(&s);
            scratch_leave(dir);
        }
    }
}

// Prepared, then more was written and half of that reached the disk: commit and abort cut it.
static void test_two_phase(void)
{
    EACH_KIND(kind)
    {
        for (int commit = 0; commit < 2; commit++) {
            struct subject s;
            char path[32];
            scratch_enter(dir);
            begin_packed(&s, kind, path);
            CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
            CU_ASSERT_EQUAL(put(&s, "one"), TIDE_OK);
            tide_buf *first = prepare(&s);
            CU_ASSERT_EQUAL(finish(&s, first, 1), TIDE_OK);
            CU_ASSERT_EQUAL(put(&s, "two"), TIDE_OK);
            tide_buf *second = prepare(&s);
            CU_ASSERT_EQUAL(put(&s, "three"), TIDE_OK);
            CU_ASSERT_EQUAL(flush(&s), TIDE_OK);
            sink_close(&s);
            CU_ASSERT_EQUAL(truncate(path, (off_t)size_of(path) - 3), 0);
            begin_packed(&s, kind, path);
            CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
            CU_ASSERT_EQUAL(finish(&s, second, commit), TIDE_OK);
            check_content(kind, path, commit ? "one\ntwo\n" : "one\n");
            CU_ASSERT_EQUAL(put(&s, "four"), TIDE_OK);
            CU_ASSERT_EQUAL(flush(&s), TIDE_OK);
            check_content(kind, path, commit ? "one\ntwo\nfour\n" : "one\nfour\n");
            sink_close(&s);
            fake_buf_free(first);
            fake_buf_free(second);
            scratch_leave(dir);
        }
    }
}

static void test_rotation_keeps_the_ending(void)
{
    EACH_KIND(kind)
    {
        struct subject s;
        char path[32], rotated[64];
        scratch_enter(dir);
        begin_packed(&s, kind, path);
        fake_set(&s.host, "rotate.every", "1h");
        s.host.clock_set = true;
        s.host.wall_ms = 3600000 - 1;
        CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
        CU_ASSERT_EQUAL(put(&s, "one"), TIDE_OK);
        CU_ASSERT_EQUAL(put(&s, "two"), TIDE_OK);
        s.host.wall_ms = 3600000;
        CU_ASSERT_EQUAL(put(&s, "three"), TIDE_OK);
        CU_ASSERT_EQUAL(flush(&s), TIDE_OK);
        snprintf(rotated, sizeof rotated, "out.19700101T010000.000Z%s", kind->suffix);
        check_content(kind, rotated, "one\ntwo\n");
        check_content(kind, path, "three\n");
        sink_close(&s);
        scratch_leave(dir);
    }
}

// In a two-phase checkpoint nothing is rotated between two of them, also when all is still held by
// the compressor; recovery finds what was rotated after it.
static void test_rotation_and_recovery(void)
{
    EACH_KIND(kind)
    {
        struct subject s;
        char path[32];
        scratch_enter(dir);
        begin_packed(&s, kind, path);
        fake_set(&s.host, "rotate.size", "5B");
        CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
        tide_buf *none = prepare(&s);
        CU_ASSERT_EQUAL(finish(&s, none, 1), TIDE_OK);
        CU_ASSERT_EQUAL(put(&s, "one"), TIDE_OK);
        CU_ASSERT_EQUAL(put(&s, "two"), TIDE_OK);
        CU_ASSERT_EQUAL(count_files("out"), 1);
        tide_buf *data = prepare(&s);
        CU_ASSERT_EQUAL(finish(&s, data, 1), TIDE_OK);
        CU_ASSERT_EQUAL(put(&s, "three"), TIDE_OK); // rotates
        CU_ASSERT_EQUAL(flush(&s), TIDE_OK);
        CU_ASSERT_EQUAL(count_files("out"), 2);
        sink_close(&s);
        begin_packed(&s, kind, path);
        CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
        CU_ASSERT_EQUAL(finish(&s, data, 1), TIDE_OK);
        CU_ASSERT_EQUAL(size_of(path), 0);
        sink_close(&s);
        fake_buf_free(none);
        fake_buf_free(data);
        scratch_leave(dir);
    }
}

static void test_levels(void)
{
#ifdef HAVE_ZLIB
    struct subject s;
    begin(&s, "out");
    fake_set(&s.host, "compress.format", "gzip");
    fake_set(&s.host, "compress.level", "10");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_FATAL);
    CU_ASSERT_TRUE(text_has(s.host.reason, "compress.level of gzip is 1 to 9, not 10"));
    sink_close(&s);
#endif
}

static void test_no_space(void)
{
    EACH_KIND(kind)
    {
        struct subject s;
        begin(&s, "/dev/full");
        fake_set(&s.host, "compress.format", kind->name);
        CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
        CU_ASSERT_EQUAL(put(&s, "one"), TIDE_OK);
        CU_ASSERT_EQUAL(s.plugin->sink->flush(s.self), TIDE_AGAIN);
        CU_ASSERT_EQUAL(put(&s, "two"), TIDE_OK);
        CU_ASSERT_EQUAL(s.plugin->sink->flush(s.self), TIDE_AGAIN);
        CU_ASSERT_TRUE(text_has(s.host.log, "waiting for space"));
        sink_close(&s);
    }
}

static CU_TestInfo cases[] = {
    {"what was flushed is a whole file", test_flushed_is_whole},
    {"much, at several levels, in two runs", test_much},
    {"an unfinished frame is cut off", test_unfinished_frame_is_cut_off},
    {"what is not compressed is not appended to", test_not_appended_to},
    {"commit and abort cut back to frames", test_two_phase},
    {"a rotated file keeps its ending", test_rotation_keeps_the_ending},
    {"rotation and recovery", test_rotation_and_recovery},
    {"levels", test_levels},
    {"no space: waits", test_no_space},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("file sink, compressed", cases))
