// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/error.h"

// Asks a running pipeline (`run --http`) on this machine: one request, one connection, without TLS.
// `method` GET, or POST: of an empty object. `address` as for `run --http`. `token` NULL: none is
// sent. The body is appended to `out`.
// ERR_INPUT: the address cannot be read; ERR_IO: nobody answers there, or not in HTTP.
int http_request(const char *method, const char *address, const char *path, const char *token,
                 int *status, struct buf *out, struct error *err);
// Appends `text` as a value of a query.
int http_escape(const char *text, struct buf *out);
