// SPDX-License-Identifier: MIT
#pragma once
#include <stdbool.h>
#include <stddef.h>

// Calls of the system that fail when told to: an object for LD_PRELOAD, driven by the environment.
//
//   SHIM_CALL    which: write, pread, epoll_ctl, ...
//   SHIM_NTH     the first that fails, counted from 1 over all threads
//   SHIM_TIMES   how many in a row do (1)
//   SHIM_CODE    errno as a number; 0: the call does less than it was asked for (short); -1: the
//                process is killed before it, -2: behind it, -3: when it has done a part of it
//   SHIM_PATH    only on files whose path contains this
//   SHIM_REPORT  a file that is made when the first call fails
//
// A call that fails has done nothing, but for close, which has closed.

enum shim_fault { SHIM_NONE, SHIM_FAIL, SHIM_SHORT, SHIM_LAST, SHIM_TORN };

// What is to become of this call; with SHIM_FAIL errno is set. `path` NULL: that of `fd`; both
// missing (fd -1): no path.
enum shim_fault shim_decide(const char *call, const char *path, int fd);
// The call has been made: kills the process if it was the last (or its half).
void shim_done(enum shim_fault fault);
// The function that would have been called; ends the process when there is none.
void *shim_next(const char *name);
