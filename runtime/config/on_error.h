// SPDX-License-Identifier: MIT
#pragma once
#include "config/setting.h"

// What a node does with a record (or a split) that fails:
//
//   on_error: stop                                        the default: the pipeline ends with 1
//   on_error: skip                                        counted and logged
//   on_error: { dlq: SINK }                               the original bytes go to that sink
//   on_error: { retry: { max: 5, backoff: 200ms..30s }, then: skip }   then: stop, skip or { dlq }

enum on_error_kind { ON_ERROR_STOP, ON_ERROR_SKIP, ON_ERROR_DLQ, ON_ERROR_RETRY };

struct on_error_spec {
    enum on_error_kind kind;
    enum on_error_kind then; // after the retries: never ON_ERROR_RETRY
    const char *dlq_sink;    // of kind or then; borrowed from the setting; NULL: none
    uint32_t retry_max;      // 0: without end
    int64_t backoff_from_ms, backoff_to_ms;
    struct place place; // of the sink's name, or of the whole
};

extern const tide_option on_error_members[];

// Reads a node's `on_error` out of its common settings; absent: stop. ERR_INPUT, with a problem
// (when `problems` is given) that starts with `where`, when its members do not go together.
int on_error_read(struct on_error_spec *out, const struct tide_config *common, const char *where,
                  struct problems *problems);
