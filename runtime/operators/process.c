// SPDX-License-Identifier: MIT
#include "operators/process.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "lua/process.h"
#include "operators/keys.h"
#include "operators/process_build.h"
#include "state/cells_image.h"
#include "time/watermark.h"

#include <string.h>

enum {
    TARGET_BYTES_MAX = 16 << 20,
    SWEEP_KEYS = 256,      // when time goes on
    SWEEP_EVERY_MS = 1000, // where it is processing time
};

// -- keys --

static int read_own_key(struct process *p, const struct record *record, struct error *err)
{
    const struct record_meta *meta = record->meta;
    if (!meta || !meta->key)
        return error_set(err, ERR_DATA, "the record has no key (key_by: \"%s\")", OWN_KEY);
    int rc = key_encode_value(value_string(meta->key, meta->key_len), &p->key);
    return rc ? error_set(err, rc, "the record's key: %s", error_meaning(rc)) : 0;
}

static int read_key(struct process *p, struct batch *batch, struct record *record,
                    struct table_key *key, struct error *err)
{
    buf_clear(&p->key);
    int rc = p->own_key ? read_own_key(p, record, err) : 0;
    for (uint32_t i = 0; i < p->key_count && !rc; i++)
        rc = key_add(&p->keys[i], path_read(batch, record, &p->keys[i]), "key_by", &p->key, err);
    if (rc)
        return rc;
    const char *bytes = p->key.data;
    uint32_t len = (uint32_t)p->key.len;
    if (len > TABLE_KEY_NEAR) {
        bytes = batch_copy(batch, bytes, len); // the scratch buffer is used again
        if (!bytes)
            return error_nomem(err);
    }
    table_key_set(key, bytes, len);
    return 0;
}

// Reads the keys of the next rows and fetches what they need of the table.
static void read_rows(struct process *p, struct batch *batch, uint32_t from)
{
    uint32_t count = batch->count - from;
    count = count < PROCESS_ROWS ? count : PROCESS_ROWS;
    for (uint32_t i = 0; i < count; i++) {
        struct process_row *row = &p->rows[i];
        row->bad = read_key(p, batch, &batch->records[from + i], &row->key, NULL) != 0;
        if (!row->bad)
            table_prefetch(&p->cells.keys, row->key.hash);
    }
    for (uint32_t i = 0; i < count && p->cells.keys.count > SWEEP_KEYS; i++)
        if (!p->rows[i].bad)
            table_guess(&p->cells.keys, p->rows[i].key.hash);
    p->rows_from = from;
    p->rows_count = count;
}

static int enter(void *arg, uint32_t index, struct error *err)
{
    struct process *p = arg;
    struct batch *batch = p->base.batch;
    if (p->at_broadcast) {
        cells_select(&p->cells, NULL, batch->records[index].time);
        return 0;
    }
    if (index - p->rows_from >= p->rows_count)
        read_rows(p, batch, index);
    struct process_row *row = &p->rows[index - p->rows_from];
    int rc = row->bad ? read_key(p, batch, &batch->records[index], &row->key, err) : 0;
    if (!rc)
        cells_select(&p->cells, &row->key, batch->records[index].time);
    return rc;
}

// -- what comes out --

static int no_port(const struct process *p, const char *name, struct error *err)
{
    struct buf text;
    buf_init(&text, 1024);
    (void)buf_puts(&text, "out");
    for (uint32_t i = 0; p->ports[i]; i++)
        if (buf_printf(&text, ", %s", p->ports[i]))
            break;
    error_set(err, ERR_DATA,
              "there is no port '%s'; there are %s (the script declares more with "
              "`ports = { \"name\" }`)",
              name, buf_cstr(&text));
    buf_deinit(&text);
    return -1;
}

static int32_t port_number(void *arg, const char *name, struct error *err)
{
    const struct process *p = arg;
    if (strcmp(name, "out") == 0)
        return PORT_OUT;
    for (int32_t i = 0; p->ports[i]; i++)
        if (strcmp(p->ports[i], name) == 0)
            return i + 1;
    return no_port(p, name, err);
}

