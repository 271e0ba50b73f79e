// SPDX-License-Identifier: MIT
#pragma once
#include "engine/plan.h"
#include "record/batch.h"

// A dead letter is a failed record with its original bytes, told from a good one by its headers:
// node, script:line, error, source, split and offset. Letters come in storms, one for each record,
// and one looks nearly like the next: what they have in common (names, the places of scripts, and
// within a batch the error itself) is written once and pointed at.

enum letter_header {
    LETTER_NODE,
    LETTER_SCRIPT,
    LETTER_ERROR,
    LETTER_SOURCE,
    LETTER_SPLIT,
    LETTER_OFFSET,
    LETTER_TRUNCATED, // of few
    LETTER_HEADERS
};

struct letters {
    const struct plan_node *nodes; // of the plan
    bool of_source;
    // The last letter:
    const struct batch *batch;           // where it is, with the error's text
    const char *split;                   // of the record
    uint16_t source;                     // the record's node
    struct header named[LETTER_HEADERS]; // its headers
};

// `plan`: the node, `index` its number in the plan.
void letters_init(struct letters *letters, const struct plan_node *plan, uint16_t index);
// Puts headers behind those that the record at the end of `batch` came with; they point to names of
// nodes and splits, which outlive it, and into the batch. False: memory is out.
bool letter_address(struct letters *letters, struct batch *batch, const struct error *err);
