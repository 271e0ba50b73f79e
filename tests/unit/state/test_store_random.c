// SPDX-License-Identifier: MIT
#include "store_support.h"

#include <pthread.h>
#include <stdatomic.h>

// Lives of a store at random, against what a plain model says: changes and whole checkpoints, ones
// that are given up or gone back behind, other numbers of lanes, compactions, ends and crashes.

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { LIVES = 40, STEPS = 60 };
#else
enum { LIVES = 150, STEPS = 60 };
#endif

struct life {
    uint64_t seed;
    const char *dir;
    struct store *store;
    struct model models[STEPS + 2]; // by number
    uint64_t parents[STEPS + 2];
    bool prepared[STEPS + 2];
    uint64_t highest, decided;
};

static void check(struct life *life)
{
    struct store *store = life->store;
    uint64_t last = 0;
    CU_ASSERT_PTR_NULL(store_damage(store));
    CU_ASSERT_EQUAL(store_highest(store), life->highest);
    for (uint32_t i = 0; i < store_count(store); i++) {
        const struct checkpoint_head *head = store_at(store, i);
        CU_ASSERT(head->number > last && life->prepared[head->number]);
        CU_ASSERT_EQUAL(head->parent, life->parents[head->number]);
        last = head->number;
    }
    uint64_t number = life->decided; // two of them are always there
    for (int i = 0; i < 2 && number; i++, number = life->parents[number])
        CU_ASSERT_EQUAL(load_is(store, number, &life->models[number], NULL), 1);
    if (store_count(store)) {
        number = store_at(store, pick(&life->seed, store_count(store)))->number;
        CU_ASSERT_EQUAL(load_is(store, number, &life->models[number], NULL), 1);
    }
}

static void add_one(struct life *life)
{
    struct error err = ERROR_INIT;
    uint64_t parent = life->decided, number = ++life->highest;
    struct model *now = &life->models[number];
    *now = life->models[parent];
    life->parents[number] = parent;
    bool whole = !parent || pick(&life->seed, 9) == 0;
    if (whole)
        set_lanes(now, 1 + (int)pick(&life->seed, MODEL_LANES)); // rescaled
    change(now, &life->seed);
    if (pick(&life->seed, 6) == 0) {
        struct checkpoint_head head = head_of(number, parent);
        CU_ASSERT_EQUAL(store_begin(life->store, &head, NULL), 0);
        (void)put_others(life->store, now, NULL);
        if (pick(&life->seed, 2))
            (void)put_state(life->store, NULL, now, "count", NULL);
        store_give_up(life->store);
        return;
    }
    int code = write_checkpoint(life->store, number, parent, whole ? NULL : &life->models[parent],
                                now, &err);
    CU_ASSERT_EQUAL(code, 0);
    if (code)
        printf("\n    %s\n", err.text);
    life->prepared[number] = true;
    if (pick(&life->seed, 5)) {
        CU_ASSERT_EQUAL(store_decided(life->store, number, NULL), 0);
        life->decided = number;
    }
}

static _Atomic unsigned wrong; // in other threads, where asserts must not be made

static void expect(bool right)
{
    if (!right)
        atomic_fetch_add(&wrong, 1);
}

static void *compact(void *arg)
{
    struct life *life = arg;
    expect(store_compact(life->store, NULL) == 0);
    return NULL;
}

static void step(struct life *life)
{
    pthread_t thread;
    uint32_t what = pick(&life->seed, 12);
    if (what == 0 && life->decided) {
        struct error err = ERROR_INIT;
        int code = store_compact(life->store, &err); // one that was not taken over yet: refused
        CU_ASSERT(code == 0 || (code == ERR_BUG && strstr(err.text, "within a compaction")));
    } else if (what == 1 && life->decided) {
        add_one(life); // takes over what may be there
        if (!life->decided)
            return;
        CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, compact, life), 0);
        if (life->highest + 3 < STEPS) {
            add_one(life);
            check(life);
        }
        pthread_join(thread, NULL);
        CU_ASSERT_EQUAL(atomic_load(&wrong), 0);
    } else if (what == 2) {
        store_close(life->store);
        life->store = open_store(life->dir);
        if (!store_count(life->store)) // then there was no file yet to keep numbers in
            life->highest = store_highest(life->store);
        if (life->decided)
            CU_ASSERT_EQUAL(store_decided(life->store, life->decided, NULL), 0);
    } else {
        add_one(life);
    }
}

static void live(uint64_t seed)
{
    struct life *life = calloc(1, sizeof *life);
    life->seed = seed * 0x9e3779b97f4a7c15u + 1;
    life->dir = fresh_dir();
    life->store = open_store(life->dir);
    set_lanes(&life->models[0], 1);
    unsigned failed = CU_get_number_of_failures();
    while (life->highest + 3 < STEPS) {
        step(life);
        check(life);
    }
    store_close(life->store);
    if (CU_get_number_of_failures() != failed)
        printf("\n    seed %llu\n", (unsigned long long)seed);
    remove_tree(life->dir);
    free(life);
}

static void lives_as_the_model_says(void)
{
    for (uint64_t seed = 1; seed <= LIVES; seed++)
        live(seed);
}

