// SPDX-License-Identifier: MIT
#pragma once
#include "record/json.h"
#include "record/shape_build.h"

// The reader from inside: what its paths share. A path goes over the text and leaves what it found
// in the reader's scratch (`json_found`); json_reader.c makes a record of it. The fast paths only
// say yes or no: what they refuse is read again by the scalar path, which alone words errors and so
// has the last word. They may tell which member of the outer object they did not like: the scalar
// path then begins there. Where several texts in a row were no JSON at all, the next one goes from
// its layout, which tells quickly how far it is good, to the scalar path.

enum { JSON_DEPTH_MAX = 1024, JSON_SIZE_MAX = (1 << 28) - 1, JSON_LAYOUTS = 8 };
enum { JSON_STORM = 4 }; // so many in a row that were refused

struct json_layout;

struct json_found {
    struct span *spans;
    struct shape_name *names; // raw bytes; hash unused
    uint32_t count;
    uint32_t cap;
    uint16_t flags;     // RECORD_WHOLE, RECORD_LINES
    bool escaped_names; // some name has escapes
    bool guessed;       // all names are those of the reader's `guess`, in its order
};

enum json_path { JSON_PATH_AUTO, JSON_PATH_BITMAP, JSON_PATH_SCALAR };

// The paths that are made for one kind of processor.
struct json_fast {
    const char *name;
    bool (*bitmap)(struct json_reader *reader, const char *text, uint32_t len);
    // Fills `spans` (one more than the layout has slots) and `starts` (one more than it has leaves:
    // where each leaf's prefix starts). False: the text is another one; the last of `starts` is how
    // many of the others are filled.
    bool (*hint)(const struct json_layout *layout, const char *text, uint32_t len,
                 struct span *spans, uint32_t *starts);
};

struct json_reader {
    struct shape_table *shapes;
    struct json_limits limits;
    uint16_t flags;               // of every record
    const struct json_fast *fast; // NULL: scalar only
    enum json_path path;          // AUTO but in tests
    struct json_found found;
    const struct shape *guess; // the last shape, if it is interned
    uint32_t *index;           // bitmap path: where tokens start
    size_t index_cap;
    uint32_t depth; // of the value that is being read
    uint32_t members[JSON_DEPTH_MAX + 1];
    char kinds[JSON_DEPTH_MAX + 1]; // '[' or '{'
    struct json_hints *hints;
    uint32_t refused;      // texts since the last one that was read without a layout
    bool good;             // a fast path refused a text that is an object up to
    uint32_t good_at;      // where a member starts, or should,
    uint32_t good_members; // behind so many
    uint32_t error_at;
    const char *expected;
};

extern const struct json_fast json_fast_sse2, json_fast_avx2, json_fast_avx512;

// The best set for this processor; NULL when there is none. By name: for tests.
const struct json_fast *json_fast_best(void);
const struct json_fast *json_fast_named(const char *name);

// 0, ERR_DATA, ERR_LIMIT (error_at and expected set) or ERR_NOMEM.
int json_scalar(struct json_reader *reader, const char *text, uint32_t len);
// From `good_at` on: the error, as json_scalar would tell it. 0: there is none.
int json_scalar_rest(struct json_reader *reader, const char *text, uint32_t len);

int json_found_grow(struct json_reader *reader);

// What number_scan found, as the reader is to see it. False: refused.
static inline bool json_settle_number(enum json_big_ints big_ints, enum span_kind *kind)
{
    if (*kind != SPAN_DIGITS)
        return true;
    if (big_ints == BIG_INTS_FLOAT)
        *kind = SPAN_NUMBER;
    return big_ints != BIG_INTS_ERROR;
}

// 0, or ERR_NOMEM.
static inline int json_found_add(struct json_reader *reader, struct span span,
                                 struct shape_name name)
{
    struct json_found *found = &reader->found;
    if (__builtin_expect(found->count == found->cap, 0) && json_found_grow(reader))
        return ERR_NOMEM;
    found->names[found->count] = name;
    found->spans[found->count++] = span;
    return 0;
}

// Layouts.
struct json_hints *json_hints_new(void);
void json_hints_free(struct json_hints *hints);
// True: the record is done, but for its raw bytes.
bool json_hints_try(struct json_reader *reader, struct batch *batch, const char *text, uint32_t len,
                    struct record *record);
// What the text that was read as `record` looks like, for the next ones.
void json_hints_learn(struct json_reader *reader, const char *text, uint32_t len,
                      const struct record *record);
