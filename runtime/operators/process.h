// SPDX-License-Identifier: MIT
#pragma once
#include "operators/operator.h"

// Keyed state, timers and ports for scripts: on_record(r, ctx), on_timer(name, ctx), and
// on_broadcast(r, ctx) for the inputs that `broadcast:` names, whose records belong to no key and,
// with several lanes, go to all of them.
//
// What a call wrote, set and emitted counts when it has returned; a call that fails leaves nothing.
//
// Timers of event time fire when the watermark has come to them, in the order of their times, and
// those of the same time in the order in which they were set; one that is set for a time that is
// over fires when the watermark next goes on. Timers of processing time that are overdue (after a
// restart) fire before any record. At the end of all input each timer of event time fires, also
// those set meanwhile, but none of a name that has fired since the end came (a timer that sets
// itself would do so for ever); those of processing time do not.
extern const struct operator_class process_class;
