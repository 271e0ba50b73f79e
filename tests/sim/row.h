// SPDX-License-Identifier: MIT
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A record as the model knows it: whole numbers by name, in the order in which they are written.
// `k` is written as text ("k3"), and `v` of a row that is spoilt as well ("x"). Rows of sources
// have a tag that they keep as long as they are changed and not computed: which split, which place
// in it.

enum column { F_S, F_N, F_K, F_TS, F_V, F_W, F_I, F_START, F_END, F_C, F_X, FIELDS };

extern const char *const field_names[FIELDS];

enum { ROW_FIELDS = 10, ROW_TEXT = 256, NO_TAG = -1 };

struct row {
    int64_t time;
    int32_t split, place; // the tag; NO_TAG
    bool spoilt;          // `v` is no number
    bool broken;          // no JSON at all
    uint8_t count, names[ROW_FIELDS];
    int64_t values[ROW_FIELDS];
};

struct rows {
    struct row *items;
    size_t count, cap;
};

void row_set(struct row *row, enum column field, int64_t value); // adds it, or changes it in place
int64_t row_get(const struct row *row, enum column field);       // it is there
size_t row_print(const struct row *row, char out[ROW_TEXT]);
void sim_rows_add(struct rows *rows, const struct row *row);
void sim_rows_free(struct rows *rows);

// Memory, or the end of the program.
void *sim_alloc(size_t size);
void *sim_grow(void *items, size_t *cap, size_t need, size_t size);
