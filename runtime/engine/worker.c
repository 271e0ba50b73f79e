// SPDX-License-Identifier: MIT
#include "engine/worker.h"
#include "base/alloc.h"
#include "base/log.h"
#include "engine/engine.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { FDS_MAX = 64, CLOSE_POLL_NS = 5000000, OPEN_POLL_NS = 200000000 };

int crew_init(struct crew *crew, struct clock *clock, uint32_t workers, uint32_t lanes,
              struct error *err)
{
    crew->clock = clock;
    crew->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (crew->done_fd < 0)
        return error_errno(err, ERR_IO, errno, "eventfd");
    crew->workers = mem_zalloc(workers * sizeof *crew->workers);
    if (!crew->workers)
        return error_nomem(err);
    for (; crew->count < workers; crew->count++) {
        struct worker *worker = &crew->workers[crew->count];
        worker->crew = crew;
        worker->index = crew->count;
        worker->polled = mem_array(FDS_MAX + lanes, sizeof *worker->polled);
        if (!worker->polled)
            return error_nomem(err);
    }
    return 0;
}

void crew_deinit(struct crew *crew)
{
    // The chief joins the others.
    if (crew->workers && crew->workers[0].started)
        pthread_join(crew->workers[0].thread, NULL);
    for (uint32_t i = 0; i < crew->count; i++)
        mem_free(crew->workers[i].polled);
    mem_free(crew->workers);
    if (crew->done_fd >= 0)
        close(crew->done_fd);
}

// -- sleeping --

static void doze(struct worker *worker)
{
    for (uint32_t i = 0; i < worker->lane_count; i++)
        waker_doze(worker->lanes[i]->waker);
}

static void rise(struct worker *worker)
{
    for (uint32_t i = 0; i < worker->lane_count; i++)
        waker_rise(worker->lanes[i]->waker);
}

static void sleep_on(struct worker *worker, const struct wait *wait, const int *fds, uint32_t count)
{
    struct pollfd *polled = worker->polled;
    nfds_t n = 0;
    for (uint32_t i = 0; i < worker->lane_count; i++)
        polled[n++] = (struct pollfd){.fd = worker->lanes[i]->waker->fd, .events = POLLIN};
    for (uint32_t i = 0; i < count; i++)
        polled[n++] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    int64_t ns = 0;
    if (wait->until_ns != INT64_MAX)
        ns = wait->until_ns - clock_mono_ns(worker->crew->clock);
    if (ns < 0)
        return;
    struct timespec limit = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    ppoll(polled, n, wait->until_ns == INT64_MAX ? NULL : &limit, NULL);
}

static bool stopping(struct crew *crew)
{
    return atomic_load_explicit(&crew->stop_wanted, memory_order_acquire);
}

// A pause of at most `ns` that a wake ends.
static void pause_for(struct worker *worker, int64_t ns)
{
    struct wait wait = {.until_ns = clock_mono_ns(worker->crew->clock) + ns};
    doze(worker);
    if (!stopping(worker->crew))
        sleep_on(worker, &wait, NULL, 0);
    rise(worker);
}

// -- the chief: before and after --

static bool open_connections(struct worker *chief)
{
    struct crew *crew = chief->crew;
    int64_t backoff = OPEN_POLL_NS;
    while (!stopping(crew)) {
        struct error why = ERROR_INIT;
        tide_result rc = connections_open(crew->connections, &why);
        if (rc == TIDE_OK)
            return true;
        if (rc != TIDE_AGAIN && rc != TIDE_RETRY) {
            flow_fail(crew->flow, &why);
            return false;
        }
        if (rc == TIDE_RETRY) {
            const struct log_field fields[] = {{"retry_ms", backoff / 1000000}};
            const struct log_event event = {.level = LOG_WARN,
                                            .place = "connections",
                                            .reason = REASON_RETRY,
                                            .fields = fields,
                                            .field_count = 1};
            log_say(&event, "%s; trying again in %lld ms", why.text, fields[0].value);
            pause_for(chief, backoff);
            backoff = backoff < 15000000000 ? backoff * 2 : backoff;
        } else {
            pause_for(chief, CLOSE_POLL_NS);
        }
    }
    return false;
}

static bool start_lanes(struct flow *flow)
{
    for (uint32_t i = 0; i < flow->lane_count; i++)
        if (lane_start(flow->lanes[i]))
            return false;
    return true;
}

static bool close_lanes(struct flow *flow, struct wait *wait)
{
    bool all = true;
    for (uint32_t i = 0; i < flow->lane_count; i++)
        all &= lane_close(flow->lanes[i], wait);
    return all;
}

