// SPDX-License-Identifier: MIT
#include "fields.h"
#include "tidemill/plugin.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A source that makes up records: the same ones for the same seed. A split's position is the number
// of its next record and the state of its random numbers, so that it goes on where it stopped.
//
// With several splits, split s of n makes the records s, s + n, s + 2n, ... out of random numbers
// of its own: what is made does not depend on how many instances share them.

enum { CHUNK = 256, CHUNK_BYTES = 256 * 1024, POSITION = 1 + 5 * 8, POSITION_VERSION = 1 };

enum { SPLITS_MAX = 1024, NAME = 24 };

#define SECOND_NS 1e9

struct stream { // a split that is this instance's
    struct program_state state;
    uint32_t id;
    uint64_t end; // its first record that is not made; UINT64_MAX: endless
    int paused;   // the host does not want more of it now
};

struct generator {
    const tide_host *host;
    tide_ctx *ctx;
    struct program program;
    uint64_t count; // 0: endless
    double rate;    // records a second; 0: no limit
    int64_t start_ns;
    uint64_t made; // since start_ns
    uint32_t splits;
    struct stream *streams;
    uint32_t stream_count, next;
    uint32_t chunk; // records made at once
    char *bytes;
    tide_message messages[CHUNK];
};

static void close_generator(void *self)
{
    struct generator *g = self;
    program_deinit(&g->program);
    free(g->bytes);
    free(g->streams);
    free(g);
}

static tide_result announce(struct generator *g)
{
    char text[NAME] = "generator";
    tide_bytes name = {text, strlen(text)};
    tide_result result = TIDE_OK;
    if (g->splits == 1)
        return g->host->splits_added(g->ctx, &name, 1);
    for (uint32_t i = 0; i < g->splits && result == TIDE_OK; i++) {
        name.len = (size_t)snprintf(text, sizeof text, "generator-%u", (unsigned)i);
        result = g->host->splits_added(g->ctx, &name, 1);
    }
    return result;
}

static tide_result prepare(struct generator *g)
{
    const tide_host *host = g->host;
    g->count = (uint64_t)host->opt_int(g->ctx, "count");
    g->rate = host->opt_number(g->ctx, "rate");
    g->splits = (uint32_t)host->opt_int(g->ctx, "splits");
    const tide_config *fields = host->config(g->ctx, "fields");
    tide_result result =
        fields_compile(host, g->ctx, fields, host->opt_text(g->ctx, "time"), &g->program);
    if (result != TIDE_OK)
        return result;
    size_t fit = CHUNK_BYTES / g->program.longest;
    g->chunk = fit > CHUNK ? CHUNK : fit ? (uint32_t)fit : 1;
    g->bytes = malloc(g->chunk * g->program.longest);
    g->streams = calloc(g->splits, sizeof *g->streams);
    if (!g->bytes || !g->streams)
        return host->fail(g->ctx, TIDE_FATAL, "out of memory");
    return announce(g);
}

static tide_result open_generator(const tide_host *host, tide_ctx *ctx, void **self)
{
    struct generator *g = calloc(1, sizeof *g);
    if (!g)
        return host->fail(ctx, TIDE_FATAL, "out of memory");
    g->host = host;
    g->ctx = ctx;
    *self = g;
    return prepare(g);
}

static void put64(unsigned char *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t get64(const unsigned char *in)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | in[i];
    return value;
}

static struct stream *find_stream(struct generator *g, uint32_t id)
{
    for (uint32_t i = 0; i < g->stream_count; i++)
        if (g->streams[i].id == id)
            return &g->streams[i];
    return NULL;
}

static tide_result position(void *self, uint32_t split, tide_buf *out)
{
    struct generator *g = self;
    const struct stream *stream = find_stream(g, split);
    if (!stream)
        return TIDE_OK;
    unsigned char bytes[POSITION] = {POSITION_VERSION};
    put64(bytes + 1, stream->state.number);
    for (int i = 0; i < 4; i++)
        put64(bytes + 9 + 8 * i, stream->state.random.state[i]);
    if (g->host->put(out, bytes, sizeof bytes))
        return g->host->fail(g->ctx, TIDE_FATAL, "out of memory");
    return TIDE_OK;
}

