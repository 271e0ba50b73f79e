// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/error.h"
#include <stdbool.h>

// Who may ask the HTTP server, when it can be reached by others: a certificate so that nobody
// listens in, and a token that every request has to bring.

struct http_access {
    struct buf certificate, key; // PEM, with a NUL behind; empty: no TLS
    struct buf token;            // empty: none is asked for
};

enum { HTTP_TOKEN_MIN = 16 };

void http_access_init(struct http_access *access);
void http_access_deinit(struct http_access *access); // wipes what is secret
// Reads the files; NULL: not given. ERR_INPUT: certificate without key, a token that is too short
// or has spaces in it; ERR_IO.
int http_access_read(struct http_access *access, const char *certificate, const char *key,
                     const char *token, struct error *err);
// Whether `authorization` is "Bearer <token>"; takes as long for a wrong token as for the right
// one of the same length. True when none is asked for.
bool http_access_allows(const struct http_access *access, const char *authorization);
// What a web page of another origin cannot send without being asked for leave, which nobody gives:
// this type; and its Origin header names another host than it asks. NULL: the header is missing.
bool http_type_is_json(const char *type);
bool http_origin_is_host(const char *origin, const char *host); // also where there is no origin
