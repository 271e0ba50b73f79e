// SPDX-License-Identifier: MIT
#include "store_support.h"
#include "base/hash.h"

#include <signal.h>
#include <sys/wait.h>

static void gives_back_what_was_saved(void)
{
    const char *dir = fresh_dir();
    struct store *store = open_store(dir);
    struct model models[9] = {{.plain = {5, 6}}};
    uint64_t seed = 99;
    CU_ASSERT_EQUAL(store_count(store), 0);
    CU_ASSERT_EQUAL(store_highest(store), 0);
    CU_ASSERT_PTR_NULL(store_damage(store));
    set_lanes(&models[0], 2);
    for (uint64_t i = 1; i <= 8; i++) {
        models[i] = models[i - 1];
        change(&models[i], &seed);
        const struct model *before = i == 1 || i == 5 ? NULL : &models[i - 1];
        CU_ASSERT_EQUAL(write_checkpoint(store, i, i - 1, before, &models[i], NULL), 0);
        CU_ASSERT_EQUAL(store_decided(store, i, NULL), 0);
    }
    for (int run = 0; run < 3; run++) {
        CU_ASSERT_EQUAL_FATAL(store_count(store), 8);
        CU_ASSERT_EQUAL(store_highest(store), 8);
        CU_ASSERT(store_bytes(store) > 1000);
        for (uint32_t i = 0; i < 8; i++) {
            CU_ASSERT_EQUAL(store_at(store, i)->number, i + 1);
            CU_ASSERT_EQUAL(store_at(store, i)->parent, i);
            CU_ASSERT_EQUAL(load_is(store, i + 1, &models[i + 1], NULL), 1);
        }
        CU_ASSERT_PTR_NULL(store_at(store, 8));
        CU_ASSERT_EQUAL(load_is(store, 9, &models[8], NULL), ERR_REFUSED);
        store_close(store);
        store = open_store(dir);
    }
    store_close(store);
}

static int put_bytes(struct store *store, enum store_kind kind, const char *node, bool changes,
                     const void *bytes, size_t len)
{
    return store_put(store, &(struct store_part){kind, node, changes, bytes, len}, NULL);
}

