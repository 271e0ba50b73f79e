// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "base/log.h"
#include "engine/crew.h"
#include <poll.h>
#include <unistd.h>

// SLICE: how long a lane goes on while others wait. LOOK: how often a worker at work asks for the
// descriptors that its other lanes wait for.
enum { SLICE_NS = 500000, LOOK_NS = 1000000, LATER_NS = 10000000 };

enum outcome { YIELDS, RESTS, LEAVES };

// -- what its lanes wait for --

// When the worker must look after them, while it is at work.
static void plan_look(struct worker *worker)
{
    bool polls = false;
    int64_t at = INT64_MAX;
    for (const struct turn *turn = worker->waiting; turn; turn = turn->next) {
        polls |= turn->fd_count > 0;
        at = turn->until_ns < at ? turn->until_ns : at;
    }
    if (polls) {
        int64_t soon = clock_mono_ns(worker->crew->clock) + LOOK_NS;
        at = soon < at ? soon : at;
    }
    worker->look_ns = at;
}

// The bell and all their descriptors; *until_ns: the first deadline. Where there is no memory for
// all, the rest are looked at again soon.
static nfds_t gather(struct worker *worker, int64_t *until_ns)
{
    size_t n = 1;
    *until_ns = INT64_MAX;
    for (const struct turn *turn = worker->waiting; turn; turn = turn->next) {
        n += turn->fd_count;
        *until_ns = turn->until_ns < *until_ns ? turn->until_ns : *until_ns;
    }
    size_t max = worker->polled_cap;
    if (n > max && !mem_grow(&worker->polled, &worker->polled_cap, n, sizeof *worker->polled))
        max = worker->polled_cap;
    worker->polled[0] = (struct pollfd){.fd = worker->bell, .events = POLLIN};
    int64_t soon = n > max ? clock_mono_ns(worker->crew->clock) + LATER_NS : INT64_MAX;
    *until_ns = soon < *until_ns ? soon : *until_ns;
    n = 1;
    for (struct turn *turn = worker->waiting; turn; turn = turn->next) {
        turn->polled_at = turn->fd_count <= max - n ? (uint32_t)n : 0;
        for (uint32_t i = 0; turn->polled_at && i < turn->fd_count; i++)
            worker->polled[n++] = (struct pollfd){.fd = turn->fds[i], .events = POLLIN};
    }
    return (nfds_t)n;
}

static bool has_come(const struct worker *worker, const struct turn *turn, int64_t now)
{
    if (turn->until_ns <= now || (turn->fd_count && !turn->polled_at))
        return true;
    for (uint32_t i = 0; i < turn->fd_count; i++)
        if (worker->polled[turn->polled_at + i].revents)
            return true;
    return false;
}

// Only this worker puts turns on its list: whoever stands there now did so when it was polled.
static void take_up(struct worker *worker)
{
    int64_t now = clock_mono_ns(worker->crew->clock);
    for (struct turn *turn = worker->waiting, *next; turn; turn = next) {
        next = turn->next;
        if (!has_come(worker, turn, now))
            continue;
        turn_unwait(turn);
        turn_ready(worker->crew, turn);
    }
}

static void wait_for(struct worker *worker, nfds_t count, int64_t until_ns)
{
    int64_t ns = until_ns == INT64_MAX ? 0 : until_ns - clock_mono_ns(worker->crew->clock);
    ns = ns < 0 ? 0 : ns;
    struct timespec limit = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    int n = ppoll(worker->polled, count, until_ns == INT64_MAX ? NULL : &limit, NULL);
    uint64_t rung;
    if (n > 0 && worker->polled[0].revents && read(worker->bell, &rung, sizeof rung) < 0)
        return; // EAGAIN, and nobody has rung
}

