// SPDX-License-Identifier: MIT
#include "scout.h"

#include <pthread.h>
#include <stdlib.h>

enum { ASK_IDLE, ASK_LOUD, ASK_QUIET };

struct scout {
    struct client *client; // outlives the scout
    const tide_host *host; // for wake only, which any thread may call
    tide_ctx *ctx;
    pthread_t thread;
    pthread_mutex_t lock; // over all below
    pthread_cond_t changed;
    struct ask *first, **last;
    int ending;
};

static void *work(void *arg)
{
    struct scout *scout = arg;
    pthread_mutex_lock(&scout->lock);
    for (;;) {
        while (!scout->first && !scout->ending)
            pthread_cond_wait(&scout->changed, &scout->lock);
        if (scout->ending)
            break;
        struct ask *ask = scout->first;
        scout->first = ask->next;
        if (!scout->first)
            scout->last = &scout->first;
        pthread_mutex_unlock(&scout->lock);
        ask->run(ask, scout->client->rk);
        pthread_mutex_lock(&scout->lock);
        int loud = ask->asked == ASK_LOUD;
        ask->asked = ASK_IDLE;
        if (loud && !scout->ending)
            scout->host->wake(scout->ctx);
    }
    pthread_mutex_unlock(&scout->lock);
    return NULL;
}

struct scout *scout_new(struct client *client)
{
    struct scout *scout = calloc(1, sizeof *scout);
    if (!scout)
        return NULL;
    scout->client = client;
    scout->host = client->host;
    scout->ctx = client->ctx;
    scout->last = &scout->first;
    pthread_mutex_init(&scout->lock, NULL);
    pthread_cond_init(&scout->changed, NULL);
    if (pthread_create(&scout->thread, NULL, work, scout) != 0) {
        pthread_cond_destroy(&scout->changed);
        pthread_mutex_destroy(&scout->lock);
        free(scout);
        return NULL;
    }
    return scout;
}

void scout_free(struct scout *scout)
{
    if (!scout)
        return;
    pthread_mutex_lock(&scout->lock);
    scout->ending = 1;
    pthread_cond_signal(&scout->changed);
    pthread_mutex_unlock(&scout->lock);
    pthread_join(scout->thread, NULL);
    pthread_cond_destroy(&scout->changed);
    pthread_mutex_destroy(&scout->lock);
    free(scout);
}

static void enqueue(struct scout *scout, struct ask *ask, int how)
{
    pthread_mutex_lock(&scout->lock);
    if (ask->asked == ASK_IDLE) {
        ask->asked = how;
        ask->next = NULL;
        *scout->last = ask;
        scout->last = &ask->next;
        pthread_cond_signal(&scout->changed);
    }
    pthread_mutex_unlock(&scout->lock);
}

void scout_ask(struct scout *scout, struct ask *ask)
{
    enqueue(scout, ask, ASK_LOUD);
}

void scout_ask_quietly(struct scout *scout, struct ask *ask)
{
    enqueue(scout, ask, ASK_QUIET);
}

int scout_done(struct scout *scout, const struct ask *ask)
{
    pthread_mutex_lock(&scout->lock);
    int done = ask->asked == ASK_IDLE;
    pthread_mutex_unlock(&scout->lock);
    return done;
}
