// SPDX-License-Identifier: MIT
#include "engine/said.h"
#include <string.h>

void said_write(struct said *said, const char *text, size_t len)
{
    uint64_t words[SAID_WORDS] = {0};
    memcpy(words, text, len < sizeof words ? len : sizeof words - 1);
    for (int i = 0; i < SAID_WORDS; i++)
        atomic_store_explicit(&said->words[i], words[i], memory_order_relaxed);
}

void said_read(const struct said *said, char out[SAID_WORDS * 8])
{
    for (int i = 0; i < SAID_WORDS; i++) {
        uint64_t word = atomic_load_explicit(&said->words[i], memory_order_relaxed);
        memcpy(out + i * 8, &word, sizeof word);
    }
    out[SAID_WORDS * 8 - 1] = '\0';
}
