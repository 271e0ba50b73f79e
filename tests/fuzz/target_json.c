// SPDX-License-Identifier: MIT
#include "fuzz/json_same.h"
#include "fuzz/stand.h"
#include "record/json_reader.h"
#ifdef HAVE_SIMDJSON
#include "unit/record/simdjson_shim.h"
#endif

// Texts, between bytes 0x1e: each is read on every path (scalar, and with each set of instructions
// by bitmap, then by hint as the second of its kind), by jansson and, if it is there, simdjson:
// accepted by all or by none, refused with the same words, read as the same values, and written so
// that jansson reads them back.

enum { TEXTS_MAX = 8, SEPARATOR = 0x1e };

struct way {
    const char *fast; // NULL: none
    enum json_path path;
};

static const struct way ways[] = {
    {NULL, JSON_PATH_SCALAR},   {"sse2", JSON_PATH_BITMAP}, {"sse2", JSON_PATH_AUTO},
    {"avx2", JSON_PATH_BITMAP}, {"avx2", JSON_PATH_AUTO},   {"avx512", JSON_PATH_BITMAP},
    {"avx512", JSON_PATH_AUTO},
};

struct text {
    const uint8_t *bytes;
    size_t len;
    json_t *theirs;    // NULL: refused
    bool unknown;      // they do not say
    struct error ours; // as the scalar path says
};

static void ask_jansson(struct text *text)
{
    json_error_t error;
    text->theirs = json_loadb((const char *)text->bytes, text->len,
                              JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error);
    if (text->theirs && text->len && memchr(text->bytes, 0, text->len)) {
        json_decref(text->theirs); // jansson overlooks a NUL behind a number or a word
        text->theirs = NULL;
    }
    text->unknown = !text->theirs && json_error_code(&error) == json_error_null_byte_in_key;
}

#ifdef HAVE_SIMDJSON
static void ignore_word(void *arg, char kind)
{
    (void)arg, (void)kind;
}

static void ignore_integer(void *arg, long long value)
{
    (void)arg, (void)value;
}

static void ignore_number(void *arg, double value)
{
    (void)arg, (void)value;
}

static void ignore_string(void *arg, char kind, const char *text, size_t len)
{
    (void)arg, (void)kind, (void)text, (void)len;
}

// Newer ones pass over a byte order mark.
static void check_simdjson(const struct text *text, int code)
{
    static const struct simdjson_teller nobody = {NULL, ignore_word, ignore_integer, ignore_number,
                                                  ignore_string};
    if (text->len >= 3 && memcmp(text->bytes, "\xef\xbb\xbf", 3) == 0)
        return;
    int theirs = simdjson_tell((const char *)text->bytes, text->len, &nobody);
    PROMISE(theirs < 0 || (theirs > 0) == (code == 0));
}
#else
static void check_simdjson(const struct text *text, int code)
{
    (void)text, (void)code;
}
#endif

static uint32_t split(struct text *texts, const uint8_t *data, size_t size)
{
    uint32_t count = 0;
    while (count < TEXTS_MAX) {
        const uint8_t *end = size ? memchr(data, SEPARATOR, size) : NULL;
        size_t len = end ? (size_t)(end - data) : size;
        texts[count] = (struct text){.bytes = data, .len = len};
        ask_jansson(&texts[count++]);
        if (!end)
            break;
        data += len + 1;
        size -= len + 1;
    }
    return count;
}

static void check_written(struct stand *stand, const struct record *record, const json_t *wanted)
{
    const char *text = stand_json(stand, record);
    json_t *back = stand_their_tree(text, stand->out.len);
    PROMISE_OF(!back || json_equal(back, wanted), text);
    json_decref(back);
}

// Entering changes nothing; a member more, and one less, and they read the rest as before.
static void check_changed(struct stand *stand, struct record *record, json_t *theirs)
{
    check_written(stand, record, theirs);
    if (!json_is_object(theirs))
        return;
    json_t *tree = json_copy(theirs);
    PROMISE(record_set_name(stand->batch, record, "new", 3, value_float(0.1)) == 0);
    PROMISE(tree && json_object_set_new(tree, "new", json_real(0.1)) == 0);
    check_written(stand, record, tree);
    const char *name = json_object_iter_key(json_object_iter(tree));
    PROMISE(record_set_name(stand->batch, record, name, (uint32_t)strlen(name), value_absent()) ==
            0);
    PROMISE(json_object_del(tree, name) == 0);
    check_written(stand, record, tree);
    json_decref(tree);
}

static void check_read(struct stand *stand, struct json_reader *reader, const struct way *way,
                       struct text *text)
{
    size_t pad = way->fast ? CHUNK_PAD : 0;
    struct record *record = stand_record(stand);
    const char *copy = stand_text(stand, text->bytes, text->len, pad);
    error_clear(&stand->err);
    int code = json_read(reader, stand->batch, copy, text->len, pad, record, &stand->err);
    if (!way->fast)
        text->ours = stand->err;
    PROMISE_OF(code == 0 || stand->err.len > 0, "no words");
    PROMISE_OF(strcmp(stand->err.text, text->ours.text) == 0, stand->err.text);
    if (code == ERR_LIMIT)
        return;
    if (!way->fast) // the others say the same
        check_simdjson(text, code);
    if (text->unknown)
        return;
    PROMISE_OF((code == 0) == (text->theirs != NULL), code ? stand->err.text : copy);
    if (code)
        return;
    json_check_record(stand->batch, record, text->theirs);
    check_changed(stand, record, text->theirs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text texts[TEXTS_MAX];
    struct stand stand;
    uint32_t count = split(texts, data, size);
    stand_open(&stand);
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        const struct json_fast *fast = ways[w].fast ? json_fast_named(ways[w].fast) : NULL;
        if (ways[w].fast && !fast)
            continue; // not on this processor
        struct json_reader *reader = json_reader_new(stand.shapes, NULL);
        PROMISE(reader != NULL);
        reader->fast = fast;
        reader->path = ways[w].path;
        for (uint32_t i = 0; i < 2 * count; i++)
            check_read(&stand, reader, &ways[w], &texts[i % count]);
        json_reader_free(reader);
    }
    stand_close(&stand);
    for (uint32_t i = 0; i < count; i++)
        json_decref(texts[i].theirs);
    return 0;
}
