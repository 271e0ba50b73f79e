// SPDX-License-Identifier: MIT
#include "config/yaml.h"
#include "base/error.h"
#include "config/text.h"

#include <string.h>
#include <yaml.h>

// The one file that knows libyaml: events in, trees out. libyaml gives exact marks; merge keys,
// duplicate keys, aliases and limits are ours.

struct anchor {
    struct anchor *next;
    const char *name;
    struct tree *tree; // NULL while its node is being read
};

struct reader {
    yaml_parser_t parser;
    struct tree_pool *pool;
    struct problems *problems;
    const char *file;
    bool lines; // places have them
    const char *text;
    size_t len;
    struct anchor *anchors;
    uint32_t aliases;
    int depth;
};

static struct place place_at(const struct reader *reader, yaml_mark_t mark)
{
    if (!reader->lines)
        return (struct place){reader->file, 0, 0};
    return (struct place){reader->file, (uint32_t)mark.line + 1, (uint32_t)mark.column + 1};
}

// ERR_INPUT, said.
static int limit(struct reader *reader, struct place place, const char *what)
{
    problem_add(reader->problems, place, REASON_TOO_LARGE, "%s", what);
    return ERR_INPUT;
}

static int no_text(struct reader *reader, struct place place, bool is_nul)
{
    problem_add(reader->problems, place, REASON_NOT_TEXT, "%s",
                is_nul ? "a NUL byte: is this a text file?" : "not valid UTF-8");
    return ERR_INPUT;
}

static int failure(struct reader *reader, struct place place)
{
    if (tree_failure(reader->pool) == ERR_NOMEM)
        return ERR_NOMEM;
    return limit(reader, place, "too large: more than 100000 values");
}

// The byte that stands at line and column of the mark; 0 at the end.
static const char *byte_at(const struct reader *reader, yaml_mark_t mark)
{
    const char *at = reader->text, *end = reader->text + reader->len;
    for (size_t line = 0; line < mark.line && at < end; line += *at++ == '\n')
        ;
    for (size_t col = 0; at < end && *at != '\n'; at++) {
        bool first = ((unsigned char)*at & 0xc0) != 0x80;
        if (first && col++ == mark.column)
            break;
    }
    return at;
}

// libyaml's words for what people do wrong most, and ours.
static const struct {
    const char *theirs, *ours;
} words[] = {
    {"mapping values are not allowed",
     "a ':' is not expected here; check the indentation, or put the text in quotes"},
    {"did not find expected key", "expected a key here; check the indentation"},
    {"did not find expected '-' indicator", "expected a '-' here; check the indentation"},
};

// The same by the byte it stopped at; NULL: none.
static const char *words_for_byte(const struct reader *reader, const char *problem, const char *at)
{
    bool inside = at < reader->text + reader->len;
    if (inside && at > reader->text && *at == '{' && at[-1] == '$')
        return "quotes are missing: inside { } and [ ] write \"${...}\"";
    if (inside && *at == '\t')
        return "a tab cannot indent YAML; use spaces";
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(problem, words[i].theirs))
            return words[i].ours;
    return NULL;
}

static int say_grammar(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    const char *problem = parser->problem ? parser->problem : "not YAML";
    struct place place = place_at(reader, parser->problem_mark);
    const char *at = byte_at(reader, parser->problem_mark);
    const char *ours = words_for_byte(reader, problem, at);
    if (ours)
        problem_add(reader->problems, place, REASON_YAML_SYNTAX, "%s", ours);
    else if (strstr(problem, "unexpected end of stream") && parser->context)
        problem_add(reader->problems, place_at(reader, parser->context_mark), REASON_YAML_SYNTAX,
                    "the quote that begins here does not end");
    else if (strstr(problem, "cannot start any token") && at < reader->text + reader->len)
        problem_add(reader->problems, place, REASON_YAML_SYNTAX,
                    "'%c' cannot start a value; put it in quotes", *at);
    else if (parser->context && place.line && parser->context_mark.line + 1 != place.line)
        problem_add(reader->problems, place, REASON_YAML_SYNTAX, "%s, %s that starts in line %zu",
                    problem, parser->context, parser->context_mark.line + 1);
    else
        problem_add(reader->problems, place, REASON_YAML_SYNTAX, "%s%s%s", problem,
                    parser->context ? ", " : "", parser->context ? parser->context : "");
    return ERR_INPUT;
}

// The line and column of a byte.
static struct place place_of_byte(const struct reader *reader, size_t offset)
{
    struct place place = {reader->file, 1, 1};
    for (size_t i = 0; i < offset && i < reader->len; i++) {
        unsigned char c = (unsigned char)reader->text[i];
        place.col += (c & 0xc0) != 0x80;
        if (c == '\n') {
            place.line++;
            place.col = 1;
        }
    }
    return reader->lines ? place : (struct place){reader->file, 0, 0};
}

