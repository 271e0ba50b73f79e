// SPDX-License-Identifier: MIT
#include "base/log.h"
#include "engine/outputs.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// What a node's `on_error` does with a record that failed: skip, stop, a dead letter, or again
// after a while.

enum { SAY_EVERY_NS = 1000000000 };

// At most one line a second and node; the next tells how many were held back.
static void say(struct outputs *outputs, const struct error *err)
{
    said_write(&outputs->last_error, err->text, err->len);
    int64_t now = clock_mono_ns(outputs->clock);
    if (outputs->said_at_ns && now - outputs->said_at_ns < SAY_EVERY_NS) {
        outputs->held++;
        return;
    }
    const char *name = outputs->plan->spec->name;
    if (outputs->held)
        log_line(LOG_WARN, name, "%s (and %" PRIu64 " more since)", err->text, outputs->held);
    else
        log_line(LOG_WARN, name, "%s", err->text);
    outputs->said_at_ns = now;
    outputs->held = 0;
}

static const char *keep_text(struct batch *batch, const char *text, uint32_t *len)
{
    *len = (uint32_t)strlen(text);
    return batch_copy(batch, text, *len);
}

static bool add_header(struct batch *batch, struct header *headers, uint32_t *count,
                       const char *name, const char *text)
{
    uint32_t len;
    const char *bytes = keep_text(batch, text, &len);
    headers[(*count)++] = (struct header){.name = name, .bytes = bytes, .len = len};
    return bytes != NULL;
}

enum { LETTER_HEADERS = 5 };

static const char *source_name(const struct outputs *outputs, const struct record *record)
{
    const struct plan_node *nodes = outputs->plan - outputs->node; // of the plan, in one array
    return nodes[record->node].spec->name;
}

// The dead letter's own headers behind those that the record came with.
static bool address_letter(struct outputs *outputs, struct batch *batch, struct record *letter,
                           const struct error *err)
{
    uint32_t old = letter->meta ? letter->meta->header_count : 0;
    struct record_meta *meta = ARENA_NEW(&batch->arena, struct record_meta);
    struct header *headers = ARENA_ARRAY(&batch->arena, struct header, old + LETTER_HEADERS);
    if (!meta || !headers)
        return false;
    *meta = letter->meta ? *letter->meta : (struct record_meta){0};
    if (old)
        memcpy(headers, letter->meta->headers, sizeof *headers * old);
    char text[32];
    bool came = meta->split != NULL; // else it was made by an operator
    snprintf(text, sizeof text, "%" PRId64, letter->offset);
    bool ok =
        add_header(batch, headers, &old, "node", outputs->plan->spec->name) &&
        add_header(batch, headers, &old, "error", err->text) &&
        add_header(batch, headers, &old, "source", came ? source_name(outputs, letter) : "") &&
        add_header(batch, headers, &old, "split", came ? meta->split : "") &&
        add_header(batch, headers, &old, "offset", text);
    meta->headers = headers;
    meta->header_count = old;
    letter->meta = meta;
    return ok;
}

// A letter carries the bytes as they came: what operators did to the record is taken off.
static bool send_letter(struct outputs *outputs, struct batch *batch, struct record *record,
                        const struct error *err)
{
    uint32_t port = plan_errors_port(outputs->plan);
    if (!outputs_wanted(outputs, port))
        return true;
    if (!outputs_share(outputs, port, batch, record))
        return false;
    struct batch *letters = outputs->ports[port].pending;
    struct record *letter = &letters->records[letters->count - 1];
    if (letter->raw) {
        letter->cells = NULL;
        letter->cell_cap = 0;
    }
    return address_letter(outputs, letters, letter, err);
}

static uint64_t next_random(struct outputs *outputs)
{
    uint64_t x = outputs->random; // xorshift64: jitter needs no more
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return outputs->random = x;
}

// Exponential backoff with full jitter in its upper half.
static int64_t backoff_ns(struct outputs *outputs, uint32_t attempt)
{
    const struct on_error_spec *spec = &outputs->plan->on_error;
    int64_t ms = spec->backoff_from_ms > 0 ? spec->backoff_from_ms : 1;
    while (attempt-- && ms < spec->backoff_to_ms)
        ms *= 2;
    if (ms > spec->backoff_to_ms && spec->backoff_to_ms > 0)
        ms = spec->backoff_to_ms;
    int64_t half = ms * 500000;
    return half + (int64_t)(next_random(outputs) % (uint64_t)(half + 1));
}

static bool try_again(struct outputs *outputs, uint32_t index)
{
    const struct on_error_spec *spec = &outputs->plan->on_error;
    if (outputs->attempt_at != index)
        outputs->attempts = 0;
    if (spec->retry_max && outputs->attempts >= spec->retry_max)
        return false;
    outputs->attempt_at = index;
    outputs->retry_at_ns = clock_mono_ns(outputs->clock) + backoff_ns(outputs, outputs->attempts++);
    stat_add(&outputs->stats->retried, 1);
    return true;
}

static enum on_error_verdict stop(struct outputs *outputs, const struct error *err)
{
    outputs->failed = true;
    outputs->stopped = err->code != ERR_NOMEM;
    outputs->failure = *err;
    error_prefix(&outputs->failure, "%s", outputs->plan->spec->name);
    return ERROR_STOP;
}

enum on_error_verdict outputs_fail_record(struct outputs *outputs, struct batch *batch,
                                          struct record *record, const struct error *err,
                                          bool can_retry)
{
    const struct on_error_spec *spec = &outputs->plan->on_error;
    enum on_error_kind kind = spec->kind;
    if (kind == ON_ERROR_RETRY) {
        if (can_retry && record && try_again(outputs, (uint32_t)(record - batch->records))) {
            say(outputs, err);
            return ERROR_RETRY;
        }
        kind = spec->then;
    }
    outputs->attempts = 0;
    stat_add(&outputs->stats->failed, 1);
    if (kind == ON_ERROR_STOP)
        return stop(outputs, err);
    say(outputs, err);
    if (!record || send_letter(outputs, batch, record, err))
        return ERROR_SKIP;
    if (!outputs->failed) { // there was room: see outputs_letter_room
        struct error full = ERROR_INIT;
        error_nomem(&full);
        error_prefix(&full, "a dead letter could not be made");
        return stop(outputs, &full);
    }
    return ERROR_STOP;
}

enum on_error_verdict outputs_error(struct outputs *outputs, struct batch *batch, uint32_t index,
                                    const struct error *err)
{
    return outputs_fail_record(outputs, batch, &batch->records[index], err, true);
}

enum on_error_verdict outputs_error_free(struct outputs *outputs, const struct error *err)
{
    return outputs_fail_record(outputs, NULL, NULL, err, false);
}

bool outputs_may_retry(const struct outputs *outputs)
{
    return outputs->plan->on_error.kind == ON_ERROR_RETRY;
}
