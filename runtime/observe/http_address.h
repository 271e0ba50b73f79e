// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include <stdbool.h>
#include <sys/socket.h>

// Addresses of the HTTP server, and who may be meant by a request.

struct http_address {
    struct sockaddr_storage raw;
    socklen_t len;
};

// "127.0.0.1:9090", "[::1]:9090", ":9090", "9090". Numbers only: no look-up by name. ERR_INPUT.
int http_address_parse(const char *text, struct http_address *out, struct error *err);
bool http_address_is_loopback(const struct http_address *address);
void http_address_print(const struct http_address *address, char *out, size_t cap);
// Whether a Host header names this machine's loopback: localhost, 127.x.x.x, [::1], with any port.
bool http_host_is_loopback(const char *host);
