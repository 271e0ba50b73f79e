// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

// Files, as the durable parts of the house use them: interrupted calls are taken up again, short
// reads and writes are finished, every failure is an ERR_IO that names the path. `path` is for the
// message only where a descriptor is given as well. Any thread.
//
// Also a seam: what is made through here can be told to fail, or to move fewer bytes than asked
// for, so that tests walk through every such call.

int io_open(int *fd, const char *path, int flags, mode_t mode,
            struct error *err); // O_CLOEXEC added
int io_write_all(int fd, const char *path, const void *bytes, size_t len, struct error *err);
// All of `count` parts, which are changed on the way. Any count.
int io_writev_all(int fd, const char *path, struct iovec *parts, size_t count, struct error *err);
// Up to `len` bytes from `offset`; fewer only at the end of the file.
int io_pread(int fd, const char *path, void *bytes, size_t len, uint64_t offset, size_t *got,
             struct error *err);
int io_datasync(int fd, const char *path, struct error *err);
int io_fsync_dir(const char *path, struct error *err); // makes names in the directory durable
int io_truncate(int fd, const char *path, uint64_t len, struct error *err);
// Renames and makes it durable (`to`'s directory).
int io_rename(const char *from, const char *to, struct error *err);
int io_mkdir_all(const char *path, struct error *err); // mkdir -p, mode 0755, durable

// The n-th changing call from now on (1 = the next) fails with `errnum`, once, or it and all after.
// n = 0 switches it off. A write that fails so has written half of its bytes before; a truncation
// does not fail with ENOSPC. EINTR is an interruption: the call is made again.
void io_fail_at(uint64_t n, int errnum, bool and_all_after);
uint64_t io_fail_count(void); // failures since then
// The same for reads, opening for reading among them.
void io_fail_read_at(uint64_t n, int errnum, bool and_all_after);
uint64_t io_fail_read_count(void);
// Every read and write moves half of what was asked for.
void io_cut_short(bool on);
