// SPDX-License-Identifier: MIT
#include "record/json_layout.h"
#include "support/unit.h"
#include "unit/record/mutate.h"
#include "unit/record/paths.h"
#include <jansson.h>
#include <sys/mman.h>
#include <unistd.h>

// All paths of the reader must say the same of every text, and the same as jansson.

enum { MUTANTS = 60000, HINT_MUTANTS = 40000, STORM_MUTANTS = 20000 };

static bool same_spans(const struct record *a, const struct record *b)
{
    if (a->wire != b->wire || a->shape != b->shape || a->flags != b->flags)
        return false;
    for (uint32_t i = 0; i < a->wire; i++) {
        struct span x = a->spans[i], y = b->spans[i];
        if (x.name_at != y.name_at || x.at != y.at || x.len != y.len || x.kind != y.kind)
            return false;
    }
    return true;
}

static void complain(const struct reading *reading, const char *text, size_t len, const char *what)
{
    fprintf(stderr, "\n  %s (path %d): %s: <<%.*s>>\n", reading->name, (int)reading->path, what,
            (int)len, text);
}

// Reads by every path; the scalar one decides. Its code and, in *first, its record.
static int read_all(struct lane *lane, const char *text, size_t len, struct record **first)
{
    int code = 0;
    for (size_t i = 0; i < READINGS; i++) {
        struct record *record;
        if (!use_reading(lane, &readings[i]))
            continue;
        int own = lane_read(lane, text, len, readings[i].padded ? CHUNK_PAD : 0, &record);
        if (i == 0) {
            code = own;
            *first = record;
            continue;
        }
        bool same = own == code && (code || same_spans(record, *first));
        CU_ASSERT(same);
        if (!same)
            complain(&readings[i], text, len, "not what the scalar path found");
    }
    return code;
}

static bool same_value(struct lane *lane, struct value value, const json_t *json);

// Member by member, by way of nodes: what scripts see.
static bool same_node(struct lane *lane, struct value value, const json_t *json)
{
    struct node *around = node_new(lane->batch, true);
    if (!around || node_set_at(lane->batch, around, 0, value))
        return false;
    struct node *node = node_enter_member(lane->batch, around, 0);
    if (!node || (node->is_array ? !json_is_array(json) || json_array_size(json) != node->count
                                 : !json_is_object(json)))
        return false;
    for (uint32_t i = 0; i < node->count; i++) {
        const struct node_member *member = &node->members[i];
        if (member->name && memchr(member->name, '\0', member->name_len))
            continue;
        struct value inner = node->is_array
                                 ? node_at(lane->batch, node, i)
                                 : node_get(lane->batch, node, member->name, member->name_len);
        if (!same_value(lane, inner,
                        node->is_array ? json_array_get(json, i)
                                       : json_object_getn(json, member->name, member->name_len)))
            return false;
    }
    return true;
}

