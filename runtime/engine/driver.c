// SPDX-License-Identifier: MIT
#include "engine/driver.h"
#include "base/log.h"
#include "engine/backoff.h"
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>

enum { BACKOFF_FROM_MS = 200, BACKOFF_TO_MS = 30000, IDLE_POLL_NS = 50000000, LINGER_NS = 50000 };

#define STOP_GRACE_NS 5000000000LL

int driver_init(struct driver *driver, const struct plan_node *node, const char *pipeline,
                struct clock *clock, struct waker *lane_waker, bool threaded, struct error *err)
{
    driver->node = node;
    driver->lane_waker = lane_waker;
    driver->threaded = threaded;
    driver->own_waker.fd = -1;
    driver->random = (uint64_t)clock_mono_ns(clock) | 1;
    int rc = threaded ? waker_init(&driver->own_waker, err) : 0;
    ctx_init(&driver->ctx, pipeline, node->spec->name, node->spec->options, clock,
             threaded ? &driver->own_waker : lane_waker);
    return rc;
}

void driver_deinit(struct driver *driver)
{
    ctx_deinit(&driver->ctx);
    if (driver->threaded)
        waker_deinit(&driver->own_waker);
}

void driver_fail(struct driver *driver, const struct error *err)
{
    if (driver->state == DRIVER_FAILED)
        return; // the first reason stands: the lane may be reading it
    driver->state = DRIVER_FAILED;
    driver->error = *err;
    atomic_store_explicit(&driver->failed, true, memory_order_release);
    waker_wake(driver->lane_waker);
}

static void close_instance(struct driver *driver)
{
    if (driver->self)
        driver->close(driver->self);
    driver->self = NULL;
    atomic_store_explicit(&driver->is_open, false, memory_order_relaxed);
}

static void fail_for(struct driver *driver, const struct error *why)
{
    struct error named = *why;
    error_prefix(&named, "%s", driver->ctx.node);
    driver_fail(driver, &named);
}

static void back_off(struct driver *driver, const struct error *why)
{
    const struct on_error_spec *spec = &driver->node->on_error;
    bool limited = spec->kind == ON_ERROR_RETRY && spec->retry_max;
    int64_t now = clock_mono_ns(driver->ctx.clock);
    // Open for long: this is another fault, not the same one again.
    if (driver->state == DRIVER_RUNNING && now - driver->opened_at_ns > BACKOFF_TO_MS * 1000000LL)
        driver->attempts = 0;
    if (limited && driver->attempts >= spec->retry_max) {
        fail_for(driver, why);
        return;
    }
    int64_t from = BACKOFF_FROM_MS, to = BACKOFF_TO_MS;
    if (spec->kind == ON_ERROR_RETRY && spec->backoff_from_ms) {
        from = spec->backoff_from_ms;
        to = spec->backoff_to_ms;
    }
    int64_t wait_ns = backoff_ns(from, to, driver->attempts, &driver->random);
    int64_t ms = wait_ns / 1000000;
    driver->attempts++;
    driver->state = DRIVER_BACKOFF;
    said_write(&driver->last_fault, why->text, why->len);
    driver->retry_at_ns = now + wait_ns;
    const struct log_field fields[] = {{"retry_ms", ms}, {"attempt", driver->attempts}};
    const struct log_event event = {.level = LOG_WARN,
                                    .place = driver->ctx.node,
                                    .reason = REASON_RETRY,
                                    .fields = fields,
                                    .field_count = 2};
    log_say(&event, "%s; trying again in %lld ms", why->text, (long long)ms);
}

void driver_result(struct driver *driver, tide_result result)
{
    struct error why = ERROR_INIT;
    if (driver->state == DRIVER_FAILED)
        return;
    ctx_take_failure(&driver->ctx, result, &why);
    if (result != TIDE_RETRY) {
        fail_for(driver, &why);
        return;
    }
    if (driver->lost)
        driver->lost(driver);
    close_instance(driver);
    back_off(driver, &why);
}

