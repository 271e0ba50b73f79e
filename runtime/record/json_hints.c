// SPDX-License-Identifier: MIT
#include "record/json_reader.h"
#include "base/alloc.h"

struct json_hints {
    uint32_t count;
};

struct json_hints *json_hints_new(void)
{
    return mem_zalloc(sizeof(struct json_hints));
}

void json_hints_free(struct json_hints *hints)
{
    mem_free(hints);
}

bool json_hints_try(struct json_reader *reader, struct batch *batch, const char *text, uint32_t len,
                    struct record *record)
{
    (void)reader, (void)batch, (void)text, (void)len, (void)record;
    return false;
}

void json_hints_learn(struct json_reader *reader, const char *text, uint32_t len,
                      const struct record *record)
{
    (void)reader, (void)text, (void)len, (void)record;
}

const struct json_fast *json_fast_best(void)
{
    return NULL;
}

const struct json_fast *json_fast_named(const char *name)
{
    (void)name;
    return NULL;
}
