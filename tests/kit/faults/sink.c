/* SPDX-License-Identifier: MIT */
/* A two-phase sink that is right, or has the one fault that FAULT names. What is flushed lies in
 * `stage`; prepare renames that to prepared-<id>, commit moves it behind `out`. */
#include "tidemill/plugin.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum fault {
    GOOD,
    ACCEPTS_MORE,
    TAKES_FEW, /* backpressure: no fault */
    TAKES_NOTHING,
    NOBODY_CALLS,
    EOF_ANSWER,
    FORGETS_FLUSH,
    LOSES_SOME,
    WRITES_TWICE,
    COMMIT_TWICE_DOUBLES,
    COMMIT_TWICE_FAILS,
    ABORT_LEAVES,
    ABORT_TAKES_ALL,
    PREPARES_IN_MEMORY,
    KEEPS_UNPREPARED,
    USES_VALUE_LATER,
    WRITES_RECORD,
    OVERREADS_VALUE,
    IGNORES_STRIDE,
    CRASHES_ON_TOMBSTONE,
    KEEPS_DATA,
    FIELD_IN_FLUSH,
    REFUSES_BEYOND,
    LEAKS_BATCHES,
    PHASES_UNSAID
};

enum { FEW = 3 };

struct sink {
    const tide_host *host;
    tide_ctx *ctx;
    FILE *stage;
    uint64_t prepared;
    int32_t template;
    const char *kept;
    int committed;
};

static void append(const char *from)
{
    FILE *in = fopen(from, "r"), *out = fopen("out", "a");
    for (int c; in && out && (c = getc(in)) != EOF;)
        (void)putc(c, out);
    if (in)
        fclose(in);
    if (out)
        fclose(out);
}

static tide_result open_sink(const tide_host *host, tide_ctx *ctx, void **self)
{
    struct sink *s = calloc(1, sizeof *s);
    if (!s)
        return host->fail(ctx, TIDE_FATAL, "out of memory");
    *self = s;
    s->host = host;
    s->ctx = ctx;
    s->template = host->template_of(ctx, "name");
    if (FAULT == KEEPS_UNPREPARED)
        append("stage");
    s->stage = fopen("stage", "w");
    return s->stage ? TIDE_OK : host->fail(ctx, TIDE_FATAL, "cannot open stage");
}

static void close_sink(void *self)
{
    struct sink *s = self;
    if (s->stage)
        fclose(s->stage);
    free(s);
}

static void put(struct sink *s, const tide_record *record, uint32_t index)
{
    const volatile char *bytes = record->value.data;
    if (FAULT == LOSES_SOME && index % 7 == 6)
        return;
    for (int times = FAULT == WRITES_TWICE && index == 4 ? 2 : 1; times > 0; times--)
        fprintf(s->stage, "%.*s\n", (int)record->value.len, (const char *)record->value.data);
    if (FAULT == WRITES_RECORD)
        ((tide_record *)(uintptr_t)record)->flags = 1;
    if (FAULT == OVERREADS_VALUE && bytes[record->value.len])
        s->committed = 0;
    if (FAULT == LEAKS_BATCHES && !malloc(record->value.len))
        abort();
}

static tide_result refuse_tombstone(struct sink *s, const tide_batch *batch, uint32_t index)
{
    if (FAULT == CRASHES_ON_TOMBSTONE)
        abort();
    return s->host->refuse(s->ctx, batch, index, "a tombstone");
}

static tide_result odd_write(struct sink *s, const tide_batch *batch, uint32_t *accepted)
{
    if (FAULT == USES_VALUE_LATER && s->kept && *(const volatile char *)s->kept != '{')
        return TIDE_FATAL;
    if (FAULT == REFUSES_BEYOND)
        (void)s->host->refuse(s->ctx, batch, batch->count, "too far");
    if (FAULT == ACCEPTS_MORE)
        *accepted = batch->count + 1;
    return FAULT == NOBODY_CALLS ? TIDE_AGAIN : FAULT == EOF_ANSWER ? TIDE_EOF : TIDE_OK;
}

static int is_odd(void)
{
    return FAULT == ACCEPTS_MORE || FAULT == TAKES_NOTHING || FAULT == NOBODY_CALLS ||
           FAULT == EOF_ANSWER;
}

