// SPDX-License-Identifier: MIT
#include "observe/http.h"
#include "base/alloc.h"
#include "observe/health.h"
#include "observe/http_access.h"
#include "observe/http_address.h"
#include "observe/prometheus.h"

#include <errno.h>
#include <microhttpd.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 32,
    IDLE_S = 10,
    REQUEST_MAX_BYTES = 16384, // of one connection: its request and the head of the answer
    ANSWER_MAX_BYTES = 16 << 20,
    BACKLOG = 64,
};

struct http_server {
    struct http_config config;
    struct MHD_Daemon *daemon;
    int listener;
    bool local;
    struct http_access access;
    char address[HTTP_ADDRESS_MAX];
};

struct answer {
    unsigned status;
    const char *type;
    const char *allow; // which methods, when another was used
    struct buf text;
};

static const char json[] = "application/json";
static const char plain[] = "text/plain; charset=utf-8";

static int say(struct answer *answer, unsigned status, const char *text)
{
    answer->status = status;
    answer->type = plain;
    buf_clear(&answer->text);
    return buf_puts(&answer->text, text);
}

static int metrics(const struct snapshots *all, struct answer *answer)
{
    answer->type = PROMETHEUS_CONTENT_TYPE;
    return prometheus_print(all, &answer->text);
}

static int health(const struct snapshots *all, struct answer *answer)
{
    bool good = true;
    int code = health_print(all, &answer->text, &good);
    answer->type = json;
    answer->status = good ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
    return code;
}

static int readiness(const struct snapshots *all, struct answer *answer)
{
    bool good = true;
    int code = readiness_print(all, &answer->text, &good);
    answer->type = json;
    answer->status = good ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
    return code;
}

static int pipelines(const struct snapshots *all, struct answer *answer)
{
    answer->type = json;
    return pipelines_print(all, &answer->text);
}

// What was asked of the pipelines went wrong.
static int refuse(struct answer *answer, int code, const struct error *err)
{
    answer->status = code == ERR_INPUT ? MHD_HTTP_NOT_FOUND : MHD_HTTP_SERVICE_UNAVAILABLE;
    buf_clear(&answer->text);
    code = buf_puts(&answer->text, "{\"error\": ");
    if (!code)
        code = health_quote(err->text, &answer->text);
    return code ? code : buf_puts(&answer->text, "}\n");
}

static int checkpoints(const struct snapshots *all, struct answer *answer)
{
    answer->type = json;
    return checkpoints_print(all, &answer->text);
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

// Whether what is posted may come from a web page: only one of ours.
static int checkpoint(const struct http_server *server, struct MHD_Connection *connection,
                      struct answer *answer)
{
    struct error err = ERROR_INIT;
    if (!http_type_is_json(header(connection, MHD_HTTP_HEADER_CONTENT_TYPE)))
        return say(answer, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "application/json is wanted\n");
    if (!http_origin_is_host(header(connection, MHD_HTTP_HEADER_ORIGIN),
                             header(connection, MHD_HTTP_HEADER_HOST)))
        return say(answer, MHD_HTTP_FORBIDDEN, "the Origin header names another page\n");
    answer->type = json;
    answer->status = MHD_HTTP_ACCEPTED;
    const char *pipeline =
        MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "pipeline");
    int code = server->config.checkpoint(server->config.arg, pipeline, &answer->text, &err);
    return code == ERR_NOMEM || !code ? code : refuse(answer, code, &err);
}

static bool is_checkpoint(const struct http_server *server, const char *path)
{
    return server->config.checkpoint && strcmp(path, "/api/v1/checkpoint") == 0;
}

static int why(const struct http_server *server, struct MHD_Connection *connection,
               struct answer *answer)
{
    struct error err = ERROR_INIT;
    const char *node = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "node");
    const char *end = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "end");
    answer->type = json;
    const char *pipeline =
        MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "pipeline");
    const struct http_why what = {.pipeline = pipeline, .node = node ? node : "", .end = end};
    int code = server->config.why(server->config.arg, &what, &answer->text, &err);
    if (code == ERR_NOMEM || !code)
        return code;
    return refuse(answer, code, &err);
}

static const struct {
    const char *path;
    int (*fill)(const struct snapshots *all, struct answer *answer);
} pages[] = {{"/metrics", metrics},
             {"/healthz", health},
             {"/readyz", readiness},
             {"/api/v1/pipelines", pipelines},
             {"/api/v1/checkpoints", checkpoints}};

static int fill_page(const struct http_server *server, size_t page, struct answer *answer)
{
    struct snapshots all = {0};
    int code = server->config.snapshots(server->config.arg, &all);
    if (!code)
        code = pages[page].fill(&all, answer);
    snapshots_deinit(&all);
    return code;
}

static int find_page(const struct http_server *server, struct MHD_Connection *connection,
                     const char *path, struct answer *answer)
{
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (strcmp(pages[i].path, path) == 0)
            return fill_page(server, i, answer);
    if (server->config.why && strcmp(path, "/api/v1/why") == 0)
        return why(server, connection, answer);
    return say(answer, MHD_HTTP_NOT_FOUND,
               "there are /metrics, /healthz, /readyz, /api/v1/pipelines, /api/v1/checkpoints and "
               "/api/v1/why\n");
}

