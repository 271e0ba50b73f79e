// SPDX-License-Identifier: MIT
#include "scout.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

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
    int reached; // something was answered, and not all brokers went away since
};

enum { PROBE_PAUSE_MS = 200 };

// With the lock held, as all below.
static void say_missing(struct scout *scout, const char *what)
{
    if (TIDE_HAS(scout->host, waits_for) && !scout->ending)
        scout->host->waits_for(scout->ctx, what);
}

static void heard(struct scout *scout, rd_kafka_resp_err_t err)
{
    if (err || scout->reached)
        return;
    scout->reached = 1;
    say_missing(scout, NULL);
}

static void answer_next(struct scout *scout)
{
    struct ask *ask = scout->first;
    scout->first = ask->next;
    if (!scout->first)
        scout->last = &scout->first;
    pthread_mutex_unlock(&scout->lock);
    ask->run(ask, scout->client->rk);
    pthread_mutex_lock(&scout->lock);
    int loud = ask->asked == ASK_LOUD;
    heard(scout, ask->err);
    ask->asked = ASK_IDLE;
    if (loud && !scout->ending)
        scout->host->wake(scout->ctx);
}

// Any answer will do: who is there is asked, and of topics only what this handle knows already.
static void probe(struct scout *scout)
{
    const struct rd_kafka_metadata *metadata = NULL;
    pthread_mutex_unlock(&scout->lock);
    rd_kafka_resp_err_t err =
        rd_kafka_metadata(scout->client->rk, 0, NULL, &metadata, SCOUT_TIMEOUT_MS);
    if (metadata)
        rd_kafka_metadata_destroy(metadata);
    pthread_mutex_lock(&scout->lock);
    heard(scout, err);
    if (!err || scout->first || scout->ending)
        return;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += PROBE_PAUSE_MS * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&scout->changed, &scout->lock, &until);
}

static void *work(void *arg)
{
    struct scout *scout = arg;
    pthread_mutex_lock(&scout->lock);
    while (!scout->ending) {
        if (scout->first)
            answer_next(scout);
        else if (!scout->reached)
            probe(scout);
        else
            pthread_cond_wait(&scout->changed, &scout->lock);
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
    say_missing(scout, "no broker has answered yet");
    client->scout = scout;
    if (pthread_create(&scout->thread, NULL, work, scout) != 0) {
        pthread_cond_destroy(&scout->changed);
        pthread_mutex_destroy(&scout->lock);
        client->scout = NULL;
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
    scout->client->scout = NULL;
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

void scout_lost(struct scout *scout, const char *why)
{
    pthread_mutex_lock(&scout->lock);
    scout->reached = 0;
    say_missing(scout, why);
    pthread_cond_signal(&scout->changed);
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