static tide_result write_batch(void *self, const tide_batch *batch, uint32_t *accepted)
{
    struct sink *s = self;
    uint32_t most = FAULT == TAKES_FEW && batch->count > FEW ? FEW : batch->count;
    tide_result odd = odd_write(s, batch, accepted);
    if (is_odd() || odd != TIDE_OK)
        return odd;
    for (*accepted = 0; *accepted < most; ++*accepted) {
        const tide_record *record = tide_record_at(batch, *accepted);
        if (FAULT == IGNORES_STRIDE)
            record = (const tide_record *)batch->records + *accepted;
        if (record->value.data)
            put(s, record, *accepted);
        else if (refuse_tombstone(s, batch, *accepted) != TIDE_OK)
            return TIDE_FATAL;
        s->kept = record->value.data;
    }
    return TIDE_OK;
}

static tide_result flush(void *self)
{
    struct sink *s = self;
    if (FAULT == FIELD_IN_FLUSH) {
        const tide_record record = {.struct_size = sizeof record};
        const tide_batch batch = {sizeof batch, 1, sizeof record, 0, &record};
        (void)s->host->expand(s->ctx, &batch, 0, s->template);
    }
    if (FAULT != FORGETS_FLUSH && fflush(s->stage))
        return s->host->fail(s->ctx, TIDE_RETRY, "cannot write");
    return TIDE_OK;
}

static void name_of(uint64_t id, char out[64])
{
    (void)snprintf(out, 64, "prepared-%llu", (unsigned long long)id);
}

static tide_result prepare(void *self, uint64_t id, tide_buf *data)
{
    struct sink *s = self;
    char name[64];
    name_of(id, name);
    fclose(s->stage);
    if (FAULT != PREPARES_IN_MEMORY)
        (void)rename("stage", name);
    s->stage = fopen("stage", FAULT == PREPARES_IN_MEMORY ? "a" : "w");
    s->prepared = id;
    s->committed = 0;
    return s->host->put(data, &id, sizeof id) ? s->host->fail(s->ctx, TIDE_FATAL, "out of memory")
                                              : TIDE_OK;
}

static tide_result commit(void *self, tide_bytes data)
{
    struct sink *s = self;
    uint64_t id;
    char name[64];
    memcpy(&id, data.data, sizeof id);
    name_of(id, name);
    if (FAULT == COMMIT_TWICE_FAILS && access(name, F_OK))
        return s->host->fail(s->ctx, TIDE_FATAL, "nothing is prepared");
    if (FAULT == PREPARES_IN_MEMORY && s->prepared == id && !s->committed)
        append("stage");
    if (FAULT == PREPARES_IN_MEMORY) {
        fclose(s->stage);
        s->stage = fopen("stage", "w");
    }
    append(name);
    if (FAULT != COMMIT_TWICE_DOUBLES)
        (void)unlink(name);
    else
        append("stage");
    s->committed = 1;
    return TIDE_OK;
}

static const unsigned char *kept_data;

static tide_result abort_it(void *self, tide_bytes data)
{
    uint64_t id;
    char name[64];
    (void)self;
    memcpy(&id, data.data, sizeof id);
    name_of(id, name);
    if (FAULT == KEEPS_DATA && kept_data && *(const volatile unsigned char *)kept_data > 200)
        return TIDE_FATAL;
    kept_data = data.data;
    if (FAULT == ABORT_TAKES_ALL)
        (void)unlink("out");
    if (FAULT != ABORT_LEAVES)
        (void)unlink(name);
    return TIDE_OK;
}

static const tide_option options[] = {{.name = "name",
                                       .type = TIDE_TEXT,
                                       .flags = TIDE_OPTION_TEMPLATE,
                                       .default_text = "x-{device}.txt",
                                       .help = "a name"},
                                      {.name = NULL}};

static const tide_sink sink = {
    .struct_size = sizeof sink,
    .capabilities =
        TIDE_SINK_BLOCKING | (FAULT == PHASES_UNSAID ? 0 : (uint32_t)TIDE_SINK_TWO_PHASE),
    .options = options,
    .open = open_sink,
    .close = close_sink,
    .write = write_batch,
    .flush = flush,
    .prepare = prepare,
    .commit = commit,
    .abort = abort_it,
};

static const tide_plugin plugin = {TIDE_PLUGIN_HEAD, .name = "mock",   .version = "1.0.0",
                                   .license = "MIT", .help = "a mock", .sink = &sink};

const tide_plugin *tide_plugin_entry(uint32_t major, uint32_t minor)
{
    (void)minor;
    return major == TIDE_ABI_MAJOR ? &plugin : NULL;
}
