/* SPDX-License-Identifier: MIT */
/* A source of two splits that is right, or has the one fault that FAULT names. */
#include "tidemill/plugin.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum fault {
    GOOD,
    POSITION_OFF_BY_ONE,
    LOSES_ON_RESTORE,
    REPEATS_ON_RESTORE,
    POSITION_EMPTY,
    IGNORES_FULL,
    MORE_THAN_MAX,
    LEAKS_MEMORY,
    LEAKS_DESCRIPTOR,
    LEAKS_THREAD,
    READS_FOREVER,
    UNKNOWN_STATUS,
    NO_REASON,
    KEEPS_NAME,
    WRITES_SPLITS,
    OVERREADS_NAME,
    IGNORES_STRIDE,
    CRASHES_IN_CLOSE,
    EXITS,
    NOBODY_CALLS,
    SPINS,
    READS_REVOKED,
    WAKES_LATE,
    MESSAGE_SIZE,
    UNBOUNDED_EOF,
    EMPTY_TEXT_CRASHES,
    NO_MEMORY_CRASHES,
    LENT_CHANGES,
    METRIC_IN_READ,
    FORGETS_SPLIT,
    /* of the descriptor */
    DEFAULT_OUT_OF_RANGE,
    NO_HELP,
    STRUCT_SIZE,
    UNKNOWN_CAPABILITY,
    POSITION_UNSAID
};

enum { SPLITS = 2, RECORDS = 20, TEXT = 32 };

struct split {
    uint32_t id;
    int assigned;
    const char *name;
    size_t name_len;
    int64_t next;
};

struct source {
    const tide_host *host;
    tide_ctx *ctx;
    struct split splits[SPLITS];
    int ready_fd, turn;
    void *extra;
};

static const char *const names[SPLITS] = {"a", "b"};
static tide_ctx *last_ctx;
static char lent[TEXT];

static void *sleep_on(void *arg)
{
    (void)poll(NULL, 0, -1);
    return arg;
}

