// SPDX-License-Identifier: MIT
#include "serve.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

// The server's own thread: accept, send the answer, say that it is over (shutdown), wait until the
// other side has closed too, since closing with unread input would destroy what is on its way.

enum { EVENTS = 64, AGAIN_MS = 50 };

#define SECOND_NS INT64_C(1000000000)
#define ANSWER_PATIENCE (10 * SECOND_NS)
#define HANG_PATIENCE (60 * SECOND_NS)

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * SECOND_NS + time.tv_nsec;
}

static void leave(struct connection *c)
{
    struct waiting *list = c->list;
    *(c->before ? &c->before->after : &list->first) = c->after;
    *(c->after ? &c->after->before : &list->last) = c->before;
    c->list = NULL;
}

static void enter(struct serve *s, struct connection *c, int which)
{
    struct waiting *list = &s->waiting[which];
    if (c->list)
        leave(c);
    c->list = list;
    c->until_ns = now() + list->patience_ns;
    c->before = list->last;
    c->after = NULL;
    *(list->last ? &list->last->after : &list->first) = c;
    list->last = c;
}

static int watch(struct serve *s, int op, int fd, uint32_t events, void *what)
{
    struct epoll_event event = {.events = events, .data = {.ptr = what}};
    return epoll_ctl(s->epoll, op, fd, &event);
}

// Accepts only while there is room for more. What the system refuses is tried again: 0.
static int mind_doors(struct serve *s)
{
    int wanted = s->connections < s->limit;
    if (wanted == s->open)
        return 1;
    if (watch(s, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, s->doors, EPOLLIN, &s->doors) < 0)
        return 0;
    s->open = wanted;
    return 1;
}

static void end(struct serve *s, struct connection *c)
{
    leave(c);
    close(c->fd);
    answer_drop(s, c->answer);
    free(c);
    s->connections--;
    mind_doors(s);
}

static void finish(struct serve *s, struct connection *c)
{
    c->finished = 1;
    if (shutdown(c->fd, SHUT_WR) < 0 || watch(s, EPOLL_CTL_MOD, c->fd, EPOLLIN, c) < 0)
        end(s, c);
}

static void send_on(struct serve *s, struct connection *c)
{
    while (c->sent < c->len) {
        ssize_t n = send(c->fd, c->answer->bytes + c->sent, c->len - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            watch(s, EPOLL_CTL_MOD, c->fd, EPOLLOUT, c);
            return;
        }
        if (n < 0) {
            end(s, c);
            return;
        }
        c->sent += (size_t)n;
    }
    if (c->len > 0)
        atomic_fetch_add_explicit(&s->answered, 1, memory_order_relaxed);
    finish(s, c);
}

static struct answer *garbage(void)
{
    static const char bytes[] = "\x7f\x00\xff{\"receive_bytes\": 1e, ]\xc3\x28\x00";
    struct answer *answer = malloc(sizeof *answer + sizeof bytes);
    if (!answer)
        return NULL;
    answer->refs = 1;
    answer->len = sizeof bytes;
    memcpy(answer->bytes, bytes, sizeof bytes);
    return answer;
}

// Takes the answer as it is now. Without one nothing is sent.
static void begin(struct serve *s, struct connection *c)
{
    int is_garbage = c->address->fault == FAULT_GARBAGE;
    c->answer = is_garbage ? garbage() : answer_take(s, c->address);
    c->len = c->answer ? c->answer->len : 0;
    if (c->address->fault == FAULT_TRUNCATE)
        c->len /= 2;
    c->waits = 0;
    enter(s, c, WAIT_ANSWER);
    send_on(s, c);
}

static void greet(struct serve *s, struct address *address, int fd)
{
    struct connection *c = calloc(1, sizeof *c);
    if (!c) {
        close(fd);
        return;
    }
    c->address = address;
    c->fd = fd;
    s->connections++;
    c->waits = address->fault == FAULT_SLOW || address->fault == FAULT_HANG;
    enter(s, c, address->fault == FAULT_HANG ? WAIT_HANG : WAIT_SLOW);
    uint32_t events = !c->waits ? EPOLLIN : address->fault == FAULT_HANG ? EPOLLRDHUP : 0;
    if (watch(s, EPOLL_CTL_ADD, fd, events, c) < 0)
        end(s, c);
    else if (!c->waits)
        begin(s, c);
}

