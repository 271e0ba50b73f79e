// SPDX-License-Identifier: MIT
#include "config/schema.h"
#include "base/error.h"
#include "config/text.h"
#include "record/template.h"

#include <stdio.h>
#include <string.h>

// Scalars by type. The type comes from the table alone: `no`, 010 and 12:30 stay what they are
// where text is wanted.

const char *schema_expected(int32_t type)
{
    switch (type) {
    case TIDE_INT:
        return "an integer";
    case TIDE_NUMBER:
        return "a number";
    case TIDE_BOOL:
        return "true or false";
    case TIDE_DURATION:
        return "a duration such as 30s";
    case TIDE_SIZE:
        return "a size such as 64MiB";
    case TIDE_RANGE:
        return "a range of durations such as 200ms..30s";
    case TIDE_LIST:
        return "a list";
    case TIDE_MAP:
    case TIDE_FREE_MAP:
    case TIDE_DATA_MAP:
        return "a map";
    default:
        return "text";
    }
}

static bool unexpected_as(struct schema *schema, const struct tree *tree, const struct where *where,
                          const tide_option *row, enum reason reason, const char *expected)
{
    if (tree->secret || (row->flags & TIDE_OPTION_SECRET))
        schema_say(schema, tree->place, where, reason, "expected %s, found something else",
                   expected);
    else if (!*tree->text)
        schema_say(schema, tree->place, where, reason, "expected %s, found nothing", expected);
    else
        schema_say(schema, tree->place, where, reason, "expected %s, found '%s'", expected,
                   tree->text);
    return false;
}

static bool unexpected(struct schema *schema, const struct tree *tree, const struct where *where,
                       const tide_option *row, const char *expected)
{
    return unexpected_as(schema, tree, where, row, REASON_WRONG_VALUE, expected);
}

static void format_bound(int32_t type, double bound, char out[TEXT_UNIT_MAX])
{
    if (type == TIDE_DURATION)
        text_format_duration((int64_t)bound, out);
    else if (type == TIDE_SIZE)
        text_format_size((int64_t)bound, out);
    else
        (void)snprintf(out, TEXT_UNIT_MAX, "%.15g", bound);
}

static bool check_range(struct schema *schema, const tide_option *row, int32_t type,
                        const struct tree *tree, const struct where *where, double value)
{
    if ((row->min == 0 && row->max == 0) || (value >= row->min && value <= row->max))
        return true;
    char min[TEXT_UNIT_MAX], max[TEXT_UNIT_MAX], expected[3 * TEXT_UNIT_MAX];
    format_bound(type, row->min, min);
    format_bound(type, row->max, max);
    if (row->min < row->max)
        (void)snprintf(expected, sizeof expected, "a value from %s to %s", min, max);
    else
        (void)snprintf(expected, sizeof expected, "%s", min);
    return unexpected_as(schema, tree, where, row, REASON_OUT_OF_RANGE, expected);
}

// True when `text` is one of the words between bars.
static bool is_choice(const char *choices, const char *text)
{
    size_t len = strlen(text);
    for (const char *at = choices; at; at = strchr(at, '|')) {
        at += *at == '|';
        if (strncmp(at, text, len) == 0 && len && (at[len] == '|' || !at[len]))
            return true;
    }
    return false;
}

bool schema_null_is_choice(const tide_option *row, const struct tree *tree)
{
    return row->type == TIDE_CHOICE && tree_is_null(tree) && is_choice(row->choices, tree->text);
}

// "newline or whole", and with a near one "; did you mean 'whole'?".
static bool no_choice(struct schema *schema, const tide_option *row, const struct tree *tree,
                      const struct where *where)
{
    enum { MAX = 32 };
    char copy[512], expected[640];
    const char *names[MAX + 1];
    uint32_t count = 0;
    (void)snprintf(copy, sizeof copy, "%s", row->choices);
    char *save = NULL;
    for (char *name = strtok_r(copy, "|", &save); name && count < MAX;
         name = strtok_r(NULL, "|", &save))
        names[count++] = name;
    names[count] = NULL;
    size_t len = 0;
    expected[0] = 0;
    for (uint32_t i = 0; i < count && len < sizeof expected; i++) {
        int wrote = snprintf(expected + len, sizeof expected - len, "%s'%s'",
                             !i               ? ""
                             : i + 1 == count ? " or "
                                              : ", ",
                             names[i]);
        len += wrote > 0 ? (size_t)wrote : 0;
    }
    const char *near = tree->secret ? NULL : nearest_name(tree->text, names);
    if (near && *tree->text)
        schema_say(schema, tree->place, where, REASON_UNKNOWN_CHOICE,
                   "expected %s, found '%s'; did you mean '%s'?", expected, tree->text, near);
    else
        (void)unexpected_as(schema, tree, where, row, REASON_UNKNOWN_CHOICE, expected);
    return false;
}

