// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/error.h"
#include "observe/snapshot.h"

// The window into the running pipelines, over HTTP; for reading, but for the last:
//
//   GET /metrics   all counters, for Prometheus
//   GET /healthz   200 while all lanes go on; 503 when one hangs in one step
//   GET /readyz    200 when all plugins are open and miss nothing; else, or draining, 503 and why
//   GET /api/v1/pipelines   each with what it does
//   GET /api/v1/why?node=NAME[&end=MS][&pipeline=NAME]   what holds the node's watermark, or its
//                  window that ends then, where it is; 404 when there is no such node
//   GET /api/v1/checkpoints   of each that makes some: the newest, when, what it took
//   POST /api/v1/checkpoint[?pipeline=NAME]   asks for one now: 202 and {"pipeline": NAME,
//                  "after": N}; it is there when the newest number is above N
//
// All but the first answer in JSON: {"status": "ready"}, {"status": "not open", "node": "out",
// ...}, with the "pipeline" when there are several.
//
// It listens on loopback unless another address is given. There, a request must also name loopback
// in its Host header, so that a web page cannot read through a browser by a name of its own that
// leads to 127.0.0.1. What is posted has to be of type application/json and, if a web page sends
// it, of this very origin: other pages cannot send that. Another address is refused without TLS and
// a token. Connections, their idle time and the size of requests are limited.
//
// The server has one thread, which asks for a snapshot with each request that needs one.

struct http_server;

struct http_why {
    const char *node;
    const char *end, *pipeline; // NULL: not given
};

struct http_config {
    const char *address; // "127.0.0.1:9090", "[::1]:9090", ":9090" and "9090" (loopback); port 0:
                         // any that is free
    // Fills *out, or returns ERR_NOMEM. Called by the server's thread until http_server_free.
    int (*snapshots)(void *arg, struct snapshots *out);
    // Appends the answer to /api/v1/why, JSON. ERR_INPUT: what was asked is wrong, as `err` says.
    // Likewise. NULL: there is no such page.
    int (*why)(void *arg, const struct http_why *what, struct buf *out, struct error *err);
    // Asks the pipeline (NULL: the only one) for a checkpoint, likewise; ERR_RETRY: it cannot now.
    int (*checkpoint)(void *arg, const char *pipeline, struct buf *out, struct error *err);
    // Files; NULL: none. A certificate and its key (PEM) for TLS; a token that every request has to
    // bring as `Authorization: Bearer TOKEN`.
    const char *certificate, *key, *token;
    void *arg;
};

enum { HTTP_ADDRESS_MAX = 64 };

// ERR_INPUT: the address cannot be read, or is open to others without TLS and a token; ERR_IO: it
// cannot be listened on.
int http_server_new(struct http_server **out, const struct http_config *config, struct error *err);
void http_server_free(struct http_server *server); // ends its thread; NULL is fine
// Where it listens: "127.0.0.1:40123".
const char *http_server_address(const struct http_server *server);
bool http_server_is_secure(const struct http_server *server); // https
