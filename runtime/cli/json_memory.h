// SPDX-License-Identifier: MIT
#pragma once
#include <stdbool.h>

// Memory of jansson, through the seam of base/alloc.h. Its builders go on when a part is missing;
// who prints what they made asks here whether it is whole.

void json_memory_init(void);   // before the first use of jansson
bool json_memory_failed(void); // an allocation has failed since json_memory_init
