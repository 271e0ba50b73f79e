// SPDX-License-Identifier: MIT
// A sink in C++17: keeps the bytes of what it was given as a metric.
#include "tidemill/plugin.h"

#include <new>

namespace
{

struct counter {
    const tide_host *host;
    tide_ctx *ctx;
    int32_t bytes;
};

tide_result open_it(const tide_host *host, tide_ctx *ctx, void **self)
{
    counter *c = new (std::nothrow) counter{host, ctx, -1};
    if (!c)
        return host->fail(ctx, TIDE_FATAL, "out of memory");
    c->bytes = host->metric(ctx, "bytes", "bytes written", TIDE_METRIC_COUNTER);
    *self = c;
    return TIDE_OK;
}

void close_it(void *self)
{
    delete static_cast<counter *>(self);
}

tide_result write_it(void *self, const tide_batch *batch, uint32_t *accepted)
{
    counter *c = static_cast<counter *>(self);
    for (*accepted = 0; *accepted < batch->count; ++*accepted)
        c->host->metric_add(c->ctx, c->bytes,
                            static_cast<double>(tide_record_at(batch, *accepted)->value.len));
    return TIDE_OK;
}

tide_result flush_it(void *)
{
    return TIDE_OK;
}

tide_sink make_sink()
{
    tide_sink sink{};
    sink.struct_size = sizeof sink;
    sink.open = open_it;
    sink.close = close_it;
    sink.write = write_it;
    sink.flush = flush_it;
    return sink;
}

const tide_sink sink = make_sink();

tide_plugin make_plugin()
{
    tide_plugin plugin{};
    plugin.abi_major = TIDE_ABI_MAJOR;
    plugin.abi_minor = TIDE_ABI_MINOR;
    plugin.struct_size = sizeof plugin;
    plugin.name = "cpp_counter";
    plugin.version = "1.0.0";
    plugin.license = "MIT";
    plugin.help = "counts bytes";
    plugin.sink = &sink;
    return plugin;
}

const tide_plugin plugin = make_plugin();

} // namespace

const tide_plugin *tide_plugin_entry(uint32_t major, uint32_t)
{
    return major == TIDE_ABI_MAJOR ? &plugin : nullptr;
}
