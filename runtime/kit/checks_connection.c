// SPDX-License-Identifier: MIT
#include "kit/checks.h"
#include "kit/child.h"
#include "kit/lent.h"

#include <inttypes.h>
#include <string.h>

// A connection that DECIDES: the mark of what was committed is told by `decided`, over a reopening.

static const char rule[] = "connection.h: commit, abort, decided";

struct link {
    struct instance instance;
    const tide_connection *table;
};

static void open_link(struct link *link, const struct subject *s)
{
    *link = (struct link){.table = s->plugin->connection};
    instance_open(&link->instance, s, &s->connection);
}

static void done(struct link *link, const char *call, tide_result result)
{
    child_calls(call);
    if (ctx_answer(link->instance.ctx, result, 0) != TIDE_OK)
        child_fail(rule, "TIDE_OK", "%s answers %" PRId32 ": %s", call, result,
                   link->instance.ctx->reason);
}

static void prepare(struct link *link, uint64_t epoch)
{
    void *self = link->instance.self;
    child_calls("connection begin");
    done(link, "connection begin", link->table->begin(self, epoch));
    tide_result result;
    do {
        child_calls("connection prepare");
        result = link->table->prepare(self, epoch, NULL, 0, sizeof(tide_position));
    } while (instance_again(&link->instance, result, -1));
}

static void commit(struct link *link, uint64_t epoch, const char *mark)
{
    int32_t decided = -1;
    size_t len = strlen(mark);
    const tide_bytes lent = {lent_copy(mark, len, "the mark"), len};
    lent_seal();
    child_calls("connection commit");
    tide_result result = link->table->commit(link->instance.self, epoch, lent, &decided);
    lent_take_back();
    done(link, "connection commit", result);
    if (decided != TIDE_DECIDED)
        child_fail(rule, "*decided = TIDE_DECIDED, after an epoch without faults",
                   "connection commit says %" PRId32, decided);
}

static void expect(struct link *link, int look, const char *mark, const char *when)
{
    struct buf put;
    buf_init(&put, 4096);
    tide_result result;
    do {
        child_calls("connection decided");
        buf_clear(&put);
        result = link->table->decided(link->instance.self, look, (tide_buf *)(void *)&put);
    } while (instance_again(&link->instance, result, -1));
    done(link, "connection decided", result);
    if (strcmp(buf_cstr(&put), mark) != 0)
        child_fail(rule, "the mark of the last decided epoch", "%s decided puts '%s', not '%s'",
                   when, buf_cstr(&put), mark);
    buf_deinit(&put);
}

void check_decides(const struct subject *s, const struct part *part)
{
    (void)part;
    struct link link;
    if (!(s->plugin->connection->capabilities & TIDE_CONNECTION_DECIDES))
        child_skip("it does not say DECIDES");
    open_link(&link, s);
    expect(&link, 0, "", "before the first epoch");
    prepare(&link, 1);
    commit(&link, 1, "mark-1");
    expect(&link, 1, "mark-1", "after the commit of epoch 1");
    prepare(&link, 2);
    child_calls("connection abort");
    done(&link, "connection abort", link.table->abort(link.instance.self, 2));
    expect(&link, 0, "mark-1", "after the abort of epoch 2");
    prepare(&link, 3);
    instance_close(&link.instance);
    open_link(&link, s);
    expect(&link, 1, "mark-1", "closed and opened again within epoch 3,");
    expect(&link, 0, "mark-1", "closed and opened again within epoch 3,");
    prepare(&link, 4);
    commit(&link, 4, "mark-4");
    instance_close(&link.instance);
    open_link(&link, s);
    expect(&link, 0, "mark-4", "opened again after the commit of epoch 4");
    instance_close(&link.instance);
}
