// SPDX-License-Identifier: MIT
#include "lua/script.h"
#include "record/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// ns per record of scripts over batches of 1,024 records, without parsing: minimum and median of
// five runs. `lua_bench [records [name]]`.

enum { RUNS = 5, LINE_MAX_BYTES = 256 };

struct bench {
    struct shape_table *shapes;
    struct batch_pool *pool;
    struct json_reader *reader;
    char (*lines)[LINE_MAX_BYTES];
    uint64_t kept, failed;
};

static const struct {
    const char *name;
    enum script_call call;
    const char *text; // NULL: `condition`
    const char *condition;
} cases[] = {
    {"return r", SCRIPT_CALL_MAP, "return function(r) return r end", NULL},
    {"filter one compare", SCRIPT_CALL_FILTER,
     "return function(r) return r.receive_bytes > 5000 end", NULL},
    {"condition one compare", SCRIPT_CALL_FILTER, NULL, "receive_bytes > 5000"},
    {"condition two", SCRIPT_CALL_FILTER, NULL, "receive_bytes > 5000 and send_packets < 50"},
    {"string equality", SCRIPT_CALL_FILTER,
     "return function(r) return r.device == '192.168.1.17' end", NULL},
    {"drop, divide, delete", SCRIPT_CALL_MAP,
     "return function(r) if r.receive_bytes <= 5000 then return drop end "
     "r.avg = r.receive_bytes / r.receive_packets r.send_packets = nil return r end",
     NULL},
    {"concatenate", SCRIPT_CALL_MAP, "return function(r) r.name = 'dev-' .. r.device return r end",
     NULL},
    {"new table", SCRIPT_CALL_MAP,
     "return function(r) return { device = r.device, bytes = r.receive_bytes } end", NULL},
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static enum script_verdict done(void *arg, uint32_t index, bool kept)
{
    struct bench *bench = arg;
    (void)index;
    bench->kept += kept;
    return SCRIPT_NEXT;
}

static enum script_verdict failed(void *arg, uint32_t index, const struct error *err)
{
    struct bench *bench = arg;
    (void)index;
    if (bench->failed++ == 0)
        fprintf(stderr, "%s\n", err->text);
    return SCRIPT_NEXT;
}

static void make_lines(struct bench *bench)
{
    for (int i = 0; i < BATCH_RECORDS; i++)
        (void)snprintf(bench->lines[i], LINE_MAX_BYTES,
                       "{\"device\":\"192.168.1.%d\",\"ts\":%lld,\"receive_bytes\":%d,"
                       "\"send_bytes\":%d,\"receive_packets\":%d,\"send_packets\":%d}",
                       i % 200, 1700000000000ll + i, rand() % 10000, rand() % 10000,
                       1 + rand() % 99, rand() % 100);
}

static struct batch *make_batch(struct bench *bench)
{
    struct batch *batch = batch_new(bench->pool);
    struct error err = ERROR_INIT;
    for (int i = 0; i < BATCH_RECORDS; i++) {
        struct record *record = batch_add(batch);
        record_init(record, shape_empty(bench->shapes));
        if (json_read(bench->reader, batch, bench->lines[i], strlen(bench->lines[i]), CHUNK_PAD,
                      record, &err) != 0)
            abort();
    }
    return batch;
}

static double measure(struct bench *bench, struct script *script, enum script_call call,
                      uint32_t batches)
{
    struct script_sink sink = {.arg = bench, .done = done, .failed = failed};
    int64_t spent = 0;
    for (uint32_t i = 0; i < batches; i++) {
        struct batch *batch = make_batch(bench);
        struct error err = ERROR_INIT;
        int64_t before = now_ns();
        (void)script_run(script, call, batch, &sink, &err);
        spent += now_ns() - before;
        batch_unref(batch);
    }
    return (double)spent / batches / BATCH_RECORDS;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void run_case(struct bench *bench, size_t index, uint32_t batches)
{
    struct script_source source = {.name = "bench",
                                   .text = cases[index].text,
                                   .text_len = cases[index].text ? strlen(cases[index].text) : 0,
                                   .shapes = bench->shapes};
    struct script *script;
    struct error err = ERROR_INIT;
    int rc = cases[index].text ? script_load(&script, &source, &err)
                               : script_condition(&script, &source, cases[index].condition, &err);
    if (rc != 0) {
        fprintf(stderr, "%s: %s\n", cases[index].name, err.text);
        exit(1);
    }
    double ns[RUNS];
    for (int i = 0; i < RUNS; i++)
        ns[i] = measure(bench, script, cases[index].call, batches);
    qsort(ns, RUNS, sizeof *ns, compare);
    printf("%-24s min %6.1f  median %6.1f ns/record\n", cases[index].name, ns[0], ns[RUNS / 2]);
    script_free(script);
}

int main(int argc, char **argv)
{
    uint32_t records = argc > 1 ? (uint32_t)atoi(argv[1]) : 500000;
    struct bench bench = {.shapes = shape_table_new()};
    bench.pool = batch_pool_new(bench.shapes);
    bench.reader = json_reader_new(bench.shapes, NULL);
    bench.lines = calloc(BATCH_RECORDS + 1, LINE_MAX_BYTES);
    make_lines(&bench);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (argc < 3 || strstr(cases[i].name, argv[2]))
            run_case(&bench, i, records / BATCH_RECORDS + 1);
    free(bench.lines);
    json_reader_free(bench.reader);
    batch_pool_free(bench.pool);
    shape_table_free(bench.shapes);
    return bench.failed != 0;
}
