// SPDX-License-Identifier: MIT
// Included after json_fast_value.h. The bitmap path: `index_tokens` finds where tokens start, 64
// bytes at a time; then the tokens are walked, and the grammar is checked from one to the next.
// Before: block_masks(p, masks) and utf8_all(text, len).

struct walk {
    struct json_reader *reader;
    const char *text, *end;
    const uint32_t *token;              // the next one
    uint32_t first_escape, last_escape; // where backslashes stand
};

// The n-th token from here.
static inline char token_char(const struct walk *walk, uint32_t n)
{
    return walk->text[walk->token[n]];
}

// A plain value that starts at the next token, but no string. The value must fill the text up to
// space or the next token.
static inline bool walk_plain(struct walk *walk, struct span *span)
{
    const char *p = walk->text + *walk->token;
    enum span_kind kind;
    const char *stop = *p == '-' || (unsigned char)(*p - '0') <= 9
                           ? number_end(p, walk->end, walk->reader->limits.big_ints, &kind)
                           : literal_end(p, &kind);
    walk->token++;
    if (!stop)
        return false;
    span->at = (uint32_t)(p - walk->text);
    span->len = (uint32_t)(stop - p) & 0xfffffff;
    span->kind = kind & 15;
    if (stop == walk->text + *walk->token)
        return true;
    return stop < walk->end && (*stop == ' ' || *stop == '\n' || *stop == '\t' || *stop == '\r');
}

// Checks the escapes from p to the quote at `stop`; true when there are some.
static bool escapes_valid(const char *p, const char *stop, bool *escaped) __attribute__((noinline));
static bool escapes_valid(const char *p, const char *stop, bool *escaped)
{
    *escaped = false;
    while (p < stop && (p = memchr(p, '\\', (size_t)(stop - p)))) {
        *escaped = true;
        p = escape_end(p, stop);
        if (!p)
            return false;
    }
    return true;
}

// The string that starts at the next token: the token after that is its end.
static inline bool walk_string(struct walk *walk, struct span *span)
{
    bool escaped = false;
    span->at = walk->token[0] + 1;
    span->len = (walk->token[1] - span->at) & 0xfffffff;
    if (walk->token[1] > walk->first_escape && span->at <= walk->last_escape &&
        !escapes_valid(walk->text + span->at, walk->text + walk->token[1], &escaped))
        return false;
    span->kind = escaped ? SPAN_ESCAPED : SPAN_STRING;
    walk->token += 2;
    return true;
}

// Name and colon.
static inline bool walk_name(struct walk *walk, struct span *name)
{
    struct json_reader *reader = walk->reader;
    if (token_char(walk, 0) != '"' || !walk_string(walk, name) || token_char(walk, 0) != ':')
        return false;
    walk->token++;
    return ++reader->members[reader->depth] <= reader->limits.members;
}

static inline bool walk_enter(struct walk *walk)
{
    struct json_reader *reader = walk->reader;
    if (reader->depth >= reader->limits.depth)
        return false;
    reader->kinds[++reader->depth] = token_char(walk, 0);
    reader->members[reader->depth] = 0;
    walk->token++;
    return true;
}

// All of an array or object; `last` is behind the last token.
static bool walk_nested(struct walk *walk, const uint32_t *last)
{
    struct json_reader *reader = walk->reader;
    uint32_t outside = reader->depth;
    struct span span;
    bool first = true;
    if (!walk_enter(walk))
        return false;
    while (reader->depth > outside) {
        bool object = reader->kinds[reader->depth] == '{';
        if (walk->token >= last)
            return false;
        char c = token_char(walk, 0);
        if (c == (object ? '}' : ']')) {
            walk->token++;
            reader->depth--;
            first = false;
            continue;
        }
        if (!first) {
            if (c != ',')
                return false;
            walk->token++;
        }
        first = false;
        if (object && !walk_name(walk, &span))
            return false;
        c = token_char(walk, 0);
        if (c == '"') {
            if (!walk_string(walk, &span))
                return false;
        } else if (c == '{' || c == '[') {
            if (!walk_enter(walk))
                return false;
            first = true;
        } else if (!walk_plain(walk, &span)) {
            return false;
        }
    }
    return true;
}

