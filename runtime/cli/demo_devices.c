// SPDX-License-Identifier: MIT
#include "cli/demo_devices.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SLOW, CUT, GARBAGE, REFUSING, LISTENING = REFUSING, HELD_MAX = 64, SLOW_MS = 1500 };

static const char *const stories[DEMO_BAD] = {
    [SLOW] = "answers too slowly",
    [CUT] = "closes in the middle",
    [GARBAGE] = "sends garbage",
    [REFUSING] = "refuses connections",
};

// A connection of the slow device that waits for its answer.
struct held {
    int fd;
    int64_t due_ns;
};

struct demo_devices {
    pthread_t thread;
    int listeners[LISTENING];
    int stop; // eventfd
    struct held held[HELD_MAX];
    unsigned held_count;
};

void demo_device_name(unsigned index, char out[16])
{
    snprintf(out, 16, "127.0.0.%u", (DEMO_FIRST + index) & 0xff);
}

const char *demo_device_story(unsigned index)
{
    return index < DEMO_GOOD ? NULL : stories[index - DEMO_GOOD];
}

// A listening socket; port 0: any. -1: taken (errno).
static int listen_on(unsigned index, unsigned port)
{
    char name[16];
    demo_device_name(index, name);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, name, &address.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) || listen(fd, 64)) {
        int errnum = errno;
        close(fd);
        errno = errnum;
        return -1;
    }
    return fd;
}

static unsigned port_of(int fd)
{
    struct sockaddr_in address = {0};
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len))
        return 0;
    return ntohs(address.sin_port);
}

static void close_listeners(struct demo_devices *devices)
{
    for (unsigned i = 0; i < LISTENING; i++)
        if (devices->listeners[i] >= 0)
            close(devices->listeners[i]);
}

// Takes the port on the addresses of the listening bad devices; sees that it is free on the others.
static bool try_port(struct demo_devices *devices, unsigned *port)
{
    bool fine = true;
    *port = 0;
    for (unsigned i = 0; i < LISTENING; i++)
        devices->listeners[i] = -1;
    for (unsigned i = 0; i < LISTENING && fine; i++) {
        devices->listeners[i] = listen_on(DEMO_GOOD + i, *port);
        fine = devices->listeners[i] >= 0;
        if (fine && !*port)
            *port = port_of(devices->listeners[i]);
    }
    for (unsigned i = 0; i < DEMO_GOOD + 1 && fine; i++) {
        int probe = listen_on(i < DEMO_GOOD ? i : DEMO_GOOD + REFUSING, *port);
        fine = probe >= 0;
        if (fine)
            close(probe);
    }
    if (!fine)
        close_listeners(devices);
    return fine;
}

static void answer(int fd, const char *bytes, size_t len)
{
    if (send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EPIPE)
        return; // gone: nobody to tell
}

static void accept_one(struct demo_devices *devices, unsigned which)
{
    static const char half[] = "{\"receive_bytes\": 4711, \"send_by";
    static const char garbage[] = "\x7f"
                                  "ELF\x02\x01 %% not a reading %%\n";
    int fd = accept4(devices->listeners[which], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (which == SLOW && devices->held_count < HELD_MAX) {
        devices->held[devices->held_count++] =
            (struct held){.fd = fd, .due_ns = clock_mono_ns(clock_system()) + SLOW_MS * 1000000ll};
        return;
    }
    if (which == CUT)
        answer(fd, half, sizeof half - 1);
    else if (which == GARBAGE)
        answer(fd, garbage, sizeof garbage - 1);
    close(fd);
}

static void answer_held(struct demo_devices *devices)
{
    static const char late[] = "{\"receive_bytes\": 1, \"send_bytes\": 1, \"receive_packets\": 1, "
                               "\"send_packets\": 1}\n";
    int64_t now = clock_mono_ns(clock_system());
    unsigned kept = 0;
    for (unsigned i = 0; i < devices->held_count; i++) {
        struct held *held = &devices->held[i];
        if (held->due_ns > now) {
            devices->held[kept++] = *held;
            continue;
        }
        answer(held->fd, late, sizeof late - 1);
        close(held->fd);
    }
    devices->held_count = kept;
}

static void *serve(void *arg)
{
    enum { TICK_MS = 100 };
    struct demo_devices *devices = arg;
    struct pollfd fds[LISTENING + 1];
    for (unsigned i = 0; i < LISTENING; i++)
        fds[i] = (struct pollfd){.fd = devices->listeners[i], .events = POLLIN};
    fds[LISTENING] = (struct pollfd){.fd = devices->stop, .events = POLLIN};
    while (!(fds[LISTENING].revents & POLLIN)) {
        if (poll(fds, LISTENING + 1, TICK_MS) < 0 && errno != EINTR)
            break;
        for (unsigned i = 0; i < LISTENING; i++)
            if (fds[i].revents & POLLIN)
                accept_one(devices, i);
        answer_held(devices);
    }
    for (unsigned i = 0; i < devices->held_count; i++)
        close(devices->held[i].fd);
    return NULL;
}

static int start(struct demo_devices *devices, unsigned *port, struct error *err)
{
    enum { TRIES = 20 };
    unsigned tries = 0;
    while (!try_port(devices, port))
        if (++tries == TRIES)
            return error_errno(err, ERR_IO, errno, "no port is free on 127.0.0.%d to 127.0.0.%d",
                               DEMO_FIRST, DEMO_FIRST + DEMO_DEVICES - 1);
    devices->stop = eventfd(0, EFD_CLOEXEC);
    int errnum = devices->stop < 0 ? errno : pthread_create(&devices->thread, NULL, serve, devices);
    if (!errnum)
        return 0;
    if (devices->stop >= 0)
        close(devices->stop);
    close_listeners(devices);
    return error_errno(err, ERR_FATAL, errnum, "the devices could not be started");
}

int demo_devices_start(struct demo_devices **out, unsigned *port, struct error *err)
{
    *out = NULL;
    struct demo_devices *devices = mem_zalloc(sizeof *devices);
    if (!devices)
        return error_nomem(err);
    int code = start(devices, port, err);
    if (code)
        mem_free(devices);
    else
        *out = devices;
    return code;
}

void demo_devices_stop(struct demo_devices *devices)
{
    if (!devices)
        return;
    eventfd_write(devices->stop, 1);
    pthread_join(devices->thread, NULL);
    close(devices->stop);
    close_listeners(devices);
    mem_free(devices);
}
