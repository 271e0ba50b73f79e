// SPDX-License-Identifier: MIT
#include "record/framing_kinds.h"

// Messages behind their length: a binary prefix, or decimal digits.

enum { VARINT_BYTES = 10, OCTET_DIGITS = 10 };

static uint64_t fixed(const struct framing_options *options, const unsigned char *p)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < options->prefix; i++)
        n = n << 8 | p[options->little_endian ? options->prefix - 1 - i : i];
    return n;
}

// Each reads the prefix of bytes[0..len): its length, 0 when more bytes are needed, or ERR_DATA.

static int read_varint(const unsigned char *p, size_t len, uint64_t *out, struct error *err)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < VARINT_BYTES; i++) {
        if (i == len)
            return 0;
        if (i == VARINT_BYTES - 1 && p[i] > 1)
            break;
        n |= (uint64_t)(p[i] & 0x7f) << (7 * i);
        if (p[i] < 0x80) {
            *out = n;
            return (int)i + 1;
        }
    }
    return error_set(err, ERR_DATA, "expected a length as a varint of 64 bits, found a longer one");
}

static int read_digits(const char *bytes, size_t len, uint64_t *out, struct error *err)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < len && i <= OCTET_DIGITS; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c == ' ' && i) {
            *out = n;
            return (int)i + 1;
        }
        if (c < (i ? '0' : '1') || c > '9')
            return error_set(err, ERR_DATA,
                             "expected the length of a message in digits and a space, found "
                             "0x%02x",
                             c);
        n = n * 10 + (uint64_t)(c - '0');
    }
    if (len <= OCTET_DIGITS)
        return 0;
    return error_set(err, ERR_DATA, "expected the length of a message, found more than %d digits",
                     OCTET_DIGITS);
}

static int read_prefix(const struct framer *framer, const char *bytes, size_t len, uint64_t *out,
                       struct error *err)
{
    const struct framing_options *options = &framer->options;
    if (options->kind == FRAMING_OCTET)
        return read_digits(bytes, len, out, err);
    if (!options->prefix)
        return read_varint((const unsigned char *)bytes, len, out, err);
    if (len < options->prefix)
        return 0;
    *out = fixed(options, (const unsigned char *)bytes);
    return (int)options->prefix;
}

// Takes what is left of a refused message off the front; the bytes that went.
static size_t skip_rest(struct framer *framer, size_t len)
{
    size_t gone = framer->skip < len ? (size_t)framer->skip : len;
    framer->skip -= gone;
    return gone;
}

static int next(struct framer *framer, const char *bytes, size_t len, int at_end,
                struct frame *frame, struct error *err)
{
    if (!len)
        return 0;
    uint64_t size = 0;
    int prefix = read_prefix(framer, bytes, len, &size, err);
    if (prefix < 0) {
        framer->lost = true;
        *frame = (struct frame){.used = len};
        return prefix;
    }
    if (!prefix)
        return at_end ? framing_cut_off(frame, len, err) : 0;
    size_t left = len - (size_t)prefix;
    if (size > framer->max) {
        framer->skip = size;
        return framing_too_long(framer, frame, (size_t)prefix + skip_rest(framer, left), err);
    }
    if (left < size)
        return at_end ? framing_cut_off(frame, len, err) : 0;
    return framing_take(framer, bytes + prefix, (size_t)size, (size_t)prefix + (size_t)size, frame);
}

int framing_next_counted(struct framer *framer, const char *bytes, size_t len, int at_end,
                         struct frame *frame, struct error *err)
{
    if (framer->lost) {
        frame->used = len;
        return 0;
    }
    size_t skipped = skip_rest(framer, len); // of one kind or of the other
    if (framer->skipping && !framing_skip_line(framer, bytes, len, at_end, &skipped)) {
        frame->used = skipped;
        return 0;
    }
    bool line = framer->options.kind == FRAMING_OCTET && skipped < len && bytes[skipped] == '<';
    int result = line
                     ? framing_next_line(framer, bytes + skipped, len - skipped, at_end, frame, err)
                     : next(framer, bytes + skipped, len - skipped, at_end, frame, err);
    frame->used += skipped;
    frame->skipped = skipped;
    return result;
}
