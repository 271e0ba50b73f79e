// SPDX-License-Identifier: MIT
#include "engine/coordinator.h"
#include "base/crash_point.h"
#include "base/alloc.h"
#include "base/log.h"
#include "config/setting.h"
#include "engine/lane.h"
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { RETRY_NS = 500000000, PAUSE_NS = 5000000 };

static int make_dir(struct coordinator *coordinator, const struct topology *topology)
{
    const char *dir = setting_text(topology->top, "checkpoint.dir");
    size_t len = strlen(dir) + strlen(topology->pipeline) + 2;
    coordinator->dir = mem_alloc(len);
    if (!coordinator->dir)
        return ERR_NOMEM;
    snprintf(coordinator->dir, len, "%s/%s", dir, topology->pipeline);
    return 0;
}

int coordinator_new(struct coordinator **out, const struct coordinator_config *config,
                    struct place *place, struct error *err)
{
    const struct topology *topology = config->plan->topology;
    const struct tide_config *given = setting_at(topology->top, "checkpoint");
    *out = NULL;
    if (!given || !given->given)
        return 0;
    struct coordinator *coordinator = mem_zalloc(sizeof *coordinator);
    if (!coordinator)
        return error_nomem(err);
    const char *delivery = setting_text(topology->top, "delivery");
    coordinator->config = *config;
    coordinator->every_ms = setting_int(given, "every", 0);
    coordinator->timeout_ms = setting_int(given, "timeout", 0);
    coordinator->exactly_once = delivery && !strcmp(delivery, "exactly_once");
    coordinator->waker.fd = -1;
    int rc = make_dir(coordinator, topology) ? error_nomem(err) : 0;
    rc = rc ? rc : waker_init(&coordinator->waker, err);
    rc = rc ? rc : decider_find(coordinator, place, err);
    if (rc)
        coordinator_free(coordinator);
    else
        *out = coordinator;
    return rc;
}

void coordinator_free(struct coordinator *coordinator)
{
    if (!coordinator)
        return;
    store_close(coordinator->store);
    waker_deinit(&coordinator->waker);
    mem_free(coordinator->given_up);
    mem_free(coordinator->dir);
    mem_free(coordinator);
}

struct lane_node *coordinator_node(const struct coordinator *coordinator, uint32_t lane,
                                   uint32_t node)
{
    struct lane_node *found = &coordinator->config.flow->lanes[lane]->nodes[node];
    return found->absent ? NULL : found;
}

void coordinator_pause(void)
{
    nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
}

// -- beginning --

static void begin(struct coordinator *coordinator)
{
    struct flow *flow = coordinator->config.flow;
    coordinator->began_ns = clock_mono_ns(coordinator->config.clock);
    coordinator->slow_said = false;
    coordinator->last = flow_over(flow);
    coordinator->number = coordinator->last ? ++flow->epoch : flow_begin_epoch(flow);
    coordinator->phase = PHASE_ALIGNING;
    atomic_store_explicit(&coordinator->begun, coordinator->number, memory_order_release);
    crash_point("checkpoint.begin.after");
}

static bool is_due(struct coordinator *coordinator, struct wait *wait)
{
    int64_t now = clock_mono_ns(coordinator->config.clock);
    if (atomic_load_explicit(&coordinator->finish_wanted, memory_order_acquire))
        return true;
    if (atomic_exchange_explicit(&coordinator->asked, false, memory_order_acquire) ||
        flow_asks_epoch(coordinator->config.flow) || now >= coordinator->next_ns) {
        coordinator->next_ns = now + coordinator->every_ms * 1000000;
        return true;
    }
    if (coordinator->next_ns < wait->until_ns)
        wait->until_ns = coordinator->next_ns;
    return false;
}

static void idle(struct coordinator *coordinator, struct wait *wait)
{
    if (!is_due(coordinator, wait))
        return;
    begin(coordinator);
    wait->busy = true;
}

// -- waiting --

static void complain_of_slowness(struct coordinator *coordinator, uint32_t missing,
                                 struct wait *wait)
{
    int64_t by = coordinator->began_ns + coordinator->timeout_ms * 1000000;
    if (coordinator->slow_said)
        return;
    if (clock_mono_ns(coordinator->config.clock) < by) {
        wait->until_ns = by < wait->until_ns ? by : wait->until_ns;
        return;
    }
    coordinator->slow_said = true;
    atomic_fetch_add_explicit(&coordinator->failed, 1, memory_order_relaxed);
    log_line(LOG_WARN, "checkpoint",
             "%" PRIu64 " has taken more than %" PRId64 " ms: %s has not come to its barrier yet",
             coordinator->number, coordinator->timeout_ms,
             coordinator->config.plan->nodes[missing].spec->name);
}

