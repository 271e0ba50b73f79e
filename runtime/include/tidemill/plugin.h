/* SPDX-License-Identifier: MIT */
#pragma once
#include "tidemill/connection.h"
#include "tidemill/sink.h"
#include "tidemill/source.h"

/* A plugin is a shared object that exports one function, tide_plugin_entry, which returns its
 * descriptor. Host and plugin check each other before reading on: the first three members never
 * move, another major version is refused by file, found and wanted. A plugin is loaded with
 * RTLD_NOW | RTLD_LOCAL and never unloaded. See the README's "A first plugin".
 *
 *   static const tide_source source = {.struct_size = sizeof source, .open = open_it, ...};
 *   static const tide_plugin plugin = {TIDE_PLUGIN_HEAD, .name = "pings", .version = "1.0",
 *                                      .license = "MIT", .help = "...", .source = &source};
 *   TIDE_EXPORT const tide_plugin *tide_plugin_entry(uint32_t major, uint32_t minor)
 *   { (void)minor; return major == TIDE_ABI_MAJOR ? &plugin : NULL; }
 *
 * Memory: what you are given is borrowed until the call returns; what you emit is copied, or lent
 * with a release function; no malloc crosses the border. */

typedef struct tide_plugin {
    uint32_t abi_major, abi_minor, struct_size; /* these never move */
    uint32_t reserved;
    const char *name;                  /* as in `type:`; [a-z][a-z0-9_]* */
    const char *version;               /* "1.2.0" */
    const char *license;               /* SPDX */
    const char *help;                  /* one line */
    const tide_source *source;         /* NULL: it has none */
    const tide_sink *sink;             /* NULL: it has none */
    const tide_connection *connection; /* NULL: it has none */
} tide_plugin;

#define TIDE_PLUGIN_HEAD                                                                           \
    .abi_major = TIDE_ABI_MAJOR, .abi_minor = TIDE_ABI_MINOR,                                      \
    .struct_size = (uint32_t)sizeof(tide_plugin)

#ifdef __cplusplus
extern "C"
#endif
    TIDE_EXPORT const tide_plugin *
    tide_plugin_entry(uint32_t host_major, uint32_t host_minor);