static bool integer(struct schema *schema, const tide_option *row, const struct tree *tree,
                    const struct where *where, struct tide_config *out)
{
    if (row->choices && is_choice(row->choices, tree->text))
        return true;
    if (!text_parse_int(tree->text, &out->integer)) {
        char expected[128];
        (void)snprintf(expected, sizeof expected, "an integer%s%s", row->choices ? " or " : "",
                       row->choices ? row->choices : "");
        return unexpected(schema, tree, where, row, expected);
    }
    out->number = (double)out->integer;
    return check_range(schema, row, TIDE_INT, tree, where, out->number);
}

static bool quantity(struct schema *schema, const tide_option *row, int32_t type,
                     const struct tree *tree, const struct where *where, struct tide_config *out)
{
    bool minus = row->min < 0 && tree->text[0] == '-';
    bool fits = type == TIDE_DURATION ? text_parse_duration(tree->text + minus, &out->integer)
                                      : text_parse_size(tree->text, &out->integer);
    if (!fits)
        return unexpected(schema, tree, where, row, schema_expected(type));
    if (minus)
        out->integer = -out->integer;
    out->number = (double)out->integer;
    return check_range(schema, row, type, tree, where, out->number);
}

bool schema_template(struct schema *schema, const tide_option *row, const struct tree *tree,
                     const struct where *where)
{
    if (!(row->flags & TIDE_OPTION_TEMPLATE))
        return true;
    struct template *template = NULL;
    struct error err = ERROR_INIT;
    int code = template_new(&template, tree->text, &err);
    if (code == ERR_NOMEM)
        schema->failure = code;
    else if (code)
        schema_say(schema, tree->place, where, REASON_TEMPLATE, "%s",
                   tree->secret ? "not a template" : err.text);
    template_free(template);
    return code == 0;
}

bool schema_scalar(struct schema *schema, const tide_option *row, int32_t type,
                   const struct tree *tree, const struct where *where, struct tide_config *out)
{
    out->text = tree->text;
    switch (type) {
    case TIDE_INT:
        return integer(schema, row, tree, where, out);
    case TIDE_DURATION:
    case TIDE_SIZE:
        return quantity(schema, row, type, tree, where, out);
    case TIDE_NUMBER:
        if (!text_parse_number(tree->text, &out->number))
            return unexpected(schema, tree, where, row, schema_expected(type));
        return check_range(schema, row, type, tree, where, out->number);
    case TIDE_BOOL:
        out->flag = strcmp(tree->text, "true") == 0;
        return out->flag || strcmp(tree->text, "false") == 0 ||
               unexpected(schema, tree, where, row, schema_expected(type));
    case TIDE_CHOICE:
        return is_choice(row->choices, tree->text) || no_choice(schema, row, tree, where);
    default:
        return schema_template(schema, row, tree, where);
    }
}

static void look_at(struct tide_config *out)
{
    const char *text = out->text;
    if (!out->plain)
        return;
    if (!*text || strcmp(text, "null") == 0 || strcmp(text, "~") == 0) {
        out->look = LOOKS_NULL;
    } else if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        out->look = LOOKS_BOOL;
        out->flag = *text == 't';
    } else if (text_parse_int(text, &out->integer)) {
        out->look = LOOKS_INT;
        out->number = (double)out->integer;
    } else if (text_parse_number(text, &out->number)) {
        out->look = LOOKS_NUMBER;
    }
}

int schema_data(struct schema *schema, const struct tree *tree, struct tide_config *out)
{
    out->place = tree->place;
    out->given = true;
    out->secret |= tree->secret;
    if (tree->kind == TREE_SCALAR) {
        out->text = tree->text;
        out->plain = tree->interpolated ? *tree->text != 0 : !tree->quoted;
        look_at(out);
        return 0;
    }
    out->is_map = tree->kind == TREE_MAP;
    out->is_list = !out->is_map;
    out->count = tree->count;
    out->items = ARENA_ARRAY(schema->arena, struct tide_config, tree->count ? tree->count : 1);
    if (!out->items)
        return ERR_NOMEM;
    int code = 0;
    for (uint32_t i = 0; i < tree->count && !code; i++) {
        out->items[i] = (struct tide_config){.name = tree->items[i].key, .secret = out->secret};
        code = schema_data(schema, tree->items[i].value, &out->items[i]);
    }
    return code;
}