static void cuts_large_parts_into_pieces(void)
{
    enum { LARGE = 3000001 };
    const char *dir = fresh_dir();
    struct store *store = open_store(dir);
    struct checkpoint_head head = head_of(1, 0);
    struct checkpoint *checkpoint;
    char *bytes = malloc(LARGE);
    for (int i = 0; i < LARGE; i++)
        bytes[i] = (char)(i * 7 + (i >> 9));
    CU_ASSERT_EQUAL(store_begin(store, &head, NULL), 0);
    CU_ASSERT_EQUAL(put_bytes(store, STORE_SOURCE, "in", false, bytes, LARGE), 0);
    CU_ASSERT_EQUAL(put_bytes(store, STORE_SOURCE, "in", false, bytes, 5), 0);
    CU_ASSERT_EQUAL(put_bytes(store, STORE_COUNTERS, "in", false, bytes, 512 << 10), 0);
    CU_ASSERT_EQUAL(store_prepare(store, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(store_load(store, 1, &checkpoint, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(checkpoint->part_count, 3);
    CU_ASSERT(checkpoint->parts[0].len == LARGE &&
              !memcmp(checkpoint->parts[0].bytes, bytes, LARGE));
    CU_ASSERT(checkpoint->parts[1].len == 5 && !memcmp(checkpoint->parts[1].bytes, bytes, 5));
    const struct store_part *part = checkpoint_part(checkpoint, STORE_COUNTERS, "in");
    CU_ASSERT(part && part->len == 512 << 10 && !memcmp(part->bytes, bytes, 512 << 10));
    CU_ASSERT_PTR_NULL(checkpoint_part(checkpoint, STORE_COUNTERS, "out"));
    checkpoint_free(checkpoint);
    free(bytes);
    store_close(store);
}

static void begins_and_gives_up(void)
{
    const char *dir = fresh_dir();
    struct store *store = open_store(dir);
    struct model model = {.plain = {1}};
    struct checkpoint_head head = head_of(1, 0);
    set_lanes(&model, 1);
    CU_ASSERT_EQUAL(store_begin(store, &head, NULL), 0);
    CU_ASSERT_EQUAL(store_begin(store, &head, NULL), ERR_BUG);
    CU_ASSERT_EQUAL(put_bytes(store, STORE_STATE, "a", true, "", 0), ERR_BUG); // no parent
    CU_ASSERT_EQUAL(store_prepare(store, NULL), ERR_BUG);
    store_give_up(store);
    CU_ASSERT_EQUAL(store_prepare(store, NULL), ERR_BUG);
    CU_ASSERT_EQUAL(put_bytes(store, STORE_PLAN, "", false, "", 0), ERR_BUG);
    CU_ASSERT_EQUAL(store_count(store), 0);
    CU_ASSERT_EQUAL(write_checkpoint(store, 1, 0, NULL, &model, NULL), ERR_BUG); // was used
    CU_ASSERT_EQUAL(write_checkpoint(store, 2, 0, NULL, &model, NULL), 0);
    head = head_of(5, 2);
    CU_ASSERT_EQUAL(store_begin(store, &head, NULL), 0);
    CU_ASSERT_EQUAL(put_bytes(store, STORE_STATE, "a", true, "", 0), 0);
    CU_ASSERT_EQUAL(put_bytes(store, STORE_STATE, "a", false, "", 0), ERR_BUG); // mixed
    store_give_up(store);
    store_close(store);
    store = open_store(dir);
    CU_ASSERT_EQUAL(store_highest(store), 5); // also of what was given up
    CU_ASSERT_EQUAL(store_count(store), 1);
    CU_ASSERT_EQUAL(write_checkpoint(store, 6, 5, NULL, &model, NULL), ERR_BUG); // no such parent
    CU_ASSERT_EQUAL(write_checkpoint(store, 6, 2, &model, &model, NULL), 0);
    CU_ASSERT_EQUAL(load_is(store, 6, &model, NULL), 1);
    store_close(store);
}

static void a_node_without_a_part_has_no_state(void)
{
    const char *dir = fresh_dir();
    struct store *store = open_store(dir);
    struct model model = {.plain = {1, 2, 3}};
    set_lanes(&model, 1);
    CU_ASSERT_EQUAL(write_checkpoint(store, 1, 0, NULL, &model, NULL), 0);
    struct checkpoint_head head = head_of(2, 1);
    CU_ASSERT_EQUAL(store_begin(store, &head, NULL), 0);
    CU_ASSERT_EQUAL(put_bytes(store, STORE_STATE, "other", true, NULL, 0), 0);
    CU_ASSERT_EQUAL(store_prepare(store, NULL), 0);
    head = head_of(3, 2);
    CU_ASSERT_EQUAL(store_begin(store, &head, NULL), 0);
    CU_ASSERT_EQUAL(put_bytes(store, STORE_STATE, "count", true, NULL, 0), 0);
    CU_ASSERT_EQUAL(put_bytes(store, STORE_STATE, "other", true, NULL, 0), 0);
    CU_ASSERT_EQUAL(store_prepare(store, NULL), 0);
    struct checkpoint *checkpoint;
    CU_ASSERT_EQUAL_FATAL(store_load(store, 3, &checkpoint, NULL), 0);
    CU_ASSERT_EQUAL(checkpoint_part(checkpoint, STORE_STATE, "count")->len, 0);
    CU_ASSERT_TRUE(state_is(checkpoint, "other", &model));
    checkpoint_free(checkpoint);
    store_close(store);
}

// A child that opens the store and, told to, ends. Says by the pipe what came of it.
static void is_locked_by_one_process(void)
{
    const char *dir = fresh_dir();
    int ends[2], back[2];
    char byte = 0;
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    CU_ASSERT_EQUAL_FATAL(pipe(back), 0);
    pid_t child = fork();
    if (child == 0) {
        struct store *mine = open_store(dir);
        struct model model = {.plain = {1}};
        set_lanes(&model, 1);
        byte = (char)write_checkpoint(mine, 1, 0, NULL, &model, NULL);
        if (write(ends[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
            _exit(1);
        _exit(0);
    }
    CU_ASSERT(read(ends[0], &byte, 1) == 1 && byte == 0);
    struct store *store;
    struct store_options options = {.keep = 1};
    struct error err = ERROR_INIT;
    char expected[200];
    CU_ASSERT_EQUAL(store_open(&store, dir, "orders", &options, &err), ERR_REFUSED);
    snprintf(expected, sizeof expected, "%s: is being used by process %d", dir, (int)child);
    CU_ASSERT_STRING_EQUAL(err.text, expected);
    options.read_only = true;
    CU_ASSERT_EQUAL_FATAL(store_open(&store, dir, "orders", &options, NULL), 0);
    CU_ASSERT_EQUAL(store_count(store), 1);
    struct checkpoint_head head = head_of(2, 1);
    CU_ASSERT_EQUAL(store_begin(store, &head, NULL), ERR_BUG);
    CU_ASSERT_EQUAL(store_decided(store, 1, NULL), ERR_BUG);
    store_close(store);
    kill(child, SIGKILL);
    store = open_store(dir); // waits for the end of the killed one
    CU_ASSERT_EQUAL(store_count(store), 1);
    store_close(store);
    waitpid(child, NULL, 0);
    for (int i = 0; i < 2; i++) {
        close(ends[i]);
        close(back[i]);
    }
}

static void refuses_what_is_not_its_own(void)
{
    const char *dir = fresh_dir();
    char path[256];
    struct store *store;
    struct store_options options = store_defaults(), look = {.read_only = true};
    struct error err = ERROR_INIT;
    CU_ASSERT_EQUAL(store_open(&store, dir, "orders", &look, NULL), ERR_RETRY);
    CU_ASSERT_EQUAL(access(dir, F_OK), -1); // and made nothing
    store_close(open_store(dir));
    CU_ASSERT_EQUAL(store_open(&store, dir, "other", &options, &err), ERR_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(err.text, "holds the checkpoints of pipeline 'orders', not of 'other'"));
    CU_ASSERT_EQUAL(store_open(&store, dir, "order", &look, &err), ERR_REFUSED);
    store = open_store(dir);
    struct model model = {.plain = {1}};
    set_lanes(&model, 1);
    CU_ASSERT_EQUAL(write_checkpoint(store, 1, 0, NULL, &model, NULL), 0);
    store_close(store);
    snprintf(path, sizeof path, "%s/pipeline", dir);
    unlink(path); // each generation knows it as well
    CU_ASSERT_EQUAL(store_open(&store, dir, "other", &options, &err), ERR_REFUSED);
    store = open_store(dir);
    CU_ASSERT_EQUAL(load_is(store, 1, &model, NULL), 1);
    CU_ASSERT_PTR_NULL(store_damage(store));
    store_close(store);
    CU_ASSERT_EQUAL(access(path, F_OK), 0); // is there again
    static const char newer[] = "tidemill checkpoints, format 2\nwhat comes then\nsum ";
    FILE *file = fopen(path, "w");
    fprintf(file, "%s%08x\n", newer, hash_crc32c(0, newer, sizeof newer - 5));
    fclose(file);
    CU_ASSERT_EQUAL(store_open(&store, dir, "orders", &options, &err), ERR_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "format 2 by a newer version; this one knows 1"));
}

static void opens_what_a_crash_left_at_the_start(void)
{
    char path[256];
    const char *dir = fresh_dir();
    mkdir(dir, 0755);
    store_close(open_store(dir)); // nothing but the directory
    snprintf(path, sizeof path, "%s/00000000000000000003.tmp", dir);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/00000000000000000003.tmp/x.seg", dir);
    save_file(path, (const unsigned char *)"abc", 3);
    struct store *store = open_store(dir);
    CU_ASSERT_EQUAL(access(path, F_OK), -1); // swept
    CU_ASSERT_EQUAL(store_count(store), 0);
    store_close(store);
}

static CU_TestInfo cases[] = {
    {"gives back what was saved", gives_back_what_was_saved},
    {"cuts large parts into pieces", cuts_large_parts_into_pieces},
    {"begins and gives up", begins_and_gives_up},
    {"a node without a part has no state", a_node_without_a_part_has_no_state},
    {"is locked by one process", is_locked_by_one_process},
    {"refuses what is not its own", refuses_what_is_not_its_own},
    {"opens what a crash left at the start", opens_what_a_crash_left_at_the_start},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN({"store", journal_suite_begin, journal_suite_end, NULL, NULL, cases})
