// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "observe/snapshot.h"

// The pieces of which a page for Prometheus is made; shared by prometheus*.c. Each returns 0,
// ERR_NOMEM or ERR_LIMIT.

// The lines HELP and TYPE of a metric.
int prometheus_head(const char *prefix, const char *name, const char *type, const char *help,
                    struct buf *out);
// "{pipeline=...} "; of a node, when one is given, with name, kind and type.
int prometheus_labels(const struct snapshot *snapshot, const struct snapshot_node *node,
                      struct buf *out);
// In full precision, with the newline behind it; infinities as Prometheus spells them.
int prometheus_number(double value, struct buf *out);
// A whole sample of a node with one label more, which begins with `lead`.
int prometheus_extra(const struct snapshot *snapshot, const struct snapshot_node *node,
                     const char *name, const char *lead, const char *value, double number,
                     struct buf *out);

int prometheus_checkpoints(const struct snapshots *all, struct buf *out);
// All metrics of nodes, and those that their plugins made.
int prometheus_nodes(const struct snapshots *all, struct buf *out);
int prometheus_plugins(const struct snapshots *all, struct buf *out);
