// SPDX-License-Identifier: MIT
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// A device: listens on loopback, answers on its own thread until it is stopped.

enum { ANSWER, SILENT, RESET, EMPTY, ECHO, ENDLESS };

struct device {
    int listener, port, kind, stop[2];
    const char *text;
    pthread_t thread;
    int asked; // read after stop
};

static inline int listen_on(const char *host, int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
    socklen_t len = sizeof address;
    inet_pton(AF_INET, host, &address.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, 1024) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        abort();
    *port = ntohs(address.sin_port);
    return fd;
}

static inline int stopped(struct device *d, int fd)
{
    struct pollfd fds[2] = {{.fd = d->stop[0], .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    poll(fds, 2, -1);
    return fds[0].revents != 0;
}

static inline void serve(struct device *d, int fd)
{
    char bytes[256];
    ssize_t n;
    struct linger hard = {.l_onoff = 1};
    switch (d->kind) {
    case SILENT:
        stopped(d, -1); // holds the connection to the end
        return;
    case RESET:
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        return;
    case ECHO:
        n = read(fd, bytes, sizeof bytes);
        if (n > 0)
            (void)!write(fd, bytes, (size_t)n);
        return;
    case ENDLESS:
        memset(bytes, 'x', sizeof bytes);
        while (send(fd, bytes, sizeof bytes, MSG_NOSIGNAL) > 0)
            ;
        return;
    default:
        (void)!write(fd, d->text, strlen(d->text));
    }
}

static inline void *run(void *arg)
{
    struct device *d = arg;
    while (!stopped(d, d->listener)) {
        int fd = accept(d->listener, NULL, NULL);
        if (fd < 0)
            continue;
        d->asked++;
        serve(d, fd);
        close(fd);
    }
    return NULL;
}

static inline void device_start(struct device *d, int kind, const char *text)
{
    *d = (struct device){.kind = kind, .text = text};
    d->listener = listen_on("127.0.0.1", &d->port);
    if (pipe(d->stop) < 0 || pthread_create(&d->thread, NULL, run, d) != 0)
        abort();
}

static inline void device_stop(struct device *d)
{
    close(d->stop[1]);
    pthread_join(d->thread, NULL);
    close(d->stop[0]);
    close(d->listener);
}