static bool is_read(const char *method)
{
    return strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

static bool is_post(const char *method)
{
    return strcmp(method, MHD_HTTP_METHOD_POST) == 0;
}

// A body of an announced and small size is read, and thrown away: what is asked for is in the path.
static bool has_small_body(struct MHD_Connection *connection)
{
    const char *length = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return length && strlen(length) <= 4;
}

static int make_answer(const struct http_server *server, struct MHD_Connection *connection,
                       const char *path, const char *method, struct answer *answer)
{
    const char *host =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    if (server->local && host && !http_host_is_loopback(host))
        return say(answer, MHD_HTTP_FORBIDDEN, "the Host header names another host\n");
    const char *token =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
    if (!http_access_allows(&server->access, token))
        return say(answer, MHD_HTTP_UNAUTHORIZED, "a bearer token is wanted\n");
    if (is_post(method) && is_checkpoint(server, path))
        return checkpoint(server, connection, answer);
    if (is_checkpoint(server, path)) {
        answer->allow = "POST";
        return say(answer, MHD_HTTP_METHOD_NOT_ALLOWED, "to be posted to\n");
    }
    if (!is_read(method))
        return say(answer, MHD_HTTP_METHOD_NOT_ALLOWED, "for reading only\n");
    return find_page(server, connection, path, answer);
}

// The bytes are the library's from here on; it frees them by `mem_free`.
static enum MHD_Result send_answer(struct MHD_Connection *connection, struct answer *answer)
{
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback(
        answer->text.len, answer->text.data, mem_free);
    if (!response) {
        buf_deinit(&answer->text);
        return MHD_NO;
    }
    bool good = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type) &&
                MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") &&
                MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (good && answer->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        good = MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow);
    if (good && answer->status == MHD_HTTP_UNAUTHORIZED)
        good = MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    enum MHD_Result sent = MHD_NO; // closes the connection
    if (good)
        sent = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return sent;
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state)
{
    (void)version;
    (void)upload;
    static int seen; // a place that is not NULL
    struct http_server *server = arg;
    if (!*state && (is_read(method) || (is_post(method) && has_small_body(connection)))) {
        *state = &seen; // the head is there; an answer now would cut a pipelined request off
        return MHD_YES;
    }
    if (*state && *upload_size) {
        *upload_size = 0; // nobody wants a body
        return MHD_YES;
    }
    struct answer answer = {.status = MHD_HTTP_OK, .type = plain, .allow = "GET, HEAD"};
    buf_init(&answer.text, ANSWER_MAX_BYTES);
    if (make_answer(server, connection, path, method, &answer)) {
        buf_deinit(&answer.text);
        return MHD_NO;
    }
    return send_answer(connection, &answer);
}

static int listen_on(struct http_server *server, struct http_address *address, struct error *err)
{
    int on = 1;
    http_address_print(address, server->address, sizeof server->address);
    server->listener =
        socket(address->raw.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->listener < 0 ||
        setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
        bind(server->listener, (struct sockaddr *)&address->raw, address->len) ||
        listen(server->listener, BACKLOG) ||
        getsockname(server->listener, (struct sockaddr *)&address->raw, &address->len))
        return error_errno(err, ERR_IO, errno, "cannot listen on %s", server->address);
    http_address_print(address, server->address, sizeof server->address);
    return 0;
}

// What others can reach has to be told from them.
static int secure(struct http_server *server, const struct http_address *address, struct error *err)
{
    const struct http_config *config = &server->config;
    server->local = http_address_is_loopback(address);
    if (!server->local && !(config->certificate && config->key && config->token))
        return error_set(err, ERR_INPUT,
                         "'%s' can be reached by others: it needs --http-cert, --http-key and "
                         "--http-token-file",
                         config->address);
    int code =
        http_access_read(&server->access, config->certificate, config->key, config->token, err);
    if (!code && config->key && MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
        return error_set(err, ERR_INPUT, "this build's libmicrohttpd has no TLS");
    return code;
}

// Signals are for the threads of the program: the new one is born with all of them blocked.
static int start(struct http_server *server, struct error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool tls = http_server_is_secure(server);
    struct MHD_OptionItem secrets[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)buf_cstr(&server->access.certificate)},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)buf_cstr(&server->access.key)},
        {MHD_OPTION_END, 0, NULL}};
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | (tls ? MHD_USE_TLS : 0), 0, NULL, NULL, handle, server,
        MHD_OPTION_LISTEN_SOCKET, server->listener, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_MAX_BYTES, MHD_OPTION_STRICT_FOR_CLIENT,
        1, MHD_OPTION_ARRAY, tls ? secrets : secrets + 2, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    server->listener = -1; // the library's, which closes it
    if (!server->daemon)
        return error_set(err, ERR_IO, "cannot serve HTTP on %s%s", server->address,
                         tls ? ": are certificate and key PEM, and of each other?" : "");
    return 0;
}

int http_server_new(struct http_server **out, const struct http_config *config, struct error *err)
{
    struct http_address address;
    *out = NULL;
    int code = http_address_parse(config->address, &address, err);
    if (code)
        return code;
    struct http_server *server = mem_zalloc(sizeof *server);
    if (!server)
        return error_nomem(err);
    server->config = *config;
    server->listener = -1;
    http_access_init(&server->access);
    code = secure(server, &address, err);
    if (!code)
        code = listen_on(server, &address, err);
    if (!code)
        code = start(server, err);
    if (code)
        http_server_free(server);
    else
        *out = server;
    return code;
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    if (server->listener >= 0)
        close(server->listener);
    http_access_deinit(&server->access);
    mem_free(server);
}

const char *http_server_address(const struct http_server *server)
{
    return server->address;
}

bool http_server_is_secure(const struct http_server *server)
{
    return server->access.key.len > 0;
}
