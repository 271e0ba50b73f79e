// SPDX-License-Identifier: MIT
#include "engine/crew.h"
#include <errno.h>
#include <unistd.h>

// Virtual times are processor time over weight. GAP: how far the pipeline whose turn it is here may
// be ahead of one that waits elsewhere before that is fetched. CREDIT: how far behind the others
// one that has rested starts, so that short rests cost nothing. LEAD: none gets further ahead of
// the last than this, whatever it ran while the last could not use more.
enum { GAP_NS = 20000000, CREDIT_NS = 20000000, LEAD_NS = 200000000 };
enum { STARVED_NS = 1000000000 };

// -- virtual time --

// Of the pipelines with a turn that is ready or runs, but for one. INT64_MAX: there is none.
static int64_t least_used(const struct crew *crew, const struct share *but)
{
    int64_t least = INT64_MAX;
    for (const struct share *share = crew->shares; share; share = share->next)
        if (share != but && share->active && share->used_ns < least)
            least = share->used_ns;
    return least;
}

void crew_charge(struct worker *worker)
{
    struct crew *crew = worker->crew;
    if (!crew->shares || !crew->shares->next) {
        worker->charged_ns = 0; // one alone has nobody to share with
        return;
    }
    int64_t now = clock_thread_ns(), before = worker->charged_ns;
    worker->charged_ns = now;
    if (!worker->running || !before)
        return;
    struct share *share = worker->running->share;
    int64_t least = least_used(crew, share);
    share->used_ns += (now - before) / share->weight;
    if (least != INT64_MAX && share->used_ns - least > LEAD_NS)
        share->used_ns = least + LEAD_NS;
}

static void begin_active(struct crew *crew, struct share *share)
{
    int64_t least = least_used(crew, share);
    if (share->active++ == 0 && least != INT64_MAX && share->used_ns < least - CREDIT_NS)
        share->used_ns = least - CREDIT_NS;
}

// -- the list of the ready --

void turn_ready(struct crew *crew, struct turn *turn)
{
    if (turn->state != TURN_RUNNING)
        begin_active(crew, turn->share);
    turn->state = TURN_READY;
    turn->since_ns = clock_mono_ns(crew->clock);
    turn->prev = crew->last;
    turn->next = NULL;
    *(crew->last ? &crew->last->next : &crew->first) = turn;
    crew->last = turn;
    atomic_fetch_add_explicit(&crew->ready, 1, memory_order_relaxed);
}

static void take_off(struct crew *crew, struct turn *turn)
{
    *(turn->prev ? &turn->prev->next : &crew->first) = turn->next;
    *(turn->next ? &turn->next->prev : &crew->last) = turn->prev;
    atomic_fetch_sub_explicit(&crew->ready, 1, memory_order_relaxed);
}

// The list is in the order of waiting, so that of two of one pipeline the first stands.
static bool before(const struct turn *turn, const struct turn *best)
{
    return !best || turn->share->used_ns < best->share->used_ns;
}

// Who is about to come to it, in caches that know it, is left it.
static bool may_take(const struct worker *worker, const struct turn *turn)
{
    return turn->at == worker || !turn->at || turn->at->running;
}

static struct turn *choose(const struct worker *worker)
{
    struct crew *crew = worker->crew;
    struct turn *own = NULL, *other = NULL;
    if (!crew->first)
        return NULL;
    int64_t starved_ns = clock_mono_ns(crew->clock) - STARVED_NS;
    for (struct turn *turn = crew->first; turn; turn = turn->next) {
        if (!may_take(worker, turn))
            continue;
        if (turn->since_ns < starved_ns)
            return turn;
        struct turn **best = turn->at == worker ? &own : &other;
        if (before(turn, *best))
            *best = turn;
    }
    if (own && other && own->share->used_ns - other->share->used_ns > GAP_NS)
        return other;
    return own ? own : other;
}

struct turn *crew_pick(struct worker *worker)
{
    struct crew *crew = worker->crew;
    struct turn *turn = choose(worker);
    if (!turn)
        return NULL;
    take_off(crew, turn);
    crew->moves += turn->at && turn->at != worker;
    turn->state = TURN_RUNNING;
    turn->at = worker;
    worker->running = turn;
    return turn;
}

// -- waking --

void worker_ring(struct worker *worker)
{
    uint64_t one = 1;
    // EAGAIN: it is readable already
    ssize_t n = TEMP_FAILURE_RETRY(write(worker->bell, &one, sizeof one));
    (void)n;
}

static struct worker *any_asleep(struct crew *crew)
{
    for (uint32_t i = 0; i < crew->count; i++)
        if (crew->workers[i].asleep)
            return &crew->workers[i];
    return NULL;
}

struct worker *crew_call(struct crew *crew, const struct turn *turn)
{
    struct worker *worker = turn->at;
    if (!crew->asleep)
        return NULL;
    if (worker && !worker->asleep && !worker->running)
        return NULL; // it looks for work right now
    if (!worker || !worker->asleep)
        worker = any_asleep(crew);
    worker->asleep = false;
    crew->asleep--;
    return worker;
}

void turn_ring(void *arg)
{
    struct turn *turn = arg;
    struct crew *crew = turn->share->crew;
    struct worker *called = NULL;
    pthread_mutex_lock(&crew->lock);
    if (turn->state == TURN_IDLE) {
        turn_unwait(turn);
        turn_ready(crew, turn);
        called = crew_call(crew, turn);
    } else if (turn->state == TURN_OUT && turn->share->over) {
        waker_wake(turn->share->over);
    }
    // Else its worker sees when it is done that the waker has been woken.
    pthread_mutex_unlock(&crew->lock);
    if (called)
        worker_ring(called);
}

// -- who waits for a deadline or a descriptor --

void turn_wait(struct turn *turn)
{
    struct worker *worker = turn->at;
    if (turn->until_ns == INT64_MAX && !turn->fd_count)
        return;
    turn->waits = true;
    turn->prev = NULL;
    turn->next = worker->waiting;
    if (turn->next)
        turn->next->prev = turn;
    worker->waiting = turn;
}

void turn_unwait(struct turn *turn)
{
    if (!turn->waits)
        return;
    *(turn->prev ? &turn->prev->next : &turn->at->waiting) = turn->next;
    if (turn->next)
        turn->next->prev = turn->prev;
    turn->waits = false;
}