static _Atomic bool stop_looking;

static int count_generations(const char *dir)
{
    DIR *open_dir = opendir(dir);
    int count = 0;
    struct dirent *item;
    while (open_dir && (item = readdir(open_dir)))
        count += strspn(item->d_name, "0123456789") == 20;
    if (open_dir)
        closedir(open_dir);
    return count;
}

static void compaction_keeps_as_many_as_it_must(void)
{
    const char *dir = fresh_dir();
    struct store *store;
    struct store_options options = {.keep = 5};
    struct model models[2] = {{.plain = {1}}};
    uint64_t seed = 5, number = 0;
    set_lanes(&models[0], 2);
    CU_ASSERT_EQUAL_FATAL(store_open(&store, dir, "orders", &options, NULL), 0);
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < 2; i++, models[0] = models[1]) {
            models[1] = models[0];
            change(&models[1], &seed);
            number++;
            CU_ASSERT_EQUAL(write_checkpoint(store, number, number - 1,
                                             number == 1 ? NULL : &models[0], &models[1], NULL),
                            0);
            CU_ASSERT_EQUAL(store_decided(store, number, NULL), 0);
        }
        CU_ASSERT_EQUAL(store_compact(store, NULL), 0);
        CU_ASSERT(store_count(store) >= (number < 5 ? number : 5) && store_count(store) < 12);
        CU_ASSERT(count_generations(dir) <= 5);
    }
    CU_ASSERT_EQUAL(load_is(store, number, &models[0], NULL), 1);
    store_close(store);
    CU_ASSERT(count_generations(dir) >= 2);
}

static void *look_again_and_again(void *arg)
{
    struct life *life = arg; // of which nothing but dir is looked at
    struct store_options options = {.read_only = true};
    uint64_t last = 0, looked = 0;
    while (!atomic_load(&stop_looking) || looked == 0) {
        struct store *store;
        struct checkpoint *checkpoint;
        int code = store_open(&store, life->dir, "orders", &options, NULL);
        if (code) {
            expect(code == ERR_RETRY);
            continue;
        }
        expect(!store_damage(store));
        uint32_t count = store_count(store);
        uint64_t number = count ? store_at(store, count - 1)->number : 0;
        expect(number >= last);
        last = number;
        code = number ? store_load(store, number, &checkpoint, NULL) : ERR_RETRY;
        expect(code == 0 || code == ERR_RETRY);
        if (!code) {
            expect(checkpoint->part_count == 5);
            checkpoint_free(checkpoint);
            looked++;
        }
        store_close(store);
    }
    return NULL;
}

static void is_read_beside_its_writer(void)
{
    struct life life = {.dir = fresh_dir(), .seed = 12345};
    pthread_t thread;
    atomic_store(&stop_looking, false);
    life.store = open_store(life.dir);
    set_lanes(&life.models[0], 1);
    add_one(&life);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, look_again_and_again, &life), 0);
    for (int round = 0; round < LIVES; round++) {
        struct model now = life.models[1];
        uint64_t number = store_highest(life.store) + 1;
        CU_ASSERT_EQUAL(write_checkpoint(life.store, number, 0, NULL, &now, NULL), 0);
        CU_ASSERT_EQUAL(store_decided(life.store, number, NULL), 0);
        if (round % 2)
            CU_ASSERT_EQUAL(store_compact(life.store, NULL), 0);
    }
    atomic_store(&stop_looking, true);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(atomic_load(&wrong), 0);
    store_close(life.store);
}

static void wants_compaction_when_changes_outweigh(void)
{
    enum { LEN = 1 << 20 };
    const char *dir = fresh_dir();
    struct store *store = open_store(dir);
    char *bytes = calloc(1, LEN);
    uint64_t number = 0, most = 0;
    int compactions = 0;
    for (int i = 0; i < 60; i++) {
        struct checkpoint_head head = head_of(number + 1, number);
        struct store_part part = {STORE_PLAN, "", false, bytes, LEN};
        CU_ASSERT_EQUAL(store_begin(store, &head, NULL), 0);
        CU_ASSERT_EQUAL(store_put(store, &part, NULL), 0);
        CU_ASSERT_EQUAL(store_prepare(store, NULL), 0);
        CU_ASSERT_EQUAL(store_decided(store, ++number, NULL), 0);
        if (store_wants_compaction(store)) {
            CU_ASSERT_EQUAL(store_compact(store, NULL), 0);
            CU_ASSERT_FALSE(store_wants_compaction(store)); // one is there to be taken over
            compactions++;
        }
        most = store_bytes(store) > most ? store_bytes(store) : most;
    }
    CU_ASSERT(compactions > 5 && compactions < 20);
    CU_ASSERT(most < 24u * LEN);
    free(bytes);
    store_close(store);
}

static CU_TestInfo cases[] = {
    {"lives as the model says", lives_as_the_model_says},
    {"compaction keeps as many as it must", compaction_keeps_as_many_as_it_must},
    {"is read beside its writer", is_read_beside_its_writer},
    {"wants compaction when changes outweigh", wants_compaction_when_changes_outweigh},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN({"store at random", journal_suite_begin, journal_suite_end, NULL, NULL, cases})