static inline bool walk_value(struct walk *walk, const uint32_t *last, struct span *span)
{
    char c = token_char(walk, 0);
    if (c == '"')
        return walk_string(walk, span);
    if (c != '{' && c != '[')
        return walk_plain(walk, span);
    uint32_t start = *walk->token;
    if (!walk_nested(walk, last))
        return false;
    span->at = start;
    span->len = (walk->token[-1] + 1 - start) & 0xfffffff;
    span->kind = c == '{' ? SPAN_OBJECT : SPAN_ARRAY;
    return true;
}

static inline bool name_is(const char *name, uint32_t len, const struct shape_name *guess)
{
    if (len != guess->len)
        return false;
    if (__builtin_expect(len > 32, 0))
        return memcmp(name, guess->bytes, len) == 0;
    return (equal32(name, guess->bytes) | (uint32_t)(~0ull << len)) == ~0u;
}

// What stands before `member`, which is behind `count` others, is as it should be.
static bool refuse_member(struct json_reader *reader, const struct span *member, uint32_t count)
{
    reader->good = true;
    reader->good_at = member->name_at;
    reader->good_members = count;
    return false;
}

static bool walk_object(struct walk *walk, const uint32_t *last)
{
    struct json_reader *reader = walk->reader;
    const struct shape *guess = reader->guess;
    bool guessed = guess != NULL;
    uint32_t count = 0;
    if (!walk_enter(walk))
        return false;
    char c = token_char(walk, 0);
    while (c != '}') {
        struct span span = {.name_at = *walk->token}, name;
        if (walk->token >= last || !walk_name(walk, &name) || !walk_value(walk, last, &span))
            return refuse_member(reader, &span, count);
        const char *bytes = walk->text + name.at;
        bool plain = name.kind == SPAN_STRING;
        if (guessed)
            guessed =
                plain && count < guess->count && name_is(bytes, name.len, &guess->names[count]);
        reader->found.escaped_names |= !plain;
        if (json_found_add(reader, span, (struct shape_name){bytes, name.len, plain, 0}))
            return false;
        c = token_char(walk, 0);
        if (c == ',') {
            walk->token++; // and then a name must follow: walk_name sees to it
        } else if (c != '}') {
            return refuse_member(reader, &span, count);
        }
        count++;
    }
    walk->token++;
    reader->depth--;
    reader->found.guessed = guessed && count == guess->count;
    return true;
}

static bool walk_whole(struct walk *walk, const uint32_t *last)
{
    struct span span = {.name_at = *walk->token};
    walk->reader->found.flags |= RECORD_WHOLE;
    return walk_value(walk, last, &span) &&
           !json_found_add(walk->reader, span, (struct shape_name){"value", 5, true, 0});
}

static bool bitmap(struct json_reader *reader, const char *text, uint32_t len)
{
    struct token_scan scan = {.first_escape = 1};
    if (mem_grow(&reader->index, &reader->index_cap, len + TOKEN_SPARE, sizeof *reader->index))
        return false;
    uint32_t *last = index_tokens(&scan, text, len, reader->index);
    if (!last || last == reader->index || (scan.high && !utf8_all(text, len)))
        return false;
    struct walk walk = {.reader = reader, .text = text, .end = text + len, .token = reader->index};
    walk.first_escape = scan.first_escape;
    walk.last_escape = scan.last_escape;
    reader->depth = 0;
    if (scan.lines)
        reader->found.flags |= RECORD_LINES;
    bool done = token_char(&walk, 0) == '{' ? walk_object(&walk, last) : walk_whole(&walk, last);
    return done && walk.token == last;
}
