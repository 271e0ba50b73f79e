// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include "operators/operator.h"

// What the engine gives to an operator, for tests of operators without an engine: ports that
// collect what comes out as JSON, can be full after so many records, and an on_error that answers
// what the test wants.

enum { FAKE_PORTS = 8, FAKE_ERRORS_KEPT = 64 };

struct fake_result {
    uint32_t port;
    int64_t time;
    char *json;
};

struct fake_port {
    struct batch *pending; // made or shared records that were not collected yet
    bool unwanted;
};

struct outputs {
    struct batch_pool *pool;
    struct fake_port ports[FAKE_PORTS];
    uint32_t room; // records that each port takes between two collects; UINT32_MAX at first
    bool late;     // what outputs_late says
    enum on_error_verdict verdict; // ERROR_SKIP at first
    bool may_retry;

    struct fake_result *results;
    size_t result_count, result_cap;
    char *errors[FAKE_ERRORS_KEPT]; // texts of failed records, and of errors without one
    size_t error_count;             // may be more than are kept
    uint32_t last_error_index;      // record's place in its batch; UINT32_MAX: without one
};

void fake_outputs_init(struct outputs *outputs, struct batch_pool *pool);
void fake_outputs_deinit(struct outputs *outputs);
// Turns what is pending on all ports into results; the ports are empty again.
void fake_outputs_collect(struct outputs *outputs);
void fake_outputs_clear(struct outputs *outputs); // forgets results and errors
// The n-th result of a port, or NULL.
const struct fake_result *fake_result(const struct outputs *outputs, uint32_t port, size_t n);
size_t fake_results(const struct outputs *outputs, uint32_t port);
