// SPDX-License-Identifier: MIT
#include "operators/aggregate.h"
#include "support/one_operator.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

// ns per record of the aggregate stage alone: four sums per key and 60 s window, records already
// indexed; and what the operator keeps for each key and open window, its key (32 bytes, with the
// hash) and the index of the table included. `agg_bench [keys [records [windows [track]]]]`: with
// `track` it notes what changes, as in a pipeline with checkpoints.

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

static void fill(struct one_operator *one, uint64_t *random, uint64_t keys, int64_t time)
{
    char json[256];
    while (!one->batch || one->batch->count < one->batch->cap) {
        unsigned long long key = next_random(random) % keys;
        snprintf(json, sizeof json,
                 "{\"device\":\"10.%llu.%llu.%llu\",\"ts\":%lld,\"receive_bytes\":%llu,"
                 "\"send_bytes\":%llu,\"receive_packets\":%llu,\"send_packets\":%llu}",
                 key >> 16, key >> 8 & 255, key & 255, 1700000000000 + (long long)time,
                 (unsigned long long)next_random(random) % 100000,
                 (unsigned long long)next_random(random) % 100000,
                 (unsigned long long)next_random(random) % 100,
                 (unsigned long long)next_random(random) % 100);
        if (!one_send(one, json, time))
            exit(2);
    }
}

struct totals {
    double *batch_ns; // per record, of each batch
    size_t batches;
    double process_ns, fire_ns;
    uint64_t records, results;
    struct operator_state state; // when it held most keys
};

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Other work on the machine only adds: the median of the batches is steadier than the mean.
static double median(struct totals *totals)
{
    qsort(totals->batch_ns, totals->batches, sizeof *totals->batch_ns, ascending);
    return totals->batches ? totals->batch_ns[totals->batches / 2] : 0;
}

// Parsing is not measured; a batch is fresh out of the reader, as in a pipeline.
static void run(struct one_operator *one, uint64_t keys, uint64_t records, uint64_t windows,
                struct totals *totals)
{
    uint64_t random = 42, batches = records / BATCH_RECORDS;
    int64_t last = 0;
    for (uint64_t i = 0; i < batches; i++) {
        int64_t time = (int64_t)(i * windows * 60000 / batches);
        fill(one, &random, keys, time);
        double start = now_ns();
        if (one->op->process(one->op, 0, one->batch, &one->outputs) != OP_DONE)
            exit(2);
        double taken = now_ns() - start;
        totals->process_ns += taken;
        totals->batch_ns[totals->batches++] = taken / one->batch->count;
        totals->records += one->batch->count;
        batch_unref(one->batch);
        one->batch = NULL;
        if (time / 60000 == last / 60000 && i + 1 < batches)
            continue;
        last = time;
        struct operator_state state;
        one->op->measure(one->op, &state);
        if (state.keys > totals->state.keys)
            totals->state = state;
        int64_t watermark = i + 1 < batches ? time : INT64_MAX;
        enum op_status status;
        do {
            start = now_ns();
            status = one->op->watermark(one->op, watermark, &one->outputs);
            totals->fire_ns += now_ns() - start;
            batch_unref(one->outputs.ports[0].pending);
            one->outputs.ports[0].pending = NULL;
        } while (status == OP_AGAIN);
    }
    totals->results = one->op->stats.created;
}

int main(int argc, char **argv)
{
    uint64_t keys = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    uint64_t records = argc > 2 ? strtoull(argv[2], NULL, 10) : 2000000;
    uint64_t windows = argc > 3 ? strtoull(argv[3], NULL, 10) : 17;
    struct one_operator one = {0};
    struct totals totals = {.batch_ns = calloc(records / BATCH_RECORDS + 1, sizeof(double))};
    if (!totals.batch_ns)
        return 2;
    if (one_init(&one, &aggregate_class,
                 "key_by: device\nwindow: { tumbling: 60s }\n"
                 "compute: { rb: sum(receive_bytes), sb: sum(send_bytes), "
                 "rp: sum(receive_packets), sp: sum(send_packets) }\n")) {
        fprintf(stderr, "%s\n", one.err.text);
        return 2;
    }
    if (argc > 4 && one.op->track(one.op))
        return 2;
    run(&one, keys, records, windows, &totals);
    printf("%llu keys, %llu windows: %.1f ns per record (mean %.1f), %.1f ns per result (%llu)\n",
           (unsigned long long)keys, (unsigned long long)windows, median(&totals),
           totals.process_ns / (double)totals.records, totals.fire_ns / (double)totals.results,
           (unsigned long long)totals.results);
    printf("%.1f bytes per key and window (%llu keys in %llu windows)\n",
           (double)totals.state.bytes / (double)totals.state.keys,
           (unsigned long long)totals.state.keys, (unsigned long long)totals.state.windows);
    one_deinit(&one);
    free(totals.batch_ns);
    return 0;
}
