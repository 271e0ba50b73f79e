// SPDX-License-Identifier: MIT
#include "serve.h"
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

static uint32_t hash(const char *text, size_t len)
{
    uint32_t h = 2166136261u; // FNV-1a
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)text[i]) * 16777619u;
    return h ^ h >> 16;
}

struct name *serve_find_next(const struct name *name, const char *key, size_t len)
{
    struct name *at = name->next;
    while (at && (strncmp(at->text, key, len) != 0 || at->text[len]))
        at = at->next;
    return at;
}

struct name *serve_find(const struct serve *s, const char *key, size_t len)
{
    const struct name before = {.next = s->buckets[hash(key, len) & (s->bucket_count - 1)]};
    return serve_find_next(&before, key, len);
}

static void add_name(struct serve *s, const char *text, uint32_t address)
{
    struct name *name = &s->names[s->name_count++];
    struct name **bucket = &s->buckets[hash(text, strlen(text)) & (s->bucket_count - 1)];
    *name = (struct name){text, address, *bucket};
    *bucket = name;
}

// "127.0.0.7:9000", "127.0.0.7" and "7".
static tide_result add_names(struct serve *s)
{
    s->bucket_count = 16;
    while (s->bucket_count < 4 * s->count)
        s->bucket_count *= 2;
    s->names = calloc(3 * (size_t)s->count, sizeof *s->names);
    s->buckets = calloc(s->bucket_count, sizeof *s->buckets);
    if (!s->names || !s->buckets)
        return s->host->fail(s->ctx, TIDE_FATAL, "out of memory");
    for (uint32_t i = 0; i < s->count; i++) {
        const struct address *address = &s->addresses[i];
        const char *last = strrchr(address->host, '.');
        add_name(s, address->name, i);
        add_name(s, address->host, i);
        if (last)
            add_name(s, last + 1, i);
    }
    return TIDE_OK;
}

static int bind_to(const struct addrinfo *to)
{
    int on = 1;
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, to->ai_addr, to->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
        int code = errno;
        close(fd);
        errno = code;
        return -1;
    }
    return fd;
}

// The address as the system gives it: with the port that it chose. 0 or an errno.
static int name_it(struct address *address, int fd)
{
    struct sockaddr_storage own;
    socklen_t len = sizeof own;
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (getsockname(fd, (struct sockaddr *)&own, &len) < 0)
        return errno;
    if (getnameinfo((struct sockaddr *)&own, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return EAFNOSUPPORT;
    address->host = strdup(host);
    if (asprintf(&address->name, own.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port) < 0)
        address->name = NULL;
    return address->host && address->name ? 0 : ENOMEM;
}

static tide_result listen_on(struct serve *s, struct address *address, const char *target)
{
    char host[300];
    const char *port = target_split(target, host, sizeof host);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int error = port ? getaddrinfo(host, port, &hints, &found) : EAI_NONAME;
    if (error == EAI_MEMORY)
        return s->host->fail(s->ctx, TIDE_FATAL, "cannot listen on %s: out of memory", target);
    if (error)
        return s->host->fail(s->ctx, TIDE_FATAL, "listen: %s is no numeric address", target);
    address->fd = bind_to(found);
    freeaddrinfo(found);
    if (address->fd < 0)
        return s->host->fail(s->ctx, TIDE_FATAL, "cannot listen on %s: %s", target,
                             strerror(errno));
    int code = name_it(address, address->fd);
    if (code)
        return s->host->fail(s->ctx, TIDE_FATAL, "cannot name the address of %s: %s", target,
                             strerror(code));
    if (!strcmp(port, "0"))
        s->host->log(s->ctx, TIDE_LOG_INFO, "listening on %s", address->name);
    return TIDE_OK;
}

static const char *item_text(const struct serve *s, const tide_config *list, uint32_t index)
{
    const char *text = s->host->config_text(list); // one scalar stands for a list of one
    return text ? text : s->host->config_text(s->host->config_item(list, index));
}

static uint32_t item_count(const struct serve *s, const tide_config *list)
{
    return !list ? 0 : s->host->config_text(list) ? 1 : s->host->config_len(list);
}

static tide_result read_faults(struct serve *s, const char *path, enum fault fault)
{
    const tide_config *list = s->host->config(s->ctx, path);
    for (uint32_t i = 0; i < item_count(s, list); i++) {
        const char *text = item_text(s, list, i);
        struct name *name = serve_find(s, text, strlen(text));
        if (!name)
            return s->host->fail(s->ctx, TIDE_FATAL, "%s: %s is not listened on", path, text);
        for (; name; name = serve_find_next(name, text, strlen(text))) {
            struct address *address = &s->addresses[name->address];
            address->fault = fault;
            if (fault == FAULT_REFUSE && address->fd >= 0) {
                close(address->fd);
                address->fd = -1;
            }
        }
    }
    return TIDE_OK;
}

static tide_result listen_all(struct serve *s, const struct targets *targets)
{
    s->addresses = calloc(targets->count + 1, sizeof *s->addresses);
    if (!s->addresses)
        return s->host->fail(s->ctx, TIDE_FATAL, "out of memory");
    tide_result result = TIDE_OK;
    for (size_t i = 0; i < targets->count && result == TIDE_OK; i++) {
        s->addresses[s->count].fd = -1;
        result = listen_on(s, &s->addresses[s->count++], targets->names[i]);
    }
    return result == TIDE_OK ? add_names(s) : result;
}

tide_result serve_listen(struct serve *s)
{
    static const struct {
        const char *path;
        enum fault fault;
    } faults[] = {{"faults.slow", FAULT_SLOW},
                  {"faults.truncate", FAULT_TRUNCATE},
                  {"faults.garbage", FAULT_GARBAGE},
                  {"faults.refuse", FAULT_REFUSE},
                  {"faults.hang", FAULT_HANG}};
    struct targets targets = {0};
    tide_result result = TIDE_OK;
    const tide_config *list = s->host->config(s->ctx, "listen");
    for (uint32_t i = 0; i < item_count(s, list) && result == TIDE_OK; i++) {
        const char *text = item_text(s, list, i);
        const char *wrong = targets_add(&targets, text);
        if (wrong)
            result = s->host->fail(s->ctx, TIDE_FATAL, "listen: '%s' %s", text, wrong);
    }
    if (result == TIDE_OK)
        result = listen_all(s, &targets);
    targets_deinit(&targets);
    for (size_t i = 0; i < sizeof faults / sizeof *faults && result == TIDE_OK; i++)
        result = read_faults(s, faults[i].path, faults[i].fault);
    return result;
}

void serve_unlisten(struct serve *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct address *address = &s->addresses[i];
        if (address->fd >= 0)
            close(address->fd);
        free(address->host);
        free(address->name);
    }
    free(s->addresses);
    free(s->names);
    free(s->buckets);
}
