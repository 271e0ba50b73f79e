// SPDX-License-Identifier: MIT
#pragma once
#include "fuzz/fuzz.h"
#include "record/number.h"
#include "record/record.h"
#include <jansson.h>

// A record and jansson's tree of the same text (numbers as doubles) hold the same, to the bottom.
void json_check_record(struct batch *batch, struct record *record, const json_t *theirs);
