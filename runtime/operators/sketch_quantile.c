// SPDX-License-Identifier: MIT
#include "operators/sketch.h"
#include <math.h>

// quantile(x, q): DDSketch (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch
// with relative-error guarantees", VLDB 2019). Values are counted in buckets whose bounds grow by
// the factor gamma = (1 + a) / (1 - a), so that the middle of a bucket is off by at most the share
// a of any value in it. Only buckets that hold something are kept, sorted; none are ever collapsed:
// the error holds for all doubles but those next to zero (below 1e-307). It does not depend on the
// order of values, nor on how they were merged. Several quantiles of one field share a sketch.
//
// The quantile is the exact one's lower neighbour: the value with the rank floor(q * (n - 1)).
// The least and the greatest value are kept as they are: q = 0 and 1 are exact.

enum { FIRST_CAP = 4, OFFSET = 40000 }; // greater than the number of any bucket of a double

struct bucket {
    int64_t number; // negative: of values below 0; 0: zeros
    uint64_t count;
};

struct quantile {
    uint32_t count, cap;
    uint64_t values;
    double min, max;
    struct bucket buckets[];
};

static double log_gamma(void)
{
    return log((1 + QUANTILE_ERROR) / (1 - QUANTILE_ERROR));
}

static size_t size_of(uint32_t cap)
{
    return sizeof(struct quantile) + cap * sizeof(struct bucket);
}

static int64_t bucket_of(double x)
{
    if (x == 0)
        return 0;
    int64_t number = (int64_t)ceil(log(fabs(x)) / log_gamma()) + OFFSET;
    return x > 0 ? number : -number;
}

// The value that is off by the same share from both ends of a bucket.
static double value_of(int64_t number)
{
    if (number == 0)
        return 0;
    double above = (double)((number > 0 ? number : -number) - OFFSET) * log_gamma();
    double value = exp(above + log(1 - QUANTILE_ERROR));
    return number > 0 ? value : -value;
}

