// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "base/crash_point.h"
#include "config/setting.h"
#include "engine/coordinator.h"
#include "engine/lane.h"
#include "engine/source_keep.h"
#include <inttypes.h>
#include <string.h>

// The connection that decides. What it is given to keep with the output is a mark: the incarnation
// of the state, the attempt and the number of the checkpoint. Found again after a crash, the mark
// says which of the prepared checkpoints holds.

enum { POLL_NS = 5000000 };

struct mark {
    unsigned char incarnation[STORE_INCARNATION_BYTES];
    uint64_t attempt, number;
};

static const struct connection *decider(const struct coordinator *coordinator)
{
    return &coordinator->config.connections->items[coordinator->decider];
}

static bool decides(const tide_connection *vtable)
{
    return (vtable->capabilities & TIDE_CONNECTION_DECIDES) && TIDE_HAS(vtable, decided) &&
           vtable->begin && vtable->prepare && vtable->commit && vtable->decided;
}

bool decider_writes_exactly_once(const struct plan_node *node)
{
    const char *own = setting_text(node->spec->common, "delivery");
    return node->spec->kind == NODE_SINK && !(own && !strcmp(own, "at_least_once"));
}

int decider_find(struct coordinator *coordinator, struct place *place, struct error *err)
{
    const struct plan *plan = coordinator->config.plan;
    coordinator->decider = -1;
    for (uint32_t i = 0; coordinator->exactly_once && i < plan->node_count; i++) {
        int32_t at = plan->nodes[i].spec->connection;
        if (!decider_writes_exactly_once(&plan->nodes[i]) || at < 0 ||
            !decides(coordinator->config.connections->items[at].vtable))
            continue;
        if (coordinator->decider >= 0 && coordinator->decider != at) {
            *place = plan->nodes[i].spec->place;
            return error_set(err, ERR_INPUT,
                             "%s: its connection '%s' would decide about checkpoints, as '%s' "
                             "does already; say `delivery: at_least_once` on the sinks of one",
                             plan->nodes[i].spec->name, plan->topology->connections[at].name,
                             plan->topology->connections[coordinator->decider].name);
        }
        coordinator->decider = at;
    }
    return 0;
}

bool decider_is_of(const struct coordinator *coordinator, const struct plan_node *sink)
{
    return coordinator->decider >= 0 && sink->spec->connection == coordinator->decider;
}

static int failure(const struct coordinator *coordinator, tide_result rc, struct error *err)
{
    struct connection *connection = (struct connection *)(uintptr_t)decider(coordinator);
    ctx_take_failure(&connection->ctx, rc, err);
    return error_prefix(err, "%s", connection->ctx.node);
}

// -- what was decided --

static void put_number(unsigned char *out, uint64_t n)
{
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)(n >> 8 * i);
}

static uint64_t get_number(const unsigned char *in)
{
    uint64_t n = 0;
    for (int i = 8; i--;)
        n = n << 8 | in[i];
    return n;
}

static void write_mark(unsigned char out[MARK_BYTES], const struct checkpoint_head *head)
{
    memcpy(out, head->incarnation, STORE_INCARNATION_BYTES);
    put_number(out + STORE_INCARNATION_BYTES, head->attempt);
    put_number(out + STORE_INCARNATION_BYTES + 8, head->number);
}

static bool is_stopped(const struct coordinator *coordinator)
{
    return coordinator->config.stop &&
           atomic_load_explicit(coordinator->config.stop, memory_order_acquire);
}

