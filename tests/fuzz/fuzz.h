// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

// A target takes any bytes and aborts when a promise is broken. Named as libFuzzer wants it: clang
// -fsanitize=fuzzer drives it in `./dev fuzz`, and driver.c runs the seeds in the ordinary tests.
//
// The same bytes do the same whatever ran before: a target keeps nothing from one run to the next.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// What must hold whatever the bytes are.
#define PROMISE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #condition);        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)
// The same, with a text that says what was found.
#define PROMISE_OF(condition, text)                                                                \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: broken promise: %s: %s\n", __FILE__, __LINE__, #condition,     \
                    (text));                                                                       \
            abort();                                                                               \
        }                                                                                          \
    } while (0)
