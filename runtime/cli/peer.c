// SPDX-License-Identifier: MIT
#include "cli/peer.h"
#include "cli/http_get.h"
#include "config/text.h"

#include <string.h>

enum { ANSWER_MAX_BYTES = 16 << 20, TOKEN_MAX_BYTES = 4096 };

int peer_init(struct peer *peer, const struct args *args, struct error *err)
{
    const char *address = args_text(args, "http"), *file = args_text(args, "http-token-file");
    struct buf *text = &peer->text;
    *peer = (struct peer){.address = address ? address : "127.0.0.1:9090"};
    buf_init(text, TOKEN_MAX_BYTES);
    int code = file ? text_read_file(file, text, err) : 0;
    while (text->len && strchr(" \t\r\n", text->data[text->len - 1]))
        text->len--;
    if (file && !code)
        peer->token = buf_cstr(text);
    return code;
}

void peer_deinit(struct peer *peer)
{
    buf_deinit(&peer->text);
}

static json_t *take(int status, const struct buf *answer, struct error *err)
{
    json_t *object = json_loadb(answer->data, answer->len, 0, NULL);
    const char *why = json_string_value(json_object_get(object, "error"));
    if (object && (status == 200 || status == 202))
        return object;
    if (why)
        error_set(err, status == 404 ? ERR_INPUT : ERR_RETRY, "%s", why);
    else
        error_set(err, ERR_RETRY, "it answers %d: %.*s", status, (int)answer->len, answer->data);
    json_decref(object);
    return NULL;
}

static json_t *ask(const struct peer *peer, const char *method, const char *path, struct error *err)
{
    struct buf answer;
    int status = 0;
    buf_init(&answer, ANSWER_MAX_BYTES);
    int code = http_request(method, peer->address, path, peer->token, &status, &answer, err);
    json_t *object = code ? NULL : take(status, &answer, err);
    buf_deinit(&answer);
    return object;
}

json_t *peer_get(const struct peer *peer, const char *path, struct error *err)
{
    return ask(peer, "GET", path, err);
}

json_t *peer_post(const struct peer *peer, const char *path, struct error *err)
{
    return ask(peer, "POST", path, err);
}
