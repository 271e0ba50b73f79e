// SPDX-License-Identifier: MIT
#include "lua/watchdog.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

enum {
    TICK_MAX_NS = 20 * 1000 * 1000,
    TICK_MIN_NS = 1000 * 1000,
    IDLE_TICKS = 25 // looks without anyone inside after which the watchdog sleeps
};

static struct {
    pthread_mutex_t lock; // guards the list, and `asleep` with `wake`
    pthread_cond_t wake;
    struct watch *first;
    bool started;
    _Atomic bool asleep;
} dog = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

// The watches that this thread is inside of, innermost first. Read by the signal handler.
static __thread struct watch *volatile innermost;
static __thread bool unblocked;

static int signal_number(void)
{
    return SIGRTMIN + 6;
}

// ThreadSanitizer's sigaction holds signals back until the thread calls into the C library, which a
// loop of Lua never does. The C library's own name for it is not seen by the sanitizer; the handler
// then may be called anywhere, so that it must not be instrumented.
#ifdef __SANITIZE_THREAD__
int __sigaction(int number, const struct sigaction *action, struct sigaction *before);
#define SIGACTION __sigaction
#define IN_SIGNAL __attribute__((no_sanitize("thread")))
#else
#define SIGACTION sigaction
#define IN_SIGNAL
#endif

// lua_sethook is made to be called from a signal handler of the thread that runs the state.
IN_SIGNAL static void on_signal(int number)
{
    (void)number;
    for (struct watch *watch = innermost; watch; watch = watch->outer) {
        uint64_t expired = __atomic_load_n((uint64_t *)&watch->expired, __ATOMIC_RELAXED);
        if (expired == __atomic_load_n((uint64_t *)&watch->call, __ATOMIC_RELAXED))
            lua_sethook(watch->L, watch->hook, LUA_MASKCOUNT, 1);
    }
}

static int64_t thread_ns(pthread_t thread)
{
    clockid_t clock;
    struct timespec now;
    if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &now) != 0)
        return -1;
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// Looks at one watch; lowers *sleep_ns so that its expiry is not missed. True when a script is
// at work there.
static bool look(struct watch *watch, int64_t *sleep_ns)
{
    pthread_mutex_lock(&watch->lock);
    bool inside = watch->inside;
    if (inside) {
        uint64_t call = atomic_load_explicit(&watch->call, memory_order_relaxed);
        int64_t now = thread_ns(watch->thread);
        if (!watch->seen || call != watch->seen_call) {
            watch->seen = true;
            watch->seen_call = call;
            watch->seen_ns = now;
        } else if (now - watch->seen_ns >= watch->budget_ns) {
            atomic_store_explicit(&watch->expired, call, memory_order_relaxed);
            pthread_kill(watch->thread, signal_number()); // again at each look until it is over
        }
        int64_t rest = watch->budget_ns - (now - watch->seen_ns);
        if (rest > 0 && rest < *sleep_ns)
            *sleep_ns = rest;
    } else {
        watch->seen = false;
    }
    pthread_mutex_unlock(&watch->lock);
    return inside;
}

// Looks at all. Called with the watchdog's lock.
static bool look_at_all(int64_t *sleep_ns)
{
    bool any = false;
    *sleep_ns = TICK_MAX_NS;
    for (struct watch *watch = dog.first; watch; watch = watch->next) {
        int64_t tick = watch->budget_ns / 8;
        if (tick < *sleep_ns)
            *sleep_ns = tick;
        any |= look(watch, sleep_ns);
    }
    if (*sleep_ns < TICK_MIN_NS)
        *sleep_ns = TICK_MIN_NS;
    return any;
}

static void *watchdog(void *arg)
{
    (void)arg;
    int idle = 0;
    pthread_mutex_lock(&dog.lock);
    for (;;) {
        int64_t sleep_ns;
        idle = look_at_all(&sleep_ns) ? 0 : idle + 1;
        if (idle > IDLE_TICKS) {
            // Announce the sleep, then look once more: who enters after that look sees `asleep`.
            atomic_store(&dog.asleep, true);
            if (!look_at_all(&sleep_ns)) {
                while (atomic_load(&dog.asleep))
                    pthread_cond_wait(&dog.wake, &dog.lock);
            }
            atomic_store(&dog.asleep, false);
            idle = 0;
            continue;
        }
        pthread_mutex_unlock(&dog.lock);
        struct timespec rest = {.tv_nsec = (long)sleep_ns};
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
        pthread_mutex_lock(&dog.lock);
    }
    return NULL;
}

// Called with the watchdog's lock.
static int start(struct error *err)
{
    if (dog.started)
        return 0;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    if (SIGACTION(signal_number(), &action, NULL) != 0)
        return error_errno(err, ERR_FATAL, errno, "cannot handle the watchdog's signal");
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before); // the watchdog takes no one's signals
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, watchdog, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return error_errno(err, ERR_FATAL, failed, "cannot start the watchdog of scripts");
    pthread_detach(thread);
    dog.started = true;
    return 0;
}

int watch_init(struct watch *watch, lua_State *L, lua_Hook hook, int64_t budget_ms,
               struct error *err)
{
    watch->L = L;
    watch->hook = hook;
    watch->budget_ns = budget_ms * 1000000;
    atomic_init(&watch->call, 0);
    atomic_init(&watch->expired, UINT64_MAX);
    pthread_mutex_init(&watch->lock, NULL);
    pthread_mutex_lock(&dog.lock);
    int rc = start(err);
    if (rc == 0) {
        watch->next = dog.first;
        watch->prev = NULL;
        if (dog.first)
            dog.first->prev = watch;
        dog.first = watch;
    }
    pthread_mutex_unlock(&dog.lock);
    if (rc != 0)
        pthread_mutex_destroy(&watch->lock);
    return rc;
}

void watch_deinit(struct watch *watch)
{
    pthread_mutex_lock(&dog.lock);
    if (watch->prev)
        watch->prev->next = watch->next;
    else
        dog.first = watch->next;
    if (watch->next)
        watch->next->prev = watch->prev;
    pthread_mutex_unlock(&dog.lock);
    pthread_mutex_destroy(&watch->lock);
}

static void unblock(void)
{
    if (unblocked)
        return;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal_number());
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    unblocked = true;
}

void watch_enter(struct watch *watch)
{
    unblock();
    pthread_mutex_lock(&watch->lock);
    watch->inside = true;
    watch->seen = false;
    watch->thread = pthread_self();
    pthread_mutex_unlock(&watch->lock);
    watch->outer = innermost;
    innermost = watch;
    if (atomic_load(&dog.asleep)) {
        pthread_mutex_lock(&dog.lock);
        atomic_store(&dog.asleep, false);
        pthread_cond_signal(&dog.wake);
        pthread_mutex_unlock(&dog.lock);
    }
}

void watch_leave(struct watch *watch)
{
    innermost = watch->outer;
    pthread_mutex_lock(&watch->lock);
    watch->inside = false;
    pthread_mutex_unlock(&watch->lock);
}
