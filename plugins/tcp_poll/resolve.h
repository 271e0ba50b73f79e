// SPDX-License-Identifier: MIT
#pragma once
#include "tidemill/host.h"
#include <sys/socket.h>

// Looks up names on a thread of its own, since the C library can only wait for the answer. The
// thread is started with the first question. It may outlive the resolver that asked (a name server
// that does not answer cannot be interrupted) and then ends by itself.

struct resolver;

struct resolved {
    uint32_t index; // as asked
    struct sockaddr_storage address;
    socklen_t len; // 0: it failed
    int error;     // for gai_strerror
};

// Numeric addresses need no thread: 1 when `name` ("host:port") is one.
int resolve_numeric(const char *name, struct sockaddr_storage *address, socklen_t *len);
struct resolver *resolver_new(const tide_host *host, tide_ctx *ctx);
void resolver_free(struct resolver *resolver);
// Asks for `name`; the answer is taken later, after a wake. 0, or -1: no memory, no thread.
int resolver_ask(struct resolver *resolver, uint32_t index, const char *name);
// 1: an answer.
int resolver_take(struct resolver *resolver, struct resolved *out);
