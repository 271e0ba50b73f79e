// SPDX-License-Identifier: MIT
#include "record/json_reader.h"
#include <string.h>

// Which of the fast sets this processor can run; they are compiled for x86-64 only.

#ifdef __x86_64__

static bool can_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("pclmul") &&
           __builtin_cpu_supports("popcnt");
}

static bool can_avx512(void)
{
    return can_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl");
}

const struct json_fast *json_fast_best(void)
{
    if (can_avx512())
        return &json_fast_avx512;
    return can_avx2() ? &json_fast_avx2 : &json_fast_sse2;
}

const struct json_fast *json_fast_named(const char *name)
{
    if (strcmp(name, "avx512") == 0)
        return can_avx512() ? &json_fast_avx512 : NULL;
    if (strcmp(name, "avx2") == 0)
        return can_avx2() ? &json_fast_avx2 : NULL;
    return strcmp(name, "sse2") == 0 ? &json_fast_sse2 : NULL;
}

#else

const struct json_fast *json_fast_best(void)
{
    return NULL;
}

const struct json_fast *json_fast_named(const char *name)
{
    (void)name;
    return NULL;
}

#endif
