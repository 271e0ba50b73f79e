/* SPDX-License-Identifier: MIT */
/* A plugin with one thing wrong: built once for each variant, which CMake defines. */
#include "tidemill/plugin.h"

static tide_result open_it(const tide_host *host, tide_ctx *ctx, void **self)
{
    (void)host, (void)ctx, (void)self;
    return TIDE_OK;
}

static void close_it(void *self)
{
    (void)self;
}

static tide_result assign(void *self, const tide_split *splits, uint32_t count, uint32_t stride)
{
    (void)self, (void)splits, (void)count, (void)stride;
    return TIDE_OK;
}

static tide_result read_it(void *self, tide_out *out, uint32_t max)
{
    (void)self, (void)out, (void)max;
    return TIDE_EOF;
}

static tide_result write_it(void *self, const tide_batch *batch, uint32_t *accepted)
{
    (void)self;
    *accepted = batch->count;
    return TIDE_OK;
}

static tide_result flush(void *self)
{
    (void)self;
    return TIDE_OK;
}

#ifndef OPTION
#define OPTION                                                                                     \
    {                                                                                              \
        .name = "a", .type = TIDE_TEXT, .help = "text"                                             \
    }
#endif
#ifndef SOURCE_CAPABILITIES
#define SOURCE_CAPABILITIES 0
#endif
#ifndef SOURCE_SIZE
#define SOURCE_SIZE sizeof(tide_source)
#endif
#ifndef SINK_CAPABILITIES
#define SINK_CAPABILITIES 0
#endif
#ifndef FLUSH
#define FLUSH flush
#endif
#ifndef OPEN_CONNECTION
#define OPEN_CONNECTION open_it
#endif
#ifndef NAME
#define NAME "variant"
#endif
#ifndef MAJOR
#define MAJOR TIDE_ABI_MAJOR
#endif
#ifndef SIZE
#define SIZE sizeof(tide_plugin)
#endif
#ifndef PARTS
#define PARTS .source = &source, .sink = &sink, .connection = &connection
#endif

/* Members that are their own members: nested without end. */
extern const tide_option deep[];
const tide_option deep[] = {{.name = "deep", .type = TIDE_MAP, .members = deep}, {0}};

static const tide_option options[] = {OPTION, {0}};
static const tide_source source = {.struct_size = (uint32_t)(SOURCE_SIZE),
                                   .capabilities = SOURCE_CAPABILITIES,
                                   .options = options,
                                   .open = open_it,
                                   .close = close_it,
                                   .assign = assign,
                                   .read = read_it};
static const tide_sink sink = {.struct_size = sizeof sink,
                               .capabilities = SINK_CAPABILITIES,
                               .open = open_it,
                               .close = close_it,
                               .write = write_it,
                               .flush = FLUSH};
static const tide_connection connection = {
    .struct_size = sizeof connection, .open = OPEN_CONNECTION, .close = close_it};
static const tide_plugin plugin = {.abi_major = MAJOR,
                                   .abi_minor = TIDE_ABI_MINOR,
                                   .struct_size = (uint32_t)(SIZE),
                                   .name = NAME,
                                   .version = "1.0.0",
                                   .license = "MIT",
                                   .help = "has one thing wrong",
                                   PARTS};

#ifdef OTHER_SYMBOL
#define tide_plugin_entry some_other_entry
TIDE_EXPORT const tide_plugin *some_other_entry(uint32_t major, uint32_t minor);
#endif

const tide_plugin *tide_plugin_entry(uint32_t major, uint32_t minor)
{
    (void)major, (void)minor;
    (void)&source, (void)&sink, (void)&connection, (void)&flush;
#ifdef REFUSES
    return NULL;
#endif
    return &plugin;
}
