// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include <stdbool.h>
#include <stddef.h>

// docs/errors.md, which is in the program: a section for each code of base/reason.h. A section is
// its heading, one line of summary, and text with fenced blocks; what stands behind the language of
// a fence says what the block shows: "yaml wrong", "yaml right run".

struct error_page {
    const char *code; // pieces of the embedded text, not ended by a NUL
    size_t code_len;
    const char *summary;
    size_t summary_len;
    const char *text; // behind the summary, to the next section
    size_t text_len;
};

// Each in turn: start with *cursor = 0; false at the end.
bool error_page_next(struct error_page *page, size_t *cursor);
bool error_page_find(struct error_page *page, const char *code);

// The text for a terminal: blocks indented under "wrong:" or "right:". 0 or ERR_NOMEM.
int error_page_print(const struct error_page *page, struct buf *out);
// {"code", "summary", "text", "examples": [{"kind": "wrong", "language": "yaml", "text"}]}
int error_page_json(const struct error_page *page, struct buf *out);
