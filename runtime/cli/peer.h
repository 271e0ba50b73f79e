// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "cli/args.h"

#include <jansson.h>

// A pipeline that runs with --http, for the commands that ask one.

#define PEER_OPTIONS                                                                               \
    {"http", 0, "ADDR", "where the pipeline serves (run --http); default 127.0.0.1:9090"},         \
    {                                                                                              \
        "http-token-file", 0, "FILE", "the token that it wants, if it wants one"                   \
    }

struct peer {
    const char *address;
    const char *token; // NULL: none
    struct buf text;   // of the token
};

// As PEER_OPTIONS say; peer_deinit in any case.
int peer_init(struct peer *peer, const struct args *args, struct error *err);
void peer_deinit(struct peer *peer);
// The object that it answers; NULL: *err says what is wrong, ERR_INPUT if with what was asked for.
json_t *peer_get(const struct peer *peer, const char *path, struct error *err);
json_t *peer_post(const struct peer *peer, const char *path, struct error *err);