static void align(struct coordinator *coordinator, struct wait *wait)
{
    uint32_t missing;
    if (parts_complete(coordinator, &missing)) {
        coordinator->phase = PHASE_WRITING;
        wait->busy = true;
    } else {
        complain_of_slowness(coordinator, missing, wait);
    }
}

// -- writing --

static void give_up(struct coordinator *coordinator, const struct error *why)
{
    flow_fail(coordinator->config.flow, why);
    flow_break(coordinator->config.flow);
    coordinator->phase = PHASE_IDLE;
}

static struct checkpoint_head next_head(const struct coordinator *coordinator)
{
    struct checkpoint_head head = coordinator->head;
    head.parent = coordinator->head.number;
    head.number = coordinator->number;
    head.attempt = coordinator->attempt;
    head.wall_ms = clock_wall_ms(coordinator->config.clock);
    head.finished = coordinator->last && parts_are_final(coordinator);
    return head;
}

// Up to the prepare nothing has happened, and it can be tried again.
static int write_parts(struct coordinator *coordinator, struct error *err)
{
    crash_point("checkpoint.write.before");
    int rc = store_begin(coordinator->store, &coordinator->next, err);
    if (rc)
        return rc;
    rc = parts_put_plan(coordinator, err);
    rc = rc ? rc : parts_write(coordinator, err);
    if (rc)
        store_give_up(coordinator->store);
    return rc;
}

static void prepare(struct coordinator *coordinator, struct wait *wait)
{
    struct error err = ERROR_INIT;
    crash_point("checkpoint.prepare.before");
    if (store_prepare(coordinator->store, &err)) {
        error_prefix(&err, "checkpoint %" PRIu64, coordinator->number);
        give_up(coordinator, &err);
        return;
    }
    crash_point("checkpoint.prepare.after");
    coordinator->phase = PHASE_DECIDING;
    wait->busy = true;
}

// A full disk is waited out: what is to be written stays where it is, and sinks that wait for the
// checkpoint write nothing.
static void write(struct coordinator *coordinator, struct wait *wait)
{
    struct error err = ERROR_INIT;
    int64_t now = clock_mono_ns(coordinator->config.clock);
    if (now < coordinator->retry_ns) {
        wait->until_ns =
            coordinator->retry_ns < wait->until_ns ? coordinator->retry_ns : wait->until_ns;
        return;
    }
    coordinator->next = next_head(coordinator);
    int rc = write_parts(coordinator, &err);
    if (!rc) {
        prepare(coordinator, wait);
        return;
    }
    error_prefix(&err, "checkpoint %" PRIu64, coordinator->number);
    if (rc != ERR_IO || atomic_load_explicit(&coordinator->finish_wanted, memory_order_acquire)) {
        give_up(coordinator, &err);
        return;
    }
    if (!coordinator->retry_ns)
        log_line(LOG_WARN, "checkpoint", "%s; trying again until it works", err.text);
    atomic_fetch_add_explicit(&coordinator->failed, 1, memory_order_relaxed);
    coordinator->retry_ns = now + RETRY_NS;
    wait->until_ns = coordinator->retry_ns;
}

// -- deciding --

static void tell(struct coordinator *coordinator)
{
    struct flow *flow = coordinator->config.flow;
    int64_t took = clock_mono_ns(coordinator->config.clock) - coordinator->began_ns;
    atomic_store(&coordinator->last_wall_ms, coordinator->head.wall_ms);
    atomic_store(&coordinator->last_took_us, took / 1000);
    atomic_store(&coordinator->last_bytes, (int64_t)store_bytes(coordinator->store));
    atomic_store(&coordinator->last_number, coordinator->number);
    atomic_fetch_add(&coordinator->done, 1);
    atomic_store_explicit(&flow->decided, coordinator->number, memory_order_release);
    atomic_store_explicit(&flow->end_decided, coordinator->last, memory_order_release);
    flow_tell_decided(flow);
}

