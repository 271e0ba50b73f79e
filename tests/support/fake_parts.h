// SPDX-License-Identifier: MIT
#pragma once
#include "support/fake_host.h"

// What the parts of the fake host share. Tests include fake_host.h alone.

struct tide_config { // scalar, list or map
    char *name;      // as a map's item
    char *text;      // scalar
    struct tide_config *items;
    uint32_t count;
    bool is_map;
};

struct tide_out {
    struct fake_host *host;
    uint32_t taken;
};

struct tide_buf {
    struct fake_bytes bytes;
};

static inline struct fake_host *host_of(tide_ctx *ctx)
{
    return (struct fake_host *)(void *)ctx;
}

void fake_die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
void *fake_more(void *items, size_t count, size_t size); // room for one more; aborts without memory
struct fake_bytes fake_copy(tide_bytes bytes);
void fake_free_bytes(struct fake_bytes *bytes);
void fake_append(struct fake_bytes *to, const void *bytes, size_t len);

void fake_config_init(struct fake_host *host);
void fake_config_deinit(struct fake_host *host);
void fake_source_init(struct fake_host *host);
void fake_source_deinit(struct fake_host *host);
void fake_sink_init(struct fake_host *host);
void fake_sink_deinit(struct fake_host *host);
