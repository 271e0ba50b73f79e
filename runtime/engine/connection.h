// SPDX-License-Identifier: MIT
#pragma once
#include "engine/host.h"
#include "plugin/registry.h"

// The instances of the pipeline's connections: opened before any node, closed after all of them.
// Worker's thread.

struct connection {
    struct tide_ctx ctx;
    const tide_connection *vtable;
    void *self;
    bool open;
};

struct connections {
    struct connection *items;
    uint32_t count;
};

int connections_init(struct connections *connections, const struct topology *topology,
                     const struct registry *registry, struct clock *clock, struct waker *waker,
                     struct problems *problems);
// Tries to open those that are not. TIDE_OK: all are; AGAIN, RETRY: call again in a while; FATAL.
tide_result connections_open(struct connections *connections, struct error *err);
void connections_close(struct connections *connections);
void connections_deinit(struct connections *connections);
