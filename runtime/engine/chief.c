// SPDX-License-Identifier: MIT
#include "engine/chief.h"
#include "base/log.h"
#include "engine/engine.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { CLOSE_POLL_NS = 5000000, OPEN_POLL_NS = 200000000 };

int chief_init(struct chief *chief, struct clock *clock, struct share *share, struct error *err)
{
    chief->clock = clock;
    chief->share = share;
    share->over = &chief->waker;
    chief->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (chief->done_fd < 0)
        return error_errno(err, ERR_IO, errno, "eventfd");
    return waker_init(&chief->waker, err);
}

void chief_deinit(struct chief *chief)
{
    if (chief->started)
        pthread_join(chief->thread, NULL);
    if (chief->done_fd >= 0)
        close(chief->done_fd);
    waker_deinit(&chief->waker);
}

// -- sleeping --

// While the lanes are not with the crew, who wakes one of them wakes the chief.
static void doze(struct chief *chief)
{
    for (uint32_t i = 0; i < chief->flow->lane_count; i++)
        waker_doze(chief->flow->lanes[i]->waker);
    waker_doze(&chief->waker);
}

static void rise(struct chief *chief)
{
    for (uint32_t i = 0; i < chief->flow->lane_count; i++)
        waker_rise(chief->flow->lanes[i]->waker);
    waker_rise(&chief->waker);
}

static void sleep_for(struct chief *chief, int64_t ns)
{
    struct pollfd polled = {.fd = chief->waker.fd, .events = POLLIN};
    struct timespec limit = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    ppoll(&polled, 1, ns == INT64_MAX ? NULL : &limit, NULL);
}

// A pause of at most `ns` that a wake ends.
static void pause_for(struct chief *chief, int64_t ns)
{
    doze(chief);
    if (!chief_stopping(chief))
        sleep_for(chief, ns);
    rise(chief);
}

// -- before and after --

static void say_retry(const struct error *why, int64_t backoff_ns)
{
    const struct log_field fields[] = {{"retry_ms", backoff_ns / 1000000}};
    const struct log_event event = {.level = LOG_WARN,
                                    .place = "connections",
                                    .reason = REASON_RETRY,
                                    .fields = fields,
                                    .field_count = 1};
    log_say(&event, "%s; trying again in %lld ms", why->text, fields[0].value);
}

static bool open_connections(struct chief *chief)
{
    int64_t backoff = OPEN_POLL_NS;
    while (!chief_stopping(chief)) {
        struct error why = ERROR_INIT;
        tide_result rc = connections_open(chief->connections, &why);
        if (rc == TIDE_OK)
            return true;
        if (rc != TIDE_AGAIN && rc != TIDE_RETRY) {
            flow_fail(chief->flow, &why);
            return false;
        }
        if (rc == TIDE_RETRY) {
            say_retry(&why, backoff);
            pause_for(chief, backoff);
            backoff = backoff < 15000000000 ? backoff * 2 : backoff;
        } else {
            pause_for(chief, CLOSE_POLL_NS);
        }
    }
    return false;
}

static int begin_checkpoints(struct coordinator *coordinator, bool stepped, struct error *err)
{
    if (!stepped)
        return coordinator_start(coordinator, err);
    coordinator_begin(coordinator);
    return 0;
}

bool chief_restore(struct chief *chief, bool stepped)
{
    struct error err = ERROR_INIT;
    bool finished = false;
    if (!chief->coordinator)
        return true;
    int rc = coordinator_restore(chief->coordinator, &finished, &err);
    if (!rc && finished) {
        log_line(LOG_INFO, "checkpoint",
                 "%s has come to its end in an earlier run; --fresh runs it again",
                 chief->share->pipeline);
        coordinator_commit_end(chief->coordinator, &chief->stop_wanted);
    } else if (!rc) {
        rc = begin_checkpoints(chief->coordinator, stepped, &err);
    }
    if (rc && !chief_stopping(chief))
        flow_fail(chief->flow, &err);
    return !rc && !finished;
}

bool chief_start_lanes(struct chief *chief, bool stepped)
{
    for (uint32_t i = 0; i < chief->flow->lane_count; i++)
        if (lane_start(chief->flow->lanes[i], stepped))
            return false;
    return true;
}

bool chief_close(struct chief *chief)
{
    struct wait wait = {.until_ns = INT64_MAX, .fd = -1};
    bool all = true;
    for (uint32_t i = 0; i < chief->flow->lane_count; i++)
        all &= lane_close(chief->flow->lanes[i], &wait);
    if (all)
        connections_close(chief->connections);
    return all;
}

static void close_all(struct chief *chief)
{
    while (!chief_close(chief)) {
        doze(chief);
        sleep_for(chief, CLOSE_POLL_NS);
        rise(chief);
    }
}

// -- meanwhile --

static void watch_crew(struct chief *chief)
{
    for (bool told = false; crew_has(chief->share);) {
        waker_doze(&chief->waker);
        if (!told && chief_stopping(chief)) {
            told = true;
            flow_stop(chief->flow);
        } else if (crew_has(chief->share)) {
            sleep_for(chief, INT64_MAX);
        }
        waker_rise(&chief->waker);
    }
}

void chief_end(struct chief *chief)
{
    chief->error = chief->flow->failure;
    int state = chief->error.code ? ENGINE_FAILED : ENGINE_DONE;
    atomic_store_explicit(&chief->state, state, memory_order_release);
    uint64_t one = 1;
    ssize_t n = TEMP_FAILURE_RETRY(write(chief->done_fd, &one, sizeof one));
    (void)n; // a fresh eventfd takes it
}

static void *lead(void *arg)
{
    struct chief *chief = arg;
    struct flow *flow = chief->flow;
    struct error err = ERROR_INIT;
    log_set_pipeline(chief->share->pipeline);
    if (open_connections(chief) && chief_restore(chief, false) && chief_start_lanes(chief, false)) {
        if (crew_enter(chief->share, flow->lanes, &err))
            flow_fail(flow, &err);
        watch_crew(chief);
    }
    if (chief->coordinator)
        coordinator_finish(chief->coordinator);
    close_all(chief);
    if (chief->coordinator && coordinator_end(chief->coordinator, &err))
        flow_fail(flow, &err);
    chief_end(chief);
    return NULL;
}

void chief_begin(struct chief *chief, struct flow *flow, struct connections *connections)
{
    chief->flow = flow;
    chief->connections = connections;
    atomic_store(&chief->state, ENGINE_RUNNING);
}

int chief_start(struct chief *chief, struct flow *flow, struct connections *connections,
                struct error *err)
{
    chief_begin(chief, flow, connections);
    sigset_t stops, before;
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGHUP);
    // They are the main thread's: threads inherit the mask, also those that plugins start.
    pthread_sigmask(SIG_BLOCK, &stops, &before);
    int rc = pthread_create(&chief->thread, NULL, lead, chief);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc)
        return error_errno(err, ERR_FATAL, rc, "the pipeline's thread");
    chief->started = true;
    pthread_setname_np(chief->thread, "chief");
    return 0;
}

void chief_stop(struct chief *chief)
{
    atomic_store_explicit(&chief->stop_wanted, true, memory_order_release);
    waker_wake(&chief->waker);
}