static void decided(struct coordinator *coordinator)
{
    struct error err = ERROR_INIT;
    coordinator->head = coordinator->next;
    crash_point("checkpoint.decided.before");
    if (store_decided(coordinator->store, coordinator->number, &err))
        log_line(LOG_WARN, "checkpoint", "%s", err.text);
    crash_point("checkpoint.decided.after");
    if (!coordinator->last && decider_begin(coordinator, coordinator->number + 1, &err)) {
        give_up(coordinator, &err);
        return;
    }
    tell(coordinator);
    crash_point("checkpoint.tell.after");
    coordinator->phase = PHASE_IDLE;
    coordinator->retry_ns = 0;
    if (store_wants_compaction(coordinator->store) && store_compact(coordinator->store, &err))
        log_line(LOG_WARN, "checkpoint", "compaction: %s", err.text);
}

static void decide(struct coordinator *coordinator, struct wait *wait)
{
    struct error err = ERROR_INIT;
    int rc = decider_commit(coordinator, wait, &err);
    if (rc < 0)
        give_up(coordinator, &err);
    else if (rc)
        decided(coordinator);
    wait->busy = wait->busy || rc;
}

// -- stepping --

bool coordinator_step(struct coordinator *coordinator, struct wait *wait)
{
    struct flow *flow = coordinator->config.flow;
    bool finishing = atomic_load_explicit(&coordinator->finish_wanted, memory_order_acquire);
    bool failed = atomic_load_explicit(&flow->failed, memory_order_acquire);
    bool broken = atomic_load_explicit(&flow->broken, memory_order_acquire);
    if (broken || (finishing && (failed || coordinator->last) && coordinator->phase == PHASE_IDLE))
        return false;
    switch (coordinator->phase) {
    case PHASE_IDLE:
        if (!failed)
            idle(coordinator, wait);
        break;
    case PHASE_ALIGNING:
        if (finishing && failed)
            return false; // it will never be complete
        align(coordinator, wait);
        break;
    case PHASE_WRITING:
        write(coordinator, wait);
        break;
    case PHASE_DECIDING:
        decide(coordinator, wait);
        break;
    }
    return true;
}

static void doze(struct coordinator *coordinator, struct wait *wait)
{
    waker_doze(&coordinator->waker);
    struct wait again = {.until_ns = INT64_MAX, .fd = -1};
    bool goes_on = coordinator_step(coordinator, &again); // what came meanwhile
    if (goes_on && !again.busy) {
        int64_t until = again.until_ns < wait->until_ns ? again.until_ns : wait->until_ns;
        int64_t ns = until == INT64_MAX ? -1 : until - clock_mono_ns(coordinator->config.clock);
        struct timespec limit = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
        struct pollfd fd = {.fd = coordinator->waker.fd, .events = POLLIN};
        if (until == INT64_MAX || ns > 0)
            ppoll(&fd, 1, until == INT64_MAX ? NULL : &limit, NULL);
    }
    waker_rise(&coordinator->waker);
}

static void *keep(void *arg)
{
    struct coordinator *coordinator = arg;
    for (;;) {
        struct wait wait = {.until_ns = INT64_MAX, .fd = -1};
        if (!coordinator_step(coordinator, &wait))
            break;
        if (!wait.busy)
            doze(coordinator, &wait);
    }
    return NULL;
}

// The first barrier comes before the first record: a crash goes back at least to there.
void coordinator_begin(struct coordinator *coordinator)
{
    begin(coordinator);
    coordinator->next_ns = coordinator->began_ns + coordinator->every_ms * 1000000;
}

int coordinator_start(struct coordinator *coordinator, struct error *err)
{
    coordinator_begin(coordinator);
    int rc = pthread_create(&coordinator->thread, NULL, keep, coordinator);
    if (rc)
        return error_errno(err, ERR_FATAL, rc, "checkpoint thread");
    coordinator->started = true;
    pthread_setname_np(coordinator->thread, "checkpoint");
    return 0;
}

void coordinator_want_end(struct coordinator *coordinator)
{
    atomic_store_explicit(&coordinator->finish_wanted, true, memory_order_release);
    waker_wake(&coordinator->waker);
}

void coordinator_finish(struct coordinator *coordinator)
{
    coordinator_want_end(coordinator);
    if (coordinator->started)
        pthread_join(coordinator->thread, NULL);
    coordinator->started = false;
}

uint64_t coordinator_ask(struct coordinator *coordinator)
{
    uint64_t begun = atomic_load_explicit(&coordinator->begun, memory_order_acquire);
    atomic_store_explicit(&coordinator->asked, true, memory_order_release);
    waker_wake(&coordinator->waker);
    return begun;
}
