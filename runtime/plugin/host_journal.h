// SPDX-License-Identifier: MIT
#pragma once
#include "tidemill/journal.h"

// The journal as a service for plugins: host->journal = &host_journal.
extern const struct tide_journal_host host_journal;