static bool deliver(void *arg, uint32_t port, struct batch *batch, struct record *record, bool made)
{
    struct process *p = arg;
    struct outputs *outputs = p->base.outputs;
    if (!outputs_wanted(outputs, port))
        return true;
    if (made) {
        struct batch *target = outputs_batch(outputs, port);
        if (!target || (target->count && target->arena.used_bytes > TARGET_BYTES_MAX) ||
            !batch_clone(target, NULL, record))
            return false;
    } else if (!outputs_share(outputs, port, batch, record)) {
        return false;
    }
    p->base.op.stats.created += port != p->late_port; // what is late is not counted as out
    return true;
}

static enum script_verdict done(void *arg, uint32_t index)
{
    struct process *p = arg;
    p->base.op.stats.absorbed += p->base.batch != NULL;
    return scripted_late(&p->base, p->base.batch ? index : p->fired++) ? SCRIPT_PAUSE : SCRIPT_NEXT;
}

static enum script_verdict timer_failed(void *arg, uint32_t index, const struct error *err)
{
    struct scripted *scripted = arg;
    (void)index;
    enum on_error_verdict verdict = outputs_error_free(scripted->outputs, err);
    scripted->stopped |= verdict == ERROR_STOP;
    return scripted_verdict(verdict);
}

// -- the calls --

static enum op_status run(struct process *p, enum script_process_call call, struct batch *batch,
                          struct outputs *outputs)
{
    struct script_process process = {.arg = p,
                                     .call = call,
                                     .cells = &p->cells,
                                     .watermark = p->watermark,
                                     .event_time = p->event_time,
                                     .side = p->side,
                                     .enter = enter,
                                     .next = p->next,
                                     .done = done,
                                     .failed = batch ? scripted_failed : timer_failed,
                                     .traces = scripted_traces,
                                     .marks = batch && outputs_may_retry(outputs),
                                     .port = port_number,
                                     .deliver = deliver};
    p->base.outputs = outputs;
    p->base.batch = batch;
    p->rows_count = 0;
    p->fired = 0;
    struct error err = ERROR_INIT;
    int rc = script_process(p->base.script, &process, batch, &err);
    p->base.outputs = NULL;
    p->base.batch = NULL;
    if (rc != 0 || p->base.stopped)
        return OP_STOP;
    if (script_process_rests(p->base.script))
        return OP_AGAIN;
    return (batch && batch->cursor < batch->count) || (!batch && p->next(p)) ? OP_AGAIN : OP_DONE;
}

static enum op_status process(struct op *op, uint32_t input, struct batch *batch,
                              struct outputs *outputs)
{
    struct process *p = (struct process *)op;
    p->at_broadcast = p->sides[input].broadcast;
    p->side = p->sides[input].name;
    p->cells.progress[PROCESSING_TIME] = clock_wall_ms(p->clock);
    enum op_status status =
        run(p, p->at_broadcast ? PROCESS_BROADCAST : PROCESS_RECORDS, batch, outputs);
    if (status == OP_DONE)
        cells_sweep(&p->cells, batch->count);
    return status;
}

static struct timer *next_event(void *arg)
{
    struct process *p = arg;
    return cells_due(&p->cells, EVENT_TIME, p->watermark);
}

static struct timer *next_clock(void *arg)
{
    struct process *p = arg;
    return cells_due(&p->cells, PROCESSING_TIME, p->tick_ms);
}

static enum op_status fire(struct process *p, struct timer *(*next)(void *arg),
                           struct outputs *outputs)
{
    p->next = next;
    p->side = NULL;
    if (!script_process_rests(p->base.script) && !next(p))
        return OP_DONE;
    return run(p, PROCESS_TIMERS, NULL, outputs);
}

