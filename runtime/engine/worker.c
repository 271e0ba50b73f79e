// SPDX-License-Identifier: MIT
#include "engine/worker.h"
#include "base/log.h"
#include "engine/engine.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { FDS_MAX = 64, CLOSE_POLL_NS = 5000000, OPEN_POLL_NS = 200000000 };

int worker_init(struct worker *worker, struct clock *clock, struct error *err)
{
    worker->clock = clock;
    worker->waker.fd = -1;
    worker->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (worker->done_fd < 0)
        return error_errno(err, ERR_IO, errno, "eventfd");
    return waker_init(&worker->waker, err);
}

void worker_deinit(struct worker *worker)
{
    if (worker->started)
        pthread_join(worker->thread, NULL);
    waker_deinit(&worker->waker);
    if (worker->done_fd >= 0)
        close(worker->done_fd);
}

static void sleep_on(struct worker *worker, const struct wait *wait, const int *fds, uint32_t count)
{
    struct pollfd polled[FDS_MAX + 1] = {{.fd = worker->waker.fd, .events = POLLIN}};
    for (uint32_t i = 0; i < count; i++)
        polled[i + 1] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    int64_t ns = 0;
    if (wait->until_ns != INT64_MAX)
        ns = wait->until_ns - clock_mono_ns(worker->clock);
    if (ns < 0)
        return;
    struct timespec limit = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    ppoll(polled, count + 1, wait->until_ns == INT64_MAX ? NULL : &limit, NULL);
}

static bool stopping(struct worker *worker)
{
    return atomic_load_explicit(&worker->stop_wanted, memory_order_acquire);
}

// A pause of at most `ns` that a wake ends.
static void pause_for(struct worker *worker, int64_t ns)
{
    struct wait wait = {.until_ns = clock_mono_ns(worker->clock) + ns};
    waker_doze(&worker->waker);
    if (!stopping(worker))
        sleep_on(worker, &wait, NULL, 0);
    waker_rise(&worker->waker);
}

static bool open_connections(struct worker *worker)
{
    int64_t backoff = OPEN_POLL_NS;
    while (!stopping(worker)) {
        struct error why = ERROR_INIT;
        tide_result rc = connections_open(worker->connections, &why);
        if (rc == TIDE_OK)
            return true;
        if (rc != TIDE_AGAIN && rc != TIDE_RETRY) {
            worker->lane->failure = why;
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
            pause_for(worker, backoff);
            backoff = backoff < 15000000000 ? backoff * 2 : backoff;
        } else {
            pause_for(worker, CLOSE_POLL_NS);
        }
    }
    return false;
}

// Steps until everything has ended. Before sleeping the lane is stepped once more with the waker
// armed, so that what came meanwhile is not slept over.
static void run_lane(struct worker *worker)
{
    bool told = false;
    for (bool armed = false;;) {
        if (!told && stopping(worker)) {
            told = true;
            lane_stop(worker->lane);
        }
        struct wait wait = {.until_ns = INT64_MAX, .fd = -1};
        int fds[FDS_MAX];
        uint32_t count;
        if (!lane_step(worker->lane, &wait, fds, FDS_MAX, &count))
            break;
        if (wait.busy || !armed || told != stopping(worker)) {
            if (armed)
                waker_rise(&worker->waker);
            armed = !wait.busy;
            if (armed)
                waker_doze(&worker->waker);
            continue;
        }
        sleep_on(worker, &wait, fds, count);
        waker_rise(&worker->waker);
        armed = false;
    }
    waker_rise(&worker->waker);
}

static void close_all(struct worker *worker)
{
    for (;;) {
        struct wait wait = {.until_ns = INT64_MAX, .fd = -1};
        if (lane_close(worker->lane, &wait))
            break;
        waker_doze(&worker->waker);
        struct wait soon = {.until_ns = clock_mono_ns(worker->clock) + CLOSE_POLL_NS};
        sleep_on(worker, &soon, NULL, 0);
        waker_rise(&worker->waker);
    }
    connections_close(worker->connections);
}

static void tell_end(struct worker *worker, int state)
{
    atomic_store_explicit(&worker->state, state, memory_order_release);
    uint64_t one = 1;
    ssize_t n = TEMP_FAILURE_RETRY(write(worker->done_fd, &one, sizeof one));
    (void)n; // a fresh eventfd takes it
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    if (open_connections(worker) && !lane_start(worker->lane))
        run_lane(worker);
    close_all(worker);
    worker->error = worker->lane->failure;
    tell_end(worker, worker->error.code ? ENGINE_FAILED : ENGINE_DONE);
    return NULL;
}

int worker_start(struct worker *worker, struct lane *lane, struct connections *connections,
                 struct error *err)
{
    worker->lane = lane;
    worker->connections = connections;
    atomic_store(&worker->state, ENGINE_RUNNING);
    sigset_t stops, before;
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGHUP);
    // They are the main thread's: threads inherit the mask, also those that plugins start.
    pthread_sigmask(SIG_BLOCK, &stops, &before);
    int rc = pthread_create(&worker->thread, NULL, work, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc)
        return error_errno(err, ERR_FATAL, rc, "worker thread");
    worker->started = true;
    pthread_setname_np(worker->thread, "worker");
    return 0;
}

void worker_stop(struct worker *worker)
{
    atomic_store_explicit(&worker->stop_wanted, true, memory_order_release);
    waker_wake(&worker->waker);
}
