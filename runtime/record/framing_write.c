// SPDX-License-Identifier: MIT
#include "record/framing.h"
#include <stdio.h>

// Which bytes go in front of a message.

static size_t put_varint(uint64_t n, char *out)
{
    size_t at = 0;
    for (; n >= 0x80; n >>= 7)
        out[at++] = (char)(n | 0x80);
    out[at++] = (char)n;
    return at;
}

static size_t put_fixed(const struct framing_options *options, uint64_t n, char *out)
{
    for (uint32_t i = 0; i < options->prefix; i++) {
        uint32_t at = options->little_endian ? i : options->prefix - 1 - i;
        out[at] = (char)(n >> (8 * i));
    }
    return options->prefix;
}

int framing_put_prefix(const struct framing_options *options, size_t len,
                       char out[FRAMING_PREFIX_MAX], size_t *used, struct error *err)
{
    *used = 0;
    if (options->kind == FRAMING_OCTET)
        *used = (size_t)snprintf(out, FRAMING_PREFIX_MAX, "%zu ", len);
    else if (options->kind == FRAMING_LENGTH && !options->prefix)
        *used = put_varint(len, out);
    else if (options->kind == FRAMING_LENGTH && options->prefix < 8 &&
             (uint64_t)len >> (8 * options->prefix))
        return error_set(err, ERR_LIMIT, "the record of %zu bytes is too long for a length of %u",
                         len, options->prefix);
    else if (options->kind == FRAMING_LENGTH)
        *used = put_fixed(options, len, out);
    return 0;
}
