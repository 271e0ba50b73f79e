/* SPDX-License-Identifier: MIT */
#include "mock.h"
#include <inttypes.h>
#include <string.h>

enum { AT_ONCE = 100 };

static tide_result announce(struct mock *m)
{
    char text[SPLITS_MAX][8];
    tide_bytes names[SPLITS_MAX];
    uint32_t count = (uint32_t)m->host->opt_int(m->ctx, "splits");
    for (uint32_t i = 0; i < count; i++) {
        int len = snprintf(text[i], sizeof text[i], "s%" PRIu32, i);
        names[i] = (tide_bytes){text[i], (size_t)len};
    }
    return m->host->splits_added(m->ctx, names, count);
}

static tide_result open_source(const tide_host *host, tide_ctx *ctx, void **self)
{
    tide_result rc = mock_open(host, ctx, self);
    return rc == TIDE_OK ? announce(*self) : rc;
}

/* A position is the number of the next record; in a stream, of the next byte. */
static tide_result assign(void *self, const tide_split *splits, uint32_t count, uint32_t stride)
{
    struct mock *m = self;
    for (uint32_t i = 0; i < count; i++) {
        const tide_split *from =
            (const tide_split *)(const void *)((const char *)splits + (size_t)i * stride);
        uint32_t at = (uint32_t)(((const char *)from->name.data)[1] - '0');
        struct mock_split *split = &m->splits[at];
        *split = (struct mock_split){.id = from->id, .active = 1};
        if (from->position.data)
            memcpy(&split->at, from->position.data, sizeof split->at);
        split->sent = (size_t)split->at;
        if (at >= m->split_count)
            m->split_count = at + 1;
        mock_say(m, "assign %.*s at %" PRId64 "%s", (int)from->name.len,
                 (const char *)from->name.data, split->at, from->position.data ? "" : " anew");
    }
    return TIDE_OK;
}

static uint32_t emit_some(struct mock *m, tide_out *out, struct mock_split *split, uint32_t max)
{
    uint32_t n = 0;
    for (; n < max && n < AT_ONCE && split->at < m->count; n++) {
        char text[64];
        int len = m->split_count > 1
                      ? snprintf(text, sizeof text, "{\"s\":%" PRIu32 ",\"n\":%" PRId64 "}",
                                 split->id, split->at)
                      : snprintf(text, sizeof text, "{\"n\":%" PRId64 "}", split->at);
        tide_message message = {.struct_size = sizeof message,
                                .split = split->id + (uint32_t)m->host->opt_int(m->ctx, "stray"),
                                .offset = split->at,
                                .time_ms = split->at,
                                .value = {text, (size_t)len}};
        if (!m->host->emit(out, &message, 1, sizeof message))
            break;
        split->at++;
        m->done++;
    }
    return n;
}

/* The bytes of `text`, `repeat` times, `piece` at once. */
static tide_result stream_some(struct mock *m, tide_out *out, struct mock_split *split)
{
    const char *text = m->host->opt_text(m->ctx, "text");
    size_t len = strlen(text), room;
    size_t total = len * (size_t)m->host->opt_int(m->ctx, "repeat");
    size_t piece = (size_t)m->host->opt_int(m->ctx, "piece");
    char *to = m->host->reserve(out, split->id, &room);
    if (!to)
        return TIDE_OK;
    int64_t before = (int64_t)split->sent;
    size_t n = 0;
    while (n < room && n < piece && split->sent + n < total) {
        to[n] = text[(split->sent + n) % len];
        n++;
    }
    split->sent += n;
    m->done += (int64_t)n;
    if (split->sent == total)
        split->at = m->count;
    return m->host->commit(out, split->id, n, (tide_bytes){&before, sizeof before});
}

static tide_result lose_and_add(struct mock *m)
{
    for (uint32_t i = 0; i < m->split_count; i++) {
        m->splits[i].active = 0;
        m->host->splits_lost(m->ctx, &m->splits[i].id, 1, TIDE_SPLIT_LOST);
    }
    mock_say(m, "lost");
    return announce(m);
}

/* The group takes all splits back, and waits until the host lets go of them. */
static tide_result give_back(struct mock *m)
{
    m->revoking = 1;
    for (uint32_t i = 0; i < m->split_count; i++) {
        m->splits[i].active = 0;
        m->host->splits_lost(m->ctx, &m->splits[i].id, 1, TIDE_SPLIT_REVOKED);
    }
    mock_say(m, "given back at %" PRId64, m->done);
    return TIDE_AGAIN;
}

static tide_result revoke(void *self, const uint32_t *ids, uint32_t count)
{
    struct mock *m = self;
    for (uint32_t i = 0; i < count; i++)
        mock_say(m, "revoke %" PRIu32, ids[i]);
    m->revoking = 2;
    m->host->wake(m->ctx);
    return TIDE_OK;
}

