// SPDX-License-Identifier: MIT
#include "engine/crew.h"
#include "base/alloc.h"
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { POLLED_LEAST = 64 };

// That the process may use: a container or taskset may have given it fewer than there are.
static uint32_t cores(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    int n = sched_getaffinity(0, sizeof set, &set) ? 0 : CPU_COUNT(&set);
    return n < 1 ? 1 : (uint32_t)n;
}

int crew_new(struct crew **out, struct clock *clock, uint32_t workers, struct error *err)
{
    *out = NULL;
    struct crew *crew = mem_zalloc(sizeof *crew);
    uint32_t max = workers ? workers : cores();
    struct worker *list = mem_zalloc(max * sizeof *list);
    if (!crew || !list) {
        mem_free(crew);
        mem_free(list);
        return error_nomem(err);
    }
    *crew = (struct crew){.clock = clock, .workers = list, .max = max};
    pthread_mutex_init(&crew->lock, NULL);
    *out = crew;
    return 0;
}

static void drop_worker(struct worker *worker)
{
    if (worker->bell >= 0)
        close(worker->bell);
    mem_free(worker->polled);
}

void crew_free(struct crew *crew)
{
    if (!crew)
        return;
    pthread_mutex_lock(&crew->lock);
    crew->ending = true;
    pthread_mutex_unlock(&crew->lock);
    for (uint32_t i = 0; i < crew->count; i++)
        worker_ring(&crew->workers[i]);
    for (uint32_t i = 0; i < crew->count; i++) {
        pthread_join(crew->workers[i].thread, NULL);
        drop_worker(&crew->workers[i]);
    }
    pthread_mutex_destroy(&crew->lock);
    mem_free(crew->workers);
    mem_free(crew);
}

// -- threads --

static int start_worker(struct crew *crew, struct error *err)
{
    struct worker *worker = &crew->workers[crew->count];
    *worker = (struct worker){.crew = crew, .look_ns = INT64_MAX};
    if (mem_grow(&worker->polled, &worker->polled_cap, POLLED_LEAST, sizeof *worker->polled))
        return error_nomem(err);
    worker->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (worker->bell < 0) {
        drop_worker(worker);
        return error_errno(err, ERR_IO, errno, "eventfd");
    }
    int rc = pthread_create(&worker->thread, NULL, worker_work, worker);
    if (rc) {
        drop_worker(worker);
        return error_errno(err, ERR_FATAL, rc, "worker thread");
    }
    char name[16] = "worker";
    if (crew->count)
        snprintf(name, sizeof name, "worker %u", crew->count % 10000);
    pthread_setname_np(worker->thread, name);
    crew->count++;
    return 0;
}

static uint32_t turns_in(const struct crew *crew)
{
    uint32_t n = 0;
    for (const struct share *share = crew->shares; share; share = share->next)
        n += share->in;
    return n;
}

// One worker for each turn, as far as that goes. Fewer than that do as well, but for none.
static int start_workers(struct crew *crew, struct error *err)
{
    uint32_t wanted = turns_in(crew);
    int rc = 0;
    // By a chief, which has the signals blocked that are the main thread's: so have they.
    while (!rc && crew->count < crew->max && crew->count < wanted)
        rc = start_worker(crew, err);
    return crew->count ? 0 : rc;
}

// -- pipelines --

int share_init(struct share *share, struct crew *crew, uint32_t turns, struct waker *wakers,
               struct error *err)
{
    share->crew = crew;
    share->weight = 1;
    share->turns = mem_zalloc(turns * sizeof *share->turns);
    if (!share->turns)
        return error_nomem(err);
    share->count = turns;
    for (uint32_t i = 0; i < turns; i++) {
        share->turns[i].share = share;
        waker_init_ring(&wakers[i], turn_ring, &share->turns[i]);
    }
    return 0;
}

static int prepare_turn(struct turn *turn, struct lane *lane, struct error *err)
{
    turn->lane = lane;
    turn->fd_max = lane->plan->node_count; // a node waits for one at most
    if (!turn->fds)
        turn->fds = mem_array(turn->fd_max, sizeof *turn->fds);
    return turn->fds ? 0 : error_nomem(err);
}

void share_deinit(struct share *share)
{
    for (uint32_t i = 0; i < share->count; i++)
        mem_free(share->turns[i].fds);
    mem_free(share->turns);
}

void share_part(struct share *share)
{
    struct share **at = &share->crew->shares;
    while (*at != share)
        at = &(*at)->next;
    *at = share->next;
}

int crew_enter(struct share *share, struct lane **lanes, struct error *err)
{
    struct crew *crew = share->crew;
    for (uint32_t i = 0; i < share->count; i++)
        if (prepare_turn(&share->turns[i], lanes[i], err))
            return ERR_NOMEM;
    pthread_mutex_lock(&crew->lock);
    share->in = share->count;
    share->next = crew->shares;
    crew->shares = share;
    int rc = start_workers(crew, err);
    if (rc) {
        share->in = 0;
        share_part(share);
    }
    for (uint32_t i = 0; !rc && i < share->count; i++)
        turn_ready(crew, &share->turns[i]);
    uint32_t workers = crew->count;
    pthread_mutex_unlock(&crew->lock);
    for (uint32_t i = 0; i < workers; i++)
        worker_ring(&crew->workers[i]);
    return rc;
}

bool crew_has(struct share *share)
{
    pthread_mutex_lock(&share->crew->lock);
    bool some = share->in > 0;
    pthread_mutex_unlock(&share->crew->lock);
    return some;
}

uint64_t crew_moves(struct crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    uint64_t moves = crew->moves;
    pthread_mutex_unlock(&crew->lock);
    return moves;
}