void driver_again(struct driver *driver, struct wait *wait)
{
    struct tide_ctx *ctx = &driver->ctx;
    if (ctx->wait_until_ns && ctx->wait_until_ns < wait->until_ns)
        wait->until_ns = ctx->wait_until_ns;
    ctx->wait_until_ns = 0;
    if (driver->poll_fd && driver->self)
        wait->fd = driver->poll_fd(driver->self);
    if (atomic_exchange_explicit(&ctx->poked, false, memory_order_acquire))
        wait->busy = true;
}

static void open_instance(struct driver *driver, struct wait *wait)
{
    if (!driver->self)
        said_write(&driver->ctx.missing, "", 0);
    tide_result rc = driver->open(&host_table, &driver->ctx, &driver->self);
    if (driver->state == DRIVER_FAILED)
        return; // a host function has run out of memory
    if (rc == TIDE_AGAIN) {
        driver_again(driver, wait);
        if (!wait->busy && wait->until_ns == INT64_MAX && wait->fd < 0)
            wait->until_ns = clock_mono_ns(driver->ctx.clock) + IDLE_POLL_NS;
        return;
    }
    if (rc != TIDE_OK) {
        driver_result(driver, rc);
        return;
    }
    driver->opened_at_ns = clock_mono_ns(driver->ctx.clock);
    driver->state = DRIVER_RUNNING;
    struct error err = ERROR_INIT;
    if (driver->opened && driver->opened(driver)) {
        error_nomem(&err);
        driver_fail(driver, &err);
    }
    atomic_store_explicit(&driver->is_open, true, memory_order_release);
    wait->busy = true;
}

static void step_backoff(struct driver *driver, struct wait *wait)
{
    if (clock_mono_ns(driver->ctx.clock) < driver->retry_at_ns)
        return;
    driver->state = DRIVER_OPENING;
    wait->busy = true;
}

static void finish(struct driver *driver)
{
    close_instance(driver);
    driver->state = DRIVER_CLOSED;
    atomic_store_explicit(&driver->closed, true, memory_order_release);
    waker_wake(driver->lane_waker);
}

// Draining waits for what cannot be opened for a moment only.
static void step_stopping(struct driver *driver, struct wait *wait)
{
    int64_t now = clock_mono_ns(driver->ctx.clock);
    if (!driver->stop_by_ns)
        driver->stop_by_ns = now + STOP_GRACE_NS;
    if (driver->stop_by_ns < wait->until_ns)
        wait->until_ns = driver->stop_by_ns;
    if (now < driver->stop_by_ns)
        return;
    struct error err = ERROR_INIT;
    char why[sizeof driver->last_fault];
    said_read(&driver->last_fault, why);
    error_set(&err, ERR_RETRY, "records are left that could not be written before the stop: %s",
              why[0] ? why : "it did not open");
    fail_for(driver, &err);
}

static void close_now(struct driver *driver)
{
    if (driver->state == DRIVER_CLOSED)
        return;
    if (driver->state == DRIVER_RUNNING && driver->last)
        driver->last(driver);
    finish(driver);
}

static bool owes(const struct driver *driver)
{
    return driver->owes && driver->owes(driver);
}

// What it owes has a moment's time, however often its instance has to be opened for that.
static bool closes(struct driver *driver, struct wait *wait)
{
    if (!atomic_load_explicit(&driver->close_wanted, memory_order_acquire))
        return false;
    if (!owes(driver))
        return true;
    int64_t now = clock_mono_ns(driver->ctx.clock);
    if (!driver->stop_by_ns)
        driver->stop_by_ns = now + STOP_GRACE_NS;
    if (driver->stop_by_ns < wait->until_ns)
        wait->until_ns = driver->stop_by_ns;
    return now >= driver->stop_by_ns;
}