static tide_result misbehave(struct mock *m, tide_out *out)
{
    if (mock_once(m, "retry_at", m->done))
        return m->host->fail(m->ctx, TIDE_RETRY, "the line is cut");
    if (mock_once(m, "fatal_at", m->done))
        return m->host->fail(m->ctx, TIDE_FATAL, "it broke");
    if (mock_once(m, "give_back_at", m->done))
        return give_back(m);
    if (mock_once(m, "lose_at", m->done))
        return lose_and_add(m);
    if (m->host->opt_int(m->ctx, "bad") && mock_once(m, "bad_at", m->done))
        for (int64_t i = m->host->opt_int(m->ctx, "bad"); i > 0; i--)
            if (m->host->bad(out, m->splits[0].id, (tide_bytes){"?", 1}, "no answer"))
                break;
    return TIDE_OK;
}

static tide_result read_some(void *self, tide_out *out, uint32_t max)
{
    struct mock *m = self;
    int open = 0;
    if (m->revoking == 2)
        return TIDE_EOF;
    if (mock_rests(m) || m->revoking)
        return TIDE_AGAIN;
    tide_result rc = misbehave(m, out);
    for (uint32_t i = 0; rc == TIDE_OK && i < m->split_count; i++) {
        struct mock_split *split = &m->splits[i];
        if (!split->active || split->ended)
            continue;
        if (split->at == m->count) {
            split->ended = 1;
            m->host->split_end(out, split->id);
            continue;
        }
        open = 1;
        if (m->host->opt_text(m->ctx, "text"))
            rc = stream_some(m, out, split);
        else
            emit_some(m, out, split, max);
    }
    if (rc || open || !m->split_count)
        return rc;
    for (uint32_t i = 0; i < m->split_count; i++)
        if (!m->splits[i].active)
            return TIDE_OK; /* announced again, not assigned yet */
    if (!m->host->opt_bool(m->ctx, "stay"))
        return TIDE_EOF;
    m->host->wait_until(m->ctx, m->host->mono_ns(m->ctx) + 10000000);
    return TIDE_AGAIN;
}

static tide_result position(void *self, uint32_t id, tide_buf *out)
{
    struct mock *m = self;
    for (uint32_t i = 0; i < m->split_count; i++) {
        if (m->splits[i].id != id)
            continue;
        if (m->host->put(out, &m->splits[i].at, sizeof m->splits[i].at))
            return m->host->fail(m->ctx, TIDE_FATAL, "out of memory");
        return TIDE_OK;
    }
    return TIDE_AGAIN;
}

/* What is acknowledged must have been flushed by the sinks. */
static tide_result ack(void *self, uint64_t number, const tide_position *positions, uint32_t count,
                       uint32_t stride)
{
    struct mock *m = self;
    int64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        const tide_position *from =
            (const tide_position *)(const void *)((const char *)positions + (size_t)i * stride);
        int64_t at;
        memcpy(&at, from->position.data, sizeof at);
        sum += at;
    }
    mock_lock();
    int64_t flushed = mock_flushed;
    mock_unlock();
    mock_say(m, "ack %" PRId64 "%s", sum,
             m->host->opt_bool(m->ctx, "strict") && sum > flushed ? " too early" : "");
    (void)number;
    return TIDE_OK;
}

static const tide_option options[] = {
    MOCK_OPTIONS,
    {.name = "count", .type = TIDE_INT, .default_text = "10", .help = "records a split"},
    {.name = "splits", .type = TIDE_INT, .default_text = "1", .help = "how many"},
    {.name = "stray", .type = TIDE_INT, .default_text = "0", .help = "added to ids of splits"},
    {.name = "lose_at", .type = TIDE_INT, .default_text = "-1", .help = "all are lost and back"},
    {.name = "give_back_at", .type = TIDE_INT, .default_text = "-1", .help = "all are revoked"},
    {.name = "bad_at", .type = TIDE_INT, .default_text = "0", .help = "when `bad` is called"},
    {.name = "bad", .type = TIDE_INT, .default_text = "0", .help = "how often"},
    {.name = "stay", .type = TIDE_BOOL, .default_text = "false", .help = "no end"},
    {.name = "strict", .type = TIDE_BOOL, .default_text = "false", .help = "look at acks"},
    {.name = "text", .type = TIDE_TEXT, .help = "a stream of these bytes"},
    {.name = "repeat", .type = TIDE_INT, .default_text = "1", .help = "`text` that often"},
    {.name = "piece", .type = TIDE_INT, .default_text = "1000000000", .help = "bytes at once"},
    {0}};

const tide_source mock_source = {.struct_size = sizeof mock_source,
                                 .capabilities =
                                     TIDE_SOURCE_BOUNDED | TIDE_SOURCE_REPLAYABLE | MOCK_SOURCE,
                                 .options = options,
                                 .open = open_source,
                                 .close = mock_close,
                                 .assign = assign,
                                 .revoke = revoke,
                                 .read = read_some,
                                 .position = position,
                                 .ack = ack};
