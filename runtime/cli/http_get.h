// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/error.h"

// Asks a running pipeline (`run --http`) on this machine: one request, one connection, without TLS.
// `address` as for `run --http`. `token` NULL: none is sent. The body is appended to `out`.
// ERR_INPUT: the address cannot be read; ERR_IO: nobody answers there, or not in HTTP.
int http_get(const char *address, const char *path, const char *token, int *status, struct buf *out,
             struct error *err);
// Likewise a POST of an empty object.
int http_post(const char *address, const char *path, const char *token, int *status,
              struct buf *out, struct error *err);
// The token in a file (NULL: none), without the end of its line.
int http_read_token(const char *file, struct buf *out, struct error *err);
// Appends `text` as a value of a query.
int http_escape(const char *text, struct buf *out);