static bool same_value(struct lane *lane, struct value value, const json_t *json)
{
    switch ((enum value_type)value.type) {
    case VALUE_NULL:
        return json_is_null(json);
    case VALUE_BOOL:
        return json_is_boolean(json) && json_is_true(json) == value.b;
    case VALUE_INT:
        return json_is_integer(json) && json_integer_value(json) == value.i;
    case VALUE_FLOAT: // -0 is an integer to jansson
        return json_is_number(json) && json_number_value(json) == value.f;
    case VALUE_STRING:
        return json_is_string(json) && json_string_length(json) == value.len &&
               memcmp(json_string_value(json), value.bytes, value.len) == 0;
    case VALUE_ARRAY:
    case VALUE_OBJECT: {
        buf_clear(&lane->out);
        if (json_write_value(value, &lane->out, NULL))
            return false;
        json_t *again =
            json_loadb(lane->out.data, lane->out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        bool same = again && json_equal(again, json);
        json_decref(again);
        return same && same_node(lane, value, json);
    }
    case VALUE_UNSET:
    case VALUE_ABSENT:
        break;
    }
    return false;
}

static bool same_members(struct lane *lane, struct record *record, const json_t *json)
{
    if (record->flags & RECORD_WHOLE)
        return same_value(lane, record_get(lane->batch, record, 0), json);
    for (uint32_t i = 0; i < record->wire; i++) {
        const struct shape_name *name = &record->shape->names[i];
        struct value value = record_name(lane->batch, record, name->bytes, name->len);
        if (!memchr(name->bytes, '\0', name->len) &&
            !same_value(lane, value, json_object_getn(json, name->bytes, name->len)))
            return false;
    }
    return true;
}

static void check_against_jansson(struct lane *lane, const char *text, size_t len, int code,
                                  struct record *record)
{
    json_error_t error;
    json_t *json = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    // Differences: jansson ends at a NUL byte, and refuses integers beyond int64 and names with a
    // NUL in them.
    bool apart = memchr(text, '\0', len) ||
                 (!json && (json_error_code(&error) == json_error_numeric_overflow ||
                            json_error_code(&error) == json_error_null_byte_in_key));
    bool same =
        apart || ((json != NULL) == (code == 0) && (code || same_members(lane, record, json)));
    CU_ASSERT(same);
    if (!same)
        complain(&readings[0], text, len, json ? "jansson reads it otherwise" : error.text);
    json_decref(json);
}

static void test_mutants(void)
{
    struct lane lane;
    struct mutator mutator = {.state = 0x9e3779b97f4a7c15ull};
    size_t valid = 0;
    lane_init(&lane);
    for (int i = 0; i < MUTANTS; i++) {
        struct record *record = NULL;
        lane_room(&lane, READINGS);
        mutator_next(&mutator, 3);
        int code = read_all(&lane, mutator.text, mutator.len, &record);
        valid += code == 0;
        check_against_jansson(&lane, mutator.text, mutator.len, code, record);
    }
    CU_ASSERT(valid > MUTANTS / 5); // both sorts were there
    CU_ASSERT(valid < MUTANTS * 4 / 5);
    lane_deinit(&lane);
}

// A layout is learned from one text and tried on a changed one: what it takes, the scalar path must
// take, with the same spans.
static void check_hint(struct lane *lane, const struct json_fast *fast, const char *seed,
                       const struct mutator *mutant, size_t *taken)
{
    static const struct json_limits limits = JSON_LIMITS_DEFAULT;
    static struct span spans[LEAVES_MAX + 1];
    static uint32_t starts[LEAVES_MAX + 1];
    struct record *of_seed, *record;
    use_reading(lane, &readings[0]);
    int code = lane_read(lane, mutant->text, mutant->len, 0, &record);
    CU_ASSERT_EQUAL_FATAL(lane_read(lane, seed, strlen(seed), 0, &of_seed), 0);
    if (of_seed->flags & RECORD_WHOLE)
        return;
    struct json_layout *layout = json_layout_new(of_seed->raw, of_seed->raw_len, of_seed, &limits);
    CU_ASSERT_PTR_NOT_NULL_FATAL(layout);
    const char *text = lane_text(lane, mutant->text, mutant->len, CHUNK_PAD);
    if (fast->hint(layout, text, (uint32_t)mutant->len, spans, starts)) {
        struct record hinted = {.spans = spans,
                                .wire = (uint16_t)layout->slots,
                                .shape = layout->shape,
                                .flags = layout->flags};
        bool same = code == 0;
        same = same && same_spans(&hinted, record);
        CU_ASSERT(same);
        if (!same)
            complain(&readings[0], mutant->text, mutant->len, "a layout took it");
        ++*taken;
    }
    json_layout_free(layout);
}

static void test_hints(void)
{
    static const char *const names[] = {"sse2", "avx2", "avx512"};
    struct lane lane;
    struct mutator mutator = {.state = 12345};
    size_t taken = 0;
    lane_init(&lane);
    for (int i = 0; i < HINT_MUTANTS; i++) {
        const struct json_fast *fast = json_fast_named(names[i % 3]);
        uint64_t before = mutator.state;
        lane_room(&lane, 4);
        mutator_next(&mutator, 0);
        mutator.text[mutator.len] = '\0';
        char seed[MUTANT_MAX];
        memcpy(seed, mutator.text, mutator.len + 1);
        mutator.state = before;
        mutator_below(&mutator, 2); // another way on from the same seed
        mutator_change(&mutator);
        if (fast)
            check_hint(&lane, fast, seed, &mutator, &taken);
    }
    CU_ASSERT(!json_fast_best() || taken > HINT_MUTANTS / 100);
    lane_deinit(&lane);
}

// In a storm of errors, with a layout learned from the text that was changed.
static void check_storm(struct lane *lane, const char *seed, const struct mutator *mutant)
{
    struct record *record;
    struct error wanted = ERROR_INIT;
    use_reading(lane, &readings[0]);
    int code = lane_read(lane, mutant->text, mutant->len, 0, &record);
    wanted = lane->err;
    for (size_t i = 0; i < READINGS; i++) {
        if (readings[i].path != JSON_PATH_AUTO || !use_reading(lane, &readings[i]))
            continue;
        CU_ASSERT_EQUAL_FATAL(lane_read(lane, seed, strlen(seed), CHUNK_PAD, &record), 0);
        lane->reader->refused = JSON_STORM;
        error_clear(&lane->err);
        bool same = lane_read(lane, mutant->text, mutant->len, CHUNK_PAD, &record) == code &&
                    (!code || strcmp(lane->err.text, wanted.text) == 0);
        CU_ASSERT(same);
        if (!same)
            complain(&readings[i], mutant->text, mutant->len, wanted.text);
    }
}

static void test_storms(void)
{
    struct lane lane;
    struct mutator mutator = {.state = 4711};
    lane_init(&lane);
    for (int i = 0; i < STORM_MUTANTS; i++) {
        uint64_t before = mutator.state;
        lane_room(&lane, 2 * READINGS);
        mutator_next(&mutator, 0);
        mutator.text[mutator.len] = '\0';
        char seed[MUTANT_MAX];
        memcpy(seed, mutator.text, mutator.len + 1);
        mutator.state = before;
        mutator_below(&mutator, 2); // another way on from the same seed
        mutator_change(&mutator);
        check_storm(&lane, seed, &mutator);
    }
    lane_deinit(&lane);
}

// The text ends where the readable memory ends, but for the pad.
static void check_at_border(struct lane *lane, char *border, const char *text, size_t len)
{
    for (size_t i = 0; i < READINGS; i++) {
        if (!use_reading(lane, &readings[i]))
            continue;
        size_t pad = readings[i].padded ? CHUNK_PAD : 0;
        char *at = border - pad - len;
        memcpy(at, text, len);
        memset(at + len, '"', pad);
        for (size_t cut = 0; cut <= len; cut++) {
            lane_room(lane, 2);
            // The front goes away: the whole must be read again with hints learned.
            struct record *record = batch_add(lane->batch);
            json_read(lane->reader, lane->batch, at + cut, len - cut, pad, record, NULL);
            // The end goes away: what is cut off is moved behind the border.
            memmove(at + cut, text, len - cut);
            record = batch_add(lane->batch);
            json_read(lane->reader, lane->batch, at + cut, len - cut, pad, record, NULL);
            memcpy(at, text, len);
        }
    }
}

static void test_never_reads_beyond(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct lane lane;
    CU_ASSERT_FATAL(pages != MAP_FAILED);
    CU_ASSERT_EQUAL_FATAL(mprotect(pages + page, page, PROT_NONE), 0);
    lane_init(&lane);
    for (size_t i = 0; i < sizeof mutation_seeds / sizeof *mutation_seeds; i++)
        for (int round = 0; round < 2; round++)
            check_at_border(&lane, pages + page, mutation_seeds[i], strlen(mutation_seeds[i]));
    struct mutator mutator = {.state = 77};
    for (int i = 0; i < 200; i++) {
        mutator_next(&mutator, 4);
        check_at_border(&lane, pages + page, mutator.text, mutator.len);
    }
    lane_deinit(&lane);
    munmap(pages, 2 * page);
}

// What stays the same between records is compared only; what changes is taken from the new one.
static void test_layouts_follow_the_stream(void)
{
    static const char *const stream[] = {
        "{\"a\":1,\"b\":\"x\"}",         "{\"a\":22,\"b\":null}",
        "{\"b\":\"y\",\"a\":3}",         "{\"a\":-0.5,\"b\":\"long enough to need a second load\"}",
        "{\"a\":{\"c\":1},\"b\":[1,2]}", "{\"a\":{\"c\":[2]},\"b\":[]}",
        "{\"a\":{\"c\":3},\"b\":[{}]}",  "{\"a\":true,\"b\":false}",
        "{\"a\":1,\"b\":2,\"c\":3}",     "{ \"a\" : 1 , \"b\" : 2 }",
    };
    enum { TEXTS = sizeof stream / sizeof *stream };
    struct lane lane;
    struct mutator mutator = {.state = 5};
    lane_init(&lane);
    for (int i = 0; i < 5000; i++) {
        const char *text = stream[i < 2500 ? (uint32_t)i % TEXTS : mutator_below(&mutator, TEXTS)];
        struct record *record = NULL;
        lane_room(&lane, READINGS);
        CU_ASSERT_EQUAL(read_all(&lane, text, strlen(text), &record), 0);
    }
    lane_deinit(&lane);
}

static CU_TestInfo cases[] = {
    {"all paths and jansson agree on mutated documents", test_mutants},
    {"a layout takes nothing that is not JSON", test_hints},
    {"a storm of errors changes none of them", test_storms},
    {"no path reads beyond its pad", test_never_reads_beyond},
    {"layouts follow a changing stream", test_layouts_follow_the_stream},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("json paths", cases))
