// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

// One device: when it is asked next, and how far the answer is. Each device that is assigned has
// one time in the heap: idle, when it is due; asked, when it is late.

enum device_state {
    DEVICE_OUT,       // not ours to poll
    DEVICE_IDLE,      // waits for its time
    DEVICE_QUEUED,    // due, waits for a free connection
    DEVICE_RESOLVING, // its name is being looked up
    DEVICE_ASKED,     // connecting, sending, reading
    DEVICE_ANSWERED   // a whole reading that the host has no room for yet
};

struct device {
    const char *name; // "host:port", of the targets
    uint32_t split;
    enum device_state state;
    int fd;              // -1: none
    uint32_t failures;   // in a row
    int64_t at_ns;       // due or late, see above
    int64_t due_ns;      // its place in the interval
    uint32_t heap_index; // UINT32_MAX: not in the heap
    struct device *next; // in a queue
    char *bytes;         // what came so far
    size_t len, room;
    size_t sent;     // of the request
    int64_t time_ms; // wall time at which the reading was whole
    struct sockaddr_storage address;
    socklen_t address_len; // 0: not resolved
};

// A binary heap by at_ns: the next device is heap.items[0].
struct heap {
    struct device **items;
    uint32_t count, room;
};

int heap_init(struct heap *heap, uint32_t room); // 0, or -1: memory is out
void heap_deinit(struct heap *heap);
// Puts the device at `at_ns`, whether it is in the heap or not.
void heap_set(struct heap *heap, struct device *device, int64_t at_ns);
void heap_remove(struct heap *heap, struct device *device);

struct queue {
    struct device *first, *last;
};

void queue_put(struct queue *queue, struct device *device);
struct device *queue_take(struct queue *queue); // NULL: empty
