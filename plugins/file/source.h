// SPDX-License-Identifier: MIT
#pragma once
#include "input.h"
#include "scan.h"
#include "tidemill/plugin.h"

// The file source: its inputs, and which of them is read next. With follow it never ends: it looks
// for new, renamed and shortened files whenever something in their directories changes, and once a
// second. Runs on a thread of its own (BLOCKING); nothing here is shared.

struct source {
    const tide_host *host;
    tide_ctx *ctx;
    const tide_config *patterns;
    int follow, from_end;
    int packing_by_name; // compress: auto
    enum packing packing;
    struct input **inputs; // in reading order
    uint32_t count, room;
    uint32_t turn; // the input that is looked at next
    uint32_t hint; // splits are asked after in the order of the inputs: the one behind the last
    int announced; // splits, within this read
    int started;   // the first scan is over
    int64_t next_scan_ns;
    struct watch watch;
};

extern const tide_source file_source;

// -- inputs.c --
// Looks for files and adds what is new. The first scan announces missing files as errors unless
// they are followed.
tide_result source_scan(struct source *s);
// Tells the host of all inputs that it does not know yet.
tide_result source_announce(struct source *s);
// Drops what is done, and rotated files that stayed quiet long enough.
void source_sweep(struct source *s, tide_out *out);
// The items of `path`: one scalar stands for a list of one.
uint32_t source_pattern_count(const struct source *s);
const char *source_pattern(const struct source *s, uint32_t index);
tide_result source_input_failed(struct source *s, const struct input *in, const char *what,
                                int code);
