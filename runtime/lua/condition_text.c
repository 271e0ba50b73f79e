// SPDX-License-Identifier: MIT
#include "lua/condition_text.h"

#include <stdbool.h>
#include <string.h>

struct lexer {
    const char *at;
    struct buf *out, *calls, *fields;
    struct error *err;
    char before; // last character that was no blank: '.' and ':' make a name a member
    int open;    // parentheses
    bool concat; // `before` ended a '..'
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *skip_blanks(const char *at)
{
    while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')
        at++;
    return at;
}

static const char *skip_name(const char *at)
{
    while (is_letter(*at) || is_digit(*at))
        at++;
    return at;
}

static bool is_word(const char *at, size_t len, const char *const *words)
{
    for (; *words; words++) {
        if (strlen(*words) == len && memcmp(*words, at, len) == 0)
            return true;
    }
    return false;
}

static int copy(struct lexer *lexer, const char *end)
{
    int rc = buf_append(lexer->out, lexer->at, (size_t)(end - lexer->at));
    if (rc != 0)
        return error_set(lexer->err, ERR_INPUT, "the condition is too long");
    lexer->before = end[-1];
    lexer->concat = false;
    lexer->at = end;
    return 0;
}

// True when what follows a root name is a call of it: `(`, a string or a table, possibly behind
// members: `string.lower(…)`.
static bool is_called(const char *end)
{
    for (;;) {
        end = skip_blanks(end);
        if (*end == '(' || *end == '"' || *end == '\'' || *end == '{')
            return true;
        if (*end != '.' || end[1] == '.')
            return false;
        end = skip_blanks(end + 1);
        const char *after = skip_name(end);
        if (after == end)
            return false;
        end = after;
    }
}

static bool is_member(const struct lexer *lexer)
{
    return (lexer->before == '.' && !lexer->concat) || lexer->before == ':';
}

static bool is_table_key(const char *end)
{
    end = skip_blanks(end);
    return *end == '=' && end[1] != '=';
}

static int note(struct lexer *lexer, struct buf *list, const char *end)
{
    if (buf_append(list, lexer->at, (size_t)(end - lexer->at)) != 0 || buf_putc(list, 0) != 0)
        return error_set(lexer->err, ERR_INPUT, "the condition is too long");
    return 0;
}

static int name(struct lexer *lexer)
{
    static const char *const operators[] = {"and", "or", "not", "true", "false", "nil", NULL};
    static const char *const refused[] = {
        "break", "do",    "else", "elseif",          "end",    "for",    "function",
        "goto",  "if",    "in",   "local",           "repeat", "return", "then",
        "until", "while", "_ENV", CONDITION_LIBRARY, NULL};
    const char *end = skip_name(lexer->at);
    size_t len = (size_t)(end - lexer->at);
    if (is_word(lexer->at, len, refused))
        return error_set(lexer->err, ERR_INPUT,
                         "'%.*s' has no place in a condition: it is one Lua expression", (int)len,
                         lexer->at);
    if (is_word(lexer->at, len, operators) || is_member(lexer) || is_table_key(end))
        return copy(lexer, end);
    int rc = 0;
    if (is_called(end)) {
        rc = note(lexer, lexer->calls, end);
        if (rc == 0 && buf_puts(lexer->out, CONDITION_LIBRARY ".") != 0)
            rc = error_set(lexer->err, ERR_INPUT, "the condition is too long");
    } else if (len != 1 || *lexer->at != 'r') {
        rc = note(lexer, lexer->fields, end);
    }
    return rc != 0 ? rc : copy(lexer, end);
}

static int string(struct lexer *lexer)
{
    char quote = *lexer->at;
    const char *end = lexer->at + 1;
    while (*end && *end != quote)
        end += *end == '\\' && end[1] ? 2 : 1;
    if (!*end)
        return error_set(lexer->err, ERR_INPUT, "a string is not closed: %s", lexer->at);
    return copy(lexer, end + 1);
}

static int number(struct lexer *lexer)
{
    const char *end = lexer->at;
    while (is_letter(*end) || is_digit(*end) || (*end == '.' && end[1] != '.') ||
           ((*end == '+' || *end == '-') && strchr("eEpP", end[-1])))
        end++;
    return copy(lexer, end);
}

static int symbol(struct lexer *lexer)
{
    const char *at = lexer->at;
    if (at[0] == '-' && at[1] == '-')
        return error_set(lexer->err, ERR_INPUT, "a comment has no place in a condition");
    if (at[0] == '[' && (at[1] == '[' || at[1] == '='))
        return error_set(lexer->err, ERR_INPUT, "long strings have no place in a condition");
    if (at[0] == ';' || (at[0] == ':' && at[1] == ':'))
        return error_set(lexer->err, ERR_INPUT, "'%c' has no place in a condition", at[0]);
    lexer->open += (at[0] == '(') - (at[0] == ')');
    if (lexer->open < 0)
        return error_set(lexer->err, ERR_INPUT, "a ')' without its '('");
    bool concat = at[0] == '.' && at[1] == '.';
    int rc = copy(lexer, at + (concat ? 2 : 1));
    lexer->concat = concat;
    return rc;
}

static int token(struct lexer *lexer)
{
    char c = *lexer->at;
    if (is_letter(c))
        return name(lexer);
    if (is_digit(c) || (c == '.' && is_digit(lexer->at[1])))
        return number(lexer);
    if (c == '"' || c == '\'')
        return string(lexer);
    return symbol(lexer);
}

int condition_rewrite(const char *text, struct buf *out, struct buf *calls, struct buf *fields,
                      struct error *err)
{
    struct lexer lexer = {.at = text, .out = out, .calls = calls, .fields = fields, .err = err};
    if (!*skip_blanks(text))
        return error_set(err, ERR_INPUT, "the condition is empty");
    while (*lexer.at) {
        const char *next = skip_blanks(lexer.at);
        if (next != lexer.at) {
            if (buf_append(out, lexer.at, (size_t)(next - lexer.at)) != 0)
                return error_set(err, ERR_INPUT, "the condition is too long");
            lexer.at = next;
            continue;
        }
        int rc = token(&lexer);
        if (rc != 0)
            return rc;
    }
    return 0;
}
