// SPDX-License-Identifier: MIT
#include "record/json.h"
#include "record/json_reader.h"
#include "record/record_inline.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

// ns per record of the JSON reader, field access and the writer: minimum and median of five rounds
// over 100,000 records in memory. Not a test: run it by hand on a quiet machine. With an argument
// (device, alternating, optional, rich) only that corpus is read, by the best set.

enum { RECORDS = 100000, ROUNDS = 5, LINE_MAX = 1024, CORPORA = 4 };

struct corpus {
    const char *name;
    struct chunk *chunk;
    uint32_t *at, *len;
    double mean;
};

struct bench {
    struct shape_table *shapes;
    struct batch_pool *pool;
    struct json_reader *reader;
    struct buf out;
    const struct corpus *corpus;
    struct field fields[6];
    uint64_t sum; // keeps the work from being thrown away
};

typedef void work(struct bench *bench, struct batch *batch);

static void die(const char *what)
{
    fprintf(stderr, "json_bench: %s\n", what);
    exit(1);
}

static uint64_t random_state = 88172645463325252ull;

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 33) % limit;
}

static int line_device(char *out, uint32_t i)
{
    return snprintf(out, LINE_MAX,
                    "{\"device\":\"192.168.%u.%u\",\"ts\":%llu,\"receive_bytes\":%u,"
                    "\"send_bytes\":%u,\"receive_packets\":%u,\"send_packets\":%u}",
                    random_below(4), random_below(250), 1700000000000ull + i, random_below(20000),
                    random_below(20000), random_below(100), random_below(100));
}

// The same members in two orders, one after the other.
static int line_alternating(char *out, uint32_t i)
{
    if (i % 2)
        return line_device(out, i);
    return snprintf(out, LINE_MAX,
                    "{\"ts\":%llu,\"device\":\"192.168.%u.%u\",\"send_bytes\":%u,"
                    "\"receive_bytes\":%u,\"receive_packets\":%u,\"send_packets\":%u}",
                    1700000000000ull + i, random_below(4), random_below(250), random_below(20000),
                    random_below(20000), random_below(100), random_below(100));
}

static int line_rich(char *out, uint32_t i)
{
    return snprintf(
        out, LINE_MAX,
        "{\"id\":\"%08x-77aa\",\"ts\":%llu,\"site\":{\"name\":\"M\xc3\xbcnchen-Ost %u\",\"geo\":"
        "{\"lat\":48.%06u,\"lon\":11.%06u}},\"user\":\"J\xc3\xbcrgen \xe2\x82\xac%u\",\"ok\":%s,"
        "\"note\":\"line one\\nline \\\"two\\\" \\u00e9 %u\",\"tags\":[\"a%u\",\"edge\",\"\xe6\x97"
        "\xa5\xe6\x9c\xac\"],\"load\":[%u.%u,%u.%u,%u],\"items\":[{\"k\":\"x\",\"v\":%u},{\"k\":"
        "\"y\",\"v\":%u}],\"temp\":%u.%u,\"err\":null}",
        random_below(1u << 30), 1700000000000ull + i, random_below(100), random_below(1000000),
        random_below(1000000), random_below(1000), random_below(2) ? "true" : "false",
        random_below(1000), random_below(10), random_below(10), random_below(100), random_below(10),
        random_below(100), random_below(100), random_below(1000), random_below(1000),
        random_below(40), random_below(10));
}

// No layout comes twice but by chance: each of ten members is there or not.
static int line_optional(char *out, uint32_t i)
{
    int len = snprintf(out, LINE_MAX, "{\"ts\":%llu", 1700000000000ull + i);
    for (uint32_t k = 0; k < 10; k++)
        if (random_below(2))
            len += snprintf(out + len, (size_t)(LINE_MAX - len), ",\"counter_%u\":%u", k,
                            random_below(100000));
    return len + snprintf(out + len, (size_t)(LINE_MAX - len), "}");
}