// 1: there is one. 0: none. The connection answers AGAIN until it knows.
static int ask(const struct coordinator *coordinator, int look, struct mark *out, struct error *err)
{
    const struct connection *connection = decider(coordinator);
    struct buf mark;
    tide_result rc;
    buf_init(&mark, 4096);
    do {
        buf_clear(&mark);
        rc = connection->vtable->decided(connection->self, look, (tide_buf *)(void *)&mark);
        if (rc == TIDE_AGAIN)
            coordinator_pause();
    } while (rc == TIDE_AGAIN && !is_stopped(coordinator));
    int found = mark.len != 0;
    if (rc == TIDE_AGAIN)
        found =
            error_set(err, ERR_RETRY, "%s: stopped before it had answered", connection->ctx.node);
    else if (rc < 0)
        found = failure(coordinator, rc, err);
    else if (found && mark.len != MARK_BYTES)
        found = error_set(err, ERR_REFUSED, "%s: its mark is not one of a checkpoint",
                          connection->ctx.node);
    if (found > 0) {
        const unsigned char *bytes = (const unsigned char *)mark.data;
        memcpy(out->incarnation, bytes, STORE_INCARNATION_BYTES);
        out->attempt = get_number(bytes + STORE_INCARNATION_BYTES);
        out->number = get_number(bytes + STORE_INCARNATION_BYTES + 8);
    }
    buf_deinit(&mark);
    return found;
}

static const struct checkpoint_head *find_head(const struct store *store, uint64_t number)
{
    for (uint32_t i = store_count(store); i--;)
        if (store_at(store, i)->number == number)
            return store_at(store, i);
    return NULL;
}

static int contradiction(const struct coordinator *coordinator, const char *what, uint64_t number,
                         struct error *err)
{
    return error_set(err, ERR_REFUSED,
                     "%s: checkpoint %" PRIu64 " was decided there, but %s %s; put the right "
                     "directory there, or run with --fresh",
                     decider(coordinator)->ctx.node, number, coordinator->dir, what);
}

// Something was decided once: what builds on another is written only when that was.
static bool builds_on_decided(const struct store *store)
{
    for (uint32_t i = 0; i < store_count(store); i++)
        if (store_at(store, i)->parent)
            return true;
    return false;
}

// Whether mark and store can be of one history. First checkpoints that were never decided are not
// missed: they hold nothing.
static int compare(const struct coordinator *coordinator, int found, const struct mark *mark,
                   struct error *err)
{
    const struct store *store = coordinator->store;
    uint32_t count = store_count(store);
    const struct checkpoint_head *head = found ? find_head(store, mark->number) : NULL;
    if (!found && builds_on_decided(store))
        return error_set(
            err, ERR_REFUSED,
            "%s: it knows of no checkpoint, but %s has some: it is another one, or was "
            "emptied; run with --fresh to begin anew",
            decider(coordinator)->ctx.node, coordinator->dir);
    if (found && !count)
        return contradiction(coordinator, "is empty", mark->number, err);
    if (found && !head)
        return contradiction(coordinator, "does not have it", mark->number, err);
    if (head && (memcmp(head->incarnation, mark->incarnation, STORE_INCARNATION_BYTES) != 0 ||
                 head->attempt != mark->attempt))
        return contradiction(coordinator, "has another one of that number", mark->number, err);
    return 0;
}

// The connection is looked at before it settles what is pending: to settle would throw out another
// process that runs this pipeline in good health.
static int settle_with_decider(const struct coordinator *coordinator, uint64_t *number,
                               struct error *err)
{
    struct mark mark = {.number = 0};
    for (int look = 1; look >= 0; look--) {
        int found = ask(coordinator, look, &mark, err);
        if (found < 0)
            return err->code;
        int rc = coordinator->config.fresh ? 0 : compare(coordinator, found, &mark, err);
        if (rc)
            return rc;
        *number = found ? mark.number : 0;
    }
    return 0;
}

int decider_settle(struct coordinator *coordinator, uint64_t *number, struct error *err)
{
    uint32_t count = store_count(coordinator->store);
    *number = count ? store_at(coordinator->store, count - 1)->number : 0;
    return coordinator->decider < 0 ? 0 : settle_with_decider(coordinator, number, err);
}

// -- epochs --

int decider_begin(struct coordinator *coordinator, uint64_t number, struct error *err)
{
    if (coordinator->decider < 0)
        return 0;
    const struct connection *connection = decider(coordinator);
    tide_result rc;
    crash_point("connection.begin.before");
    while ((rc = connection->vtable->begin(connection->self, number)) == TIDE_AGAIN)
        coordinator_pause();
    crash_point("connection.begin.after");
    return rc < 0 ? failure(coordinator, rc, err) : 0;
}

