// SPDX-License-Identifier: MIT
#pragma once
#include "device.h"
#include "resolve.h"
#include "../shared/target.h"
#include "tidemill/plugin.h"

// The tcp_poll source. Every device is asked once an interval, spread evenly over it: connect, send
// the request if there is one, read until the device closes. At most `connections` are asked at the
// same time; the others wait in line. One epoll descriptor tells what moved, one heap what is due:
// no call looks at all devices.
//
// A device that fails (refused, reset, silent, empty) gives an error record and is asked again
// after a pause that doubles with each failure; its first answer puts it back into its place in the
// interval.

struct poll {
    const tide_host *host;
    tide_ctx *ctx;
    struct targets targets;
    struct device *devices;
    uint32_t count;
    uint32_t cursor; // where the next assigned name is expected
    struct heap heap;
    struct queue queued;   // due, without a connection
    struct queue answered; // whole readings, without room in the batch
    uint32_t busy;         // connections in use, answered ones included
    uint32_t connections;  // at most
    int epoll;
    struct resolver *resolver;
    const char *request; // NULL: none
    size_t request_len;
    int64_t interval_ns, timeout_ns, backoff_from_ns, backoff_to_ns;
    size_t max_bytes;
    uint64_t random;
    int no_descriptors;         // said so
    int64_t now_ns;             // of this read
    uint32_t handed;            // readings and errors, within this read
    int32_t readings, failures; // metrics
};

// -- exchange.c --
// Starts to ask a device. 0; -1: no descriptor is left, later.
int exchange_start(struct poll *p, tide_out *out, struct device *device);
// Something happened on its socket.
void exchange_go_on(struct poll *p, tide_out *out, struct device *device);
// Its time is over.
void exchange_late(struct poll *p, tide_out *out, struct device *device);
// Ends with an error record and a pause.
void exchange_fail(struct poll *p, tide_out *out, struct device *device, const char *why);
// Hands a whole reading over. 0: the batch is full.
int exchange_deliver(struct poll *p, tide_out *out, struct device *device);
// Drops its connection and bytes.
void exchange_drop(struct poll *p, struct device *device);
