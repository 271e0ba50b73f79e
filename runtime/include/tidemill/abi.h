/* SPDX-License-Identifier: MIT */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* What every other header here stands on: versions, results, bytes. C11 and C++17; fixed-width
 * integers and pointers only, so that a plugin built years ago still fits.
 *
 * How structs age: each struct that crosses the border starts with its size (`struct_size`, as the
 * side that filled it knows it). A minor version only appends members; who reads a member first
 * looks whether the size covers it (TIDE_HAS). Another major version is refused. Arrays of structs
 * carry their stride for the same reason. Nobody copies a struct by his own sizeof. */

#define TIDE_ABI_MAJOR 1u
#define TIDE_ABI_MINOR 1u

#define TIDE_HAS(ptr, member)                                                                      \
    ((ptr)->struct_size >= (uint32_t)(offsetof(__typeof__(*(ptr)), member) + sizeof((ptr)->member)))

#define TIDE_EXPORT __attribute__((visibility("default")))

/* What a plugin's functions answer. With a negative one, say why by host->fail first. */
typedef int32_t tide_result;
enum {
    TIDE_OK = 0,     /* done; call again when you like */
    TIDE_AGAIN = 1,  /* nothing to do, or not finished: call again when poll_fd is ready, the
                        deadline given by host->wait_until is over, or host->wake was called */
    TIDE_EOF = 2,    /* sources: nothing will ever come again */
    TIDE_RETRY = -1, /* a passing fault (broker away): the host closes, waits and opens again */
    TIDE_DATA = -2,  /* this record cannot be used: it goes to the node's on_error */
    TIDE_FATAL = -3, /* the pipeline stops; or, with checkpoints, goes back to its last one */
    TIDE_FENCED = -4 /* another process does this work now: the pipeline stops for good */
};

/* Borrowed bytes; data == NULL means "there is none" (no key; a tombstone). */
typedef struct tide_bytes {
    const void *data;
    size_t len;
} tide_bytes;

#define TIDE_NO_TIME INT64_MIN
#define TIDE_NO_OFFSET ((int64_t)-1)

/* The host's side of one instance of a plugin: what host functions want back. */
typedef struct tide_ctx tide_ctx;
/* A byte buffer of the host that a plugin fills by host->put. */
typedef struct tide_buf tide_buf;
