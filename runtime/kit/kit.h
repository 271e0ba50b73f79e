// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>

// The conformance kit: runs a plugin through the rules of the public headers and says which of them
// it breaks. Each check is a process of its own, with an empty working directory and a time bound,
// so that a crash, a hang, a leak or an exit of the plugin is a finding and not the end of the
// tool.
//
// What the plugin is lent (records, positions, names of splits) lies against a page that cannot be
// read, is read-only, and goes away when the call returns: reading past the end, writing into it or
// keeping it is a crash, and the finding says which of the three it was. Allocations are counted in
// the plugin's own calls; those that a library makes for it are not seen.
//
// What a sink writes is looked for in the files of the check's working directory (standard output
// is one of them): sinks that write elsewhere are checked for their answers alone.

enum kit_status {
    KIT_OK,
    KIT_FAIL,
    KIT_SKIP, // does not apply, `found` says why
    KIT_WRONG // the plugin could not be tried: file, --set; not a fault of the plugin
};

struct kit_result {
    char name[48]; // "source: read"
    int32_t status;
    uint32_t note; // of child_note
    char found[640], wanted[320], rule[96];
};

struct kit_options {
    const char *file;
    const char *const *sets; // "name=value", "source.name=value"
    uint32_t set_count;
    const char *only;    // "source", "sink", "connection", or NULL: all that there is
    bool feed;           // the plugin's sink writes what its source is to read
    uint32_t timeout_ms; // of one check
};

// Runs all checks and tells each result as it comes. 0; or a code when the kit itself cannot go on.
int kit_run(const struct kit_options *options, void (*tell)(void *arg, const struct kit_result *),
            void *arg, struct error *err);
