// SPDX-License-Identifier: MIT
#include "fuzz/stand.h"

// The decoders without a target of their own. The first byte names one: 's'yslog, 'l'ogfmt,
// 't'ext. Again the same message: it may stand at the end of the memory, and the second is
// read by what was learned from the first; records and errors are the same, and records are JSON.

static const char *decoder_name(uint8_t letter)
{
    switch (letter) {
    case 's':
        return "syslog";
    case 'l':
        return "logfmt";
    case 't':
        return "text";
    default:
        return NULL;
    }
}

static void check(struct stand *stand, struct decoder *decoder, const uint8_t *bytes, size_t size)
{
    static const size_t pads[] = {CHUNK_PAD, 0, CHUNK_PAD};
    char *first = strdup(stand_decode(stand, decoder, bytes, size, 0));
    PROMISE(first != NULL);
    if (*first && *first != '!')
        json_decref(stand_their_tree(first, stand->out.len));
    for (size_t i = 0; i < sizeof pads / sizeof *pads; i++) {
        const char *again = stand_decode(stand, decoder, bytes, size, pads[i]);
        PROMISE_OF(strcmp(first, again) == 0, again);
    }
    free(first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *name = size ? decoder_name(data[0]) : NULL;
    if (!name)
        return 0;
    struct codec_options options = CODEC_OPTIONS_DEFAULT;
    struct stand stand;
    struct decoder *decoder;
    options.name = name;
    stand_open(&stand);
    PROMISE_OF(decoder_open(&decoder, &options, stand.shapes, NULL, &stand.err) == 0,
               stand.err.text);
    check(&stand, decoder, data + 1, size - 1);
    decoder->free(decoder);
    stand_close(&stand);
    return 0;
}
