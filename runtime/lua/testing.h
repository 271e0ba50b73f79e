// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>

// Test files of scripts: `offline_test.lua` beside `offline.lua`.
//
//   local h = test.load("offline.lua", { type = "map", params = { quiet = "5m" } })
//   test.case("what is expected", function()
//     h:send({ v = 1 }, { key = "dev-1", time = 0 })
//     h:watermark("6m")
//     test.eq(h:out("alerts"), { { device = "dev-1", event = "offline" } })
//   end)
//
// test.load takes the options that the operator has in a pipeline (key_by, window, ports, params);
// `type` may be left out where the script says it: tables with on_record are processes (whose key
// is, without key_by, that of the record: { key = … }), agg and other tables aggregates, functions
// maps.
// Every case starts with fresh operators. What runs them is the host's business: this layer knows
// neither operators nor the engine.

struct script_test_host {
    void *arg;
    // A fresh operator that runs the script; `options` is a JSON object. Closed by `close`.
    int (*open)(void *arg, void **op, const char *script, const char *type, const char *options,
                struct error *err);
    void (*close)(void *op);
    // `time` INT64_MIN: none. `key` NULL: none.
    int (*send)(void *op, const char *json, size_t len, int64_t time, const char *key,
                struct error *err);
    int (*watermark)(void *op, int64_t ms, struct error *err); // INT64_MAX: the end
    int (*advance)(void *op, int64_t ms, struct error *err);   // processing time
    // What came out of the port ("out", …) since the last time, one JSON text a line.
    int (*take)(void *op, const char *port, struct buf *out, struct error *err);
};

struct script_test_report {
    void *arg;
    // After each case; `message` is NULL or says what went wrong, with file:line. May be NULL.
    void (*done)(void *arg, const char *name, bool passed, const char *message);
    uint32_t passed, failed;
};

// Runs the file. 0 also when cases failed (report->failed); ERR_INPUT: the file itself is wrong.
int script_test_file(const char *path, const struct script_test_host *host,
                     struct script_test_report *report, struct error *err);
