// SPDX-License-Identifier: MIT
#include "store_support.h"
#include "base/alloc.h"
#include "base/io.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

// Files that were cut or flipped; disks that are full or fail; memory that is out. Whatever
// happens: what is loaded is what was saved.

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { FLIPS = 2000, STRIDE = 7, FAULT_STRIDE = 3 };
#else
enum { FLIPS = 100000, STRIDE = 1, FAULT_STRIDE = 1 };
#endif

enum { COUNT = 6, FILES_MAX = 16 };

static struct model models[COUNT + 8];
static uint64_t made_parent[COUNT + 8];

// All the files of a store, to be put back.
struct files {
    char names[FILES_MAX][128]; // below the store's directory
    struct bytes bytes[FILES_MAX];
    int count;
};

static void gather(struct files *files, const char *dir, const char *below)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, below);
    DIR *open_dir = opendir(path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(open_dir);
    for (struct dirent *item; (item = readdir(open_dir));) {
        char name[128];
        struct stat st;
        snprintf(name, sizeof name, "%.20s%s%.60s", below, *below ? "/" : "", item->d_name);
        snprintf(path, sizeof path, "%s/%s", dir, name);
        if (item->d_name[0] == '.' || stat(path, &st))
            continue;
        if (S_ISDIR(st.st_mode)) {
            gather(files, dir, name);
        } else if (!strstr(name, "lock")) {
            CU_ASSERT_FATAL(files->count < FILES_MAX);
            snprintf(files->names[files->count], sizeof name, "%s", name);
            files->bytes[files->count++] = load_file(path);
        }
    }
    closedir(open_dir);
}

static void put_back(const struct files *files, const char *dir)
{
    for (int i = 0; i < files->count; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", dir, files->names[i]);
        char *slash = strrchr(path, '/');
        *slash = 0;
        (void)mkdir(dir, 0755);
        (void)mkdir(path, 0755);
        *slash = '/';
        save_file(path, files->bytes[i].data, files->bytes[i].len);
    }
}

static void files_free(struct files *files)
{
    for (int i = 0; i < files->count; i++)
        free(files->bytes[i].data);
}

static int add_checkpoint(struct store *store, uint64_t number, uint64_t parent, struct error *err)
{
    static uint64_t seed = 4711;
    models[number] = models[parent];
    if (!parent)
        set_lanes(&models[number], 2);
    change(&models[number], &seed);
    made_parent[number] = parent;
    int code = write_checkpoint(store, number, parent, parent ? &models[parent] : NULL,
                                &models[number], err);
    return code ? code : store_decided(store, number, err);
}

// A store of two generations: 1..3 in the first, 3..COUNT in the second.
static const char *make_store(struct files *files)
{
    static char dir[128];
    snprintf(dir, sizeof dir, "%s", fresh_dir());
    struct store *store = open_store(dir);
    for (uint64_t i = 1; i <= COUNT; i++) {
        CU_ASSERT_EQUAL(add_checkpoint(store, i, i - 1, NULL), 0);
        if (i == 3)
            CU_ASSERT_EQUAL(store_compact(store, NULL), 0);
    }
    store_close(store);
    *files = (struct files){0};
    gather(files, dir, "");
    CU_ASSERT_EQUAL(files->count, 3);
    return dir;
}

// What is offered is right (`all`: each; else the newest of the second and of the first generation,
// which build on the others): the newest number; 0: there is none.
static uint64_t offers_right(struct store *store, bool all)
{
    uint32_t count = store_count(store);
    for (uint32_t i = 0; i < count; i++) {
        if (!all && i != 1 && i + 1 != count)
            continue;
        uint64_t number = store_at(store, i)->number;
        int code = load_is(store, number, &models[number], NULL);
        CU_ASSERT_EQUAL(code, 1);
        CU_ASSERT_EQUAL(store_at(store, i)->parent, made_parent[number]);
    }
    return count ? store_at(store, count - 1)->number : 0;
}

static uint64_t newest_right(struct store *store)
{
    return offers_right(store, true);
}

