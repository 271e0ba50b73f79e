// SPDX-License-Identifier: MIT
#include "observe/http_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool parse_port(const char *text, in_port_t *port)
{
    unsigned value = 0;
    size_t len = strlen(text);
    if (!len || len > 5 || strspn(text, "0123456789") != len)
        return false;
    for (; *text; text++)
        value = value * 10 + (unsigned)(*text - '0');
    *port = htons((uint16_t)value);
    return value <= 65535;
}

// `text` up to the port, in `host` without brackets; *port is what follows the last colon, or "".
static bool split(const char *text, char *host, size_t cap, const char **port)
{
    const char *end, *close = text[0] == '[' ? strchr(text, ']') : NULL;
    if (text[0] == '[' && (!close || (close[1] && close[1] != ':')))
        return false;
    if (close) {
        text++;
        end = close;
        *port = close[1] ? close + 2 : "";
    } else {
        end = text + strcspn(text, ":");
        *port = *end ? end + 1 : "";
    }
    size_t len = (size_t)(end - text);
    if (len >= cap)
        return false;
    memcpy(host, text, len);
    host[len] = 0;
    return true;
}

static bool set_v4(struct http_address *out, const char *host, in_port_t port)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&out->raw;
    out->len = sizeof *in;
    in->sin_family = AF_INET;
    in->sin_port = port;
    return inet_pton(AF_INET, *host ? host : "127.0.0.1", &in->sin_addr) == 1;
}

static bool set_v6(struct http_address *out, const char *host, in_port_t port)
{
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)&out->raw;
    out->len = sizeof *in;
    in->sin6_family = AF_INET6;
    in->sin6_port = port;
    return inet_pton(AF_INET6, host, &in->sin6_addr) == 1;
}

int http_address_parse(const char *text, struct http_address *out, struct error *err)
{
    char host[INET6_ADDRSTRLEN];
    const char *port_text = text;
    in_port_t port;
    *out = (struct http_address){0};
    host[0] = 0;
    bool bare = *text && strspn(text, "0123456789") == strlen(text);
    bool good =
        (bare || split(text, host, sizeof host, &port_text)) && parse_port(port_text, &port);
    if (good)
        good = text[0] == '[' ? set_v6(out, host, port) : set_v4(out, host, port);
    if (good)
        return 0;
    return error_set(err, ERR_INPUT,
                     "'%s' is no address to listen on: expected 127.0.0.1:9090, [::1]:9090 or a "
                     "port",
                     text);
}

bool http_address_is_loopback(const struct http_address *address)
{
    if (address->raw.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)&address->raw)->sin6_addr);
    const struct sockaddr_in *in = (const struct sockaddr_in *)&address->raw;
    return ntohl(in->sin_addr.s_addr) >> 24 == 127;
}

void http_address_print(const struct http_address *address, char *out, size_t cap)
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->raw.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)&address->raw;
        inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
        (void)snprintf(out, cap, "[%s]:%u", host, ntohs(in->sin6_port));
    } else {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&address->raw;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        (void)snprintf(out, cap, "%s:%u", host, ntohs(in->sin_port));
    }
}

bool http_host_is_loopback(const char *text)
{
    char host[INET6_ADDRSTRLEN];
    const char *port;
    in_port_t number;
    if (!split(text, host, sizeof host, &port) || (*port && !parse_port(port, &number)))
        return false;
    struct in_addr v4;
    struct in6_addr v6;
    if (text[0] == '[')
        return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return strcasecmp(host, "localhost") == 0;
}