void driver_step(struct driver *driver, struct wait *wait)
{
    if (closes(driver, wait)) {
        close_now(driver);
        return;
    }
    if (driver->state != DRIVER_RUNNING && driver->give_up && driver->give_up(driver))
        return;
    if (driver->state == DRIVER_OPENING)
        open_instance(driver, wait);
    else if (driver->state == DRIVER_RUNNING)
        driver->run(driver, wait);
    else if (driver->state == DRIVER_BACKOFF)
        step_backoff(driver, wait);
    // Also when it has come to that just now.
    if (driver->state == DRIVER_BACKOFF && driver->retry_at_ns < wait->until_ns)
        wait->until_ns = driver->retry_at_ns;
    bool closed = driver->state == DRIVER_OPENING || driver->state == DRIVER_BACKOFF;
    if (closed && driver_stopping(driver))
        step_stopping(driver, wait);
}

bool driver_work_waits(struct driver *driver)
{
    // A wake is used up by the step that follows, whether that comes to the plugin or not.
    bool poked = atomic_exchange_explicit(&driver->ctx.poked, false, memory_order_acquire);
    bool closing = atomic_load(&driver->close_wanted) && !owes(driver);
    return poked || closing || driver->has_work(driver);
}

// Stays awake for a moment: to be woken costs more than what a busy lane takes for a batch. By
// yielding it stands in nobody's way. True: there is work.
static bool linger(struct driver *driver)
{
    int64_t until = clock_mono_ns(driver->ctx.clock) + LINGER_NS;
    while (!driver->has_work(driver)) {
        if (clock_mono_ns(driver->ctx.clock) >= until)
            return false;
        sched_yield();
    }
    return true;
}

// Sleeps until the deadline, the plugin's descriptor, or a wake.
static void doze(struct driver *driver, const struct wait *wait)
{
    waker_doze(&driver->own_waker);
    if (!driver_work_waits(driver)) {
        struct pollfd fds[2] = {{.fd = driver->own_waker.fd, .events = POLLIN},
                                {.fd = wait->fd, .events = POLLIN}};
        int64_t ns = 0;
        if (wait->until_ns != INT64_MAX)
            ns = wait->until_ns - clock_mono_ns(driver->ctx.clock);
        struct timespec limit = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
        if (wait->until_ns == INT64_MAX || ns > 0)
            ppoll(fds, wait->fd >= 0 ? 2 : 1, wait->until_ns == INT64_MAX ? NULL : &limit, NULL);
    }
    waker_rise(&driver->own_waker);
}

static void *pump(void *arg)
{
    struct driver *driver = arg;
    log_set_pipeline(driver->ctx.pipeline);
    while (driver->state != DRIVER_CLOSED) {
        struct wait wait = {.until_ns = INT64_MAX, .fd = -1};
        driver_step(driver, &wait);
        if (!wait.busy && driver->state != DRIVER_CLOSED && !linger(driver))
            doze(driver, &wait);
    }
    return NULL;
}

int driver_start_thread(struct driver *driver, struct error *err)
{
    int rc = pthread_create(&driver->thread, NULL, pump, driver);
    if (rc)
        return error_errno(err, ERR_FATAL, rc, "%s: thread", driver->ctx.node);
    driver->started = true;
    char name[16];
    size_t len = strnlen(driver->ctx.node, sizeof name - 1);
    memcpy(name, driver->ctx.node, len);
    name[len] = '\0';
    pthread_setname_np(driver->thread, name);
    return 0;
}

void driver_stop(struct driver *driver)
{
    atomic_store_explicit(&driver->stop_wanted, true, memory_order_release);
    driver_wake(driver);
}

bool driver_close(struct driver *driver, struct wait *wait)
{
    atomic_store_explicit(&driver->close_wanted, true, memory_order_release);
    if (driver->started)
        waker_wake(&driver->own_waker);
    else
        driver_step(driver, wait);
    if (!atomic_load_explicit(&driver->closed, memory_order_acquire))
        return false;
    if (driver->started)
        pthread_join(driver->thread, NULL);
    driver->started = false;
    return true;
}