// The first split's random numbers are the seed's; the others' are far from each other.
static void begin(struct generator *g, struct stream *stream, uint32_t id)
{
    uint64_t seed = (uint64_t)g->host->opt_int(g->ctx, "seed");
    *stream = (struct stream){.id = id, .end = g->count ? g->count : UINT64_MAX};
    stream->state.number = id;
    random_seed(&stream->state.random, seed + id * 0x9e3779b97f4a7c15u);
}

static tide_result assign_one(struct generator *g, const tide_split *split)
{
    if (g->stream_count == g->splits)
        return g->host->fail(g->ctx, TIDE_FATAL, "generator: more splits than it has");
    struct stream *stream = &g->streams[g->stream_count++];
    begin(g, stream, split->id);
    const unsigned char *at = split->position.data;
    if (!at)
        return TIDE_OK;
    if (split->position.len != POSITION || at[0] != POSITION_VERSION)
        return g->host->fail(g->ctx, TIDE_FATAL, "the stored position is not a generator's");
    stream->state.number = get64(at + 1);
    for (int i = 0; i < 4; i++)
        stream->state.random.state[i] = get64(at + 9 + 8 * i);
    return TIDE_OK;
}

static tide_result assign(void *self, const tide_split *splits, uint32_t count, uint32_t stride)
{
    tide_result result = TIDE_OK;
    for (uint32_t i = 0; i < count && result == TIDE_OK; i++)
        result = assign_one(self, (const tide_split *)((const char *)splits + (size_t)i * stride));
    return result;
}

// Records a second of the splits that are this instance's.
static double rate_of(const struct generator *g)
{
    return g->rate * g->stream_count / g->splits;
}

// How many records are due now. What a stall of more than a second held up is not caught up.
static uint64_t due(struct generator *g, uint32_t max)
{
    double rate = rate_of(g);
    if (rate <= 0)
        return max;
    int64_t now = g->host->mono_ns(g->ctx);
    if (!g->start_ns)
        g->start_ns = now;
    double target = (double)(now - g->start_ns) / SECOND_NS * rate + 1;
    double behind = target - (double)g->made;
    if (behind > rate + 1) {
        g->start_ns = now;
        g->made = 0;
        behind = 1;
    }
    return behind < 1 ? 0 : behind > max ? max : (uint64_t)behind;
}

static tide_result wait_for_next(struct generator *g)
{
    double next = (double)g->made / rate_of(g) * SECOND_NS;
    g->host->wait_until(g->ctx, g->start_ns + (int64_t)next + 1);
    return TIDE_AGAIN;
}

static void make(struct generator *g, struct stream *stream, uint32_t n, int64_t wall_ms)
{
    char *at = g->bytes;
    for (uint32_t i = 0; i < n; i++) {
        tide_message *message = &g->messages[i];
        message->struct_size = sizeof *message;
        message->split = stream->id;
        message->offset = (int64_t)stream->state.number;
        message->time_ms = TIDE_NO_TIME;
        size_t len = program_run(&g->program, &stream->state, wall_ms, at, &message->time_ms);
        stream->state.number += g->splits - 1;
        message->value = (tide_bytes){at, len};
        at += len;
    }
}

static uint64_t left_of(const struct generator *g, const struct stream *stream)
{
    if (stream->state.number >= stream->end)
        return 0;
    return (stream->end - stream->state.number - 1) / g->splits + 1;
}

// The stream whose turn it is, of those that have records left; NULL: none has, or may be read.
static struct stream *next_stream(struct generator *g)
{
    for (uint32_t i = 0; i < g->stream_count; i++) {
        struct stream *stream = &g->streams[g->next];
        g->next = (g->next + 1) % g->stream_count;
        if (left_of(g, stream) && !stream->paused)
            return stream;
    }
    return NULL;
}

