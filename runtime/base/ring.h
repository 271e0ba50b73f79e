// SPDX-License-Identifier: MIT
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Bounded single-producer single-consumer ring of pointers. One thread pushes, one pops; both may
// ask for the fill. Each side keeps a copy of the other's index, so that the shared cache lines
// move only when the ring looks full or empty.

struct ring {
    _Alignas(64) _Atomic size_t head; // next to pop; written by the consumer
    size_t tail_seen;                 // consumer's copy of tail
    _Alignas(64) _Atomic size_t tail; // next to push; written by the producer
    size_t head_seen;                 // producer's copy of head
    _Alignas(64) size_t mask;
    void **slots;
};

int ring_init(struct ring *ring, size_t capacity); // rounded up to a power of two
void ring_deinit(struct ring *ring);
bool ring_push(struct ring *ring, void *item); // false: full
void *ring_pop(struct ring *ring);             // NULL: empty
size_t ring_count(const struct ring *ring);
