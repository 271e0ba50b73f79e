// SPDX-License-Identifier: MIT
#pragma once
#include "operators/native.h"

// Native operators that let a record pass or not (dedup, throttle, sample): the batch itself is
// handed on with what is left in it. What does not pass goes to port `rest`, when there is one and
// someone listens, or is dropped and counted.

struct sieve {
    struct native native; // first
    // Whether the record passes. An error: nothing has changed.
    int (*judge)(struct sieve *sieve, struct batch *batch, struct record *record, bool *pass,
                 struct error *err);
    bool forgets;   // keys go when they are due
    uint32_t rest;  // the port of what does not pass; 0: none
    uint32_t write; // records of the batch at work that are left so far
    bool active;    // a batch is at work
    bool judged;    // the record at the cursor, which has no room on `rest`
};

// Sets process, watermark, tick and what belongs to them.
void sieve_init(struct sieve *sieve, const struct operator_class *class);