static uint64_t look(const char *dir, bool all, bool *damaged)
{
    struct store *store;
    struct store_options options = {.read_only = true};
    struct error err = ERROR_INIT;
    int code = store_open(&store, dir, "orders", &options, &err);
    *damaged = code != 0;
    if (code) {
        CU_ASSERT(code == ERR_REFUSED);
        CU_ASSERT(err.len > 20);
        return 0;
    }
    *damaged = store_damage(store) != NULL;
    uint64_t newest = offers_right(store, all);
    store_close(store);
    return newest;
}

static void write_on(const char *dir, uint64_t newest)
{
    struct store *store;
    struct store_options options = store_defaults();
    struct error err = ERROR_INIT;
    int code = store_open(&store, dir, "orders", &options, &err);
    CU_ASSERT_EQUAL(code != 0, newest == 0);
    if (code) {
        CU_ASSERT_EQUAL(code, ERR_REFUSED);
        return;
    }
    CU_ASSERT_EQUAL(newest_right(store), newest);
    uint64_t number = store_highest(store) + 1;
    for (uint64_t parent = newest; number < COUNT + 4; parent = number++) {
        code = add_checkpoint(store, number, parent, &err);
        CU_ASSERT_EQUAL(code, 0);
        if (code)
            printf("\n    %s\n", err.text);
        if (number == COUNT + 1)
            CU_ASSERT_EQUAL(store_compact(store, NULL), 0);
    }
    CU_ASSERT_EQUAL(newest_right(store), number - 1);
    store_close(store);
    store = open_store(dir);
    CU_ASSERT_EQUAL(newest_right(store), number - 1);
    store_close(store);
}

// Opens the damaged store for writing and goes on; what was right stays, and is there again after
// the next start.
static void goes_on(const char *dir, uint64_t newest)
{
    struct model kept[COUNT + 8];
    uint64_t kept_parent[COUNT + 8];
    memcpy(kept, models, sizeof kept);
    memcpy(kept_parent, made_parent, sizeof kept_parent);
    write_on(dir, newest);
    memcpy(models, kept, sizeof kept);
    memcpy(made_parent, kept_parent, sizeof kept_parent);
}

static void every_truncation_is_found_or_harmless(void)
{
    struct files files;
    const char *dir = make_store(&files);
    char path[512];
    bool damaged;
    for (int i = 0; i < files.count; i++) {
        uint64_t last = 0;
        for (size_t len = 0; len <= files.bytes[i].len; len += STRIDE) {
            put_back(&files, dir);
            snprintf(path, sizeof path, "%s/%s", dir, files.names[i]);
            save_file(path, files.bytes[i].data, len);
            uint64_t newest = look(dir, true, &damaged);
            CU_ASSERT(newest >= 3); // there is always the other generation
            CU_ASSERT(newest >= last);
            last = newest;
            if (len % (23 * STRIDE) == 0) {
                goes_on(dir, newest);
                remove_tree(dir);
            }
        }
        CU_ASSERT(last == COUNT || STRIDE > 1);
        CU_ASSERT(!damaged || STRIDE > 1);
    }
    files_free(&files);
}

static void every_file_may_be_missing(void)
{
    struct files files;
    const char *dir = make_store(&files);
    char path[512];
    bool damaged;
    for (int i = 0; i < files.count; i++) {
        put_back(&files, dir);
        snprintf(path, sizeof path, "%s/%s", dir, files.names[i]);
        unlink(path);
        uint64_t newest = look(dir, true, &damaged);
        CU_ASSERT_EQUAL(newest, strncmp(files.names[i], "00000000000000000002", 20) ? COUNT : 3);
        CU_ASSERT_EQUAL(damaged, strcmp(files.names[i], "pipeline") != 0);
        goes_on(dir, newest);
        remove_tree(dir);
    }
    files_free(&files);
}

// Where nothing is left it is refused, and nothing is written.
static void refuses_when_nothing_is_left(void)
{
    struct files files;
    const char *dir = make_store(&files);
    bool damaged;
    for (int i = 0; i < files.count; i++) {
        if (strcmp(files.names[i], "pipeline") != 0)
            files.bytes[i].data[100] ^= 4;
    }
    put_back(&files, dir);
    CU_ASSERT_EQUAL(look(dir, true, &damaged), 0);
    CU_ASSERT_TRUE(damaged);
    goes_on(dir, 0);
    struct files after = {0};
    gather(&after, dir, "");
    CU_ASSERT_EQUAL_FATAL(after.count, files.count);
    for (int i = 0; i < files.count; i++)
        CU_ASSERT(after.bytes[i].len == files.bytes[i].len &&
                  !memcmp(after.bytes[i].data, files.bytes[i].data, files.bytes[i].len));
    files_free(&files);
    files_free(&after);
}