struct positions {
    tide_position *of;
    size_t count, cap;
};

static int add_positions(struct positions *positions, const struct lane_node *node,
                         const struct saved *saved)
{
    struct image_reader reader = {saved->image.bytes.data,
                                  saved->image.bytes.data + saved->image.bytes.len};
    tide_position position;
    while (source_keep_next(&reader, &position)) {
        if (mem_grow(&positions->of, &positions->cap, positions->count + 1, sizeof *positions->of))
            return ERR_NOMEM;
        position.node = node->source.plan->spec->name;
        positions->of[positions->count++] = position;
    }
    return 0;
}

// Those of the sources on the same connection.
static int collect(const struct coordinator *coordinator, struct positions *out)
{
    const struct flow *flow = coordinator->config.flow;
    const struct plan *plan = coordinator->config.plan;
    int rc = 0;
    for (uint32_t k = 0; k < flow->lane_count; k++)
        for (uint32_t i = 0; !rc && i < plan->node_count; i++) {
            struct lane_node *node = &flow->lanes[k]->nodes[i];
            if (node->absent || node->kind != NODE_SOURCE ||
                plan->nodes[i].spec->connection != coordinator->decider)
                continue;
            const struct saved *saved = saves_of(&node->saves, coordinator->number);
            rc = saved && saved->image.bytes.len ? add_positions(out, node, saved) : 0;
        }
    return rc;
}

static tide_result prepare(const struct coordinator *coordinator)
{
    const struct connection *connection = decider(coordinator);
    struct positions positions = {0};
    tide_result rc = TIDE_FATAL;
    crash_point("connection.prepare.before");
    if (!collect(coordinator, &positions))
        rc = connection->vtable->prepare(connection->self, coordinator->number, positions.of,
                                         (uint32_t)positions.count, sizeof *positions.of);
    mem_free(positions.of);
    crash_point("connection.prepare.after");
    return rc;
}

static int commit(const struct coordinator *coordinator, struct error *err)
{
    const struct connection *connection = decider(coordinator);
    struct checkpoint_head head = coordinator->head;
    unsigned char mark[MARK_BYTES];
    int32_t decided = TIDE_UNKNOWN;
    head.attempt = coordinator->attempt;
    head.number = coordinator->number;
    write_mark(mark, &head);
    crash_point("connection.commit.before");
    tide_result rc = connection->vtable->commit(connection->self, coordinator->number,
                                                (tide_bytes){mark, sizeof mark}, &decided);
    crash_point("connection.commit.after");
    if (rc == TIDE_AGAIN)
        return 0;
    if (rc < 0)
        return failure(coordinator, rc, err);
    if (decided == TIDE_DECIDED)
        return 1;
    return error_set(err, ERR_RETRY, "%s: checkpoint %" PRIu64 " %s: going back to what holds",
                     connection->ctx.node, coordinator->number,
                     decided == TIDE_UNKNOWN ? "may or may not have been decided"
                                             : "was not decided");
}

static int wait_a_little(const struct coordinator *coordinator, struct wait *wait)
{
    int64_t at = clock_mono_ns(coordinator->config.clock) + POLL_NS;
    wait->until_ns = at < wait->until_ns ? at : wait->until_ns;
    return 0;
}

int decider_commit(struct coordinator *coordinator, struct wait *wait, struct error *err)
{
    if (coordinator->decider < 0)
        return 1; // the store has decided when it was prepared
    if (!coordinator->offered) {
        tide_result rc = prepare(coordinator);
        if (rc == TIDE_AGAIN)
            return wait_a_little(coordinator, wait);
        if (rc < 0)
            return failure(coordinator, rc, err);
        coordinator->offered = true;
    }
    int rc = commit(coordinator, err);
    coordinator->offered = rc == 0;
    return rc ? rc : wait_a_little(coordinator, wait);
}
