// SPDX-License-Identifier: MIT
#include "fields.h"
#include "tidemill/plugin.h"
#include <stdlib.h>
#include <string.h>

// A source that makes up records: the same ones for the same seed. Its position is the number of
// records and the state of the random numbers, so that it goes on where it stopped.

enum { CHUNK = 256, CHUNK_BYTES = 256 * 1024, POSITION = 1 + 5 * 8, POSITION_VERSION = 1 };

#define SECOND_NS 1e9

struct generator {
    const tide_host *host;
    tide_ctx *ctx;
    struct program program;
    struct program_state state;
    uint64_t count; // 0: endless
    double rate;    // records a second; 0: no limit
    int64_t start_ns;
    uint64_t start_number; // the record that was due at start_ns
    uint32_t split;
    int assigned;
    uint32_t chunk; // records made at once
    char *bytes;
    tide_message messages[CHUNK];
};

static void close_generator(void *self)
{
    struct generator *g = self;
    program_deinit(&g->program);
    free(g->bytes);
    free(g);
}

static tide_result prepare(struct generator *g)
{
    const tide_host *host = g->host;
    g->count = (uint64_t)host->opt_int(g->ctx, "count");
    g->rate = host->opt_number(g->ctx, "rate");
    random_seed(&g->state.random, (uint64_t)host->opt_int(g->ctx, "seed"));
    const tide_config *fields = host->config(g->ctx, "fields");
    tide_result result =
        fields_compile(host, g->ctx, fields, host->opt_text(g->ctx, "time"), &g->program);
    if (result != TIDE_OK)
        return result;
    size_t fit = CHUNK_BYTES / g->program.longest;
    g->chunk = fit > CHUNK ? CHUNK : fit ? (uint32_t)fit : 1;
    g->bytes = malloc(g->chunk * g->program.longest);
    if (!g->bytes)
        return host->fail(g->ctx, TIDE_FATAL, "out of memory");
    const tide_bytes name = {"generator", 9};
    return host->splits_added(g->ctx, &name, 1);
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

static tide_result position(void *self, uint32_t split, tide_buf *out)
{
    struct generator *g = self;
    (void)split;
    unsigned char bytes[POSITION] = {POSITION_VERSION};
    put64(bytes + 1, g->state.number);
    for (int i = 0; i < 4; i++)
        put64(bytes + 9 + 8 * i, g->state.random.state[i]);
    if (g->host->put(out, bytes, sizeof bytes))
        return g->host->fail(g->ctx, TIDE_FATAL, "out of memory");
    return TIDE_OK;
}

static tide_result assign(void *self, const tide_split *splits, uint32_t count, uint32_t stride)
{
    struct generator *g = self;
    (void)stride;
    if (count == 0)
        return TIDE_OK;
    g->split = splits->id;
    g->assigned = 1;
    const unsigned char *at = splits->position.data;
    if (!at)
        return TIDE_OK;
    if (splits->position.len != POSITION || at[0] != POSITION_VERSION)
        return g->host->fail(g->ctx, TIDE_FATAL, "the stored position is not a generator's");
    g->state.number = get64(at + 1);
    for (int i = 0; i < 4; i++)
        g->state.random.state[i] = get64(at + 9 + 8 * i);
    return TIDE_OK;
}

// How many records are due now. What a stall of more than a second held up is not caught up.
static uint64_t due(struct generator *g, uint32_t max)
{
    if (g->rate <= 0)
        return max;
    int64_t now = g->host->mono_ns(g->ctx);
    if (!g->start_ns) {
        g->start_ns = now;
        g->start_number = g->state.number;
    }
    double target = (double)(now - g->start_ns) / SECOND_NS * g->rate + 1;
    double behind = target - (double)(g->state.number - g->start_number);
    if (behind > g->rate + 1) {
        g->start_ns = now;
        g->start_number = g->state.number;
        behind = 1;
    }
    return behind < 1 ? 0 : behind > max ? max : (uint64_t)behind;
}

static tide_result wait_for_next(struct generator *g)
{
    double next = (double)(g->state.number - g->start_number) / g->rate * SECOND_NS;
    g->host->wait_until(g->ctx, g->start_ns + (int64_t)next + 1);
    return TIDE_AGAIN;
}

static void make(struct generator *g, uint32_t n, int64_t wall_ms)
{
    char *at = g->bytes;
    for (uint32_t i = 0; i < n; i++) {
        tide_message *message = &g->messages[i];
        message->struct_size = sizeof *message;
        message->split = g->split;
        message->offset = (int64_t)g->state.number;
        message->time_ms = TIDE_NO_TIME;
        size_t len = program_run(&g->program, &g->state, wall_ms, at, &message->time_ms);
        message->value = (tide_bytes){at, len};
        at += len;
    }
}

static tide_result read_some(void *self, tide_out *out, uint32_t max)
{
    struct generator *g = self;
    if (!g->assigned)
        return TIDE_AGAIN;
    if (g->count && g->state.number >= g->count)
        return TIDE_EOF;
    uint64_t left = due(g, max);
    if (left == 0)
        return wait_for_next(g);
    if (g->count && left > g->count - g->state.number)
        left = g->count - g->state.number;
    int64_t wall_ms = g->program.uses_clock ? g->host->wall_ms(g->ctx) : 0;
    while (left > 0) {
        uint32_t n = left < g->chunk ? (uint32_t)left : g->chunk;
        struct program_state before = g->state;
        make(g, n, wall_ms);
        uint32_t taken = g->host->emit(out, g->messages, n, sizeof *g->messages);
        left -= taken;
        if (taken < n) { // back to the first that was not taken
            g->state = before;
            make(g, taken, wall_ms);
            break;
        }
    }
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
    {.name = "time", .type = TIDE_TEXT, .help = "the field (ms) that is the record's own time"},
    {.name = NULL},
};

static const tide_source source = {
    .struct_size = sizeof source,
    .capabilities = TIDE_SOURCE_REPLAYABLE | TIDE_SOURCE_BOUNDED,
    .options = options,
    .open = open_generator,
    .close = close_generator,
    .assign = assign,
    .read = read_some,
    .position = position,
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