static void flips_are_found_or_harmless(void)
{
    struct files files;
    const char *dir = make_store(&files);
    uint64_t seed = 20261122, found = 0;
    put_back(&files, dir);
    for (int n = 0; n < FLIPS; n++) {
        int i = (int)pick(&seed, (uint32_t)files.count);
        size_t at = pick(&seed, (uint32_t)files.bytes[i].len);
        unsigned char bit = (unsigned char)(1u << pick(&seed, 8));
        char path[512];
        bool damaged;
        snprintf(path, sizeof path, "%s/%s", dir, files.names[i]);
        int fd = open(path, O_WRONLY);
        unsigned char byte = files.bytes[i].data[at] ^ bit;
        CU_ASSERT_EQUAL(pwrite(fd, &byte, 1, (off_t)at), 1);
        uint64_t newest = look(dir, false, &damaged);
        found += damaged;
        CU_ASSERT(damaged ? newest >= 3 : newest == COUNT); // nothing is lost without a word
        if (n % 50 == 0) {
            close(fd);
            goes_on(dir, newest);
            remove_tree(dir);
            put_back(&files, dir);
            continue;
        }
        CU_ASSERT_EQUAL(pwrite(fd, files.bytes[i].data + at, 1, (off_t)at), 1);
        close(fd);
    }
    CU_ASSERT(found > FLIPS / 2);
    files_free(&files);
}

// -- faults --

// A life with faults in it. Returns whether all went well; `told`: what was prepared for sure.
static bool try_life(const char *dir, uint64_t *told, uint64_t *tried)
{
    struct store *store;
    struct store_options options = store_defaults();
    struct error err = ERROR_INIT;
    bool well = true;
    *told = *tried = 0;
    int code = store_open(&store, dir, "orders", &options, &err);
    if (code) {
        CU_ASSERT(code == ERR_IO || code == ERR_NOMEM);
        return false;
    }
    for (uint64_t i = 1; i <= COUNT; i++) {
        uint64_t parent = *told;
        uint64_t seed = i;
        models[i] = models[parent];
        set_lanes(&models[i], 2);
        change(&models[i], &seed);
        made_parent[i] = parent;
        *tried = i;
        code =
            write_checkpoint(store, i, parent, parent ? &models[parent] : NULL, &models[i], &err);
        well &= code == 0;
        if (code) {
            CU_ASSERT(code == ERR_IO || code == ERR_NOMEM || code == ERR_FATAL);
            continue;
        }
        *told = i;
        well &= store_decided(store, i, &err) == 0;
        if (i % 2 == 0)
            well &= store_compact(store, &err) == 0;
    }
    for (uint32_t i = 0; i < store_count(store); i++) {
        uint64_t number = store_at(store, i)->number;
        code = load_is(store, number, &models[number], &err);
        CU_ASSERT(code == 1 || code == ERR_IO || code == ERR_NOMEM);
        well &= code == 1;
    }
    store_close(store);
    return well;
}

static void survives(const char *dir, uint64_t told, uint64_t tried)
{
    struct store *store = open_store(dir);
    CU_ASSERT_PTR_NULL(store_damage(store));
    uint64_t newest = newest_right(store);
    CU_ASSERT(newest >= told && newest <= tried);
    uint64_t number = store_highest(store) + 1;
    CU_ASSERT_EQUAL(add_checkpoint(store, number, newest, NULL), 0);
    CU_ASSERT_EQUAL(newest_right(store), number);
    store_close(store);
}

