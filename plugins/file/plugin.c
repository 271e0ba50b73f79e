// SPDX-License-Identifier: MIT
#include "sink.h"
#include "source.h"

static const tide_plugin plugin = {
    TIDE_PLUGIN_HEAD,
    .name = "file",
    .version = "1.0.0",
    .license = "MIT",
    .help = "reads and writes files on disk",
    .source = &file_source,
    .sink = &file_sink,
};

TIDE_EXPORT const tide_plugin *tide_plugin_entry(uint32_t host_major, uint32_t host_minor)
{
    (void)host_minor;
    return host_major == TIDE_ABI_MAJOR ? &plugin : NULL;
}
