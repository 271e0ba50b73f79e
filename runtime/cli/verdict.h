// SPDX-License-Identifier: MIT
#pragma once
#include <stdbool.h>

// How `tidemill test` shows a test, on standard output.

void verdict_print(const char *name, bool passed);
void verdict_detail(const char *text); // lines below it
