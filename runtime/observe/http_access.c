// SPDX-License-Identifier: MIT
#include "observe/http_access.h"
#include "base/io.h"
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { FILE_MAX_BYTES = 256 * 1024 };

void http_access_init(struct http_access *access)
{
    buf_init(&access->certificate, FILE_MAX_BYTES + 1);
    buf_init(&access->key, FILE_MAX_BYTES + 1);
    buf_init(&access->token, FILE_MAX_BYTES + 1);
}

static void wipe(struct buf *buf)
{
    if (buf->data)
        explicit_bzero(buf->data, buf->len);
    buf_deinit(buf);
}

void http_access_deinit(struct http_access *access)
{
    buf_deinit(&access->certificate);
    wipe(&access->key);
    wipe(&access->token);
}

static int read_file(const char *path, struct buf *out, struct error *err)
{
    int fd;
    int code = path ? io_open(&fd, path, O_RDONLY, 0, err) : 0;
    if (!path || code)
        return code;
    char piece[4096];
    size_t got = 1;
    while (!code && got) {
        code = io_pread(fd, path, piece, sizeof piece, out->len, &got, err);
        if (!code && out->len + got > FILE_MAX_BYTES)
            code = error_set(err, ERR_INPUT, "%s is longer than %d bytes", path, FILE_MAX_BYTES);
        if (!code && got && buf_append(out, piece, got))
            code = error_nomem(err);
    }
    explicit_bzero(piece, sizeof piece);
    close(fd);
    return code;
}

static int check_token(struct buf *token, const char *path, struct error *err)
{
    while (token->len && strchr("\r\n", token->data[token->len - 1]))
        token->len--;
    if (token->len < HTTP_TOKEN_MIN)
        return error_set(err, ERR_INPUT, "%s: a token of at least %d characters is wanted", path,
                         HTTP_TOKEN_MIN);
    for (size_t i = 0; i < token->len; i++)
        if (token->data[i] <= ' ' || token->data[i] > '~')
            return error_set(err, ERR_INPUT, "%s: a token has no spaces and is plain ASCII", path);
    return 0;
}

int http_access_read(struct http_access *access, const char *certificate, const char *key,
                     const char *token, struct error *err)
{
    if (!certificate != !key)
        return error_set(err, ERR_INPUT, "a certificate and a key go together: %s is missing",
                         certificate ? "--http-key" : "--http-cert");
    int code = read_file(certificate, &access->certificate, err);
    if (!code)
        code = read_file(key, &access->key, err);
    if (!code)
        code = read_file(token, &access->token, err);
    if (!code && token)
        code = check_token(&access->token, token, err);
    if (!code && key && (!access->key.len || !access->certificate.len))
        code = error_set(err, ERR_INPUT, "%s is empty", access->key.len ? certificate : key);
    return code;
}

bool http_access_allows(const struct http_access *access, const char *authorization)
{
    static const char scheme[] = "Bearer ";
    const struct buf *token = &access->token;
    if (!token->len)
        return true;
    if (!authorization || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
        return false;
    const char *given = authorization + sizeof scheme - 1;
    size_t len = strlen(given);
    unsigned char differs = len != token->len;
    for (size_t i = 0; i < len; i++)
        differs |= (unsigned char)(given[i] ^ token->data[i % token->len]);
    return !differs;
}

bool http_type_is_json(const char *type)
{
    static const char json[] = "application/json";
    size_t len = sizeof json - 1;
    return type && strncasecmp(type, json, len) == 0 && (!type[len] || strchr("; ", type[len]));
}

bool http_origin_is_host(const char *origin, const char *host)
{
    if (!origin)
        return true;
    const char *name = strstr(origin, "://");
    return name && host && strcasecmp(name + 3, host) == 0;
}
