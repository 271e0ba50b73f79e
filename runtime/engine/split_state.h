// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "engine/source_node.h"

// What the runtime adds to a source's position of a split: the bytes of its unfinished frame, what
// framing knows of a message that was refused and has not ended, and what the decoder keeps (the
// header of CSV). With it a split is read on behind the last bytes that came, as if nothing had
// been between.
//
//   u8  version 1
//   u8  flags: SPLIT_STARTED ...
//   u64 offset in the stream of the unfinished frame (all numbers little-endian)
//   u64 bytes, u64 values that are still to come of a refused message
//   u32 length, and the decoder's bytes
//       the unfinished frame, up to the end

// Appends to `out`. 0, ERR_NOMEM, ERR_LIMIT, or the decoder's error.
int split_state_save(const struct source_node *node, uint32_t id, struct buf *out);
// Of a split that was just added. ERR_CORRUPT: these bytes are no such state.
int split_state_restore(struct source_node *node, uint32_t id, const char *saved, size_t len,
                        struct error *err);
