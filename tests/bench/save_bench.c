// SPDX-License-Identifier: MIT
#include "operators/aggregate.h"
#include "operators/dedup.h"
#include "operators/process.h"
#include "state/store.h"
#include "support/one_operator.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

// How long a barrier stops an operator of many keys, when some have changed since the last one: all
// of it saved, then what has changed, and what was saved loaded out of a store.
//
//   save_bench DIR [KEYS [CHANGES]]

enum { ROUNDS = 200, STEP = 7919 };

static const struct bench {
    const char *name;
    const struct operator_class *class;
    const char *options;
} benches[] = {
    {"aggregate", &aggregate_class,
     "key_by: device\nwindow: { tumbling: 1h }\n"
     "compute: { n: count(), s: sum(x), low: min(x), high: max(x) }\n"},
    {"sessions", &aggregate_class,
     "key_by: device\nwindow: { session: 1h }\ncompute: { n: count(), s: sum(x) }\n"},
    {"process", &process_class,
     "key_by: device\nlua: |\n"
     "  return { state = { n = state.counter() }, on_record = function(r, ctx)\n"
     "    ctx.n:add(r.x) ctx.timer('t', ctx.time + 3600000) end, on_timer = function() end }\n"},
    {"dedup", &dedup_class, "key_by: device\nwithin: 1ms\n"},
};

// Of the processor: other work on the machine only adds to the rest.
static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void need(int rc, const struct error *err)
{
    if (!rc)
        return;
    fprintf(stderr, "error %d: %s\n", rc, err ? err->text : "");
    exit(1);
}

// Records of `count` keys, far apart in the table.
static void touch(struct one_operator *one, uint64_t *at, uint64_t count, uint64_t keys,
                  int64_t time)
{
    char json[96];
    for (uint64_t i = 0; i < count; i++) {
        *at = (*at + STEP) % keys;
        snprintf(json, sizeof json, "{\"device\":\"device-%llu\",\"x\":%d}",
                 (unsigned long long)*at, (int)(i % 1000));
        if (!one_send(one, json, time))
            exit(1);
    }
    need(one_process(one), NULL);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void save_rounds(struct one_operator *one, uint64_t *at, uint64_t changes, uint64_t keys)
{
    double ms[ROUNDS];
    struct image image;
    image_init(&image, SIZE_MAX);
    for (int i = 0; i < ROUNDS; i++) {
        touch(one, at, changes, keys, 1000 + i * 2);
        buf_clear(&image.bytes); // its memory stays, as in a lane
        double from = now_ms();
        need(one->op->save_changes(one->op, &image), NULL);
        ms[i] = now_ms() - from;
    }
    qsort(ms, ROUNDS, sizeof *ms, ascending);
    printf("  %llu changes: median %.2f ms, 99%% %.2f ms, most %.2f ms, %zu bytes\n",
           (unsigned long long)changes, ms[ROUNDS / 2], ms[ROUNDS * 99 / 100], ms[ROUNDS - 1],
           image.bytes.len);
    image_deinit(&image);
}

static void write_store(struct store *store, uint64_t number, const struct image *image)
{
    struct error err = ERROR_INIT;
    const struct checkpoint_head head = {.number = number};
    const struct store_part part = {STORE_STATE, "node", false, image->bytes.data,
                                    image->bytes.len};
    need(store_begin(store, &head, &err), &err);
    need(store_put(store, &part, &err), &err);
    need(store_prepare(store, &err), &err);
    need(store_decided(store, number, &err), &err);
}

static void load_entries(struct op *op, const struct store_part *part, bool keyed)
{
    struct error err = ERROR_INIT;
    struct image_reader reader = {part->bytes, part->bytes + part->len};
    struct image_entry entry;
    int bad;
    while (image_next(&reader, &entry, &bad))
        if (!entry.key == !keyed)
            need(op->load(op, &entry, &err), &err);
    need(bad, NULL);
}

static void load_all(struct store *store, uint64_t number, const struct bench *bench)
{
    struct error err = ERROR_INIT;
    struct one_operator one = {0};
    struct checkpoint *checkpoint;
    need(one_init(&one, bench->class, bench->options), &one.err);
    double from = now_ms();
    need(store_load(store, number, &checkpoint, &err), &err);
    const struct store_part *part = checkpoint_part(checkpoint, STORE_STATE, "node");
    double read = now_ms() - from;
    load_entries(one.op, part, false);
    load_entries(one.op, part, true);
    printf("  load: %.1f ms, of them %.1f ms the store\n", now_ms() - from, read);
    checkpoint_free(checkpoint);
    one_deinit(&one);
}

static void run(struct store *store, uint64_t number, const struct bench *bench, uint64_t keys,
                uint64_t changes)
{
    struct one_operator one = {0};
    struct image image;
    uint64_t at = 0;
    need(one_init(&one, bench->class, bench->options), &one.err);
    touch(&one, &at, keys, keys, 0);
    image_init(&image, SIZE_MAX);
    double from = now_ms();
    need(one.op->save(one.op, &image), NULL);
    double saved = now_ms() - from;
    need(one.op->track(one.op), NULL);
    printf("%s, %llu keys\n  all: %.1f ms, %zu bytes, and %.1f ms to begin with changes\n",
           bench->name, (unsigned long long)keys, saved, image.bytes.len, now_ms() - from - saved);
    save_rounds(&one, &at, changes, keys);
    write_store(store, number, &image);
    load_all(store, number, bench);
    image_deinit(&image);
    one_deinit(&one);
}

int main(int argc, char **argv)
{
    uint64_t keys = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    uint64_t changes = argc > 3 ? strtoull(argv[3], NULL, 10) : 10000;
    const struct store_options options = {.keep = 1};
    struct error err = ERROR_INIT;
    struct store *store;
    if (argc < 2 || !keys || keys % STEP == 0) {
        fprintf(stderr, "save_bench DIR [KEYS [CHANGES]]\n");
        return 1;
    }
    need(store_open(&store, argv[1], "bench", &options, &err), &err);
    for (size_t i = 0; i < sizeof benches / sizeof *benches; i++)
        run(store, i + 1, &benches[i], keys, changes);
    store_close(store);
    return 0;
}