static void make_corpus(struct corpus *corpus, const char *name, int (*line)(char *out, uint32_t i))
{
    corpus->name = name;
    corpus->chunk = chunk_new((size_t)RECORDS * LINE_MAX);
    corpus->at = malloc(RECORDS * sizeof *corpus->at);
    corpus->len = malloc(RECORDS * sizeof *corpus->len);
    if (!corpus->chunk || !corpus->at || !corpus->len)
        die("out of memory");
    size_t at = 0;
    for (uint32_t i = 0; i < RECORDS; i++) {
        int len = line(corpus->chunk->data + at, i);
        corpus->at[i] = (uint32_t)at;
        corpus->len[i] = (uint32_t)len;
        at += (size_t)len;
        corpus->chunk->data[at++] = '\n';
    }
    corpus->chunk->len = at;
    corpus->mean = (double)(at - RECORDS) / RECORDS;
}

static double now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void fill(struct bench *bench, struct batch *batch, uint32_t first, uint32_t count)
{
    const struct corpus *corpus = bench->corpus;
    size_t pad = bench->reader->path == JSON_PATH_SCALAR ? 0 : CHUNK_PAD;
    if (batch_hold(batch, corpus->chunk))
        die("chunks");
    for (uint32_t i = first; i < first + count; i++) {
        struct record *record = batch_add(batch);
        if (!record || json_read(bench->reader, batch, corpus->chunk->data + corpus->at[i],
                                 corpus->len[i], pad, record, NULL))
            die("json_read");
    }
    bench->sum += batch->records[count - 1].wire;
}

