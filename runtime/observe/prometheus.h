// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "observe/snapshot.h"

// Snapshots in the text format of Prometheus 0.0.4: each metric with HELP and TYPE, then one
// sample a node. All names begin with tidemill_; times are in seconds; labels are pipeline, node,
// kind and type.

#define PROMETHEUS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

// 0, ERR_NOMEM, ERR_LIMIT.
int prometheus_print(const struct snapshots *all, struct buf *out);
// A label's value: backslash, quote and newline escaped.
int prometheus_label(const char *value, struct buf *out);
