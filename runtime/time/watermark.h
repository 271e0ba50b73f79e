// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>

// Watermarks: how far event time has come. Two parts.
//
// A generator makes them for one split:
//     bounded  max time seen - out_of_order - 1 ms (out_of_order 0: times ascend)
//     marked   what the newest marker says: a record of the split that carries a watermark
//     none     only the end of the source is known
// (saturating; WATERMARK_NONE before the first record; never goes back).
//
// A valve merges those of many inputs (splits of a source, edges of a node): its watermark is the
// minimum over the inputs that are active. An idle input does not hold the others back; when all
// are idle the watermark stays (nothing more is known), except that when an input becomes idle and
// all are, it moves to the maximum of the inputs' watermarks. An input that becomes active again
// with a watermark behind the valve's does not take it back: it is left out of the minimum until it
// has caught up (it is not `aligned`). A watermark of an idle input is ignored.
// The rules are those of Apache Flink's StatusWatermarkValve, but for the end: an input at
// WATERMARK_END has ended; it holds nobody back, idle or not, and the valve is at its end only when
// all inputs are; what it had come to before still counts for that maximum, so that the order in
// which inputs end and become idle makes no difference. (There, one ended input next to an idle one
// closes every window.) Inputs of a group are lanes of one node, which end one shortly after the
// other: once one has ended, none of the others is idle, so that who is behind waits for what their
// end will tell.

#define WATERMARK_NONE INT64_MIN
#define WATERMARK_END INT64_MAX // no record will ever come

enum generator_kind { GENERATOR_BOUNDED, GENERATOR_MARKED, GENERATOR_NONE };

struct watermark_generator {
    int64_t max_time; // WATERMARK_NONE: nothing seen
    int64_t out_of_order_ms;
    int64_t marked; // WATERMARK_NONE: no marker came
    enum generator_kind kind;
};

// A bounded one; the owner may set another kind.
void generator_init(struct watermark_generator *generator, int64_t out_of_order_ms);
static inline void generator_see(struct watermark_generator *generator, int64_t time_ms)
{
    if (time_ms > generator->max_time)
        generator->max_time = time_ms;
}
static inline void generator_mark(struct watermark_generator *generator, int64_t watermark_ms)
{
    if (watermark_ms > generator->marked)
        generator->marked = watermark_ms;
}
int64_t generator_watermark(const struct watermark_generator *generator);

struct valve_input {
    int64_t watermark;
    int64_t last;     // what it had come to before its end
    int64_t moved_ns; // when it moved last, in the owner's time; 0: it never has
    uint32_t group;   // 0: of its own
    bool idle;
    bool aligned; // active, and has caught up with the valve since it was active again
    bool used;    // false: removed; the number is given out again
};

struct valve {
    struct valve_input *inputs;
    uint32_t count, cap;
    int64_t watermark; // merged; never goes back
    bool placed;       // an input has moved without the valve, see valve_place
    bool idle;         // all inputs that have not ended are, or the last one was removed
};

// All inputs active, at WATERMARK_NONE. 0 or ERR_NOMEM.
int valve_init(struct valve *valve, uint32_t inputs);
void valve_deinit(struct valve *valve);
// Of a group, from the beginning on.
void valve_group(struct valve *valve, uint32_t input, uint32_t group);
// A new active input at the valve's watermark; its number in *out. 0 or ERR_NOMEM.
int valve_add(struct valve *valve, uint32_t *out);
// Goes on from a watermark that was kept: nothing goes back behind it. Before the first input
// moves.
void valve_resume(struct valve *valve, int64_t watermark);
// What an input had come to, which was kept: counts with the next change of any. Alone it says
// nothing yet, as other kept inputs may still have to be added.
void valve_place(struct valve *valve, uint32_t input, int64_t watermark);
void valve_remove(struct valve *valve, uint32_t input); // the rest may move on
// Each returns true when the merged watermark or the idle state has changed.
bool valve_advance(struct valve *valve, uint32_t input, int64_t watermark);
bool valve_idle(struct valve *valve, uint32_t input);
bool valve_active(struct valve *valve, uint32_t input);