// One round: the time of reading, and of `work` behind it.
static void run_round(struct bench *bench, work *then, double *read_ns, double *work_ns)
{
    *read_ns = *work_ns = 0;
    for (uint32_t i = 0; i < RECORDS; i += BATCH_RECORDS) {
        uint32_t count = RECORDS - i < BATCH_RECORDS ? RECORDS - i : BATCH_RECORDS;
        double start = now_ns();
        struct batch *batch = batch_new(bench->pool);
        if (!batch)
            die("out of memory");
        fill(bench, batch, i, count);
        double middle = now_ns();
        if (then)
            then(bench, batch);
        double end = now_ns();
        batch_unref(batch);
        *read_ns += middle - start;
        *work_ns += end - middle;
    }
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(struct bench *bench, const char *name, work *then)
{
    double ns[ROUNDS], read_ns, work_ns;
    run_round(bench, then, &read_ns, &work_ns); // warm
    for (int i = 0; i < ROUNDS; i++) {
        run_round(bench, then, &read_ns, &work_ns);
        ns[i] = (then ? work_ns : read_ns) / RECORDS;
    }
    qsort(ns, ROUNDS, sizeof *ns, ascending);
    printf("%-12s %-22s %7.1f min %7.1f median   %.2f GB/s\n", bench->corpus->name, name, ns[0],
           ns[ROUNDS / 2], bench->corpus->mean / ns[0]);
}

static void add_value(struct bench *bench, struct value value)
{
    bench->sum += value.type == VALUE_INT ? (uint64_t)value.i : value.len;
}

static void get_fields(struct bench *bench, struct batch *batch, int first, int count)
{
    for (uint32_t i = 0; i < batch->count; i++)
        for (int k = first; k < first + count; k++)
            add_value(bench, record_read_field(batch, &batch->records[i], &bench->fields[k]));
}

static void get_two(struct bench *bench, struct batch *batch)
{
    get_fields(bench, batch, 1, 2);
}

static void get_six(struct bench *bench, struct batch *batch)
{
    get_fields(bench, batch, 0, 6);
}

static void write_all(struct bench *bench, struct batch *batch)
{
    buf_clear(&bench->out);
    for (uint32_t i = 0; i < batch->count; i++)
        if (json_write(batch, &batch->records[i], &bench->out, NULL))
            die("json_write");
    bench->sum += bench->out.len;
}

static void set_new_field(struct bench *bench, struct batch *batch)
{
    static struct field field;
    if (!field.name)
        field_init(&field, "bps", 3);
    for (uint32_t i = 0; i < batch->count; i++)
        if (record_set_field(batch, &batch->records[i], &field, value_float(i / 7.0)))
            die("record_set_field");
    bench->sum += batch->count;
}

static void change_and_write(struct bench *bench, struct batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        if (record_set_field(batch, &batch->records[i], &bench->fields[2],
                             value_float((double)(i + 1) / 7.0)))
            die("record_set_field");
    write_all(bench, batch);
}

static void change_int_and_write(struct bench *bench, struct batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        if (record_set_field(batch, &batch->records[i], &bench->fields[2], value_int(i * 37)))
            die("record_set_field");
    write_all(bench, batch);
}

static void measure_paths(struct bench *bench, const struct corpus *corpus)
{
    static const char *const sets[] = {"avx512", "avx2", "sse2"};
    char name[64];
    bench->corpus = corpus;
    for (int i = 0; i < 3; i++) {
        bench->reader->fast = json_fast_named(sets[i]);
        if (!bench->reader->fast)
            continue;
        bench->reader->path = JSON_PATH_AUTO;
        snprintf(name, sizeof name, "read, %s", sets[i]);
        measure(bench, name, NULL);
        bench->reader->path = JSON_PATH_BITMAP;
        snprintf(name, sizeof name, "read, %s bitmap", sets[i]);
        measure(bench, name, NULL);
    }
    bench->reader->path = JSON_PATH_SCALAR;
    measure(bench, "read, scalar", NULL);
    bench->reader->path = JSON_PATH_AUTO;
    bench->reader->fast = json_fast_best();
}

static int measure_one(struct bench *bench, const struct corpus *corpora, const char *name)
{
    for (uint32_t i = 0; i < CORPORA; i++) {
        if (strcmp(corpora[i].name, name) != 0)
            continue;
        bench->corpus = &corpora[i];
        for (int round = 0; round < 5; round++)
            measure(bench, "read", NULL);
        bench->reader->path = JSON_PATH_BITMAP;
        measure(bench, "read, bitmap", NULL);
        return 0;
    }
    die("no such corpus");
    return 1;
}

int main(int argc, char **argv)
{
    static const char *const names[] = {
        "device", "ts", "receive_bytes", "send_bytes", "receive_packets", "send_packets"};
    struct corpus corpora[CORPORA];
    struct bench bench = {.shapes = shape_table_new()};
    bench.pool = bench.shapes ? batch_pool_new(bench.shapes) : NULL;
    bench.reader = bench.pool ? json_reader_new(bench.shapes, NULL) : NULL;
    if (!bench.reader)
        die("out of memory");
    buf_init(&bench.out, 1u << 30);
    for (int i = 0; i < 6; i++)
        field_init(&bench.fields[i], names[i], (uint32_t)strlen(names[i]));
    make_corpus(&corpora[0], "device", line_device);
    make_corpus(&corpora[1], "alternating", line_alternating);
    make_corpus(&corpora[2], "optional", line_optional);
    make_corpus(&corpora[3], "rich", line_rich);
    if (argc > 1)
        return measure_one(&bench, corpora, argv[1]);
    for (int i = 0; i < CORPORA; i++)
        printf("%s: %.0f bytes a record\n", corpora[i].name, corpora[i].mean);
    for (int i = 0; i < CORPORA; i++)
        measure_paths(&bench, &corpora[i]);
    bench.corpus = &corpora[0];
    measure(&bench, "get 2 fields", get_two);
    measure(&bench, "get 6 fields", get_six);
    measure(&bench, "write untouched", write_all);
    measure(&bench, "set a new field", set_new_field);
    measure(&bench, "one int, write", change_int_and_write);
    measure(&bench, "one float, write", change_and_write);
    printf("(%llu)\n", (unsigned long long)bench.sum);
    return 0;
}
