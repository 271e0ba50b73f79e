// SPDX-License-Identifier: MIT
#pragma once
#include "operators/scripted.h"
#include "record/keycode.h"
#include "state/cells.h"

// The operator `process` as its files share it.

#define OWN_KEY "@key" // in key_by: the record's own key, as Kafka's records have one

enum { PROCESS_ROWS = 64 };

struct process_row {
    struct table_key key;
    bool bad; // it has none
};

struct process_side {
    const char *name; // NULL: there are no sides
    bool broadcast;
};

struct process {
    struct scripted base; // first
    struct cells cells;
    struct clock *clock;
    bool event_time;      // all records that are not broadcast have one
    bool sweeps_by_clock; // there is a ttl in processing time
    bool own_key;
    uint32_t key_count;
    struct path keys[KEY_FIELDS_MAX];
    struct process_side *sides; // by input
    const char **ports;         // NULL-terminated
    uint32_t late_port;         // UINT32_MAX: none
    int64_t watermark;
    int64_t tick_ms, swept_ms;

    struct buf key; // scratch
    struct process_row rows[PROCESS_ROWS];
    uint32_t rows_from, rows_count; // of the batch at work
    bool at_broadcast;
    const char *side;
    uint32_t fired; // timers in this step
    struct timer *(*next)(void *arg);
};

extern const tide_option process_options[];
int process_configure(struct process *p, const struct operator_spec *spec, struct error *err);
void process_free(struct op *op);
void process_share(const struct node_spec *node, uint32_t input, struct op_share *out);
// For the catalogue: the ports that the script names.
bool process_own_ports(const struct topology *topology, const struct tide_config *common,
                       struct arena *arena, const char *const **out);
