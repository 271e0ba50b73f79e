// SPDX-License-Identifier: MIT
#include "base/clock.h"
#include "base/error.h"
#include "state/image.h"
#include "state/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

// How fast checkpoints are written and loaded: a state of many keys, saved whole, then changes.
//
//   store_bench DIR [KEYS [CHANGES]]

static int64_t now_ns(void)
{
    return clock_mono_ns(clock_system());
}

static void fail(const struct error *err)
{
    fprintf(stderr, "%s\n", err->text);
    exit(1);
}

struct span {
    int64_t ns;
    clock_t cpu;
};

static struct span now(void)
{
    return (struct span){now_ns(), clock()};
}

static void say(const char *what, struct span begin)
{
    printf("%-34s %8.2f ms %8.2f ms of a processor\n", what, (double)(now_ns() - begin.ns) / 1e6,
           (double)(clock() - begin.cpu) * 1e3 / CLOCKS_PER_SEC);
}

// `count` keys from `first` on, as an aggregate saves them: a window's start names the entry.
static void make_image(struct image *image, uint64_t first, uint64_t count, uint64_t keys)
{
    image_init(image, SIZE_MAX);
    for (uint64_t i = 0; i < count; i++) {
        char key[32];
        int len =
            snprintf(key, sizeof key, "device-%llu", (unsigned long long)((first + i) % keys));
        image_i64(image, 1700000000000);
        image_identify(image);
        image_u64(image, first + i);
        image_f64(image, (double)i);
        image_end(image, 1, key, (uint32_t)len);
    }
    if (image->rc)
        exit(1);
}

static void write_one(struct store *store, uint64_t number, const struct image *image)
{
    struct error err = ERROR_INIT;
    struct checkpoint_head head = {.number = number, .parent = number - 1};
    struct store_part part = {STORE_STATE, "count", number > 1, image->bytes.data,
                              image->bytes.len};
    if (store_begin(store, &head, &err) || store_put(store, &part, &err) ||
        store_prepare(store, &err) || store_decided(store, number, &err))
        fail(&err);
}

static void load(struct store *store, uint64_t number, const char *what)
{
    struct error err = ERROR_INIT;
    struct checkpoint *checkpoint;
    struct span begin = now();
    if (store_load(store, number, &checkpoint, &err))
        fail(&err);
    say(what, begin);
    checkpoint_free(checkpoint);
}

static struct store *open_it(const char *dir)
{
    struct error err = ERROR_INIT;
    struct store *store;
    struct store_options options = {.keep = 2};
    struct span begin = now();
    if (store_open(&store, dir, "bench", &options, &err))
        fail(&err);
    say("open", begin);
    return store;
}

int main(int argc, char **argv)
{
    enum { DELTAS = 20 };
    if (argc < 2) {
        fprintf(stderr, "usage: store_bench DIR [KEYS [CHANGES]]\n");
        return 2;
    }
    uint64_t keys = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    uint64_t changes = argc > 3 ? strtoull(argv[3], NULL, 10) : 10000;
    struct store *store = open_it(argv[1]);
    struct error err = ERROR_INIT;
    struct image image;
    make_image(&image, 0, keys, keys);
    printf("%llu keys, %.1f MB\n", (unsigned long long)keys, (double)image.bytes.len / 1e6);
    struct span begin = now();
    write_one(store, 1, &image);
    say("write all", begin);
    image_deinit(&image);
    load(store, 1, "load all");
    struct span spent = {0, 0};
    for (uint64_t i = 0; i < DELTAS; i++) {
        make_image(&image, i * 7919, changes, keys);
        begin = now();
        write_one(store, 2 + i, &image);
        spent.ns += now_ns() - begin.ns;
        spent.cpu += clock() - begin.cpu;
        image_deinit(&image);
        if (i == 0)
            load(store, 2, "load all, 1 with changes");
    }
    say("write changes (all 20)", (struct span){now_ns() - spent.ns, clock() - spent.cpu});
    load(store, 1 + DELTAS, "load all, 20 with changes");
    store_close(store);
    store = open_it(argv[1]);
    load(store, 1 + DELTAS, "load all, 20 with changes");
    begin = now();
    if (store_decided(store, 1 + DELTAS, &err) || store_compact(store, &err))
        fail(&err);
    say("compact", begin);
    make_image(&image, 5, changes, keys);
    begin = now();
    write_one(store, 2 + DELTAS, &image);
    say("take over and write changes", begin);
    image_deinit(&image);
    load(store, 2 + DELTAS, "load all, 1 with changes");
    store_close(store);
    return 0;
}
