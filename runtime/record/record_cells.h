// SPDX-License-Identifier: MIT
#pragma once
#include "record/record.h"

// Makes the record's cells its own, with room for `need`: for every write, and before a nested
// value is entered. 0 or ERR_NOMEM.
int record_own_cells(struct batch *batch, struct record *record, uint32_t need);
