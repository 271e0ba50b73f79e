// SPDX-License-Identifier: MIT
#include "kit/subject.h"
#include "base/alloc.h"
#include "kit/child.h"
#include "kit/ledger.h"
#include "plugin/loader.h"

#include <inttypes.h>
#include <stdio.h>

enum { WAIT_MS = 1000, OPEN_WAIT_MS = 50 };

static void read_parts(struct subject *s)
{
    const tide_source *source = s->plugin->source;
    const tide_sink *sink = s->plugin->sink;
    const tide_connection *connection = s->plugin->connection;
    if (source)
        s->source = (struct part){"source", source->options, source->open, source->close};
    if (sink)
        s->sink = (struct part){"sink", sink->options, sink->open, sink->close};
    if (connection)
        s->connection =
            (struct part){"connection", connection->options, connection->open, connection->close};
}

void subject_load(struct subject *s, const struct kit_options *kit)
{
    struct error err = ERROR_INIT;
    *s = (struct subject){.kit = kit};
    if (loader_open(kit->file, &s->plugin, &err))
        child_fail("plugin.h: tide_plugin", "a plugin that can be loaded", "%s", err.text);
    const char *stray = settings_stray(kit, s->plugin);
    if (stray)
        child_wrong("--set %s: no part of the plugin '%s' has this option", stray, s->plugin->name);
    if (ledger_open(s->plugin))
        child_wrong("%s: its relocations cannot be read", kit->file);
    read_parts(s); // now: a table may name free itself
}

static struct tide_ctx *new_ctx(void)
{
    struct tide_ctx *ctx = mem_zalloc(sizeof *ctx); // stays: see ctx_end
    if (!ctx)
        child_wrong("out of memory");
    return ctx;
}

static const struct tide_config *settings_of(const struct subject *s, const struct part *part,
                                             const char *extra)
{
    char why[400];
    const struct tide_config *out =
        settings_make(s->kit, part->name, part->options, extra, why, sizeof why);
    if (!out && !extra)
        child_wrong("%s: say it by --set", why);
    return out;
}

static uint64_t fail_at;

void instance_fail_at(uint64_t n)
{
    fail_at = n;
}

static tide_result try_open(struct instance *instance)
{
    char call[32];
    (void)snprintf(call, sizeof call, "%s open", instance->part->name);
    tide_result result = TIDE_AGAIN;
    for (bool first = true; result == TIDE_AGAIN; first = false) {
        if (!first)
            (void)ctx_wait(instance->ctx, -1, OPEN_WAIT_MS); // open is called again in any case
        child_calls(call);
        result = instance->part->open(&kit_host, instance->ctx, &instance->self);
        ctx_answer(instance->ctx, result, 0);
    }
    instance->ctx->opening = false;
    return result;
}

static void connect(struct instance *instance, const struct subject *s)
{
    instance->connection = NULL;
    if (!s->connection.name || instance->part == &s->connection)
        return;
    instance->connection = mem_zalloc(sizeof *instance->connection);
    if (!instance->connection)
        child_wrong("out of memory");
    uint64_t kept = fail_at;
    fail_at = 0;
    instance_open(instance->connection, s, &s->connection);
    fail_at = kept;
}

bool instance_try(struct instance *instance, const struct subject *s, const struct part *part,
                  const char *extra, tide_result *result)
{
    *instance = (struct instance){.part = part, .ctx = new_ctx()};
    const struct tide_config *options = settings_of(s, part, extra);
    if (!options)
        return false;
    connect(instance, s);
    ctx_begin(instance->ctx, part->name, options,
              instance->connection ? instance->connection->self : NULL);
    ledger_fail_at(fail_at);
    *result = try_open(instance);
    return true;
}

void instance_open(struct instance *instance, const struct subject *s, const struct part *part)
{
    tide_result result;
    (void)instance_try(instance, s, part, NULL, &result);
    if (result < 0)
        child_fail(part->name[0] == 'c' ? "connection.h: open" : "source.h, sink.h: open",
                   "TIDE_OK or AGAIN with the options of --set", "%s open answers %" PRId32 ": %s",
                   part->name, result, instance->ctx->reason);
}

void instance_close(struct instance *instance)
{
    char call[32];
    (void)snprintf(call, sizeof call, "%s close", instance->part->name);
    child_calls(call);
    if (instance->self)
        instance->part->close(instance->self);
    instance->self = NULL;
    atomic_store(&instance->ctx->open, false);
    ctx_end(instance->ctx);
    if (instance->connection)
        instance_close(instance->connection);
    mem_free(instance->connection);
    instance->connection = NULL;
}

bool instance_again(struct instance *instance, tide_result result, int fd)
{
    if (ctx_answer(instance->ctx, result, 0) < 0)
        child_fail("abi.h: tide_result", "TIDE_OK or AGAIN: nothing is wrong here",
                   "%s answers %" PRId32 ": %s", child_call(), result, instance->ctx->reason);
    if (result == TIDE_AGAIN && !ctx_wait(instance->ctx, fd, WAIT_MS))
        child_fail("abi.h: TIDE_AGAIN", "poll_fd, wait_until or wake, so that it is called again",
                   "%s answers AGAIN, and nothing would ever call it again", child_call());
    return result == TIDE_AGAIN;
}
