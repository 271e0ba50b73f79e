// SPDX-License-Identifier: MIT
#include "cli/demo_devices.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

// In the order of `faults:` in configs/devices.yaml.
static const char *const stories[DEMO_BAD] = {
    "answers too slowly",   "closes in the middle",     "sends garbage",
    "refuses to be called", "accepts and says nothing",
};

void demo_device_name(unsigned index, char out[16])
{
    snprintf(out, 16, "127.0.0.%u", (DEMO_FIRST + index) & 0xff);
}

const char *demo_device_story(unsigned index)
{
    return index < DEMO_GOOD ? NULL : stories[index - DEMO_GOOD];
}

static int bind_device(int fd, unsigned index, unsigned *port)
{
    char name[16];
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
    socklen_t len = sizeof address;
    demo_device_name(index, name);
    inet_pton(AF_INET, name, &address.sin_addr);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) ||
        getsockname(fd, (struct sockaddr *)&address, &len))
        return -1;
    *port = ntohs(address.sin_port);
    return 0;
}

// Any port on the first address, and whether it is free on the others; errno tells why not.
static bool try_port(unsigned *port)
{
    *port = 0;
    for (unsigned i = 0; i < DEMO_DEVICES; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int bad = fd < 0 ? -1 : bind_device(fd, i, port);
        int errnum = errno;
        if (fd >= 0)
            close(fd);
        errno = errnum;
        if (bad)
            return false;
    }
    return true;
}

int demo_devices_port(unsigned *port, struct error *err)
{
    enum { TRIES = 20 };
    for (int i = 0; i < TRIES; i++)
        if (try_port(port))
            return 0;
    return error_errno(err, ERR_IO, errno, "no port is free on 127.0.0.%d to 127.0.0.%d",
                       DEMO_FIRST, DEMO_FIRST + DEMO_DEVICES - 1);
}
