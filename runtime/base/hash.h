// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>
#include <stdint.h>

// 64-bit hash of bytes (XXH3, seed 0). Stable over runs and machines: key groups and stored state
// hang on it.
uint64_t hash_bytes(const void *bytes, size_t len);
// Kafka's murmur2 (seed 0x9747b28c), for partitions shared with Java clients.
uint32_t hash_murmur2(const void *bytes, size_t len);
// CRC-32C, as Kafka and the journal use it; `crc` is 0 at first, or the result so far.
uint32_t hash_crc32c(uint32_t crc, const void *bytes, size_t len);
// The same without the processor's help: what other machines run, and what tests compare with.
uint32_t hash_crc32c_portable(uint32_t crc, const void *bytes, size_t len);
