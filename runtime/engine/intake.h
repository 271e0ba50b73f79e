// SPDX-License-Identifier: MIT
#pragma once
#include "engine/source_node.h"

// From the bytes of a parcel to records of the node's batch.

enum intake {
    INTAKE_DONE,  // the parcel is used up
    INTAKE_FULL,  // the batch is: flush it, then go on
    INTAKE_FAILED // on_error: stop
};

enum intake intake_stream(struct source_node *node, struct parcel *parcel);
enum intake intake_messages(struct source_node *node, struct parcel *parcel);
enum intake intake_end(struct source_node *node, uint32_t split); // the rest counts as a frame
enum intake intake_bad(struct source_node *node, struct parcel *parcel);
