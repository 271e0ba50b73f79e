// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "cli/args.h"

enum { SCHEMA_MAX_BYTES = 16 << 20 };

// The JSON Schema of pipelines, with the plugins of the usual directories and of --plugins.
int schema_make(const struct args *args, bool overlay, struct buf *out, struct error *err);
