// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>
#include <stdint.h>

// The partition in which Java's clients (and librdkafka's murmur2) put a key.
int32_t murmur2_partition(const void *key, size_t len, int32_t partitions);
