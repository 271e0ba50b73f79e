// SPDX-License-Identifier: MIT
#include "record/framing_kinds.h"
#include "record/msgpack.h"

// A value of MessagePack says itself where it ends: each head tells how many bytes and how many
// values belong to it. `pending` counts the values that are still to come, so that neither depth
// nor size cost memory.

enum { PENDING_MAX_BITS = 60 };

// Bytes behind the head; *more: values behind it.
static uint64_t behind(const struct msgpack_item *item, uint64_t *more)
{
    *more = item->kind == MSGPACK_ARRAY ? item->size
            : item->kind == MSGPACK_MAP ? 2 * (uint64_t)item->size
                                        : 0;
    bool bytes =
        item->kind == MSGPACK_STR || item->kind == MSGPACK_BIN || item->kind == MSGPACK_EXT;
    return bytes ? item->size : 0;
}

enum scan { SCAN_MORE, SCAN_DONE, SCAN_NEVER };

// Goes on from `scanned` as far as the bytes go, or to the end of the value.
static enum scan scan(struct framer *framer, const char *bytes, size_t len)
{
    if (!framer->pending && !framer->skip)
        framer->pending = 1;
    for (;;) {
        size_t left = len - framer->scanned;
        size_t gone = framer->skip < left ? (size_t)framer->skip : left;
        framer->skip -= gone;
        framer->scanned += gone;
        if (framer->skip)
            return SCAN_MORE;
        if (!framer->pending)
            return SCAN_DONE;
        struct msgpack_item item;
        uint32_t head = msgpack_head(bytes + framer->scanned, len - framer->scanned, &item);
        if (!head)
            return SCAN_MORE;
        uint64_t more;
        framer->skip = behind(&item, &more);
        framer->pending += more - 1;
        if (item.kind == MSGPACK_NEVER || framer->pending >> PENDING_MAX_BITS)
            return SCAN_NEVER;
        framer->scanned += head;
    }
}

// Where nothing more is known. A message that was refused already is not told of twice.
static int lose(struct framer *framer, size_t len, struct frame *frame, struct error *err)
{
    framer->lost = true;
    if (!framer->skipping && framer->scanned > framer->max)
        return framing_too_long(framer, frame, len, err);
    frame->used = len;
    if (framer->skipping)
        return 0;
    return error_set(err, ERR_DATA, "byte %zu of a message: expected a type of MessagePack",
                     framer->scanned);
}

// Of a refused message: what has come of it goes.
static int pass(struct framer *framer, size_t len, int at_end, struct frame *frame)
{
    frame->used = at_end ? len : framer->scanned;
    framer->scanned = 0;
    return 0;
}

static int next(struct framer *framer, const char *bytes, size_t len, int at_end,
                struct frame *frame, struct error *err)
{
    enum scan result = scan(framer, bytes, len);
    size_t size = framer->scanned;
    if (result == SCAN_NEVER)
        return lose(framer, len, frame, err);
    if (framer->skipping) {
        framer->skipping = result == SCAN_MORE;
        return pass(framer, len, result == SCAN_MORE && at_end, frame);
    }
    if (size + framer->skip > framer->max) {
        framer->skipping = result == SCAN_MORE;
        return framing_too_long(framer, frame, size, err);
    }
    if (result == SCAN_DONE)
        return framing_take(framer, bytes, size, size, frame);
    return at_end ? framing_cut_off(frame, len, err) : 0;
}

int framing_next_msgpack(struct framer *framer, const char *bytes, size_t len, int at_end,
                         struct frame *frame, struct error *err)
{
    if (framer->lost) {
        frame->used = len;
        return 0;
    }
    if (!len)
        return 0;
    size_t passed = 0;
    if (framer->skipping) {
        (void)next(framer, bytes, len, at_end, frame, err);
        passed = frame->used;
        if (framer->skipping || framer->lost || passed == len)
            return 0;
        *frame = (struct frame){0};
    }
    int result = next(framer, bytes + passed, len - passed, at_end, frame, err);
    frame->used += passed;
    frame->skipped = passed;
    return result;
}