// With the crew's lock, which it gives up meanwhile.
static void look(struct worker *worker, bool sleep)
{
    struct crew *crew = worker->crew;
    int64_t until_ns;
    nfds_t count = gather(worker, &until_ns);
    if (sleep || count > 1) {
        worker->asleep = sleep;
        crew->asleep += sleep;
        pthread_mutex_unlock(&crew->lock);
        wait_for(worker, count, sleep ? until_ns : 0);
        pthread_mutex_lock(&crew->lock);
        crew->asleep -= worker->asleep;
        worker->asleep = false;
    }
    take_up(worker);
    plan_look(worker);
}

// -- its day --

static bool others_wait(const struct worker *worker, int64_t since_ns)
{
    bool ready = atomic_load_explicit(&worker->crew->ready, memory_order_relaxed) > 0;
    if (!ready && worker->look_ns == INT64_MAX)
        return false;
    int64_t now = clock_mono_ns(worker->crew->clock);
    return now >= worker->look_ns || (ready && now - since_ns >= SLICE_NS);
}

// Steps a lane until it has nothing to do or others want to. Before it rests it is stepped once
// more with its waker armed, so that what came meanwhile is not slept over.
static enum outcome run(struct worker *worker, struct turn *turn)
{
    struct lane *lane = turn->lane;
    int64_t since_ns = clock_mono_ns(worker->crew->clock);
    bool armed = false;
    waker_rise(lane->waker);
    for (;;) {
        struct wait wait = {.until_ns = INT64_MAX, .fd = -1};
        if (!lane_step(lane, &wait, turn->fds, turn->fd_max, &turn->fd_count))
            return LEAVES;
        if (!wait.busy && armed) {
            turn->until_ns = wait.until_ns;
            return RESTS;
        }
        if (wait.busy && armed)
            waker_rise(lane->waker);
        armed = !wait.busy;
        if (armed)
            waker_doze(lane->waker);
        else if (others_wait(worker, since_ns))
            return YIELDS;
    }
}

static void leave(struct share *share, struct turn *turn)
{
    turn->state = TURN_OUT;
    share->active--;
    if (--share->in)
        return;
    share_part(share);
    waker_wake(share->over); // under the lock: it may be gone as soon as that is free
}

static void finish(struct worker *worker, struct turn *turn, enum outcome outcome)
{
    struct share *share = turn->share;
    crew_charge(worker);
    worker->running = NULL;
    if (outcome == LEAVES) {
        waker_rise(turn->lane->waker);
        leave(share, turn);
    } else if (outcome == YIELDS || !waker_dozes(turn->lane->waker)) {
        turn_ready(worker->crew, turn);
    } else {
        turn->state = TURN_IDLE;
        share->active--;
        turn_wait(turn);
        plan_look(worker);
    }
}

// The next lane to step; NULL: the day is over. With the lock.
static struct turn *next(struct worker *worker)
{
    struct crew *crew = worker->crew;
    for (;;) {
        if (worker->look_ns != INT64_MAX && clock_mono_ns(crew->clock) >= worker->look_ns)
            look(worker, false);
        struct turn *turn = crew_pick(worker);
        if (turn || crew->ending)
            return turn;
        look(worker, true);
    }
}

// Someone for what is left on the list.
static struct worker *call_another(struct crew *crew)
{
    for (struct turn *turn = crew->first; turn && crew->asleep; turn = turn->next) {
        struct worker *called = crew_call(crew, turn);
        if (called)
            return called;
    }
    return NULL;
}

void *worker_work(void *arg)
{
    struct worker *worker = arg;
    struct crew *crew = worker->crew;
    pthread_mutex_lock(&crew->lock);
    for (struct turn *turn; (turn = next(worker));) {
        struct worker *called = call_another(crew);
        pthread_mutex_unlock(&crew->lock);
        if (called)
            worker_ring(called);
        log_set_pipeline(turn->share->pipeline);
        enum outcome outcome = run(worker, turn);
        log_set_pipeline(NULL);
        pthread_mutex_lock(&crew->lock);
        finish(worker, turn, outcome);
    }
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}
