// SPDX-License-Identifier: MIT
// A first plugin: a source that says {"ping":1}, {"ping":2}, ... once an interval.
#include "tidemill/plugin.h"
#include <stdio.h>
#include <stdlib.h>
struct pings {             // one instance is one node of a pipeline
    const tide_host *host; // what the runtime does for us,
    tide_ctx *ctx;         // and who we are, for each call of it
    uint32_t split;
    int64_t every_ns, next_ns, count;
};
// What the node takes in YAML: checked, and filled in with defaults, before start sees it.
static const tide_option options[] = {
    {.name = "every", .type = TIDE_DURATION, .default_text = "1s", .help = "between two pings"},
    {.name = NULL}};
static tide_result start(const tide_host *host, tide_ctx *ctx, void **self)
{
    struct pings *p = *self = calloc(1, sizeof *p);
    if (!p)
        return host->fail(ctx, TIDE_FATAL, "out of memory"); // each failure says why
    p->host = host;
    p->ctx = ctx;
    p->every_ns = host->opt_int(ctx, "every") * 1000000;          // durations are in milliseconds
    return host->splits_added(ctx, &(tide_bytes){"pings", 5}, 1); // there is one thing to read
}
static tide_result assign(void *self, const tide_split *splits, uint32_t count, uint32_t stride)
{
    (void)count, (void)stride; // the answer to splits_added: read this one from now on
    ((struct pings *)self)->split = splits->id;
    return TIDE_OK;
}
static tide_result read_one(void *self, tide_out *out, uint32_t max)
{
    struct pings *p = self;
    int64_t now = p->host->mono_ns(p->ctx);
    if (now < p->next_ns || max == 0) { // never wait here: say when to be called again
        p->host->wait_until(p->ctx, p->next_ns);
        return TIDE_AGAIN;
    }
    char text[40];
    size_t len = (size_t)snprintf(text, sizeof text, "{\"ping\":%lld}", (long long)p->count + 1);
    tide_message message = {.struct_size = sizeof message, .split = p->split, .value = {text, len}};
    message.offset = p->count;
    message.time_ms = p->host->wall_ms(p->ctx);
    if (p->host->emit(out, &message, 1, sizeof message) == 1) // copied; 0: no room, come back
        p->next_ns = now + p->every_ns, p->count++;
    return TIDE_OK;
}
static const tide_source source = {.struct_size = sizeof source,
                                   .options = options,
                                   .open = start,
                                   .close = free,
                                   .assign = assign,
                                   .read = read_one};
static const tide_plugin plugin = {TIDE_PLUGIN_HEAD, .name = "pings",     .version = "1.0.0",
                                   .license = "MIT", .help = "says ping", .source = &source};
const tide_plugin *tide_plugin_entry(uint32_t major, uint32_t minor)
{
    return (void)minor, major == TIDE_ABI_MAJOR ? &plugin : NULL; // another major: not for us
}