static enum op_status watermark(struct op *op, int64_t at, struct outputs *outputs)
{
    struct process *p = (struct process *)op;
    if (at > p->watermark)
        p->watermark = at;
    p->cells.ending = at == WATERMARK_END;
    p->cells.progress[PROCESSING_TIME] = clock_wall_ms(p->clock);
    enum op_status status = fire(p, next_event, outputs);
    if (status != OP_DONE)
        return status;
    p->cells.progress[EVENT_TIME] = p->watermark;
    cells_sweep(&p->cells, SWEEP_KEYS);
    return OP_DONE;
}

static enum op_status tick(struct op *op, int64_t wall_ms, struct outputs *outputs)
{
    struct process *p = (struct process *)op;
    p->tick_ms = wall_ms;
    enum op_status status = fire(p, next_clock, outputs);
    if (status != OP_DONE)
        return status;
    p->cells.progress[PROCESSING_TIME] = wall_ms;
    p->swept_ms = wall_ms;
    cells_sweep(&p->cells, SWEEP_KEYS);
    return OP_DONE;
}

static int64_t next_wall_ms(struct op *op)
{
    struct process *p = (struct process *)op;
    if (script_process_rests(p->base.script))
        return INT64_MIN;
    int64_t due = cells_next_due(&p->cells, PROCESSING_TIME), sweep = p->swept_ms + SWEEP_EVERY_MS;
    return p->sweeps_by_clock && p->cells.keys.count && sweep < due ? sweep : due;
}

// -- state --

static int save(struct op *op, struct image *image)
{
    const struct process *p = (const struct process *)op;
    return cells_save(&p->cells, script_version(p->base.script), image);
}

static int track(struct op *op)
{
    return cells_track(&((struct process *)op)->cells);
}

static int save_changes(struct op *op, struct image *image)
{
    struct process *p = (struct process *)op;
    return cells_save_changes(&p->cells, script_version(p->base.script), image);
}

static int load(struct op *op, struct image_entry *entry, struct error *err)
{
    struct process *p = (struct process *)op;
    int64_t mine = script_version(p->base.script), version = mine;
    int rc = cells_load(&p->cells, entry, &version, err);
    if (rc)
        return rc;
    p->watermark = p->cells.progress[EVENT_TIME];
    if (version == mine)
        return 0;
    return error_set(err, ERR_REFUSED,
                     "the state was written by version %lld of the script, this is version %lld",
                     (long long)version, (long long)mine);
}

static void measure(const struct op *op, struct operator_state *out)
{
    const struct process *p = (const struct process *)op;
    *out =
        (struct operator_state){.bytes = p->cells.budget.used_bytes, .keys = p->cells.keys.count};
}

void process_free(struct op *op)
{
    struct process *p = (struct process *)op;
    cells_deinit(&p->cells);
    script_free(p->base.script);
    for (uint32_t i = 0; i < p->key_count; i++)
        path_deinit(&p->keys[i]);
    buf_deinit(&p->key);
    mem_free(p->sides);
    mem_free(p->ports);
    mem_free(p);
}

static int build(struct op **out, const struct operator_spec *spec, struct error *err)
{
    struct process *p = mem_zalloc(sizeof *p);
    if (!p)
        return error_nomem(err);
    int rc = process_configure(p, spec, err);
    if (rc) {
        process_free(&p->base.op);
        return rc;
    }
    p->base.op = (struct op){.class = &process_class,
                             .ports = p->ports,
                             .process = process,
                             .watermark = watermark,
                             .tick = tick,
                             .next_wall_ms = next_wall_ms,
                             .save = save,
                             .load = load,
                             .track = track,
                             .save_changes = save_changes,
                             .measure = measure,
                             .free = process_free};
    *out = &p->base.op;
    return 0;
}

const struct operator_class process_class = {.type = "process",
                                             .help = "keyed state, timers and ports for scripts",
                                             .entry = {.options = process_options,
                                                       .ports_option = "ports",
                                                       .own_ports = process_own_ports,
                                                       .has_out = true,
                                                       .any_out = true,
                                                       .optional_sides = true},
                                             .stateful = true,
                                             .share = process_share,
                                             .build = build};
