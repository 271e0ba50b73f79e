// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "record/path.h"

// Text with fields in it: "{site}/{date}.jsonl", "dev-{device.id}". What stands in braces is a
// path. {date} and {hour} are the record's event time in UTC, as YYYY-MM-DD and HH, when the record
// has no such field. `{{` and `}}` are a brace. Strings are put in as they are, numbers and
// booleans as in JSON; an absent field, null, an array or an object is ERR_DATA. One thread at a
// time.

struct template;

int template_new(struct template **out, const char *text, struct error *err);
void template_free(struct template *tpl);
// True when no field is in it: the same text for every record.
bool template_is_constant(const struct template *tpl);
// Appends to `out`; on an error `out` is as it was.
int template_expand(struct batch *batch, struct record *record, struct template *tpl,
                    struct buf *out, struct error *err);
