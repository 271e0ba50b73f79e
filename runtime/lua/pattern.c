// SPDX-License-Identifier: MIT
#include "lua/pattern.h"
#include "lua/vm.h"

#include <ctype.h>
#include <string.h>

enum {
    DEPTH_MAX = 200,     // of recursion: groups and repetitions, as in Lua
    STEPS_A_LOOK = 4096, // some 10 microseconds
    ESCAPE = '%'
};

static inline unsigned char byte(char c)
{
    return (unsigned char)c;
}

static inline void step(struct pattern *pattern)
{
    if (__builtin_expect(--pattern->countdown == 0, 0)) {
        pattern->countdown = STEPS_A_LOOK;
        vm_check_time(pattern->L);
    }
}

void pattern_init(struct pattern *pattern, lua_State *L, const char *subject, size_t subject_len,
                  const char *end)
{
    pattern->L = L;
    pattern->subject = subject;
    pattern->subject_end = subject + subject_len;
    pattern->end = end;
    pattern->countdown = STEPS_A_LOOK;
    pattern->depth = DEPTH_MAX;
    pattern->count = 0;
}

bool pattern_is_plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] && strchr("^$*+?.([%-", text[i]))
            return false;
    }
    return true;
}

// -- one character --

// %a, %d, …; any other letter or sign behind % is itself.
static bool in_class(unsigned char c, unsigned char name)
{
    bool in;
    switch (tolower(name)) {
    case 'a':
        in = isalpha(c);
        break;
    case 'c':
        in = iscntrl(c);
        break;
    case 'd':
        in = isdigit(c);
        break;
    case 'g':
        in = isgraph(c);
        break;
    case 'l':
        in = islower(c);
        break;
    case 'p':
        in = ispunct(c);
        break;
    case 's':
        in = isspace(c);
        break;
    case 'u':
        in = isupper(c);
        break;
    case 'w':
        in = isalnum(c);
        break;
    case 'x':
        in = isxdigit(c);
        break;
    case 'z': // undocumented, of Lua 5.1
        in = c == 0;
        break;
    default:
        return name == c;
    }
    return in != (isupper(name) != 0);
}

// The end of the set that begins at `text` ('['): behind its ']'. The first member may be ']'.
static const char *set_end(struct pattern *pattern, const char *text)
{
    const char *at = text + 1;
    if (at < pattern->end && *at == '^')
        at++;
    for (bool first = true;; first = false) {
        if (at >= pattern->end)
            luaL_error(pattern->L, "malformed pattern (missing ']')");
        if (*at == ']' && !first)
            return at + 1;
        at += *at == ESCAPE && at + 1 < pattern->end ? 2 : 1;
    }
}

// Whether c is in the set [text, end), brackets included.
static bool in_set(unsigned char c, const char *text, const char *end)
{
    const char *last = end - 1; // the ']'
    const char *at = text + 1;
    bool wanted = true;
    if (*at == '^') {
        wanted = false;
        at++;
    }
    while (at < last) {
        if (*at == ESCAPE) {
            if (in_class(c, byte(at[1])))
                return wanted;
            at += 2;
        } else if (at[1] == '-' && at + 2 < last) {
            if (byte(at[0]) <= c && c <= byte(at[2]))
                return wanted;
            at += 3;
        } else {
            if (byte(*at) == c)
                return wanted;
            at++;
        }
    }
    return !wanted;
}

// Behind the single-character item at `text`.
static const char *item_end(struct pattern *pattern, const char *text)
{
    if (*text == '[')
        return set_end(pattern, text);
    if (*text != ESCAPE)
        return text + 1;
    if (text + 1 >= pattern->end)
        luaL_error(pattern->L, "malformed pattern (ends with '%%')");
    return text + 2;
}

// Whether the character at `at` is one of the item [text, end).
static bool fits(struct pattern *pattern, const char *at, const char *text, const char *end)
{
    if (at >= pattern->subject_end)
        return false;
    unsigned char c = byte(*at);
    switch (*text) {
    case '.':
        return true;
    case ESCAPE:
        return in_class(c, byte(text[1]));
    case '[':
        return in_set(c, text, end);
    default:
        return byte(*text) == c;
    }
}

