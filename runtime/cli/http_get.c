// SPDX-License-Identifier: MIT
#include "cli/http_get.h"
#include "observe/http_address.h"
#include "observe/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { ANSWER_MAX_BYTES = 16 << 20, ANSWER_WITHIN_S = 10, REQUEST_MAX_BYTES = 16384 };

int http_escape(const char *text, struct buf *out)
{
    int code = 0;
    for (; *text && !code; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     strchr("-._~", c);
        code = plain ? buf_putc(out, (char)c) : buf_printf(out, "%%%02X", c);
    }
    return code;
}

static int connect_to(const char *address, int *out, struct error *err)
{
    struct http_address at;
    struct timeval within = {.tv_sec = ANSWER_WITHIN_S};
    int code = http_address_parse(address, &at, err);
    if (code)
        return code;
    int fd = socket(at.raw.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &within, sizeof within) ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &within, sizeof within) ||
        connect(fd, (struct sockaddr *)&at.raw, at.len)) {
        error_errno(err, ERR_IO, errno,
                    "no pipeline answers on %s (is it run with --http, on that address?)", address);
        if (fd >= 0)
            close(fd);
        return ERR_IO;
    }
    *out = fd;
    return 0;
}

static int send_all(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0)
            return -1;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

static int exchange(int fd, const struct buf *request, struct buf *answer)
{
    char part[4096];
    ssize_t n;
    if (send_all(fd, request->data, request->len))
        return ERR_IO;
    while ((n = recv(fd, part, sizeof part, 0)) > 0)
        if (buf_append(answer, part, (size_t)n))
            return ERR_NOMEM;
    return n < 0 ? ERR_IO : 0;
}

static int take_apart(struct buf *answer, int *status, struct buf *out)
{
    const char *text = buf_cstr(answer), *body = strstr(text, "\r\n\r\n");
    if (strncmp(text, "HTTP/1.", 7) != 0 || !strchr(text, ' ') || !body)
        return ERR_IO;
    *status = (int)strtol(strchr(text, ' '), NULL, 10);
    body += 4;
    return buf_append(out, body, answer->len - (size_t)(body - text));
}

static int ask(int fd, const struct buf *request, int *status, struct buf *out)
{
    struct buf answer;
    buf_init(&answer, ANSWER_MAX_BYTES);
    int code = exchange(fd, request, &answer);
    if (!code)
        code = take_apart(&answer, status, out);
    buf_deinit(&answer);
    return code;
}

static int write_request(struct buf *request, const char *method, const char *path,
                         const char *token)
{
    int code = buf_printf(request, "%s %s HTTP/1.0\r\nHost: localhost\r\n", method, path);
    if (!code && token)
        code = buf_printf(request, "Authorization: Bearer %s\r\n", token);
    if (!code && strcmp(method, "POST") == 0)
        return buf_puts(request, "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
    return code ? code : buf_puts(request, "\r\n");
}

int http_request(const char *method, const char *address, const char *path, const char *token,
                 int *status, struct buf *out, struct error *err)
{
    struct buf text;
    int fd, code = connect_to(address, &fd, err);
    if (code)
        return code;
    buf_init(&text, REQUEST_MAX_BYTES);
    code = write_request(&text, method, path, token);
    if (!code)
        code = ask(fd, &text, status, out);
    buf_deinit(&text);
    close(fd);
    if (code == ERR_IO)
        return error_set(err, ERR_IO, "%s does not answer in HTTP", address);
    return code ? error_set(err, code, "%s: %s", address, error_meaning(code)) : 0;
}
