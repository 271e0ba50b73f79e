// SPDX-License-Identifier: MIT
#include "fuzz/stand.h"

// The decoders without a target of their own. The first byte names one: 's'yslog, 'l'ogfmt,
// 't'ext, 'm'sgpack ('M': its bin as base64), 'r': a regular expression for access logs, 'R': the
// one in the first line, 'j'son. The message may stand at the end of the memory, and the second is
// read by what was learned from the first: records and errors are the same. Records are JSON, and
// the same when they went through MessagePack.

static const char access_log[] = "^(?<host>\\S+) \\S+ (?<user>\\S+) \\[(?<at>[^\\]]+)\\] "
                                 "\"(?<method>\\w+) (?<path>[^\" ]*)[^\"]*\" (?<status>\\d+) "
                                 "(?<bytes>\\d+|-)(?: \"(?<agent>(?:[^\"\\\\]|\\\\.)*)\")?$";

static bool choose(uint8_t letter, struct codec_options *options)
{
    static const struct {
        char letter;
        const char *name;
    } names[] = {{'s', "syslog"},  {'l', "logfmt"}, {'t', "text"},  {'m', "msgpack"},
                 {'M', "msgpack"}, {'r', "regex"},  {'R', "regex"}, {'j', "json"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].letter == (char)letter) {
            options->name = names[i].name;
            options->msgpack.bin_base64 = letter == 'M';
            options->regex.pattern = access_log;
            return true;
        }
    return false;
}

// As a tree, and through the encoder and the decoder of MessagePack once more.
static void check_packed(struct stand *stand, const struct record *record, const char *json)
{
    json_t *tree = stand_their_tree(json, strlen(json)), *back;
    struct codec_options options = CODEC_OPTIONS_DEFAULT;
    struct encoder *encoder;
    struct decoder *decoder;
    struct buf packed;
    const char *bytes;
    size_t len;
    options.name = "msgpack";
    buf_init(&packed, 64 << 20);
    PROMISE(encoder_open(&encoder, &options, &stand->err) == 0);
    PROMISE(decoder_open(&decoder, &options, stand->shapes, NULL, &stand->err) == 0);
    struct record *copy = stand_record(stand);
    *copy = *record;
    int code = encoder->encode(encoder, stand->batch, copy, &packed, &bytes, &len, &stand->err);
    PROMISE_OF(code == 0, stand->err.text);
    if (bytes)
        PROMISE(buf_append(&packed, bytes, len) == 0);
    const char *again = stand_decode(stand, decoder, packed.data, packed.len, 0);
    PROMISE_OF(*again && *again != '!', again);
    back = stand_their_tree(again, stand->out.len);
    if (tree && !json_is_object(tree) && json_is_object(back)) // a lone value is a record's member
        tree = json_pack("{so}", "value", tree);
    PROMISE_OF(!tree || !back || json_equal(tree, back), again);
    json_decref(tree);
    json_decref(back);
    encoder->free(encoder);
    decoder->free(decoder);
    buf_deinit(&packed);
}

static void check(struct stand *stand, struct decoder *decoder, const uint8_t *bytes, size_t size)
{
    static const size_t pads[] = {CHUNK_PAD, 0, CHUNK_PAD};
    char *first = strdup(stand_decode(stand, decoder, bytes, size, 0));
    PROMISE(first != NULL);
    if (*first && *first != '!')
        check_packed(stand, &stand->batch->records[stand->batch->count - 1], first);
    for (size_t i = 0; i < sizeof pads / sizeof *pads; i++) {
        const char *again = stand_decode(stand, decoder, bytes, size, pads[i]);
        PROMISE_OF(strcmp(first, again) == 0, again);
    }
    free(first);
}

// 'R': the expression is what stands in front of the first line break. False: there is none.
static bool take_pattern(struct stand *stand, const uint8_t **data, size_t *size,
                         struct codec_options *options)
{
    const uint8_t *end = memchr(*data, '\n', *size);
    if (!end || memchr(*data, 0, (size_t)(end - *data)))
        return false;
    size_t len = (size_t)(end - *data);
    char *pattern = (char *)(uintptr_t)stand_text(stand, *data, len + 1, 0);
    pattern[len] = 0;
    options->regex.pattern = pattern;
    options->regex.match_limit = 1000;
    *data += len + 1;
    *size -= len + 1;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct codec_options options = CODEC_OPTIONS_DEFAULT;
    struct stand stand;
    struct decoder *decoder;
    if (!size || !choose(data[0], &options))
        return 0;
    bool given = data[0] == 'R';
    data++;
    size--;
    stand_open(&stand);
    bool there = !given || take_pattern(&stand, &data, &size, &options);
    int code = there ? decoder_open(&decoder, &options, stand.shapes, NULL, &stand.err) : ERR_INPUT;
    if (code == 0) {
        check(&stand, decoder, data, size);
        decoder->free(decoder);
    } else {
        PROMISE_OF(given && (!there || stand.err.len > 0), stand.err.text);
    }
    stand_close(&stand);
    return 0;
}