static int next_event(struct reader *reader, yaml_event_t *event)
{
    if (yaml_parser_parse(&reader->parser, event))
        return 0;
    if (reader->parser.error == YAML_MEMORY_ERROR)
        return ERR_NOMEM;
    if (reader->parser.error == YAML_READER_ERROR) {
        problem_add(reader->problems, place_of_byte(reader, reader->parser.problem_offset),
                    REASON_NOT_TEXT, "%s (0x%x)", reader->parser.problem,
                    (unsigned)reader->parser.problem_value);
        return ERR_INPUT;
    }
    return say_grammar(reader);
}

static struct anchor *find_anchor(struct reader *reader, const char *name)
{
    for (struct anchor *anchor = reader->anchors; anchor; anchor = anchor->next)
        if (strcmp(anchor->name, name) == 0)
            return anchor;
    return NULL;
}

// A later anchor of the same name takes its place, as YAML has it.
static int add_anchor(struct reader *reader, const yaml_char_t *name, struct anchor **out)
{
    *out = NULL;
    if (!name)
        return 0;
    struct arena *arena = &reader->pool->arena;
    struct anchor *anchor = ARENA_NEW(arena, struct anchor);
    char *copy = arena_copy(arena, name, strlen((const char *)name) + 1);
    if (!anchor || !copy)
        return ERR_NOMEM;
    *anchor = (struct anchor){reader->anchors, copy, NULL};
    reader->anchors = *out = anchor;
    return 0;
}

static int height(const struct tree *tree)
{
    int most = 0;
    for (uint32_t i = 0; i < tree->count; i++) {
        int below = height(tree->items[i].value);
        most = below > most ? below : most;
    }
    return most + (tree->kind != TREE_SCALAR);
}

static int read_alias(struct reader *reader, const yaml_event_t *event, struct tree **out)
{
    const char *name = (const char *)event->data.alias.anchor;
    struct place place = place_at(reader, event->start_mark);
    const struct anchor *anchor = find_anchor(reader, name);
    if (++reader->aliases > YAML_ALIASES_MAX)
        return limit(reader, place, "more than 100 aliases");
    if (!anchor)
        problem_add(reader->problems, place, REASON_UNKNOWN_ANCHOR, "'*%s' names no anchor", name);
    else if (!anchor->tree)
        problem_add(reader->problems, place, REASON_UNKNOWN_ANCHOR,
                    "'*%s' stands inside the value it names", name);
    else if (reader->depth + height(anchor->tree) > TREE_DEPTH_MAX)
        return limit(reader, place, "nested deeper than 64 levels");
    *out = anchor && anchor->tree ? tree_copy(reader->pool, anchor->tree)
                                  : tree_scalar(reader->pool, "", 0, place);
    return *out ? 0 : failure(reader, place);
}

static void refuse_tag(struct reader *reader, const yaml_char_t *tag, struct place place)
{
    static const char core[] = "tag:yaml.org,2002:";
    const char *name = (const char *)tag;
    bool is_core = name && strncmp(name, core, sizeof core - 1) == 0;
    if (name)
        problem_add(reader->problems, place, REASON_YAML_TAG,
                    "tags such as '%s%s' are not supported: types come from the options",
                    is_core ? "!!" : "", is_core ? name + sizeof core - 1 : name);
}

static int read_scalar(struct reader *reader, const yaml_event_t *event, struct tree **out)
{
    struct place place = place_at(reader, event->start_mark);
    const char *value = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    refuse_tag(reader, event->data.scalar.tag, place);
    if (memchr(value, 0, len)) {
        problem_add(reader->problems, place, REASON_NOT_TEXT,
                    "text must not contain a NUL character");
        len = strlen(value);
    }
    *out = tree_scalar(reader->pool, value, len, place);
    if (!*out)
        return failure(reader, place);
    (*out)->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return 0;
}

static int read_node(struct reader *reader, const yaml_event_t *event, struct tree **out);

static int read_list(struct reader *reader, struct tree *list)
{
    for (;;) {
        yaml_event_t event;
        int code = next_event(reader, &event);
        if (code)
            return code;
        bool ends = event.type == YAML_SEQUENCE_END_EVENT;
        struct tree *value = NULL;
        if (!ends)
            code = read_node(reader, &event, &value);
        yaml_event_delete(&event);
        if (ends || code)
            return code;
        if (!tree_add(reader->pool, list, NULL, value->place, value))
            return failure(reader, value->place);
    }
}

// The key of a pair: *key stays NULL when it cannot be used (said).
static int read_key(struct reader *reader, const yaml_event_t *event, const struct tree *map,
                    struct tree **key)
{
    struct tree *node = NULL;
    int code = read_node(reader, event, &node);
    if (code)
        return code;
    struct place place = place_at(reader, event->start_mark);
    if (event->type != YAML_SCALAR_EVENT) {
        problem_add(reader->problems, place, REASON_YAML_SYNTAX, "a key must be plain text");
        return 0;
    }
    const struct tree_item *first = tree_find(map, node->text);
    if (first)
        problem_add(reader->problems, place, REASON_DUPLICATE_KEY,
                    "duplicate key '%s'; it stands in line %u already", node->text,
                    first->place.line);
    if (map->count >= TREE_KEYS_MAX)
        return limit(reader, place, "a map of more than 10000 keys");
    *key = first ? NULL : node;
    return 0;
}

