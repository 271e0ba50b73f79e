/* SPDX-License-Identifier: MIT */
/* A source, a sink and a connection that do what their options say, to try the engine's patience.
 * Built twice: as `mock`, and as `mock_thread`, whose instances have threads of their own. */
#include "mock.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
int64_t mock_flushed;
static char happened[256][80]; /* faults that were had, by node and option */

void mock_lock(void)
{
    pthread_mutex_lock(&lock);
}

void mock_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

void mock_say(struct mock *m, const char *fmt, ...)
{
    va_list args;
    if (!m->log)
        return;
    va_start(args, fmt);
    vfprintf(m->log, fmt, args);
    va_end(args);
    fputc('\n', m->log);
    fflush(m->log);
}

/* How often it has happened to this pipeline's node so far; counts this one. */
static int times(struct mock *m, const char *what)
{
    char key[80];
    int n = 0;
    snprintf(key, sizeof key, "%s.%s.%s", m->host->pipeline(m->ctx), m->host->node(m->ctx), what);
    mock_lock();
    for (int i = 0; i < 256; i++) {
        if (!happened[i][0]) {
            strcpy(happened[i], key);
            break;
        }
        n += !strcmp(happened[i], key);
    }
    mock_unlock();
    return n;
}

int mock_once(struct mock *m, const char *option, int64_t now)
{
    int64_t at = m->host->opt_int(m->ctx, option);
    return at >= 0 && now >= at && times(m, option) == 0;
}

int mock_rests(struct mock *m)
{
    if (!m->every || m->calls++ % m->every == 0)
        return 0;
    if (m->calls % 2)
        m->host->wait_until(m->ctx, m->host->mono_ns(m->ctx) + 1000);
    else
        m->host->wake(m->ctx);
    return 1;
}

tide_result mock_open(const tide_host *host, tide_ctx *ctx, void **self)
{
    struct mock *m = calloc(1, sizeof *m);
    if (!m)
        return host->fail(ctx, TIDE_FATAL, "out of memory");
    *self = m;
    m->host = host;
    m->ctx = ctx;
    m->count = host->opt_int(ctx, "count");
    m->every = host->opt_int(ctx, "every");
    const char *log = host->opt_text(ctx, "log");
    if (log && !(m->log = fopen(log, "a")))
        return host->fail(ctx, TIDE_FATAL, "cannot open %s", log);
    mock_say(m, "open");
    if (host->opt_int(ctx, "retry_opens") && times(m, "open") < host->opt_int(ctx, "retry_opens"))
        return host->fail(ctx, TIDE_RETRY, "not yet");
    if (host->opt_text(ctx, "fatal"))
        return host->fail(ctx, TIDE_FATAL, "%s", host->opt_text(ctx, "fatal"));
    return TIDE_OK;
}

void mock_close(void *self)
{
    struct mock *m = self;
    mock_say(m, "close");
    if (m->file)
        fclose(m->file);
    if (m->log)
        fclose(m->log);
    free(m);
}

static const tide_option connection_options[] = {MOCK_OPTIONS, {0}};
static const tide_connection connection = {.struct_size = sizeof connection,
                                           .options = connection_options,
                                           .open = mock_open,
                                           .close = mock_close};
static const tide_plugin plugin = {TIDE_PLUGIN_HEAD,
                                   .name = MOCK_NAME,
                                   .version = "1.0.0",
                                   .license = "MIT",
                                   .help = "misbehaves on command",
                                   .source = &mock_source,
                                   .sink = &mock_sink,
                                   .connection = &connection};

const tide_plugin *tide_plugin_entry(uint32_t major, uint32_t minor)
{
    (void)minor;
    return major == TIDE_ABI_MAJOR ? &plugin : NULL;
}
