// SPDX-License-Identifier: MIT
#pragma once
#include "operators/operator.h"

// Makes any number of records out of each one: function(r, emit); emit(record [, port]). Ports are
// declared: `ports: [invalid]`. A record made from a table has the time and origin of the input.
//
// When an output is full in the middle of a record, the function is left there, and run again for
// this record later; what it had emitted before is left out then. So it must emit the same again:
// it may depend on the record and `conf`, not on chance or the clock.
extern const struct operator_class flat_map_class;