static void walk(void (*fail_at)(uint64_t n), uint64_t (*count)(void))
{
    enum { ENOUGH = 5000 };
    uint64_t n = 1, told, tried;
    bool failed = true;
    for (; failed && n < ENOUGH; n += FAULT_STRIDE) {
        char dir[128];
        snprintf(dir, sizeof dir, "%s", fresh_dir());
        fail_at(n);
        bool well = try_life(dir, &told, &tried);
        failed = count() > 0;
        fail_at(0);
        if (!failed)
            CU_ASSERT_TRUE(well);
        unsigned before = CU_get_number_of_failures();
        survives(dir, told, tried);
        if (CU_get_number_of_failures() != before)
            printf("\n    failure %llu\n", (unsigned long long)n);
        remove_tree(dir);
    }
    CU_ASSERT(n > 30 && n < ENOUGH);
}

static void eio(uint64_t n)
{
    io_fail_at(n, EIO, false);
}

static void enospc(uint64_t n)
{
    io_fail_at(n, ENOSPC, false);
}

static void enospc_from(uint64_t n)
{
    io_fail_at(n, ENOSPC, true);
}

// As if the end came at this call: nothing more gets to the disk, not even a cut.
static void eio_from(uint64_t n)
{
    io_fail_at(n, EIO, true);
}

static void eio_read(uint64_t n)
{
    io_fail_read_at(n, EIO, false);
}

static void no_memory(uint64_t n)
{
    mem_fail_at(n, false);
}

static void no_memory_from(uint64_t n)
{
    mem_fail_at(n, true);
}

static void survives_failing_calls(void)
{
    walk(eio, io_fail_count);
    walk(eio_from, io_fail_count);
    walk(enospc, io_fail_count);
    walk(enospc_from, io_fail_count);
    walk(eio_read, io_fail_read_count);
}

static void survives_failing_allocations(void)
{
    walk(no_memory, mem_fail_count);
    walk(no_memory_from, mem_fail_count);
}

// -- kills --

static void write_until_killed(const char *dir, int out)
{
    struct store *store = open_store(dir);
    uint64_t newest = store_count(store) ? store_at(store, store_count(store) - 1)->number : 0;
    struct model now = {.plain = {1}};
    set_lanes(&now, 1);
    for (;;) {
        uint64_t number = store_highest(store) + 1;
        now.tag = (int)number;
        if (write_checkpoint(store, number, newest, newest ? &now : NULL, &now, NULL) ||
            store_decided(store, number, NULL))
            _exit(1);
        newest = number;
        if (write(out, &number, sizeof number) != (ssize_t)sizeof number)
            _exit(1);
        if (number % 5 == 0 && store_compact(store, NULL))
            _exit(1);
    }
}

static void loses_nothing_prepared_to_a_kill(void)
{
    const char *dir = fresh_dir();
    uint64_t known = 0, number;
    for (int run = 0; run < 40; run++) {
        int ends[2];
        CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0)
            write_until_killed(dir, ends[1]);
        close(ends[1]);
        int rounds = 1 + run * 97 % 60;
        while (rounds-- && read(ends[0], &number, sizeof number) == (ssize_t)sizeof number)
            known = number;
        kill(child, SIGKILL);
        while (read(ends[0], &number, sizeof number) == (ssize_t)sizeof number)
            known = number;
        waitpid(child, NULL, 0);
        close(ends[0]);
        struct store *store = open_store(dir);
        CU_ASSERT_PTR_NULL(store_damage(store));
        CU_ASSERT_FATAL(store_count(store) > 0);
        number = store_at(store, store_count(store) - 1)->number;
        CU_ASSERT(number >= known && number <= known + 1);
        struct model expected = {.plain = {1}, .tag = (int)number};
        set_lanes(&expected, 1);
        CU_ASSERT_EQUAL(load_is(store, number, &expected, NULL), 1);
        known = number;
        store_close(store);
    }
}

static CU_TestInfo cases[] = {
    {"every truncation is found or harmless", every_truncation_is_found_or_harmless},
    {"every file may be missing", every_file_may_be_missing},
    {"refuses when nothing is left", refuses_when_nothing_is_left},
    {"flips are found or harmless", flips_are_found_or_harmless},
    {"survives failing calls", survives_failing_calls},
    {"survives failing allocations", survives_failing_allocations},
    {"loses nothing prepared to a kill", loses_nothing_prepared_to_a_kill},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN({"store damage", journal_suite_begin, journal_suite_end, NULL, NULL, cases})