static tide_result open_source(const tide_host *host, tide_ctx *ctx, void **self)
{
    const tide_bytes both[SPLITS] = {{names[0], 1}, {names[1], 1}};
    struct source *s = calloc(1, sizeof *s);
    pthread_t thread;
    if (!s && FAULT != NO_MEMORY_CRASHES)
        return host->fail(ctx, TIDE_FATAL, "out of memory");
    *self = s;
    ((volatile struct source *)s)->host = host;
    s->ctx = ctx;
    s->ready_fd = -1;
    if (FAULT == LEAKS_MEMORY)
        s->extra = malloc(100);
    if (FAULT == LEAKS_DESCRIPTOR && open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
        return host->fail(ctx, TIDE_FATAL, "/dev/null");
    if (FAULT == LEAKS_THREAD && pthread_create(&thread, NULL, sleep_on, NULL))
        return host->fail(ctx, TIDE_FATAL, "no thread");
    if (FAULT == SPINS)
        s->ready_fd = eventfd(1, EFD_CLOEXEC);
    if (FAULT == WAKES_LATE && last_ctx)
        host->wake(last_ctx);
    last_ctx = ctx;
    if (FAULT == EMPTY_TEXT_CRASHES && !*host->opt_text(ctx, "word"))
        abort();
    return host->splits_added(ctx, both, SPLITS);
}

static void close_source(void *self)
{
    struct source *s = self;
    if (s->ready_fd >= 0)
        close(s->ready_fd);
    free(s);
    if (FAULT == CRASHES_IN_CLOSE)
        raise(SIGSEGV);
}

static tide_result place(struct source *s, struct split *to, tide_bytes position)
{
    to->next = 0;
    if (!position.data)
        return TIDE_OK;
    if (position.len != sizeof to->next)
        return s->host->fail(s->ctx, TIDE_FATAL, "no position of ours");
    memcpy(&to->next, position.data, sizeof to->next);
    if (FAULT == LOSES_ON_RESTORE)
        to->next++;
    if (FAULT == REPEATS_ON_RESTORE && to->next > 0)
        to->next--;
    return TIDE_OK;
}

static tide_result assign_one(struct source *s, const tide_split *split)
{
    const char *name = split->name.data;
    struct split *to = &s->splits[name[0] == 'b'];
    to->assigned = 1;
    to->id = split->id;
    to->name = name;
    to->name_len = split->name.len;
    if (FAULT == WRITES_SPLITS)
        ((tide_split *)(uintptr_t)split)->id = 0;
    if (FAULT == OVERREADS_NAME && ((const volatile char *)name)[split->name.len])
        return TIDE_OK;
    return place(s, to, split->position);
}

static tide_result assign(void *self, const tide_split *splits, uint32_t count, uint32_t stride)
{
    tide_result result = TIDE_OK;
    if (FAULT == IGNORES_STRIDE)
        stride = sizeof *splits;
    if (FAULT == FORGETS_SPLIT && splits->position.data)
        count = 1;
    for (uint32_t i = 0; i < count && result == TIDE_OK; i++)
        result = assign_one(
            self, (const tide_split *)(const void *)((const char *)splits + (size_t)i * stride));
    return result;
}

static tide_result revoke_splits(void *self, const uint32_t *ids, uint32_t count)
{
    struct source *s = self;
    for (uint32_t i = 0; i < count; i++)
        for (int k = 0; k < SPLITS; k++)
            if (s->splits[k].id == ids[i] && FAULT != READS_REVOKED)
                s->splits[k].assigned = 0;
    return TIDE_OK;
}

static void release(void *arg)
{
    (void)arg;
}

/* One record of a split; 0: it was not taken. */
static uint32_t hand_over(struct source *s, tide_out *out, struct split *split)
{
    char text[TEXT];
    tide_message message = {.struct_size = sizeof message, .split = split->id};
    int len = snprintf(text, sizeof text, "{\"%c\":%d}",
                       split->name == s->splits[1].name ? 'b' : 'a', (int)split->next + 1);
    message.offset = split->next;
    message.time_ms = TIDE_NO_TIME;
    message.value.data = text;
    message.value.len = (size_t)len;
    if (FAULT == MESSAGE_SIZE)
        message.struct_size = 4;
    if (FAULT == LENT_CHANGES) {
        message.value.data = memcpy(lent, text, sizeof text);
        return s->host->lend(out, &message, 1, sizeof message, release, NULL);
    }
    return s->host->emit(out, &message, 1, sizeof message);
}

static tide_result odd_read(struct source *s)
{
    if (FAULT == READS_FOREVER)
        (void)poll(NULL, 0, -1);
    if (FAULT == EXITS)
        exit(3);
    if (FAULT == KEEPS_NAME && ((const volatile char *)s->splits[0].name)[0] != 'a')
        return TIDE_FATAL;
    if (FAULT == METRIC_IN_READ)
        (void)s->host->metric(s->ctx, "late", "", TIDE_METRIC_COUNTER);
    return FAULT == UNKNOWN_STATUS                   ? 42
           : FAULT == NO_REASON                      ? TIDE_RETRY
           : FAULT == NOBODY_CALLS || FAULT == SPINS ? TIDE_AGAIN
                                                     : TIDE_OK;
}

static tide_result read_some(void *self, tide_out *out, uint32_t max)
{
    struct source *s = self;
    tide_result odd = odd_read(s);
    if (odd != TIDE_OK)
        return odd;
    uint32_t most = FAULT == MORE_THAN_MAX ? max + 1 : max;
    int idle = 0;
    for (uint32_t n = 0; n < most && idle < SPLITS;) {
        struct split *split = &s->splits[s->turn++ % SPLITS];
        idle++;
        if (!split->assigned || split->next == RECORDS)
            continue;
        idle = 0;
        uint32_t taken = hand_over(s, out, split);
        split->next += taken || FAULT == IGNORES_FULL;
        s->turn -= !taken; /* its turn again */
        n += taken;
        if (!taken && FAULT != MORE_THAN_MAX)
            return TIDE_OK;
        if (!taken)
            break;
    }
    int done = s->splits[0].next == RECORDS && s->splits[1].next == RECORDS;
    if (idle < SPLITS)
        return TIDE_OK;
    s->host->wait_until(s->ctx, s->host->mono_ns(s->ctx) + 1000000);
    return done ? TIDE_EOF : TIDE_AGAIN;
}

static tide_result position(void *self, uint32_t id, tide_buf *out)
{
    struct source *s = self;
    int64_t next = s->splits[s->splits[1].id == id && s->splits[1].assigned].next;
    if (FAULT == POSITION_OFF_BY_ONE && next == 3)
        next++;
    if (FAULT == POSITION_EMPTY)
        return TIDE_OK;
    return s->host->put(out, &next, sizeof next)
               ? s->host->fail(s->ctx, TIDE_FATAL, "out of memory")
               : TIDE_OK;
}

static tide_result ack(void *self, uint64_t id, const tide_position *positions, uint32_t count,
                       uint32_t stride)
{
    (void)self, (void)id, (void)positions, (void)count, (void)stride;
    return TIDE_OK;
}

static int poll_fd(void *self)
{
    return ((struct source *)self)->ready_fd;
}

static const tide_option options[] = {
    {.name = "word",
     .type = TIDE_TEXT,
     .default_text = "x",
     .help = FAULT == NO_HELP ? NULL : "a word"},
    {.name = "number",
     .type = TIDE_INT,
     .default_text = FAULT == DEFAULT_OUT_OF_RANGE ? "0" : "5",
     .min = 1,
     .max = 10,
     .help = "a number"},
    {.name = NULL},
};

static const tide_source source = {
    .struct_size = FAULT == STRUCT_SIZE ? 8 : sizeof source,
    .capabilities = (FAULT == POSITION_UNSAID ? 0 : TIDE_SOURCE_REPLAYABLE) | TIDE_SOURCE_SPLITS |
                    (FAULT == UNBOUNDED_EOF ? 0 : TIDE_SOURCE_BOUNDED) |
                    (FAULT == UNKNOWN_CAPABILITY ? 1u << 20 : 0),
    .options = options,
    .open = open_source,
    .close = close_source,
    .assign = assign,
    .revoke = revoke_splits,
    .read = read_some,
    .position = position,
    .ack = ack,
    .poll_fd = poll_fd,
};

static const tide_plugin plugin = {TIDE_PLUGIN_HEAD, .name = "mock",   .version = "1.0.0",
                                   .license = "MIT", .help = "a mock", .source = &source};

const tide_plugin *tide_plugin_entry(uint32_t major, uint32_t minor)
{
    (void)minor;
    return major == TIDE_ABI_MAJOR ? &plugin : NULL;
}
