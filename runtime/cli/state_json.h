// SPDX-License-Identifier: MIT
#pragma once
#include "state/image.h"
#include "state/store.h"

#include <jansson.h>

// What a checkpoint holds as JSON lines, and back without loss: a line for the checkpoint, one for
// each part, and behind a part of state one for each of its entries.
//
//   {"checkpoint": 7, "pipeline": "sums", "wall_ms": 1700000000000, "finished": false}
//   {"part": "source", "node": "in", "bytes": BASE64}
//   {"part": "state", "node": "sums"}
//   {"node": "sums", "section": 1, "key": ["a", 3], "identity": BASE64, "body": BASE64}
//
// A key is the list of its fields, {} for one that was absent; "key64" has its bytes where these
// are not fields. The body is behind the identity. Objects are the caller's; NULL: out of memory.

const char *state_kind_name(enum store_kind kind);
bool state_kind_read(const char *name, enum store_kind *kind); // false: there is none of that name

json_t *state_head_json(const struct checkpoint_head *head, const char *pipeline);
json_t *state_part_json(const struct store_part *part); // of state: without what is in it
json_t *state_entry_json(const char *node, const struct image_entry *entry);
// The bytes of a line {"part": ...} that is no state.
int state_bytes_read(const json_t *line, const char *name, struct buf *out, struct error *err);
int state_entry_read(const json_t *line, struct image *image, struct error *err);
// The key's bytes of a list of fields. ERR_INPUT.
int state_key_read(const json_t *fields, struct buf *out, struct error *err);