// -- matching --

static const char *match_here(struct pattern *pattern, const char *at, const char *text);

// What follows at `text` from each place it may: as many of the item as possible, then fewer.
static const char *most(struct pattern *pattern, const char *at, const char *text, const char *end,
                        ptrdiff_t least)
{
    ptrdiff_t count = least;
    while (fits(pattern, at + count, text, end)) {
        count++;
        step(pattern);
    }
    for (; count >= least; count--) {
        const char *found = match_here(pattern, at + count, end + 1);
        if (found)
            return found;
        step(pattern);
    }
    return NULL;
}

// As few of the item as possible, then more.
static const char *fewest(struct pattern *pattern, const char *at, const char *text,
                          const char *end)
{
    for (;; at++) {
        const char *found = match_here(pattern, at, end + 1);
        if (found)
            return found;
        if (!fits(pattern, at, text, end))
            return NULL;
        step(pattern);
    }
}

// %bxy at `text`: from x to the y that closes it.
static const char *balanced(struct pattern *pattern, const char *at, const char *text)
{
    if (text + 3 >= pattern->end)
        luaL_error(pattern->L, "malformed pattern (missing arguments to '%%b')");
    char open = text[2], close = text[3];
    if (at >= pattern->subject_end || *at != open)
        return NULL;
    size_t nested = 1;
    while (++at < pattern->subject_end) {
        step(pattern);
        if (*at == close) {
            if (--nested == 0)
                return at + 1;
        } else if (*at == open) {
            nested++;
        }
    }
    return NULL;
}

// %f[set] at `text`: between a character outside of the set and one inside. Behind the set, or
// NULL.
static const char *frontier(struct pattern *pattern, const char *at, const char *text)
{
    const char *set = text + 2;
    if (set >= pattern->end || *set != '[')
        luaL_error(pattern->L, "missing '[' after '%%f' in pattern");
    const char *end = set_end(pattern, set);
    unsigned char before = at == pattern->subject ? 0 : byte(at[-1]);
    unsigned char here = at < pattern->subject_end ? byte(*at) : 0;
    return !in_set(before, set, end) && in_set(here, set, end) ? end : NULL;
}

// What capture %1 … %9 holds, once more. Behind it in the subject, or NULL.
static const char *again(struct pattern *pattern, const char *at, char digit)
{
    int index = digit - '1';
    if (index < 0 || index >= pattern->count || pattern->captures[index].len == CAPTURE_OPEN)
        luaL_error(pattern->L, "invalid capture index %%%d", index + 1);
    const struct pattern_capture *capture = &pattern->captures[index];
    if (capture->len < 0 || pattern->subject_end - at < capture->len)
        return NULL;
    for (ptrdiff_t i = 0; i < capture->len / 64; i++)
        step(pattern);
    return memcmp(capture->start, at, (size_t)capture->len) == 0 ? at + capture->len : NULL;
}

static const char *open_group(struct pattern *pattern, const char *at, const char *text)
{
    bool position = text + 1 < pattern->end && text[1] == ')';
    if (pattern->count >= PATTERN_CAPTURES)
        luaL_error(pattern->L, "too many captures");
    pattern->captures[pattern->count++] =
        (struct pattern_capture){.start = at, .len = position ? CAPTURE_POSITION : CAPTURE_OPEN};
    const char *found = match_here(pattern, at, text + (position ? 2 : 1));
    if (!found)
        pattern->count--;
    return found;
}

static const char *close_group(struct pattern *pattern, const char *at, const char *text)
{
    int index = pattern->count - 1;
    while (index >= 0 && pattern->captures[index].len != CAPTURE_OPEN)
        index--;
    if (index < 0)
        luaL_error(pattern->L, "invalid pattern capture");
    pattern->captures[index].len = at - pattern->captures[index].start;
    const char *found = match_here(pattern, at, text + 1);
    if (!found)
        pattern->captures[index].len = CAPTURE_OPEN;
    return found;
}

