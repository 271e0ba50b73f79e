// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>
#include <stdint.h>

// A target takes any bytes and aborts when a promise is broken. Named as libFuzzer wants it, so
// that clang -fsanitize=fuzzer can drive it too; driver.c does so where there is no such runtime.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