static int any_left(const struct generator *g)
{
    for (uint32_t i = 0; i < g->stream_count; i++)
        if (left_of(g, &g->streams[i]))
            return 1;
    return 0;
}

// At most `most` records of one stream; false: not all that were made were taken.
static int emit_some(struct generator *g, struct stream *stream, uint32_t n, int64_t wall_ms,
                     tide_out *out)
{
    struct program_state before = stream->state;
    make(g, stream, n, wall_ms);
    uint32_t taken = g->host->emit(out, g->messages, n, sizeof *g->messages);
    g->made += taken;
    if (taken == n)
        return 1;
    stream->state = before; // back to the first that was not taken
    make(g, stream, taken, wall_ms);
    return 0;
}

static tide_result read_some(void *self, tide_out *out, uint32_t max)
{
    struct generator *g = self;
    struct stream *stream = next_stream(g);
    if (!stream) // also of an instance that has no split
        return any_left(g) ? TIDE_AGAIN : TIDE_EOF;
    uint64_t left = due(g, max);
    if (left == 0)
        return wait_for_next(g);
    int64_t wall_ms = g->program.uses_clock ? g->host->wall_ms(g->ctx) : 0;
    for (; stream && left > 0; stream = next_stream(g)) {
        uint64_t n = left_of(g, stream);
        n = n < left ? n : left;
        n = n < g->chunk ? n : g->chunk;
        if (!emit_some(g, stream, (uint32_t)n, wall_ms, out))
            break;
        left -= n;
    }
    return TIDE_OK;
}

static tide_result pause_streams(void *self, const uint32_t *ids, uint32_t count, int on)
{
    struct generator *g = self;
    for (uint32_t n = 0; n < count; n++)
        for (uint32_t i = 0; i < g->stream_count; i++)
            if (g->streams[i].id == ids[n])
                g->streams[i].paused = on;
    return TIDE_OK;
}

static const tide_option options[] = {
    {.name = "fields",
     .type = TIDE_DATA_MAP,
     .flags = TIDE_OPTION_REQUIRED,
     .help = "what a record holds: see the generator's README"},
    {.name = "count",
     .type = TIDE_INT,
     .default_text = "0",
     .min = 0,
     .max = 9e18,
     .help = "records to make; 0: endless"},
    {.name = "rate",
     .type = TIDE_NUMBER,
     .default_text = "0",
     .min = 0,
     .max = 1e9,
     .help = "records a second; 0: as fast as they are taken"},
    {.name = "seed",
     .type = TIDE_INT,
     .default_text = "1",
     .min = 0,
     .max = 9e18,
     .help = "the same seed makes the same records"},
    {.name = "splits",
     .type = TIDE_INT,
     .default_text = "1",
     .min = 1,
     .max = SPLITS_MAX,
     .help = "parts that can be made in different lanes, each with every so manieth record"},
    {.name = "time", .type = TIDE_TEXT, .help = "the field (ms) that is the record's own time"},
    {.name = NULL},
};

static const tide_source source = {
    .struct_size = sizeof source,
    .capabilities =
        TIDE_SOURCE_REPLAYABLE | TIDE_SOURCE_BOUNDED | TIDE_SOURCE_SPLITS | TIDE_SOURCE_PARALLEL,
    .options = options,
    .open = open_generator,
    .close = close_generator,
    .assign = assign,
    .read = read_some,
    .position = position,
    .pause = pause_streams,
};

static const tide_plugin plugin = {
    TIDE_PLUGIN_HEAD,
    .name = "generator",
    .version = "1.0.0",
    .license = "MIT",
    .help = "makes up records, the same ones for the same seed",
    .source = &source,
};

TIDE_EXPORT const tide_plugin *tide_plugin_entry(uint32_t host_major, uint32_t host_minor)
{
    (void)host_minor;
    return host_major == TIDE_ABI_MAJOR ? &plugin : NULL;
}
