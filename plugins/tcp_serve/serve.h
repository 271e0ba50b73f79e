// SPDX-License-Identifier: MIT
#pragma once
#include "../shared/target.h"
#include "tidemill/plugin.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

// The tcp_serve sink: a TCP server whose answer, per address, is the newest record of that address.
//
// Two threads meet here. The host's calls `write`, which replaces answers; the server's own
// accepts, sends and closes (server.c). `lock` guards the answers of all addresses, and nothing
// else is shared but the counters: an answer that is being sent is kept by its count of references.

enum fault { FAULT_NONE, FAULT_SLOW, FAULT_TRUNCATE, FAULT_GARBAGE, FAULT_REFUSE, FAULT_HANG };

struct answer {
    uint32_t refs; // guarded by lock
    size_t len;
    char bytes[];
};

struct address {
    int fd; // listener; -1: refuses
    enum fault fault;
    struct answer *newest; // guarded by lock; NULL: none yet
    char *host;            // "127.0.0.7"
    char *name;            // "127.0.0.7:9000", with the real port
};

struct name { // what a record's key may say
    const char *text;
    uint32_t address;
    struct name *next;
};

struct connection {
    struct address *address;
    int fd;
    struct answer *answer; // being sent; NULL: none
    size_t sent, len;      // len: how much of it is to be sent
    int finished;          // all is sent: waits for the other side to close
    int waits;             // slow: not before its time
    int64_t until_ns;
    struct waiting *list; // the list that it is in
    struct connection *before, *after;
};

struct waiting { // connections with the same patience, the first is due first
    int64_t patience_ns;
    struct connection *first, *last;
};

enum { WAIT_SLOW, WAIT_ANSWER, WAIT_HANG, WAITS };

struct serve {
    const tide_host *host;
    tide_ctx *ctx;
    struct address *addresses;
    uint32_t count;
    struct name *names, **buckets;
    uint32_t name_count, bucket_count;
    pthread_mutex_t lock;
    atomic_uint_fast64_t answered;
    uint64_t reported;          // of answered, in the metric
    int32_t answers, unmatched; // metrics
    // -- the server's thread --
    pthread_t thread;
    int running;
    int stop;  // an eventfd
    int epoll; // connections, `doors` and `stop`
    int doors; // an epoll of all listeners, in `epoll` while there is room
    int open;  // doors are in epoll
    uint32_t connections, limit;
    struct waiting waiting[WAITS];
};

// -- listen.c --
tide_result serve_listen(struct serve *s);
void serve_unlisten(struct serve *s);
// The first of the addresses that `key` names (NULL: none), then the next of the same key.
struct name *serve_find(const struct serve *s, const char *key, size_t len);
struct name *serve_find_next(const struct name *name, const char *key, size_t len);

// -- server.c --
tide_result server_start(struct serve *s);
void server_stop(struct serve *s);

// -- sink.c --
// A reference to the newest answer; NULL: none. Give it back by answer_drop.
struct answer *answer_take(struct serve *s, struct address *address);
void answer_drop(struct serve *s, struct answer *answer);