static int read_pair(struct reader *reader, const yaml_event_t *first, struct tree *map)
{
    struct tree *key = NULL, *value = NULL;
    int code = read_key(reader, first, map, &key);
    if (code)
        return code;
    yaml_event_t event;
    code = next_event(reader, &event);
    if (code)
        return code;
    code = read_node(reader, &event, &value);
    yaml_event_delete(&event);
    if (!code && key && strcmp(key->text, "type") == 0 && tree_is_null(value))
        value->quoted = true; // there is a sink of that name
    if (!code && key && !tree_add(reader->pool, map, key->text, key->place, value))
        code = failure(reader, key->place);
    return code;
}

static int read_map(struct reader *reader, struct tree *map)
{
    for (;;) {
        yaml_event_t event;
        int code = next_event(reader, &event);
        if (code)
            return code;
        bool ends = event.type == YAML_MAPPING_END_EVENT;
        if (!ends)
            code = read_pair(reader, &event, map);
        yaml_event_delete(&event);
        if (ends)
            return tree_apply_merge_key(reader->pool, map, reader->problems);
        if (code)
            return code;
    }
}

static int read_collection(struct reader *reader, const yaml_event_t *event, struct tree **out)
{
    bool is_map = event->type == YAML_MAPPING_START_EVENT;
    struct place place = place_at(reader, event->start_mark);
    refuse_tag(reader, is_map ? event->data.mapping_start.tag : event->data.sequence_start.tag,
               place);
    if (reader->depth >= TREE_DEPTH_MAX)
        return limit(reader, place, "nested deeper than 64 levels");
    *out = tree_new(reader->pool, is_map ? TREE_MAP : TREE_LIST, place);
    if (!*out)
        return failure(reader, place);
    reader->depth++;
    int code = is_map ? read_map(reader, *out) : read_list(reader, *out);
    reader->depth--;
    return code;
}

static int read_node(struct reader *reader, const yaml_event_t *event, struct tree **out)
{
    struct anchor *anchor = NULL;
    int code;
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return read_alias(reader, event, out);
    case YAML_SCALAR_EVENT:
        code = add_anchor(reader, event->data.scalar.anchor, &anchor);
        code = code ? code : read_scalar(reader, event, out);
        break;
    case YAML_MAPPING_START_EVENT:
        code = add_anchor(reader, event->data.mapping_start.anchor, &anchor);
        code = code ? code : read_collection(reader, event, out);
        break;
    case YAML_SEQUENCE_START_EVENT:
        code = add_anchor(reader, event->data.sequence_start.anchor, &anchor);
        code = code ? code : read_collection(reader, event, out);
        break;
    default:
        return ERR_BUG;
    }
    if (anchor)
        anchor->tree = *out;
    return code;
}

// Stream and document marks around the one document.
static int read_stream(struct reader *reader, struct tree **out)
{
    for (bool ended = false; !ended;) {
        yaml_event_t event;
        int code = next_event(reader, &event);
        if (code)
            return code;
        ended = event.type == YAML_STREAM_END_EVENT;
        if (event.type == YAML_DOCUMENT_START_EVENT && *out) {
            problem_add(reader->problems, place_at(reader, event.start_mark), REASON_YAML_SYNTAX,
                        "a second document: a file holds one");
            code = ERR_INPUT;
        } else if (!ended && event.type != YAML_STREAM_START_EVENT &&
                   event.type != YAML_DOCUMENT_START_EVENT &&
                   event.type != YAML_DOCUMENT_END_EVENT) {
            code = read_node(reader, &event, out);
        }
        yaml_event_delete(&event);
        if (code)
            return code;
    }
    return 0;
}

int yaml_read(struct tree **out, struct tree_pool *pool, const char *file, bool lines,
              const char *text, size_t len, struct problems *problems)
{
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len -= 3;
    }
    struct reader reader = {
        .pool = pool, .problems = problems, .file = file, .lines = lines, .text = text, .len = len};
    *out = NULL;
    if (len > TEXT_FILE_MAX)
        return limit(&reader, (struct place){file, 0, 0}, "larger than 1024 KiB");
    int64_t bad = text_check_utf8(text, len);
    if (bad >= 0)
        return no_text(&reader, place_of_byte(&reader, (size_t)bad), text[bad] == 0);
    if (!yaml_parser_initialize(&reader.parser))
        return ERR_NOMEM;
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, len);
    int code = read_stream(&reader, out);
    yaml_parser_delete(&reader.parser);
    return code;
}