static void close_all(struct worker *chief)
{
    for (;;) {
        struct wait wait = {.until_ns = INT64_MAX, .fd = -1};
        if (close_lanes(chief->crew->flow, &wait))
            break;
        doze(chief);
        struct wait soon = {.until_ns = clock_mono_ns(chief->crew->clock) + CLOSE_POLL_NS};
        sleep_on(chief, &soon, NULL, 0);
        rise(chief);
    }
    connections_close(chief->crew->connections);
}

// -- stepping --

// Once through all lanes of the worker; false: it is over.
static bool step_lanes(struct worker *worker, struct wait *wait, int *fds, uint32_t *count)
{
    *count = 0;
    for (uint32_t i = 0; i < worker->lane_count; i++) {
        uint32_t more;
        if (!lane_step(worker->lanes[i], wait, fds + *count, FDS_MAX - *count, &more))
            return false;
        *count += more;
    }
    return true;
}

// Steps until everything has ended. Before sleeping the lanes are stepped once more with their
// wakers armed, so that what came meanwhile is not slept over.
static void run_lanes(struct worker *worker)
{
    bool chief = worker->index == 0, told = false;
    for (bool armed = false;;) {
        if (chief && !told && stopping(worker->crew)) {
            told = true;
            flow_stop(worker->crew->flow);
        }
        struct wait wait = {.until_ns = INT64_MAX, .fd = -1};
        int fds[FDS_MAX];
        uint32_t count;
        if (!step_lanes(worker, &wait, fds, &count))
            break;
        if (wait.busy || !armed || (chief && told != stopping(worker->crew))) {
            if (armed)
                rise(worker);
            armed = !wait.busy;
            if (armed)
                doze(worker);
            continue;
        }
        sleep_on(worker, &wait, fds, count);
        rise(worker);
        armed = false;
    }
    rise(worker);
}

static void *help(void *arg)
{
    run_lanes(arg);
    return NULL;
}

static int start_worker(struct worker *worker, void *(*work)(void *), struct error *err)
{
    int rc = pthread_create(&worker->thread, NULL, work, worker);
    if (rc)
        return error_errno(err, ERR_FATAL, rc, "worker thread");
    worker->started = true;
    char name[16] = "worker";
    if (worker->index)
        snprintf(name, sizeof name, "worker %u", worker->index % 10000);
    pthread_setname_np(worker->thread, name);
    return 0;
}

// All workers at once; ends when all have.
static void run_crew(struct crew *crew)
{
    struct error err = ERROR_INIT;
    for (uint32_t i = 1; i < crew->count && !err.code; i++)
        start_worker(&crew->workers[i], help, &err);
    if (err.code) {
        flow_fail(crew->flow, &err);
        flow_break(crew->flow);
    }
    run_lanes(&crew->workers[0]);
    for (uint32_t i = 1; i < crew->count; i++)
        if (crew->workers[i].started)
            pthread_join(crew->workers[i].thread, NULL);
}

static void tell_end(struct crew *crew, int state)
{
    atomic_store_explicit(&crew->state, state, memory_order_release);
    uint64_t one = 1;
    ssize_t n = TEMP_FAILURE_RETRY(write(crew->done_fd, &one, sizeof one));
    (void)n; // a fresh eventfd takes it
}

static void *lead(void *arg)
{
    struct worker *chief = arg;
    struct crew *crew = chief->crew;
    if (open_connections(chief) && start_lanes(crew->flow))
        run_crew(crew);
    close_all(chief);
    crew->error = crew->flow->failure;
    tell_end(crew, crew->error.code ? ENGINE_FAILED : ENGINE_DONE);
    return NULL;
}

// -- the main thread --

static void share_out(struct crew *crew, struct flow *flow)
{
    for (uint32_t i = 0; i < crew->count; i++) {
        uint32_t from = i * flow->lane_count / crew->count;
        crew->workers[i].lanes = flow->lanes + from;
        crew->workers[i].lane_count = (i + 1) * flow->lane_count / crew->count - from;
    }
}

int crew_start(struct crew *crew, struct flow *flow, struct connections *connections,
               struct waker *wakers, struct error *err)
{
    crew->flow = flow;
    crew->connections = connections;
    crew->wakers = wakers;
    share_out(crew, flow);
    atomic_store(&crew->state, ENGINE_RUNNING);
    sigset_t stops, before;
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGHUP);
    // They are the main thread's: threads inherit the mask, also those that plugins start.
    pthread_sigmask(SIG_BLOCK, &stops, &before);
    int rc = start_worker(&crew->workers[0], lead, err);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

void crew_stop(struct crew *crew)
{
    atomic_store_explicit(&crew->stop_wanted, true, memory_order_release);
    waker_wake(&crew->wakers[0]);
}
