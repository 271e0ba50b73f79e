// SPDX-License-Identifier: MIT
#include "row.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

const char *const field_names[FIELDS] = {"s", "n",     "k",   "ts", "v", "w",
                                         "i", "start", "end", "c",  "x"};

void *sim_alloc(size_t size)
{
    void *memory = calloc(1, size);
    if (!memory)
        abort();
    return memory;
}

void *sim_grow(void *items, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return items;
    *cap = need > *cap * 2 ? need : *cap * 2;
    void *memory = realloc(items, *cap * size);
    if (!memory)
        abort();
    return memory;
}

static uint32_t find(const struct row *row, enum column field)
{
    uint32_t i = 0;
    while (i < row->count && row->names[i] != field)
        i++;
    return i;
}

void row_set(struct row *row, enum column field, int64_t value)
{
    uint32_t i = find(row, field);
    if (i == ROW_FIELDS)
        abort();
    if (i == row->count)
        row->count++;
    row->names[i] = (uint8_t)field;
    row->values[i] = value;
}

int64_t row_get(const struct row *row, enum column field)
{
    uint32_t i = find(row, field);
    if (i == row->count)
        abort();
    return row->values[i];
}

static int print_value(const struct row *row, uint32_t i, char *out, size_t size)
{
    enum column name = (enum column)row->names[i];
    if (row->spoilt && name == F_V)
        return snprintf(out, size, "\"x\"");
    if (name == F_K)
        return snprintf(out, size, "\"k%" PRId64 "\"", row->values[i]);
    return snprintf(out, size, "%" PRId64, row->values[i]);
}

size_t row_print(const struct row *row, char out[ROW_TEXT])
{
    size_t len = 0;
    for (uint32_t i = 0; i < row->count; i++) {
        len += (size_t)snprintf(out + len, ROW_TEXT - len, "%c\"%s\":", i ? ',' : '{',
                                field_names[row->names[i]]);
        len += (size_t)print_value(row, i, out + len, ROW_TEXT - len);
    }
    if (!row->broken)
        out[len++] = '}';
    out[len] = '\0';
    return len;
}

void sim_rows_add(struct rows *rows, const struct row *row)
{
    rows->items = sim_grow(rows->items, &rows->cap, rows->count + 1, sizeof *rows->items);
    rows->items[rows->count++] = *row;
}

void sim_rows_free(struct rows *rows)
{
    free(rows->items);
    *rows = (struct rows){0};
}
