// SPDX-License-Identifier: MIT
#pragma once
#include "operators/scripted.h"

// filter and map: the batch itself goes on, with the records that are dropped or failed taken out.

struct inplace {
    struct scripted base; // first
    enum script_call call;
    uint32_t write; // records kept so far of the batch at work; they stand in front
    bool active;    // a batch is at work
};

// Takes `script`, also when memory is out.
int inplace_new(struct op **out, const struct operator_class *class, struct script *script,
                enum script_call call, struct error *err);
