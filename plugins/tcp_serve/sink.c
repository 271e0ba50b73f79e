// SPDX-License-Identifier: MIT
#include "serve.h"
#include <stdlib.h>
#include <string.h>

struct answer *answer_take(struct serve *s, struct address *address)
{
    pthread_mutex_lock(&s->lock);
    struct answer *answer = address->newest;
    if (answer)
        answer->refs++;
    pthread_mutex_unlock(&s->lock);
    return answer;
}

// With the lock held.
static void let_go(struct answer *answer)
{
    if (answer && --answer->refs == 0)
        free(answer);
}

void answer_drop(struct serve *s, struct answer *answer)
{
    pthread_mutex_lock(&s->lock);
    let_go(answer);
    pthread_mutex_unlock(&s->lock);
}

// Likewise.
static void set(struct address *address, struct answer *answer)
{
    let_go(address->newest);
    address->newest = answer;
    if (answer)
        answer->refs++;
}

static void close_sink(void *self)
{
    struct serve *s = self;
    server_stop(s);
    for (uint32_t i = 0; i < s->count; i++)
        set(&s->addresses[i], NULL);
    serve_unlisten(s);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static tide_result open_sink(const tide_host *host, tide_ctx *ctx, void **self)
{
    struct serve *s = calloc(1, sizeof *s);
    if (!s)
        return host->fail(ctx, TIDE_FATAL, "out of memory");
    s->host = host;
    s->ctx = ctx;
    s->epoll = s->doors = s->stop = -1;
    pthread_mutex_init(&s->lock, NULL);
    *self = s;
    s->limit = (uint32_t)host->opt_int(ctx, "connections");
    s->answers = host->metric(ctx, "tcp_serve_answers", "answers sent", TIDE_METRIC_COUNTER);
    s->unmatched = host->metric(ctx, "tcp_serve_unmatched", "records whose key is no address",
                                TIDE_METRIC_COUNTER);
    tide_result result = serve_listen(s);
    return result == TIDE_OK ? server_start(s) : result;
}

// A record as an answer: its value, and a line end unless it tells itself where it ends. A
// tombstone: none.
static int make(const tide_record *record, struct answer **out)
{
    tide_bytes value = record->value;
    *out = NULL;
    if (!value.data)
        return 0;
    size_t line_end = record->flags & TIDE_RECORD_FRAMED ? 0 : 1;
    struct answer *answer = malloc(sizeof *answer + value.len + line_end);
    if (!answer)
        return -1;
    answer->refs = 1;
    answer->len = value.len + line_end;
    memcpy(answer->bytes, value.data, value.len);
    if (line_end)
        answer->bytes[value.len] = '\n';
    *out = answer;
    return 0;
}

// With the lock held. -1: memory is out.
static int take_record(struct serve *s, const tide_record *record)
{
    struct answer *answer;
    tide_bytes key = record->key;
    struct name *name = key.data ? serve_find(s, key.data, key.len) : NULL;
    if (key.data && !name) {
        s->host->metric_add(s->ctx, s->unmatched, 1);
        return 0;
    }
    if (make(record, &answer) < 0)
        return -1;
    for (; name; name = serve_find_next(name, key.data, key.len))
        set(&s->addresses[name->address], answer);
    for (uint32_t i = 0; !key.data && i < s->count; i++)
        set(&s->addresses[i], answer);
    let_go(answer);
    return 0;
}

static void report(struct serve *s)
{
    uint64_t answered = atomic_load_explicit(&s->answered, memory_order_relaxed);
    s->host->metric_add(s->ctx, s->answers, (double)(answered - s->reported));
    s->reported = answered;
}

static tide_result write_batch(void *self, const tide_batch *batch, uint32_t *accepted)
{
    struct serve *s = self;
    int failed = 0;
    pthread_mutex_lock(&s->lock);
    for (*accepted = 0; *accepted < batch->count && !failed; *accepted += !failed)
        failed = take_record(s, tide_record_at(batch, *accepted));
    pthread_mutex_unlock(&s->lock);
    report(s);
    return failed ? s->host->fail(s->ctx, TIDE_FATAL, "out of memory") : TIDE_OK;
}

static tide_result flush(void *self)
{
    report(self);
    return TIDE_OK;
}

static const tide_option fault_options[] = {
    {.name = "slow",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .help = "addresses that answer after `delay`"},
    {.name = "truncate",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .help = "addresses that close half-way"},
    {.name = "garbage",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .help = "addresses that send what is no text"},
    {.name = "refuse",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .help = "addresses where nobody listens"},
    {.name = "hang",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .help = "addresses that accept and say nothing"},
    {.name = "delay",
     .type = TIDE_DURATION,
     .default_text = "700ms",
     .min = 1,
     .max = 1e8,
     .help = "of the slow ones"},
    {.name = NULL},
};

static const tide_option options[] = {
    {.name = "listen",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .flags = TIDE_OPTION_REQUIRED,
     .help = "address:port; 127.0.0.[1-50]:9000 stands for fifty; port 0: a free one, see the log"},
    {.name = "connections",
     .type = TIDE_INT,
     .default_text = "1024",
     .min = 1,
     .max = 100000,
     .help = "open at the same time; further ones wait in the system's queue"},
    {.name = "faults",
     .type = TIDE_MAP,
     .members = fault_options,
     .help = "addresses that misbehave, for demos and tests"},
    {.name = NULL},
};

static const tide_sink sink = {
    .struct_size = sizeof sink,
    .capabilities = TIDE_SINK_IDEMPOTENT,
    .options = options,
    .open = open_sink,
    .close = close_sink,
    .write = write_batch,
    .flush = flush,
};

static const tide_plugin plugin = {
    TIDE_PLUGIN_HEAD,
    .name = "tcp_serve",
    .version = "1.0.0",
    .license = "MIT",
    .help = "answers TCP connections with the newest record of the address",
    .sink = &sink,
};

TIDE_EXPORT const tide_plugin *tide_plugin_entry(uint32_t host_major, uint32_t host_minor)
{
    (void)host_minor;
    return host_major == TIDE_ABI_MAJOR ? &plugin : NULL;
}