// The single-character item at *text with what repeats it. True: one more (or none) was taken, go
// on at *at and *text. False: *at is the end of the whole match, or NULL.
static bool match_item(struct pattern *pattern, const char **at, const char **text)
{
    const char *end = item_end(pattern, *text);
    const char *here = *at, *found;
    switch (end < pattern->end ? *end : 0) {
    case '?':
        if (fits(pattern, here, *text, end)) {
            found = match_here(pattern, here + 1, end + 1);
            if (found) {
                *at = found;
                return false;
            }
        }
        *text = end + 1;
        return true;
    case '*':
        *at = most(pattern, here, *text, end, 0);
        return false;
    case '+':
        *at = fits(pattern, here, *text, end) ? most(pattern, here, *text, end, 1) : NULL;
        return false;
    case '-':
        *at = fewest(pattern, here, *text, end);
        return false;
    default:
        *at = fits(pattern, here, *text, end) ? here + 1 : NULL;
        *text = end;
        return *at != NULL;
    }
}

// An item that begins with %: those that are no single character. As match_item.
static bool match_escape(struct pattern *pattern, const char **at, const char **text)
{
    const char *found;
    switch (*text + 1 < pattern->end ? (*text)[1] : 0) {
    case 'b':
        *at = balanced(pattern, *at, *text);
        *text += 4;
        return *at != NULL;
    case 'f':
        found = frontier(pattern, *at, *text);
        *text = found;
        if (!found)
            *at = NULL;
        return found != NULL;
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        *at = again(pattern, *at, (*text)[1]);
        *text += 2;
        return *at != NULL;
    default:
        return match_item(pattern, at, text);
    }
}

// The end of the match of the rest of the pattern, or NULL.
static const char *match_here(struct pattern *pattern, const char *at, const char *text)
{
    if (pattern->depth-- == 0)
        luaL_error(pattern->L, "pattern too complex");
    bool more = true;
    while (more && text < pattern->end) {
        step(pattern);
        switch (*text) {
        case '(':
            at = open_group(pattern, at, text);
            more = false;
            break;
        case ')':
            at = close_group(pattern, at, text);
            more = false;
            break;
        case '$':
            if (text + 1 == pattern->end) {
                at = at == pattern->subject_end ? at : NULL;
                more = false;
            } else {
                more = match_item(pattern, &at, &text);
            }
            break;
        case ESCAPE:
            more = match_escape(pattern, &at, &text);
            break;
        default:
            more = match_item(pattern, &at, &text);
        }
    }
    pattern->depth++;
    return at;
}

const char *pattern_match(struct pattern *pattern, const char *at, const char *text)
{
    pattern->count = 0;
    pattern->depth = DEPTH_MAX;
    step(pattern);
    return match_here(pattern, at, text);
}

// -- captures --

const char *pattern_capture(struct pattern *pattern, int index, const char *at, const char *end,
                            ptrdiff_t *len)
{
    if (index >= pattern->count) {
        if (index != 0)
            luaL_error(pattern->L, "invalid capture index %%%d", index + 1);
        *len = end - at;
        return at;
    }
    *len = pattern->captures[index].len;
    if (*len == CAPTURE_OPEN)
        luaL_error(pattern->L, "unfinished capture");
    return pattern->captures[index].start;
}

void pattern_push_one(struct pattern *pattern, int index, const char *at, const char *end)
{
    ptrdiff_t len;
    const char *start = pattern_capture(pattern, index, at, end, &len);
    if (len == CAPTURE_POSITION)
        lua_pushinteger(pattern->L, start - pattern->subject + 1); // position
    else
        lua_pushlstring(pattern->L, start, (size_t)len); // text
}

int pattern_push(struct pattern *pattern, const char *at, const char *end)
{
    int count = pattern->count == 0 && at ? 1 : pattern->count;
    luaL_checkstack(pattern->L, count, "too many captures");
    for (int i = 0; i < count; i++)
        pattern_push_one(pattern, i, at, end); // captures
    return count;
}
