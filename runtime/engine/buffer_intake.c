// SPDX-License-Identifier: MIT
#include "engine/source_buffer.h"
#include "base/log.h"
#include <inttypes.h>

// What the plugin has handed over goes into the journal, in order, and off the list. Behind a
// failure of the disk, and while the buffer is full, it stays there.

enum { RETRY_NS = 200000000 };

#define FULL_EVERY_NS 60000000000LL

void buffer_fail(struct source_driver *source, const struct error *err)
{
    struct error named = *err;
    error_prefix(&named, "%s: buffer", source->driver.ctx.node);
    driver_fail(&source->driver, &named);
}

static int64_t now_ns(const struct source_driver *source)
{
    return clock_mono_ns(source->driver.ctx.clock);
}

// A disk that is full, or away, is waited for; what else can go wrong will not mend itself.
static void wait_for_disk(struct source_driver *source, const struct error *err)
{
    struct source_buffer *buffer = source->buffer;
    if (err->code != ERR_IO) {
        buffer_fail(source, err);
        return;
    }
    if (!buffer->retry_ns)
        log_line(LOG_WARN, source->driver.ctx.node,
                 "buffer: %s; nothing is read until it can be written", err->text);
    buffer->retry_ns = now_ns(source) + RETRY_NS;
}

static void complain_of_fullness(struct source_driver *source)
{
    struct source_buffer *buffer = source->buffer;
    int64_t now = now_ns(source);
    if (!buffer->full_ns || now - buffer->full_ns > FULL_EVERY_NS)
        log_line(LOG_WARN, source->driver.ctx.node,
                 "buffer: its %" PRIu64 " bytes are full; nothing is read until some of it is in a "
                 "checkpoint",
                 buffer->disk_size);
    buffer->full_ns = now;
}

// What is larger than the whole buffer has room when nothing else is in it.
static bool has_room(struct source_driver *source, size_t len)
{
    const struct source_buffer *buffer = source->buffer;
    if (buffer->any_room || journal_bytes(buffer->journal) + len <= buffer->disk_size ||
        buffer->settled >= journal_next(buffer->journal))
        return true;
    complain_of_fullness(source);
    return false;
}

static void take_off(struct source_driver *source)
{
    struct parcel *parcel = source->ready;
    struct source_ring *ring = &source->rings[parcel->lane];
    ring->newest = ring->newest == parcel ? NULL : ring->newest;
    source->ready = parcel->next;
    source->ready_count--;
    if (!source->ready)
        source->ready_tail = &source->ready;
    parcel_free(parcel);
}

// False: it has to stay.
static bool append(struct source_driver *source, const struct parcel *parcel)
{
    struct source_buffer *buffer = source->buffer;
    struct error err = ERROR_INIT;
    struct image image;
    uint32_t count;
    image_init(&image, JOURNAL_ENTRY_MAX);
    int rc = buffer_encode(source, parcel, &image, &count);
    bool room = !rc && has_room(source, image.bytes.len);
    struct iovec part = {image.bytes.data, image.bytes.len};
    if (rc)
        rc = error_nomem(&err);
    else if (room)
        rc = journal_append(buffer->journal, &part, 1, count, 0, NULL, &err);
    image_deinit(&image);
    if (rc)
        wait_for_disk(source, &err);
    if (!rc && room && !buffer->unsynced)
        buffer->unsynced_ns = now_ns(source);
    if (!rc && room)
        buffer->unsealed = buffer->unsynced = true;
    return !rc && room;
}

static bool seal(struct source_driver *source)
{
    struct source_buffer *buffer = source->buffer;
    struct error err = ERROR_INIT;
    bool sync = buffer->unsynced && now_ns(source) - buffer->unsynced_ns >= buffer->sync_ns;
    int rc = sync               ? journal_sync(buffer->journal, &err)
             : buffer->unsealed ? journal_seal(buffer->journal, &err)
                                : 0;
    if (rc) {
        wait_for_disk(source, &err);
        return false;
    }
    buffer->unsealed = false;
    buffer->unsynced = buffer->unsynced && !sync;
    return true;
}

bool buffer_take_in(struct source_driver *source)
{
    struct source_buffer *buffer = source->buffer;
    if (buffer->retry_ns && now_ns(source) < buffer->retry_ns && !buffer->any_room)
        return false;
    int64_t failed = buffer->retry_ns;
    while (source->ready) {
        bool none = source->ready->kind == PARCEL_NONE; // splits say that for themselves
        if (!none && !append(source, source->ready))
            break;
        take_off(source);
    }
    if (!seal(source) || source->ready)
        return false;
    if (failed)
        log_line(LOG_INFO, source->driver.ctx.node, "buffer: the disk takes it again");
    buffer->retry_ns = 0;
    return true;
}
