// SPDX-License-Identifier: MIT
#include "standard.h"

static const tide_plugin plugin = {
    TIDE_PLUGIN_HEAD,
    .name = "stdio",
    .version = "1.0.0",
    .license = "MIT",
    .help = "reads the process's standard input, writes its standard output",
    .source = &stdio_source,
    .sink = &stdio_sink,
};

TIDE_EXPORT const tide_plugin *tide_plugin_entry(uint32_t host_major, uint32_t host_minor)
{
    (void)host_minor;
    return host_major == TIDE_ABI_MAJOR ? &plugin : NULL;
}
