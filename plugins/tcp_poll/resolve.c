// SPDX-License-Identifier: MIT
#include "resolve.h"
#include "../shared/target.h"
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct question {
    struct question *next;
    struct resolved answer;
    char name[]; // "host:port"
};

struct list {
    struct question *first, **end;
};

struct resolver {
    const tide_host *host;
    tide_ctx *ctx;
    pthread_mutex_t lock; // all below
    pthread_cond_t asked;
    struct list questions, answers;
    int running; // there is a thread
    int closed;  // the owner is gone: host must not be called
};

static void list_put(struct list *list, struct question *item)
{
    item->next = NULL;
    if (!list->first)
        list->end = &list->first;
    *list->end = item;
    list->end = &item->next;
}

static struct question *list_take(struct list *list)
{
    struct question *item = list->first;
    if (item)
        list->first = item->next;
    return item;
}

static int look_up(const char *name, int flags, struct sockaddr_storage *address, socklen_t *len)
{
    char host[300];
    const char *port = target_split(name, host, sizeof host);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    *len = 0;
    int error = port ? getaddrinfo(host, port, &hints, &found) : EAI_NONAME;
    if (error)
        return error;
    memcpy(address, found->ai_addr, found->ai_addrlen);
    *len = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

int resolve_numeric(const char *name, struct sockaddr_storage *address, socklen_t *len)
{
    return look_up(name, AI_NUMERICHOST, address, len) == 0;
}

struct resolver *resolver_new(const tide_host *host, tide_ctx *ctx)
{
    struct resolver *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->host = host;
    r->ctx = ctx;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->asked, NULL);
    return r;
}

static void destroy(struct resolver *r)
{
    struct question *item;
    while ((item = list_take(&r->questions)) || (item = list_take(&r->answers)))
        free(item);
    pthread_cond_destroy(&r->asked);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

void resolver_free(struct resolver *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->closed = 1;
    int running = r->running; // then the thread frees it
    pthread_cond_signal(&r->asked);
    pthread_mutex_unlock(&r->lock);
    if (!running)
        destroy(r);
}

static void *answer(void *arg)
{
    struct resolver *r = arg;
    pthread_mutex_lock(&r->lock);
    while (!r->closed) {
        struct question *item = list_take(&r->questions);
        if (!item) {
            pthread_cond_wait(&r->asked, &r->lock);
            continue;
        }
        pthread_mutex_unlock(&r->lock);
        struct resolved *out = &item->answer;
        out->error = look_up(item->name, 0, &out->address, &out->len);
        pthread_mutex_lock(&r->lock);
        list_put(&r->answers, item);
        if (!r->closed) // under the lock: the owner cannot go away meanwhile
            r->host->wake(r->ctx);
    }
    pthread_mutex_unlock(&r->lock);
    destroy(r);
    return NULL;
}

static int start(struct resolver *r)
{
    pthread_t thread;
    if (r->running)
        return 0;
    if (pthread_create(&thread, NULL, answer, r) != 0)
        return -1;
    pthread_detach(thread);
    r->running = 1;
    return 0;
}

int resolver_ask(struct resolver *r, uint32_t index, const char *name)
{
    size_t len = strlen(name) + 1;
    struct question *item = calloc(1, sizeof *item + len);
    if (!item)
        return -1;
    memcpy(item->name, name, len);
    item->answer.index = index;
    pthread_mutex_lock(&r->lock);
    int failed = start(r);
    if (failed) {
        free(item);
    } else {
        list_put(&r->questions, item);
        pthread_cond_signal(&r->asked);
    }
    pthread_mutex_unlock(&r->lock);
    return failed;
}

int resolver_take(struct resolver *r, struct resolved *out)
{
    pthread_mutex_lock(&r->lock);
    struct question *item = list_take(&r->answers);
    pthread_mutex_unlock(&r->lock);
    if (!item)
        return 0;
    *out = item->answer;
    free(item);
    return 1;
}
