// SPDX-License-Identifier: MIT
#include "engine/backoff.h"
#include "engine/outputs.h"
#include <inttypes.h>
#include <string.h>

// What a node's `on_error` does with a record that failed: skip, stop, a dead letter, or again
// after a while.

// Where the record came from stands in front of what a source says of it.
static void locate(const struct outputs *outputs, const struct record *record, struct error *err)
{
    if (outputs->plan->spec->kind != NODE_SOURCE || !record || !record->meta)
        return;
    if (record->offset >= 0)
        error_prefix(err, "split %s, offset %" PRId64, record->meta->split, record->offset);
    else
        error_prefix(err, "split %s", record->meta->split);
}

static void say(struct outputs *outputs, const struct record *record, const struct error *err)
{
    enum trouble trouble = trouble_of(err->code);
    if (!complaints_open(&outputs->complaints, trouble)) {
        complaints_hold(&outputs->complaints, trouble);
        return;
    }
    struct error located = *err;
    locate(outputs, record, &located);
    said_write(&outputs->last_error, located.text, located.len);
    complaints_say(&outputs->complaints, trouble, &located);
}

// By the stop, or by who reads the letters: a sink, or a node with `inputs: NODE.errors`.
static bool is_read_always(const struct outputs *outputs)
{
    const struct on_error_spec *spec = &outputs->plan->on_error;
    if (outputs_wanted(outputs, plan_errors_port(outputs->plan)))
        return true;
    enum on_error_kind last = spec->kind == ON_ERROR_RETRY ? spec->then : spec->kind;
    return last != ON_ERROR_SKIP;
}

uint32_t outputs_wordless(const struct outputs *outputs)
{
    return is_read_always(outputs) ? 0 : outputs->complaints.quiet;
}

// -- dead letters --

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
    return letter_address(&outputs->letters, letters, err);
}

// -- again --

static bool try_again(struct outputs *outputs, uint32_t index)
{
    const struct on_error_spec *spec = &outputs->plan->on_error;
    if (outputs->attempt_at != index)
        outputs->attempts = 0;
    if (spec->retry_max && outputs->attempts >= spec->retry_max)
        return false;
    outputs->attempt_at = index;
    outputs->retry_at_ns =
        clock_mono_ns(outputs->clock) + backoff_ns(spec->backoff_from_ms, spec->backoff_to_ms,
                                                   outputs->attempts++, &outputs->random);
    stat_add(&outputs->stats->retried, 1);
    return true;
}

// -- the verdict --

static enum on_error_verdict stop(struct outputs *outputs, const struct record *record,
                                  const struct error *err)
{
    outputs->failed = true;
    outputs->stopped = err->code != ERR_NOMEM;
    outputs->failure = *err;
    locate(outputs, record, &outputs->failure);
    error_prefix(&outputs->failure, "%s", outputs->plan->spec->name);
    return ERROR_STOP;
}

static void count(struct outputs *outputs, const struct error *err)
{
    outputs->attempts = 0;
    stat_add(&outputs->stats->failed, 1);
    stat_add(&outputs->stats->failed_by[trouble_of(err->code)], 1);
}

enum on_error_verdict outputs_fail_record(struct outputs *outputs, struct batch *batch,
                                          struct record *record, const struct error *err,
                                          bool can_retry)
{
    const struct on_error_spec *spec = &outputs->plan->on_error;
    enum on_error_kind kind = spec->kind;
    if (kind == ON_ERROR_RETRY) {
        if (can_retry && record && try_again(outputs, (uint32_t)(record - batch->records))) {
            say(outputs, record, err);
            return ERROR_RETRY;
        }
        kind = spec->then;
    }
    count(outputs, err);
    if (kind == ON_ERROR_STOP)
        return stop(outputs, record, err);
    say(outputs, record, err);
    if (!record || send_letter(outputs, batch, record, err))
        return ERROR_SKIP;
    if (!outputs->failed) { // there was room: see outputs_letter_room
        struct error full = ERROR_INIT;
        error_nomem(&full);
        error_prefix(&full, "a dead letter could not be made");
        return stop(outputs, NULL, &full);
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

bool outputs_tells_error(const struct outputs *outputs)
{
    return complaints_open(&outputs->complaints, TROUBLE_DATA);
}

bool outputs_reads_error(const struct outputs *outputs)
{
    return !wordless_has(outputs_wordless(outputs), ERR_DATA);
}
