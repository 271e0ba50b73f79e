// SPDX-License-Identifier: MIT
#pragma once
#include "lua/script.h"
#include "state/cells.h"

// Scripts with keyed state: a table with on_record, and perhaps on_timer and on_broadcast, `state`
// and `ports`. All of them are given `ctx`, which is made once; what it keeps is in the operator's
// cells. A call that fails leaves nothing behind: what it wrote, its timers and what it emitted are
// taken back. What it emits leaves when it has returned.

// True when the script is of this kind.
bool script_processes(const struct script *script);
// The states it declares, in the order of their names. Borrowed from the script.
uint32_t script_states(const struct script *script, const struct cell_spec **out);
// The ports it declares, or else those that its calls of ctx.emit name. Borrowed from the script.
uint32_t script_ports(const struct script *script, const char *const **out);

enum script_process_call { PROCESS_RECORDS, PROCESS_BROADCAST, PROCESS_TIMERS };

struct script_process {
    void *arg;
    enum script_process_call call;
    struct cells *cells;
    int64_t watermark; // of ctx; WATERMARK_NONE: none
    bool event_time;   // event-time timers can be set
    const char *side;  // the input that records come from, or NULL
    // Selects the key of record `index` in the cells. Not 0: the record has failed.
    int (*enter)(void *arg, uint32_t index, struct error *err);
    // PROCESS_TIMERS: the next one to fire, or NULL.
    struct timer *(*next)(void *arg);
    // Record `index`, or a timer, was done, and what it emitted is out. PAUSE: leave for now.
    enum script_verdict (*done)(void *arg, uint32_t index);
    enum script_verdict (*failed)(void *arg, uint32_t index, const struct error *err);
    bool (*traces)(void *arg);
    bool marks; // a record is given back as it was when its function fails
    // As in struct script_sink.
    int32_t (*port)(void *arg, const char *name, struct error *err);
    // An emitted record leaves: the input itself (`made` false; batch is its batch), or one that
    // was made, whose bytes go with the next one. False: the port is full, it comes again.
    bool (*deliver)(void *arg, uint32_t port, struct batch *batch, struct record *record,
                    bool made);
};

// Records batch->cursor.., or all timers that `next` gives (batch NULL). What could not leave
// before goes first. 0 when all are done (then script_process_rests is false), or when it was
// paused; ERR_FATAL when `failed` halted.
int script_process(struct script *script, const struct script_process *process, struct batch *batch,
                   struct error *err);
// True while something that was emitted waits for room: call script_process again.
bool script_process_rests(const struct script *script);
