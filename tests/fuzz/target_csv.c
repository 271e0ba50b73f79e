// SPDX-License-Identifier: MIT
#include "fuzz/stand.h"
#include "record/framing.h"

// A file of CSV: framed, decoded with and without bytes behind each line, encoded, and decoded
// again: the same records. The first byte chooses the options.

enum { LINES_MAX = 100 };

static const char *const columns[] = {"a", "b", "c"};
static const struct typed_member types[] = {{"a", TYPED_INT}, {"b", TYPED_BOOL}, {"c", TYPED_TEXT}};
static const struct typed_member numbers[] = {{"a", TYPED_NUMBER}};

static const struct csv_options variants[] = {
    {.delimiter = ',', .quote = '"', .header = true},
    {.delimiter = ';', .quote = '\'', .header = true},
    {.delimiter = '\t', .quote = 0, .header = true},
    {.delimiter = ',', .quote = '"', .columns = columns, .column_count = 3},
    {.delimiter = ',', .quote = '"', .header = true, .columns = columns, .column_count = 2},
    {.delimiter = ',',
     .quote = '"',
     .columns = columns,
     .column_count = 3,
     .types = types,
     .type_count = 3},
    {.delimiter = '|',
     .quote = '"',
     .columns = columns,
     .column_count = 1,
     .types = numbers,
     .type_count = 1},
    {.delimiter = ' ', .quote = 0, .columns = columns, .column_count = 2},
};

struct codecs {
    struct codec_options options;
    struct decoder *plain, *padded; // NULL: not to be compared
    struct encoder *encoder;        // NULL: not to be encoded
};

static struct decoder *new_decoder(struct stand *stand, const struct codec_options *options)
{
    struct decoder *decoder;
    PROMISE_OF(decoder_open(&decoder, options, stand->shapes, NULL, &stand->err) == 0,
               stand->err.text);
    return decoder;
}

// The record as a line, at the end of `file`, unless it can be none.
static bool encode(struct stand *stand, struct encoder *encoder, struct buf *file)
{
    struct record *record = &stand->batch->records[stand->batch->count - 1];
    const char *bytes;
    size_t len = 0, before = file->len;
    error_clear(&stand->err);
    int code = encoder->encode(encoder, stand->batch, record, file, &bytes, &len, &stand->err);
    if (code) {
        PROMISE(code == ERR_DATA && stand->err.len > 0);
        file->len = before;
        return false;
    }
    if (bytes)
        PROMISE(buf_append(file, bytes, len) == 0);
    PROMISE(buf_putc(file, '\n') == 0);
    return true;
}

// One line through the codecs; what could be written goes to `records` as JSON.
static void take_line(struct stand *stand, struct codecs *codecs, const char *line, size_t len,
                      json_t *records, struct buf *file)
{
    char *padded = NULL;
    if (codecs->padded) {
        padded = strdup(stand_decode(stand, codecs->padded, line, len, CHUNK_PAD));
        PROMISE(padded != NULL);
    }
    const char *json = stand_decode(stand, codecs->plain, line, len, 0);
    PROMISE_OF(!padded || strcmp(padded, json) == 0, json);
    free(padded);
    if (!*json || *json == '!') {
        PROMISE_OF(codecs->encoder || !*json, json); // what was encoded must be readable
        return;
    }
    json_t *tree = stand_their_tree(json, stand->out.len); // -0 is written -0.0: values count
    if (!codecs->encoder || encode(stand, codecs->encoder, file))
        PROMISE(json_array_append(records, tree ? tree : json_null()) == 0);
    json_decref(tree);
}

static void take_file(struct stand *stand, struct codecs *codecs, const char *bytes, size_t len,
                      json_t *records, struct buf *file)
{
    struct framing_options options = {.kind = FRAMING_CSV,
                                      .delimiter = codecs->options.csv.delimiter,
                                      .quote = codecs->options.csv.quote};
    struct framer framer;
    struct frame frame;
    framer_open(&framer, &options, 1 << 20);
    for (uint32_t i = 0; i < LINES_MAX && framer_next(&framer, bytes, len, 1, &frame, NULL); i++) {
        take_line(stand, codecs, frame.bytes, frame.len, records, file);
        bytes += frame.used;
        len -= frame.used;
    }
}

static void check_round(struct stand *stand, struct codecs *codecs, const char *bytes, size_t len)
{
    json_t *records = json_array(), *again = json_array();
    struct buf file;
    buf_init(&file, 64 << 20);
    PROMISE(records && again);
    take_file(stand, codecs, bytes, len, records, &file);
    struct codecs back = {.options = codecs->options,
                          .plain = new_decoder(stand, &codecs->options)};
    take_file(stand, &back, buf_cstr(&file), file.len, again, NULL);
    back.plain->free(back.plain);
    if (!json_equal(records, again)) {
        char *was = json_dumps(records, 0), *is = json_dumps(again, 0);
        fprintf(stderr, "read:\n%s\nwritten:\n%s\nread again:\n%s\n", was, buf_cstr(&file), is);
        free(was);
        free(is);
    }
    PROMISE(json_equal(records, again));
    json_decref(records);
    json_decref(again);
    buf_deinit(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    struct stand stand;
    struct codecs codecs = {.options = {.name = "csv"}};
    stand_open(&stand);
    codecs.options.csv = variants[data[0] % (sizeof variants / sizeof *variants)];
    codecs.plain = new_decoder(&stand, &codecs.options);
    codecs.padded = new_decoder(&stand, &codecs.options);
    PROMISE(encoder_open(&codecs.encoder, &codecs.options, &stand.err) == 0);
    check_round(&stand, &codecs, (const char *)data + 1, size - 1);
    codecs.plain->free(codecs.plain);
    codecs.padded->free(codecs.padded);
    codecs.encoder->free(codecs.encoder);
    stand_close(&stand);
    return 0;
}