static void open_doors(struct serve *s)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(s->doors, events, EVENTS, 0);
    for (int i = 0; i < n && s->connections < s->limit; i++) {
        struct address *address = events[i].data.ptr;
        int fd = accept4(address->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            greet(s, address, fd);
        else if (errno == EMFILE || errno == ENFILE)
            usleep(10000); // no descriptor is left: not a busy loop
    }
    mind_doors(s);
}

static void go_on(struct serve *s, struct connection *c, uint32_t events)
{
    char bytes[4096];
    if (c->waits) { // the other side went away while it was made to wait
        end(s, c);
        return;
    }
    if (!c->finished) {
        if (events & (EPOLLERR | EPOLLHUP))
            end(s, c);
        else
            send_on(s, c);
        return;
    }
    ssize_t n;
    while ((n = read(c->fd, bytes, sizeof bytes)) > 0)
        ;
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
        end(s, c);
}

// Ends or goes on with what waited long enough; the time until the next, in ms, -1: none.
static int mind_time(struct serve *s)
{
    int64_t time = now(), next = INT64_MAX;
    for (int i = 0; i < WAITS; i++) {
        struct waiting *list = &s->waiting[i];
        while (list->first && list->first->until_ns <= time) {
            if (i == WAIT_SLOW) {
                watch(s, EPOLL_CTL_MOD, list->first->fd, EPOLLIN, list->first);
                begin(s, list->first);
            } else {
                end(s, list->first);
            }
        }
        if (list->first && list->first->until_ns < next)
            next = list->first->until_ns;
    }
    return next == INT64_MAX ? -1 : (int)((next - time) / 1000000) + 1;
}

static void *run(void *arg)
{
    struct serve *s = arg;
    struct epoll_event events[EVENTS];
    for (;;) {
        int wait_ms = mind_time(s);
        if (!mind_doors(s) && (wait_ms < 0 || wait_ms > AGAIN_MS))
            wait_ms = AGAIN_MS;
        int n = epoll_wait(s->epoll, events, EVENTS, wait_ms);
        int door = 0;
        for (int i = 0; i < n; i++) {
            void *what = events[i].data.ptr;
            if (what == &s->stop)
                return NULL;
            if (what == &s->doors)
                door = 1;
            else
                go_on(s, what, events[i].events);
        }
        if (door)
            open_doors(s);
    }
}

static int add_doors(struct serve *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = &s->addresses[i]}};
        if (s->addresses[i].fd >= 0 &&
            epoll_ctl(s->doors, EPOLL_CTL_ADD, s->addresses[i].fd, &event) < 0)
            return -1;
    }
    return 0;
}

tide_result server_start(struct serve *s)
{
    s->waiting[WAIT_SLOW].patience_ns = s->host->opt_int(s->ctx, "faults.delay") * 1000000;
    s->waiting[WAIT_ANSWER].patience_ns = ANSWER_PATIENCE;
    s->waiting[WAIT_HANG].patience_ns = HANG_PATIENCE;
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->doors = epoll_create1(EPOLL_CLOEXEC);
    s->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->epoll < 0 || s->doors < 0 || s->stop < 0 || add_doors(s) < 0 ||
        watch(s, EPOLL_CTL_ADD, s->stop, EPOLLIN, &s->stop) < 0)
        return s->host->fail(s->ctx, TIDE_FATAL, "cannot wait for connections: %s",
                             strerror(errno));
    int code = pthread_create(&s->thread, NULL, run, s);
    if (code)
        return s->host->fail(s->ctx, TIDE_FATAL, "cannot start a thread: %s", strerror(code));
    s->running = 1;
    return TIDE_OK;
}

void server_stop(struct serve *s)
{
    uint64_t one = 1;
    if (s->running) {
        (void)TEMP_FAILURE_RETRY(write(s->stop, &one, sizeof one)); // an eventfd takes it
        pthread_join(s->thread, NULL);
    }
    for (int i = 0; i < WAITS; i++)
        while (s->waiting[i].first)
            end(s, s->waiting[i].first);
    int fds[] = {s->epoll, s->doors, s->stop};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}
