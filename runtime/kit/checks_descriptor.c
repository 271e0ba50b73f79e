// SPDX-License-Identifier: MIT
#include "kit/checks.h"
#include "kit/child.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// What the loader does not ask for, because an old plugin may lack it: texts, defaults that fit
// their own rows, capabilities that agree with the functions.

static const char rule[] = "plugin.h: tide_plugin";

static void need_text(const char *what, const char *text)
{
    if (!text || !*text)
        child_fail(rule, "name, version, licence and help", "the plugin has no %s", what);
    if (strpbrk(text, "\n\r\t"))
        child_fail(rule, "one line of text", "its %s has line ends or tabs", what);
}

static void check_table(const char *part, const tide_option *options)
{
    char why[300];
    for (const tide_option *o = options; o && o->name; o++) {
        if (!o->help || !*o->help || strchr(o->help, '\n'))
            child_fail("option.h: tide_option", "help in one line for each option",
                       "%s option '%s' has %s", part, o->name,
                       o->help && *o->help ? "help of several lines" : "no help");
        if (o->default_text && settings_default_fault(o, why, sizeof why))
            child_fail("option.h: tide_option", "a default that the option's own row accepts",
                       "%s option '%s' has the default '%s': %s", part, o->name, o->default_text,
                       why);
        if (o->default_text && o->flags & TIDE_OPTION_REQUIRED)
            child_fail("option.h: tide_option", "REQUIRED, or a default", "%s option '%s' has both",
                       part, o->name);
        check_table(part, o->members);
    }
}

static void check_bits(const char *part, uint32_t found, uint32_t known)
{
    if (found & ~known)
        child_fail("source.h, sink.h, connection.h: capabilities", "the bits of this version",
                   "%s has the unknown capability bits 0x%" PRIx32, part, found & ~known);
}

static void check_source(const tide_source *source)
{
    check_bits("source", source->capabilities,
               TIDE_SOURCE_REPLAYABLE | TIDE_SOURCE_SPLITS | TIDE_SOURCE_BOUNDED |
                   TIDE_SOURCE_BLOCKING | TIDE_SOURCE_PARALLEL | TIDE_SOURCE_STREAM);
    check_table("source", source->options);
    bool has = TIDE_HAS(source, position) && source->position;
    if (has && !(source->capabilities & TIDE_SOURCE_REPLAYABLE))
        child_fail("source.h: position", "NULL, or the capability REPLAYABLE",
                   "the source has position and is not REPLAYABLE");
}

static void check_sink(const tide_sink *sink)
{
    check_bits("sink", sink->capabilities,
               TIDE_SINK_IDEMPOTENT | TIDE_SINK_TWO_PHASE | TIDE_SINK_BLOCKING |
                   TIDE_SINK_PARALLEL | TIDE_SINK_STREAM | TIDE_SINK_PREAMBLE);
    check_table("sink", sink->options);
    if (sink->capabilities & TIDE_SINK_TWO_PHASE)
        return;
    if ((TIDE_HAS(sink, prepare) && sink->prepare) || (TIDE_HAS(sink, commit) && sink->commit))
        child_fail("sink.h: prepare, commit", "NULL, or the capability TWO_PHASE",
                   "the sink has prepare or commit and is not TWO_PHASE");
}

static void check_connection(const tide_connection *connection)
{
    check_bits("connection", connection->capabilities, TIDE_CONNECTION_DECIDES);
    check_table("connection", connection->options);
    bool decides = connection->capabilities & TIDE_CONNECTION_DECIDES;
    if (decides && (!TIDE_HAS(connection, decided) || !connection->begin || !connection->prepare ||
                    !connection->commit || !connection->abort || !connection->decided))
        child_fail("connection.h: TIDE_CONNECTION_DECIDES",
                   "begin, prepare, commit, abort and decided",
                   "the connection lacks one of them, though it says DECIDES");
}

void check_descriptor(const struct subject *s)
{
    const tide_plugin *plugin = s->plugin;
    need_text("version", plugin->version);
    need_text("license", plugin->license);
    need_text("help", plugin->help);
    if (plugin->abi_minor > TIDE_ABI_MINOR)
        child_fail(rule, "this version's headers", "built with headers of ABI %u.%u",
                   plugin->abi_major, plugin->abi_minor);
    if (plugin->source)
        check_source(plugin->source);
    if (plugin->sink)
        check_sink(plugin->sink);
    if (plugin->connection)
        check_connection(plugin->connection);
}