// The first bucket that is not below `number`.
static uint32_t place(const struct quantile *sketch, int64_t number)
{
    uint32_t low = 0, high = sketch->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (sketch->buckets[mid].number < number)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool has(const struct quantile *sketch, uint32_t at, int64_t number)
{
    return at < sketch->count && sketch->buckets[at].number == number;
}

static int room(const struct sketch_env *env, void **cell, uint32_t count)
{
    struct quantile *sketch = *cell;
    uint32_t cap = sketch ? sketch->cap : FIRST_CAP;
    while (cap < count)
        cap *= 2;
    if (sketch && cap == sketch->cap)
        return 0;
    int rc = sketch ? sketch_grow(env->budget, cell, size_of(sketch->cap), size_of(cap))
                    : sketch_new(env->budget, size_of(cap), cell);
    if (!rc) {
        sketch = *cell;
        sketch->cap = cap;
    }
    return rc;
}

static double number_of(const struct agg_pick *item)
{
    return item->value.type == VALUE_INT ? (double)item->value.i : item->value.f;
}

static int reserve(const struct sketch_env *env, void **cell, const struct agg_pick *item)
{
    const struct quantile *sketch = *cell;
    int64_t number = bucket_of(number_of(item));
    if (sketch && has(sketch, place(sketch, number), number))
        return 0;
    return room(env, cell, sketch ? sketch->count + 1 : 1);
}

static void see(struct quantile *sketch, double min, double max)
{
    if (!sketch->values || min < sketch->min)
        sketch->min = min;
    if (!sketch->values || max > sketch->max)
        sketch->max = max;
}

static void add(const struct sketch_env *env, void **cell, const struct agg_pick *item)
{
    struct quantile *sketch = *cell;
    double x = number_of(item);
    int64_t number = bucket_of(x);
    uint32_t at = place(sketch, number);
    (void)env;
    if (!has(sketch, at, number)) {
        memmove(&sketch->buckets[at + 1], &sketch->buckets[at],
                (sketch->count - at) * sizeof(struct bucket));
        sketch->buckets[at] = (struct bucket){.number = number};
        sketch->count++;
    }
    sketch->buckets[at].count++;
    see(sketch, x, x);
    sketch->values++;
}

// Buckets that `from` has and the sketch has not.
static uint32_t missing(const struct quantile *sketch, const struct quantile *from)
{
    uint32_t more = 0;
    for (uint32_t i = 0, at = 0; i < from->count; i++) {
        while (at < sketch->count && sketch->buckets[at].number < from->buckets[i].number)
            at++;
        more += !has(sketch, at, from->buckets[i].number);
    }
    return more;
}

static int reserve_all(const struct sketch_env *env, void **cell, const void *from)
{
    const struct quantile *sketch = *cell, *other = from;
    return room(env, cell, sketch ? sketch->count + missing(sketch, other) : other->count);
}

// From the back, so that nothing is overwritten before it was moved.
static void add_all(const struct sketch_env *env, void **cell, const void *from)
{
    struct quantile *sketch = *cell;
    const struct quantile *other = from;
    uint32_t i = sketch->count, k = other->count, to = i + missing(sketch, other);
    (void)env;
    sketch->count = to;
    while (k > 0) {
        const struct bucket *theirs = &other->buckets[k - 1];
        if (i > 0 && sketch->buckets[i - 1].number >= theirs->number) {
            struct bucket ours = sketch->buckets[--i];
            if (ours.number == theirs->number) {
                ours.count += theirs->count;
                k--;
            }
            sketch->buckets[--to] = ours;
        } else {
            sketch->buckets[--to] = *theirs;
            k--;
        }
    }
    see(sketch, other->min, other->max);
    sketch->values += other->values;
}

static int result(const struct sketch_env *env, const void *cell, struct buf *text,
                  struct value *out)
{
    const struct quantile *sketch = cell;
    uint64_t rank = (uint64_t)(env->parameter * (double)(sketch->values - 1)), below = 0;
    uint32_t at = 0;
    (void)text;
    while (at + 1 < sketch->count && below + sketch->buckets[at].count <= rank)
        below += sketch->buckets[at++].count;
    double value = value_of(sketch->buckets[at].number);
    if (value < sketch->min || rank == 0)
        value = sketch->min;
    if (value > sketch->max || rank + 1 >= sketch->values)
        value = sketch->max;
    *out = value_float(value);
    return 0;
}

// -- as bytes --

static void save(const void *cell, struct image *image)
{
    const struct quantile *sketch = cell;
    image_u64(image, sketch->count);
    image_f64(image, sketch->min);
    image_f64(image, sketch->max);
    int64_t before = 0;
    for (uint32_t i = 0; i < sketch->count; i++) {
        image_i64(image, sketch->buckets[i].number - before);
        image_u64(image, sketch->buckets[i].count);
        before = sketch->buckets[i].number;
    }
}

static int load(const struct sketch_env *env, void **cell, struct image_entry *entry)
{
    uint64_t count = entry_u64(entry);
    double min = entry_f64(entry), max = entry_f64(entry);
    int64_t number = 0;
    if (count > 2 * OFFSET * 2 || !(min <= max))
        entry->bad = true;
    for (uint64_t i = 0; i < count && !entry->bad; i++) {
        int rc = room(env, cell, (uint32_t)i + 1);
        if (rc)
            return rc;
        struct quantile *sketch = *cell;
        int64_t step = entry_i64(entry);
        struct bucket bucket = {number + (int32_t)step, entry_u64(entry)};
        entry->bad |= bucket.count == 0 || (i > 0 && bucket.number <= number);
        number = bucket.number;
        sketch->buckets[i] = bucket;
        sketch->values += bucket.count;
        sketch->count++;
        sketch->min = min;
        sketch->max = max;
    }
    entry->bad |= !*cell;
    return 0;
}

static void release(const struct sketch_env *env, void **cell)
{
    const struct quantile *sketch = *cell;
    if (sketch)
        sketch_free(env->budget, *cell, size_of(sketch->cap));
    *cell = NULL;
}

const struct sketch_class sketch_quantile = {
    .reserve = reserve,
    .add = add,
    .reserve_all = reserve_all,
    .add_all = add_all,
    .result = result,
    .save = save,
    .load = load,
    .release = release,
};
