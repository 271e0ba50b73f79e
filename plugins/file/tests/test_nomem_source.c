// SPDX-License-Identifier: MIT
#include "support/nomem_test.h"

#include "packed_test.h"
#include "source_test.h"

// The file source's lives: files that end, one that is followed through a rotation and gone on with
// from a stored position, one that is followed from its end; plain and compressed.

static const struct kind *packed; // of this walk; NULL: plain

static const char *path_of(const char *stem)
{
    static char path[64];
    snprintf(path, sizeof path, "%s%s", stem, packed ? packed->suffix : "");
    return path;
}

static void append(const char *stem, const char *text)
{
    if (packed)
        packed->pack(path_of(stem), text, strlen(text));
    else
        write_file(path_of(stem), text, O_APPEND);
}

static void begin_life(struct subject *s, const char *path, const char *follow)
{
    begin_source(s, path, follow);
    s->host.table.put = nomem_put;
}

static void remove_all(void)
{
    DIR *entries = opendir(".");
    for (struct dirent *e; entries && (e = readdir(entries));)
        if (e->d_name[0] != '.')
            unlink(e->d_name);
    closedir(entries);
}

static tide_result bounded_life(char why[1024])
{
    struct subject s;
    remove_all();
    append("a.log", "one\n");
    append("b.log", "two\n");
    begin_life(&s, "*.log*", "false");
    tide_result result = source_open(&s);
    if (result >= 0)
        result = drain(&s);
    if (result >= 0) {
        CU_ASSERT_EQUAL(result, TIDE_EOF);
        CU_ASSERT_EQUAL(s.host.bad_count, 0);
        check_stream(&s, path_of("a.log"), 0, "one\n");
        check_stream(&s, path_of("b.log"), 0, "two\n");
    }
    nomem_end(&s.host, result, why);
    source_close(&s);
    return result;
}

struct kept { // where the first instance stopped
    char name[200], position[64];
    size_t len;
};

static tide_result follow_first(struct kept *kept, char why[1024])
{
    struct subject s;
    append("a.log", "one\n");
    begin_life(&s, path_of("a.log"), "true");
    tide_result result = source_open(&s);
    if (result >= 0)
        result = follow_until(&s, 4);
    append("a.log", "two\n");
    if (result >= 0)
        result = follow_until(&s, 8);
    if (result >= 0) {
        check_stream(&s, path_of("a.log"), 0, "one\ntwo\n");
        const struct fake_split *split = &s.host.splits[0];
        snprintf(kept->name, sizeof kept->name, "%s", split->name.data);
        memcpy(kept->position, split->before.data, split->before.len);
        kept->len = split->before.len;
    }
    nomem_end(&s.host, result, why);
    source_close(&s);
    return result;
}

static tide_result follow_on(const struct kept *kept, char why[1024])
{
    struct subject s;
    char from[64];
    snprintf(from, sizeof from, "%s", path_of("a.log"));
    if (rename(from, path_of("a.log.1")) < 0)
        abort();
    append("a.log", "three\n");
    begin_life(&s, from, "true");
    fake_position(&s.host, kept->name, kept->position, kept->len);
    tide_result result = source_open(&s);
    if (result >= 0)
        result = follow_until(&s, 10);
    if (result >= 0) {
        const char *stream = s.host.splits[0].stream.data;
        CU_ASSERT_STRING_EQUAL(stream ? stream : "", "two\n");
        CU_ASSERT_EQUAL_FATAL(s.host.split_count, 2);
        stream = s.host.splits[1].stream.data;
        CU_ASSERT_STRING_EQUAL(stream ? stream : "", "three\n");
    }
    nomem_end(&s.host, result, why);
    source_close(&s);
    return result;
}

static tide_result rotated_life(char why[1024])
{
    struct kept kept;
    remove_all();
    tide_result result = follow_first(&kept, why);
    return result >= 0 ? follow_on(&kept, why) : result;
}

static tide_result from_end_life(char why[1024])
{
    struct subject s;
    remove_all();
    append("a.log", "one\ntw");
    begin_life(&s, path_of("a.log"), "true");
    fake_set(&s.host, "start", "end");
    tide_result result = source_open(&s);
    if (result >= 0)
        result = follow_until(&s, 2);
    append("a.log", "o\n");
    if (result >= 0)
        result = follow_until(&s, 4);
    if (result >= 0)
        check_stream(&s, path_of("a.log"), 0, "two\n");
    nomem_end(&s.host, result, why);
    source_close(&s);
    return result;
}

static void walk(const struct kind *with)
{
    char dir[64];
    scratch_enter(dir);
    packed = with;
    nomem_each(bounded_life);
    nomem_each(rotated_life);
    nomem_each(from_end_life);
    scratch_leave(dir);
}

static void test_plain(void)
{
    walk(NULL);
}

static void test_packed(void)
{
    EACH_KIND(kind)
    {
        walk(kind);
    }
}

static CU_TestInfo cases[] = {
    {"plain", test_plain}, {"compressed", test_packed}, CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("file source without memory", cases))
