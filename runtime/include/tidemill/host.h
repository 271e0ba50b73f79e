/* SPDX-License-Identifier: MIT */
#pragma once
#include "tidemill/option.h"
#include "tidemill/record.h"

/* What the host does for a plugin. The table lives as long as the process. Unless said otherwise a
 * function may be called only from within a call of the host into the instance that `ctx` belongs
 * to, on that thread. */

enum { TIDE_LOG_ERROR, TIDE_LOG_WARN, TIDE_LOG_INFO, TIDE_LOG_DEBUG };
enum { TIDE_METRIC_COUNTER, TIDE_METRIC_GAUGE };
enum { TIDE_SPLIT_REVOKED, TIDE_SPLIT_LOST };

/* Where a source's read puts what it has; valid during that call. */
typedef struct tide_out tide_out;

struct tide_journal_host; /* tidemill/journal.h */

typedef struct tide_host {
    uint32_t struct_size;
    uint32_t abi_major, abi_minor;
    uint32_t reserved;

    /* -- options: checked, defaults filled in; `path` like "create.partitions" -- */
    int (*opt_given)(tide_ctx *ctx, const char *path);             /* 1: there (or has a default) */
    const char *(*opt_text)(tide_ctx *ctx, const char *path);      /* NULL: absent */
    int64_t (*opt_int)(tide_ctx *ctx, const char *path);           /* INT, DURATION (ms), SIZE; 0 */
    double (*opt_number)(tide_ctx *ctx, const char *path);         /* 0 when absent */
    int (*opt_bool)(tide_ctx *ctx, const char *path);              /* 0 when absent */
    const tide_config *(*config)(tide_ctx *ctx, const char *path); /* "": all; NULL: absent */
    uint32_t (*config_len)(const tide_config *node);               /* items of a list or map */
    const tide_config *(*config_item)(const tide_config *node, uint32_t index);
    const char *(*config_name)(const tide_config *node, uint32_t index); /* of a map's item */
    const tide_config *(*config_at)(const tide_config *map, const char *name);
    const char *(*config_text)(const tide_config *node); /* NULL when it is no scalar */
    int64_t (*config_int)(const tide_config *node);
    double (*config_number)(const tide_config *node);

    /* -- who am I -- */
    const char *(*pipeline)(tide_ctx *ctx);
    const char *(*node)(tide_ctx *ctx);
    /* The instance of this plugin's connection that the node names by `connection:`; NULL: none. */
    void *(*connection)(tide_ctx *ctx);

    /* -- telling -- */
    void (*log)(tide_ctx *ctx, int level, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
    /* Keeps the text as the reason for `result` and returns `result`. */
    tide_result (*fail)(tide_ctx *ctx, tide_result result, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
    /* A metric of this node; returns its number, or -1. In `open` only. */
    int32_t (*metric)(tide_ctx *ctx, const char *name, const char *help, int kind);
    void (*metric_add)(tide_ctx *ctx, int32_t metric, double value);
    void (*metric_set)(tide_ctx *ctx, int32_t metric, double value);

    /* -- time and waking -- */
    int64_t (*wall_ms)(tide_ctx *ctx);
    int64_t (*mono_ns)(tide_ctx *ctx);
    /* With TIDE_AGAIN: call me again at this monotonic time even if nothing else happens. */
    void (*wait_until)(tide_ctx *ctx, int64_t mono_ns);
    /* Call me again soon. The one function that any thread may call at any time between open and
     * close. */
    void (*wake)(tide_ctx *ctx);

    int (*put)(tide_buf *buf, const void *bytes, size_t len); /* 0, or -1: memory is out */

    /* -- sources: what there is. Names are bytes that mean the same after a restart (a partition's
     * number, a device's address). The host answers with `assign`. -- */
    tide_result (*splits_added)(tide_ctx *ctx, const tide_bytes *names, uint32_t count);
    /* `how`: REVOKED (positions may still be committed) or LOST. */
    tide_result (*splits_lost)(tide_ctx *ctx, const uint32_t *ids, uint32_t count, int how);

    /* -- sources: within read. Each returns how many messages were taken; fewer than `count` means
     * that the batch is full: keep the rest for the next call. -- */
    /* Bytes are copied. */
    uint32_t (*emit)(tide_out *out, const tide_message *messages, uint32_t count, uint32_t stride);
    /* Bytes are not copied: they stay valid until `release(arg)`, which the host calls once, later,
     * on any thread (also when nothing was taken). */
    uint32_t (*lend)(tide_out *out, const tide_message *messages, uint32_t count, uint32_t stride,
                     void (*release)(void *arg), void *arg);
    /* Room for raw bytes of a stream, which the host then frames as the node's `framing` says:
     * at most *size bytes (NULL, 0: full, come back later). */
    void *(*reserve)(tide_out *out, uint32_t split, size_t *size);
    /* `len` bytes were put there. `before`: the position of the stream before them; the host adds
     * the bytes of an unfinished frame by itself. */
    tide_result (*commit)(tide_out *out, uint32_t split, size_t len, tide_bytes before);
    /* The split has ended (a bounded file): an unfinished last frame counts as whole, and the split
     * no longer holds the watermark back. */
    void (*split_end)(tide_out *out, uint32_t split);
    /* Something of this split could not be read (a device did not answer): an error record with the
     * split's name, counted and sent to the node's on_error. `partial` may be empty. AGAIN: not
     * taken, as one read has said so 65,536 times: say it in the next. */
    tide_result (*bad)(tide_out *out, uint32_t split, tide_bytes partial, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));

    /* -- sinks -- */
    /* In open: a number for a TEMPLATE option (-1: not given), for expand; and for a field by name
     * or path ("a.b"). */
    int32_t (*template_of)(tide_ctx *ctx, const char *path);
    int32_t (*field_of)(tide_ctx *ctx, const char *path);
    /* In write: the option's text for this record (data NULL: a field it needs is absent). */
    tide_bytes (*expand)(tide_ctx *ctx, const tide_batch *batch, uint32_t index, int32_t number);
    void (*field)(tide_ctx *ctx, const tide_batch *batch, uint32_t index, int32_t number,
                  tide_value *out);
    /* In write: record `index` cannot be written (too large, refused by the server): it goes to the
     * node's on_error; count it as accepted. */
    tide_result (*refuse)(tide_ctx *ctx, const tide_batch *batch, uint32_t index, const char *fmt,
                          ...) __attribute__((format(printf, 4, 5)));

    /* -- durable storage: see tidemill/journal.h -- */
    const struct tide_journal_host *journal;

    /* Sinks with PREAMBLE, in write: the bytes that each stream begins with (the header of CSV), to
     * be written as they are in front of its first record; data NULL: none. Valid until write
     * returns. */
    tide_bytes (*preamble)(tide_ctx *ctx);

    /* -- since 1.1: a plugin that may meet an older host asks TIDE_HAS first -- */
    /* The instance is open, but cannot work yet: what it waits for, as one line ("no broker has
     * answered yet"). The node is not ready then, and the pipeline is not (/readyz), though it
     * runs. NULL: it can work; so can an instance that never said anything. Any thread may call it
     * between open and close, one at a time. */
    void (*waits_for)(tide_ctx *ctx, const char *what);
} tide_host;
