// SPDX-License-Identifier: MIT
#pragma once
#include "outfile.h"
#include "tidemill/plugin.h"

// The file sink: lines into one file, or into files named by a template.
//
// Of many files at most SINK_OPEN are open, the least recently used one is closed; a file stays
// known until it is synced. In a two-phase checkpoint `prepare` syncs all that was touched and
// lists their lengths (twophase.c); which files were touched since is written down before they are
// (touched.c), so that after a crash each can be cut back. Runs on a thread of its own (BLOCKING).

enum { SINK_OPEN = 64, SINK_BUCKETS = 1024 };

struct touched { // see touched.c
    char *path;
    int fd;
    char *pending;
    size_t used, size;
};

struct sink {
    const tide_host *host;
    tide_ctx *ctx;
    int32_t template;    // -1: one fixed path
    size_t fixed_prefix; // bytes of the template that no record can change
    int truncate;        // mode: truncate
    struct outfile_how how;
    uint64_t rotate_size; // 0: never
    int64_t rotate_every; // ms; 0: never
    int two_phase;        // checkpoints call prepare
    int undecided;        // prepared, neither committed nor aborted
    int wrote;            // this instance has written
    int recovered;        // files were cut back to a checkpoint: they are not begun anew
    int framed;           // records tell themselves where they end: no line breaks
    tide_bytes preamble;  // what each file begins with; of this call
    int64_t now_ms;       // wall time of this call
    int64_t backoff_ms;   // 0: there is space
    struct outfile *buckets[SINK_BUCKETS];
    struct outfile *newest, *oldest; // open files, by use
    uint32_t open_count;
    struct touched touched;
};

extern const tide_sink file_sink;

// -- sink.c --
// A file's code (negative errno) as a result: no space is AGAIN, with a pause; the rest is FATAL.
tide_result sink_failed(struct sink *s, const char *what, const char *path, int code);
// The file is ready for a first byte of this run: emptied, or its torn line ended, or its
// unfinished frame cut off.
tide_result sink_begin(struct sink *s, struct outfile *file);
// All that was accepted is with the system, and on disk.
tide_result sink_sync_all(struct sink *s);

// -- files.c --
// The open file of that path, made and opened when need be; *out NULL only with another result than
// OK.
tide_result sink_file(struct sink *s, const char *path, size_t len, struct outfile **out);
// The next known file after `file` (NULL: the first).
struct outfile *sink_next(const struct sink *s, const struct outfile *file);
// Forgets closed files that are synced and in no checkpoint.
void sink_forget_closed(struct sink *s);
// Closes and forgets all, buffered bytes too.
void sink_drop_all(struct sink *s);

// -- rotate.c --
// Gives the file's path to a fresh file when it is time. `more`: bytes to come.
tide_result sink_rotate(struct sink *s, struct outfile *file, size_t more);
// 1: a rotated file of `path` has this inode; its length goes to *length. 0: none has; negative: an
// errno.
int sink_find_rotated(const char *path, uint64_t inode, uint64_t *length);

// -- twophase.c --
tide_result sink_prepare(void *self, uint64_t id, tide_buf *data);
tide_result sink_commit(void *self, tide_bytes data);
tide_result sink_abort(void *self, tide_bytes data);
// Cuts `path` back to `length`; `inode` 0: whichever it is.
tide_result sink_cut(struct sink *s, const char *path, uint64_t inode, uint64_t length);

// -- touched.c --
tide_result touched_open(struct sink *s, const char *template);
void touched_close(struct sink *s);
// Notes that `file` will be written in this epoch.
tide_result touched_add(struct sink *s, const struct outfile *file);
// What was noted is on disk.
tide_result touched_sync(struct sink *s);
// Cuts back what was noted, but not the paths that `listed` knows.
tide_result touched_cut(struct sink *s, int (*listed)(void *arg, const char *path), void *arg);
// Nothing is touched now.
tide_result touched_clear(struct sink *s);
