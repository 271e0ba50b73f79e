// SPDX-License-Identifier: MIT
#include "operators/sketch.h"
#include "base/alloc.h"
#include "support/unit.h"
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

// Sketches against exact answers, merged and not, as bytes and back, and without memory.

struct bench {
    struct state_budget budget;
    struct buf key, text;
    struct sketch_env env;
    const struct sketch_class *class;
};

static uint64_t seed;

static uint64_t dice(void) // splitmix64
{
    uint64_t z = seed += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static void bench_init(struct bench *bench, const struct sketch_class *class, double parameter)
{
    *bench = (struct bench){.class = class};
    buf_init(&bench->key, 1 << 20);
    buf_init(&bench->text, 1 << 24);
    bench->env = (struct sketch_env){&bench->budget, &bench->key, parameter};
    seed = 42;
}

static void bench_deinit(struct bench *bench)
{
    CU_ASSERT_EQUAL(bench->budget.used_bytes, 0);
    buf_deinit(&bench->key);
    buf_deinit(&bench->text);
}

static void put_at(struct bench *bench, void **cell, struct value value, int64_t time)
{
    struct agg_pick item = {.value = value, .time = time};
    CU_ASSERT_EQUAL_FATAL(bench->class->reserve(&bench->env, cell, &item), 0);
    bench->class->add(&bench->env, cell, &item);
}

static void put(struct bench *bench, void **cell, struct value value)
{
    put_at(bench, cell, value, 0);
}

static void merge(struct bench *bench, void **cell, const void *from)
{
    CU_ASSERT_EQUAL_FATAL(bench->class->reserve_all(&bench->env, cell, from), 0);
    bench->class->add_all(&bench->env, cell, from);
}

static struct value tell(struct bench *bench, const void *cell)
{
    struct value value = value_absent();
    CU_ASSERT_EQUAL(bench->class->result(&bench->env, cell, &bench->text, &value), 0);
    return value;
}

static const char *tell_text(struct bench *bench, const void *cell)
{
    (void)tell(bench, cell);
    return buf_cstr(&bench->text);
}

static void drop(struct bench *bench, void **cell)
{
    bench->class->release(&bench->env, cell);
    CU_ASSERT_PTR_NULL(*cell);
}

// Back from its bytes, and then gone from where it was.
static void restart(struct bench *bench, void **cell)
{
    struct image image;
    struct image_entry entry;
    void *back = NULL;
    int rc = 0;
    image_init(&image, 1 << 24);
    bench->class->save(*cell, &image);
    image_end(&image, 1, NULL, 0);
    CU_ASSERT_EQUAL_FATAL(image.rc, 0);
    struct image_reader reader = {image.bytes.data, image.bytes.data + image.bytes.len};
    CU_ASSERT_TRUE_FATAL(image_next(&reader, &entry, &rc));
    CU_ASSERT_EQUAL_FATAL(bench->class->load(&bench->env, &back, &entry), 0);
    CU_ASSERT_EQUAL(entry_done(&entry, NULL), 0);
    drop(bench, cell);
    *cell = back;
    image_deinit(&image);
}

// -- distinct --

static void distinct_counts(void)
{
    static const int counts[] = {0, 1, 3, 4, 100, 384, 385, 1000, 5000, 20000, 300000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct bench bench;
        void *cells[3] = {0};
        bench_init(&bench, &sketch_distinct, 0);
        put(&bench, &cells[1], value_string("x", 1));
        for (int n = 0; n <= counts[i]; n++)
            for (int again = 0; again < 2; again++) {
                struct value value = n ? value_int(n * INT64_C(7919)) : value_string("x", 1);
                put(&bench, &cells[0], value);
                put(&bench, &cells[1 + n % 2], value);
            }
        if (cells[2])
            merge(&bench, &cells[1], cells[2]);
        double exact = counts[i] + 1, told = (double)tell(&bench, cells[0]).i;
        // Five standard errors; none of what is exact.
        double bound = exact <= DISTINCT_EXACT_MAX ? 0 : 5 * 1.04 / 64 * exact;
        if (fabs(told - exact) > bound)
            fprintf(stderr, "\n  %g of %g\n", told, exact);
        CU_ASSERT_TRUE(fabs(told - exact) <= bound);
        CU_ASSERT_EQUAL(tell(&bench, cells[1]).i, (int64_t)told);
        restart(&bench, &cells[0]);
        CU_ASSERT_EQUAL(tell(&bench, cells[0]).i, (int64_t)told);
        for (int n = 0; n < 3; n++)
            drop(&bench, &cells[n]);
        bench_deinit(&bench);
    }
}

// The error over many sets is what is promised.
static void distinct_standard_error(void)
{
    double squares = 0;
    enum { ROUNDS = 60, VALUES = 10000 };
    for (int round = 0; round < ROUNDS; round++) {
        struct bench bench;
        void *cell = NULL;
        bench_init(&bench, &sketch_distinct, 0);
        seed = (uint64_t)round;
        for (int n = 0; n < VALUES; n++)
            put(&bench, &cell, value_int((int64_t)dice()));
        double off = (double)tell(&bench, cell).i / VALUES - 1;
        squares += off * off;
        drop(&bench, &cell);
        bench_deinit(&bench);
    }
    CU_ASSERT_TRUE(sqrt(squares / ROUNDS) < 1.25 * 1.04 / 64);
}

static void distinct_is_small_at_first(void)
{
    struct bench bench;
    void *cell = NULL;
    bench_init(&bench, &sketch_distinct, 0);
    put(&bench, &cell, value_float(1));
    CU_ASSERT_TRUE(bench.budget.used_bytes <= 40);
    put(&bench, &cell, value_int(1)); // another value
    CU_ASSERT_EQUAL(tell(&bench, cell).i, 2);
    drop(&bench, &cell);
    bench_deinit(&bench);
}

// -- quantile --

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double draw(int kind)
{
    double unit = (double)(dice() >> 11) * 0x1p-53;
    switch (kind) {
    case 0:
        return unit;
    case 1:
        return 1 / (unit + 1e-12); // a long tail
    case 2:
        return (unit - 0.5) * 2000; // both signs
    case 3:
        return floor(unit * 5); // zeros, and few values
    default:
        return ldexp(unit - 0.5, (int)(dice() % 1900) - 940); // all sizes
    }
}

static void check_quantile(struct bench *bench, const void *cell, const double *sorted, int count)
{
    static const double qs[] = {0, 0.001, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999, 1};
    for (size_t i = 0; i < sizeof qs / sizeof *qs; i++) {
        bench->env.parameter = qs[i];
        double exact = sorted[(int)(qs[i] * (count - 1))], told = tell(bench, cell).f;
        if (!(fabs(told - exact) <= QUANTILE_ERROR * 1.0001 * fabs(exact)))
            fprintf(stderr, "\n  q %g of %d: %g, not %g\n", qs[i], count, told, exact);
        CU_ASSERT_TRUE(fabs(told - exact) <= QUANTILE_ERROR * 1.0001 * fabs(exact));
    }
}

static void quantiles(void)
{
    enum { MAX = 5000 };
    static const int counts[] = {1, 2, 10, 1000, MAX};
    static double values[MAX];
    for (int round = 0; round < 25; round++) {
        struct bench bench;
        void *cells[3] = {0};
        int count = counts[round % 5];
        bench_init(&bench, &sketch_quantile, 0);
        for (int i = 0; i < count; i++) {
            values[i] = draw(round / 5);
            put(&bench, &cells[0], value_float(values[i]));
            put(&bench, &cells[1 + dice() % 2], value_float(values[i]));
        }
        qsort(values, (size_t)count, sizeof *values, by_number);
        check_quantile(&bench, cells[0], values, count);
        if (cells[2])
            merge(&bench, &cells[1], cells[2]);
        restart(&bench, &cells[1]);
        check_quantile(&bench, cells[1], values, count);
        for (int n = 0; n < 3; n++)
            drop(&bench, &cells[n]);
        bench_deinit(&bench);
    }
}

// -- topk --

static void topk_is_exact_while_there_is_room(void)
{
    struct bench bench;
    void *cell = NULL;
    bench_init(&bench, &sketch_topk, 3);
    for (int i = 0; i < 64; i++)
        for (int n = 0; n <= i % 8; n++)
            put(&bench, &cell, value_int(i));
    CHECK_TEXT(tell_text(&bench, cell), "[{\"value\":7,\"count\":8},{\"value\":15,\"count\":8},"
                                        "{\"value\":23,\"count\":8}]");
    restart(&bench, &cell);
    put(&bench, &cell, value_string("a\"b", 3));
    put(&bench, &cell, value_int(23));
    CHECK_TEXT(tell_text(&bench, cell), "[{\"value\":23,\"count\":9},{\"value\":7,\"count\":8},"
                                        "{\"value\":15,\"count\":8}]");
    drop(&bench, &cell);
    put(&bench, &cell, value_string("a\"b", 3));
    CHECK_TEXT(tell_text(&bench, cell), "[{\"value\":\"a\\\"b\",\"count\":1}]");
    drop(&bench, &cell);
    bench_deinit(&bench);
}

// Counts of a skewed stream: never too small, and too great by at most n / m.
static void check_topk(struct bench *bench, const void *cell, const int *exact, int total)
{
    const char *at = tell_text(bench, cell);
    int found = 0, bound = total / 80;
    long before = total;
    while ((at = strstr(at, "\"value\":"))) {
        long value = strtol(at + 8, NULL, 10);
        long count = strtol(strstr(at, "\"count\":") + 8, NULL, 10);
        CU_ASSERT_TRUE(count >= exact[value] && count <= exact[value] + bound);
        CU_ASSERT_TRUE(count <= before);
        before = count;
        at++;
        found++;
    }
    CU_ASSERT_EQUAL(found, 10);
    for (int i = 0; i < 5; i++) { // each of them is more frequent than the bound
        char wanted[32];
        snprintf(wanted, sizeof wanted, "\"value\":%d,", i);
        CHECK_HAS(buf_cstr(&bench->text), wanted);
    }
}

static void topk_within_its_bound(void)
{
    enum { VALUES = 2000, TOTAL = 40000 };
    static int exact[VALUES];
    struct bench bench;
    void *cells[3] = {0};
    memset(exact, 0, sizeof exact);
    bench_init(&bench, &sketch_topk, 10);
    for (int i = 0; i < TOTAL; i++) {
        uint64_t one = dice() % VALUES, value = one * (dice() % VALUES) / VALUES * (one % 7) / 7;
        if (dice() % 3 == 0)
            value = dice() % 5;
        exact[value]++;
        put(&bench, &cells[0], value_int((int64_t)value));
        put(&bench, &cells[1 + i % 2], value_int((int64_t)value));
    }
    check_topk(&bench, cells[0], exact, TOTAL);
    merge(&bench, &cells[1], cells[2]);
    check_topk(&bench, cells[1], exact, TOTAL);
    restart(&bench, &cells[1]);
    check_topk(&bench, cells[1], exact, TOTAL);
    for (int n = 0; n < 3; n++)
        drop(&bench, &cells[n]);
    bench_deinit(&bench);
}

// -- sum_exact --

static void exact_sums(void)
{
    static const struct {
        double values[6];
        int count;
        double sum;
    } rows[] = {
        {{1e100, 1, -1e100}, 3, 1},
        {{0.1, 0.2, 0.3}, 3, 0.6},
        {{DBL_MAX, DBL_MAX, -DBL_MAX}, 3, DBL_MAX},
        {{DBL_MAX, 1, -DBL_MAX, -1}, 4, 0},
        {{0x1p-1074, 0x1p-1074}, 2, 0x1p-1073},
        {{DBL_MIN, -0x1p-1074}, 2, DBL_MIN - 0x1p-1074},
        {{-1e300, 1e-300, 1e300}, 3, 1e-300},
        {{1, 0x1p-53}, 2, 1},                      // half: to even
        {{1, 0x1p-53, 0x1p-1074}, 3, 1 + 0x1p-52}, // more than half
        {{1, 0x1p-52, 0x1p-53}, 3, 1 + 0x1p-51},   // half: to even
        {{-1, -0x1p-53, -0x1p-1074}, 3, -1 - 0x1p-52},
        {{0.0, -0.0}, 2, 0},
        {{DBL_MAX, DBL_MAX}, 2, INFINITY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench bench;
        void *cell = NULL;
        bench_init(&bench, &sketch_exact, 0);
        for (int k = 0; k < rows[i].count; k++)
            put(&bench, &cell, value_float(rows[i].values[k]));
        restart(&bench, &cell);
        struct value value = tell(&bench, cell);
        CU_ASSERT_EQUAL(value.type, VALUE_FLOAT);
        if (value.f != rows[i].sum)
            fprintf(stderr, "\n  row %zu: %.17g, not %.17g\n", i, value.f, rows[i].sum);
        CU_ASSERT_TRUE(value.f == rows[i].sum);
        drop(&bench, &cell);
        bench_deinit(&bench);
    }
}

static void exact_sums_of_integers(void)
{
    static const struct {
        int64_t values[4];
        int count;
        uint8_t type;
        int64_t i;
        double f;
    } rows[] = {
        {{1, 2, -5}, 3, VALUE_INT, -2, 0},
        {{INT64_MAX, INT64_MAX, -INT64_MAX}, 3, VALUE_INT, INT64_MAX, 0},
        {{INT64_MIN, -1, 1}, 3, VALUE_INT, INT64_MIN, 0},
        {{INT64_MIN}, 1, VALUE_INT, INT64_MIN, 0},
        {{INT64_MIN, INT64_MIN}, 2, VALUE_FLOAT, 0, -0x1p64},
        {{INT64_MAX, 1}, 2, VALUE_FLOAT, 0, 0x1p63},
        {{0, 0}, 2, VALUE_INT, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench bench;
        void *cell = NULL;
        bench_init(&bench, &sketch_exact, 0);
        for (int k = 0; k < rows[i].count; k++)
            put(&bench, &cell, value_int(rows[i].values[k]));
        struct value value = tell(&bench, cell);
        CU_ASSERT_EQUAL(value.type, rows[i].type);
        if (value.type == VALUE_INT)
            CU_ASSERT_EQUAL(value.i, rows[i].i);
        if (value.type == VALUE_FLOAT)
            CU_ASSERT_TRUE(value.f == rows[i].f);
        drop(&bench, &cell);
        bench_deinit(&bench);
    }
}

// What is added and taken away again, in any order and over any merges, leaves exactly the rest.
static void exact_sums_do_not_depend_on_order(void)
{
    enum { COUNT = 400 };
    static double values[COUNT];
    for (int round = 0; round < 50; round++) {
        struct bench bench;
        void *cells[4] = {0};
        double rest = draw(4);
        bench_init(&bench, &sketch_exact, 0);
        seed = (uint64_t)round;
        for (int i = 0; i < COUNT; i += 2) {
            values[i] = draw(round % 5);
            values[i + 1] = -values[i];
        }
        for (int i = COUNT - 1; i > 0; i--) {
            int k = (int)(dice() % (uint64_t)(i + 1));
            double kept = values[i];
            values[i] = values[k];
            values[k] = kept;
        }
        put(&bench, &cells[dice() % 4], value_float(rest));
        for (int i = 0; i < COUNT; i++)
            put(&bench, &cells[dice() % 4], value_float(values[i]));
        for (int i = 1; i < 4; i++)
            merge(&bench, &cells[0], cells[i]);
        CU_ASSERT_TRUE(tell(&bench, cells[0]).f == rest);
        for (int i = 0; i < 4; i++)
            drop(&bench, &cells[i]);
        bench_deinit(&bench);
    }
}

// -- collect --

static void collects_by_time(void)
{
    struct bench bench;
    void *cells[2] = {0};
    bench_init(&bench, &sketch_collect, 5);
    static const int times[] = {7, 3, 9, 1, 5, 8, 2, 6, 4, 0};
    for (int i = 0; i < 10; i++) {
        char text[8];
        struct value value = value_int(times[i]);
        if (times[i] % 2)
            value = value_string(text, (uint32_t)snprintf(text, sizeof text, "t%d", times[i]));
        put_at(&bench, &cells[i % 2], value, times[i]);
    }
    CHECK_TEXT(tell_text(&bench, cells[0]), "[2,4,\"t5\",\"t7\",\"t9\"]");
    CHECK_TEXT(tell_text(&bench, cells[1]), "[0,\"t1\",\"t3\",6,8]");
    merge(&bench, &cells[0], cells[1]);
    restart(&bench, &cells[0]);
    CHECK_TEXT(tell_text(&bench, cells[0]), "[0,\"t1\",2,\"t3\",4]");
    put_at(&bench, &cells[0], value_null(), 9); // too late
    put_at(&bench, &cells[0], value_bool(true), 2);
    CHECK_TEXT(tell_text(&bench, cells[0]), "[0,\"t1\",2,true,\"t3\"]");
    for (int n = 0; n < 2; n++)
        drop(&bench, &cells[n]);
    bench_deinit(&bench);
}

// -- all of them --

static const struct {
    const struct sketch_class *class;
    double parameter;
} all[] = {{&sketch_distinct, 0},
           {&sketch_quantile, 0.5},
           {&sketch_topk, 2},
           {&sketch_exact, 0},
           {&sketch_collect, 70}};

static struct value nth(int n)
{
    return value_float(ldexp(n % 2 ? n : -n, n % 60 * 7));
}

// Each addition fails at each allocation, by memory and by the budget, and then succeeds: as if
// nothing had been.
static void failures_change_nothing(void)
{
    for (size_t c = 0; c < sizeof all / sizeof *all; c++) {
        struct bench bench;
        void *cells[3] = {0};
        uint64_t failures = 0;
        bench_init(&bench, all[c].class, all[c].parameter);
        for (int i = 0; i < 500; i++) {
            struct agg_pick item = {.value = nth(i), .time = i};
            for (uint64_t n = 1; n < 4; n++) {
                mem_fail_at(n, false);
                bool limit = n == 3;
                bench.budget.limit_bytes = limit ? bench.budget.used_bytes + 1 : 0;
                int rc = bench.class->reserve(&bench.env, &cells[0], &item);
                failures += rc != 0;
                CU_ASSERT_TRUE(rc == 0 || rc == (limit ? ERR_LIMIT : ERR_NOMEM));
                mem_fail_at(0, false);
            }
            bench.budget.limit_bytes = 0;
            put_at(&bench, &cells[0], nth(i), i);
            put_at(&bench, &cells[1], nth(i), i);
        }
        CU_ASSERT_TRUE(failures > 2);
        for (uint64_t n = 1, fired = 1; fired; n++) {
            mem_fail_at(n, false);
            int rc = bench.class->reserve_all(&bench.env, &cells[2], cells[0]);
            fired = mem_fail_count();
            mem_fail_at(0, false);
            CU_ASSERT_EQUAL(rc, fired ? ERR_NOMEM : 0);
        }
        bench.class->add_all(&bench.env, &cells[2], cells[0]);
        struct buf first;
        buf_init(&first, 1 << 20);
        struct value a = tell(&bench, cells[0]);
        CU_ASSERT_EQUAL(buf_puts(&first, buf_cstr(&bench.text)), 0);
        for (int i = 1; i < 3; i++) {
            struct value b = tell(&bench, cells[i]);
            CU_ASSERT_EQUAL(a.type, b.type);
            if (a.type < VALUE_STRING)
                CU_ASSERT_EQUAL(a.i, b.i);
            CHECK_TEXT(buf_cstr(&first), buf_cstr(&bench.text));
        }
        buf_deinit(&first);
        for (int n = 0; n < 3; n++)
            drop(&bench, &cells[n]);
        bench_deinit(&bench);
    }
}

// Bytes cut short, and bytes changed: never more than an error.
static void damage_is_found(void)
{
    for (size_t c = 0; c < sizeof all / sizeof *all; c++) {
        struct bench bench;
        struct image image;
        void *cell = NULL, *back = NULL;
        bench_init(&bench, all[c].class, all[c].parameter);
        for (int i = 0; i < 9; i++)
            put_at(&bench, &cell, nth(i), i);
        image_init(&image, 1 << 20);
        bench.class->save(cell, &image);
        char *bytes = image.body.data;
        size_t len = image.body.len;
        for (size_t cut = 0; cut < len; cut++) {
            struct image_entry entry = {.at = bytes, .end = bytes + cut};
            CU_ASSERT_EQUAL(bench.class->load(&bench.env, &back, &entry), 0);
            CU_ASSERT_EQUAL(entry_done(&entry, NULL), ERR_CORRUPT);
            bench.class->release(&bench.env, &back);
        }
        for (int round = 0; round < 3000; round++) {
            size_t at = dice() % len;
            char kept = bytes[at];
            bytes[at] = (char)dice();
            struct image_entry entry = {.at = bytes, .end = bytes + len};
            CU_ASSERT_EQUAL(bench.class->load(&bench.env, &back, &entry), 0);
            if (back && !entry.bad)
                (void)tell(&bench, back);
            bench.class->release(&bench.env, &back);
            bytes[at] = kept;
        }
        image_deinit(&image);
        drop(&bench, &cell);
        bench_deinit(&bench);
    }
}

static CU_TestInfo cases[] = {
    {"distinct counts", distinct_counts},
    {"distinct has the standard error that is told", distinct_standard_error},
    {"distinct is small at first", distinct_is_small_at_first},
    {"quantiles", quantiles},
    {"topk is exact while there is room", topk_is_exact_while_there_is_room},
    {"topk within its bound", topk_within_its_bound},
    {"exact sums", exact_sums},
    {"exact sums of integers", exact_sums_of_integers},
    {"exact sums do not depend on order", exact_sums_do_not_depend_on_order},
    {"collect goes by time", collects_by_time},
    {"failures change nothing", failures_change_nothing},
    {"damage is found", damage_is_found},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN(UNIT_SUITE("sketch", cases))
