// SPDX-License-Identifier: MIT
#pragma once
#include "kit/kit.h"

// One check in a process of its own. The process ends with the first result that is told: what it
// holds goes with it. In the child every function below that says noreturn ends it.

// `body` in a child, in an empty directory, for at most timeout_ms. The result is the child's, or
// what became of it. A code other than 0: no process, no directory.
int child_run(const char *name, uint32_t timeout_ms, void (*body)(const void *arg), const void *arg,
              struct kit_result *out, struct error *err);

// -- in the child --
_Noreturn void child_ok(void);
_Noreturn void child_note(uint32_t note); // ok, with a number for the parent
// ok as far as it could be seen.
_Noreturn void child_partly(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void child_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void child_wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
// A finding: the rule as "header.h: name", what the rule wants, and what was found.
_Noreturn void child_fail(const char *rule, const char *wanted, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// The call into the plugin that comes next, for what is told when it does not come back.
void child_calls(const char *call);
const char *child_call(void);
// `body` in a process that then goes away as in a crash: nothing is closed. What it returns in
// `out` (at most `cap` bytes) comes back; its findings are the check's.
size_t child_crash(size_t (*body)(void *arg, void *out, size_t cap), void *arg, void *out,
                   size_t cap);
