// SPDX-License-Identifier: MIT
#include "log.h"

static const tide_plugin plugin = {
    TIDE_PLUGIN_HEAD,
    .name = "log",
    .version = "1.0",
    .license = "MIT",
    .help = "durable partitioned topics on the local disk, without a server",
    .source = &log_source,
    .sink = &log_sink,
    .connection = &log_connection,
};

TIDE_EXPORT const tide_plugin *tide_plugin_entry(uint32_t host_major, uint32_t host_minor)
{
    (void)host_minor;
    return host_major == TIDE_ABI_MAJOR ? &plugin : NULL;
}
