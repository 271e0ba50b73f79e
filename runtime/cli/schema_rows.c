// SPDX-License-Identifier: MIT
#include "cli/schema_rows.h"

#include <string.h>

#define DURATION "([0-9]+(\\.[0-9]+)?(d|h|m|s|ms))+|0"

json_t *schema_refer(const char *definition)
{
    return json_pack("{s:s+}", "$ref", "#/definitions/", definition);
}

json_t *schema_any_of(json_t *one, json_t *another)
{
    return json_pack("{s:[o, o]}", "anyOf", one, another);
}

static json_t *pattern(const char *regex)
{
    return json_pack("{s:s, s:s}", "type", "string", "pattern", regex);
}

static json_t *type(const char *name)
{
    return json_pack("{s:s}", "type", name);
}

// In the spelling of YAML, in that of text, or made by an interpolation.
static json_t *spelled(json_t *native, const char *regex)
{
    return json_pack("{s:[o, o, o]}", "anyOf", native, pattern(regex),
                     schema_refer("interpolated"));
}

json_t *schema_definitions(void)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "interpolated", pattern("\\$\\{"), "text",
        json_pack("{s:[s, s, s]}", "type", "string", "number", "boolean"), "integer",
        spelled(type("integer"), "^-?(0|[1-9][0-9]*)$"), "number",
        spelled(type("number"), "^-?[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]+)?$"), "boolean",
        spelled(type("boolean"), "^(true|false)$"), "duration",
        spelled(json_pack("{s:i}", "const", 0), "^(" DURATION ")$"), "size",
        spelled(json_pack("{s:s, s:i}", "type", "integer", "minimum", 0),
                "^[0-9]+(\\.[0-9]+)?([KMGT]iB|[kMGT]?B)?$"),
        "range",
        json_pack("{s:[o, o, o]}", "anyOf", pattern("^(" DURATION ")(\\.\\.(" DURATION "))?$"),
                  schema_refer("interpolated"),
                  json_pack("{s:s, s:{s:o, s:o}, s:[s, s], s:b}", "type", "object", "properties",
                            "from", schema_refer("duration"), "to", schema_refer("duration"),
                            "required", "from", "to", "additionalProperties", 0)));
}

// The words between bars.
static json_t *words(const char *choices)
{
    json_t *list = json_array();
    for (const char *at = choices; at; at = strchr(at, '|')) {
        at += *at == '|';
        json_array_append_new(list, json_stringn(at, strcspn(at, "|")));
        if (strncmp(at, "false", 5) == 0) // as YAML reads it when it is plain
            json_array_append_new(list, json_false());
    }
    return json_pack("{s:o}", "enum", list);
}

// A number between the bounds of its row; text is not compared.
static json_t *bounded(const tide_option *row, const char *name)
{
    json_t *value = schema_refer(name);
    if (row->min == 0 && row->max == 0)
        return value;
    json_t *bounds = json_pack("{s:f, s:f}", "minimum", row->min, "maximum", row->max);
    return json_pack("{s:[o, o]}", "allOf", value, bounds);
}

static json_t *value_of(const tide_option *row, int32_t kind, bool overlay);

static json_t *list_of(const tide_option *row, bool overlay)
{
    int32_t item = row->item ? row->item : TIDE_TEXT;
    return schema_any_of(
        json_pack("{s:s, s:o}", "type", "array", "items", value_of(row, item, overlay)),
        value_of(row, item, overlay));
}

static json_t *map_of(const tide_option *row, bool overlay)
{
    json_t *map = schema_object(&row->members, 1, overlay);
    if (!(row->flags & TIDE_OPTION_SHORT))
        return map;
    return schema_any_of(map, value_of(&row->members[0], row->members[0].type, overlay));
}

static json_t *integer_of(const tide_option *row)
{
    json_t *value = bounded(row, "integer");
    return row->choices ? schema_any_of(value, words(row->choices)) : value;
}

static json_t *value_of(const tide_option *row, int32_t kind, bool overlay)
{
    switch (kind) {
    case TIDE_INT:
        return integer_of(row);
    case TIDE_NUMBER:
        return bounded(row, "number");
    case TIDE_BOOL:
        return schema_refer("boolean");
    case TIDE_DURATION:
        return row->min < 0 ? pattern("^-?(" DURATION ")$") : schema_refer("duration");
    case TIDE_SIZE:
        return bounded(row, "size");
    case TIDE_RANGE:
        return schema_refer("range");
    case TIDE_CHOICE:
        return schema_any_of(words(row->choices), schema_refer("interpolated"));
    case TIDE_LIST:
        return list_of(row, overlay);
    case TIDE_MAP:
        return map_of(row, overlay);
    case TIDE_FREE_MAP:
        return json_pack("{s:s, s:o}", "type", "object", "additionalProperties",
                         schema_refer("text"));
    case TIDE_DATA_MAP:
        return row->flags & TIDE_OPTION_ANY ? json_object() : type("object");
    default:
        return schema_refer("text");
    }
}

// Absent and null are the same, where nothing is required.
static json_t *property(const tide_option *row, bool required, bool overlay)
{
    json_t *value = value_of(row, row->type, overlay);
    if (!required)
        value = schema_any_of(value, type("null"));
    return value;
}

void schema_add_rows(json_t *properties, json_t *required, const tide_option *table, bool overlay)
{
    for (const tide_option *row = table; row && row->name; row++) {
        bool must = (row->flags & TIDE_OPTION_REQUIRED) && !row->default_text && !overlay;
        // Siblings of $ref are ignored, so that the schema proper stands one level down.
        json_t *value = json_pack("{s:[o]}", "allOf", property(row, must, overlay));
        if (row->help)
            json_object_set_new(value, "description", json_string(row->help));
        if (row->default_text)
            json_object_set_new(value, "default", json_string(row->default_text));
        if (row->flags & TIDE_OPTION_DEPRECATED)
            json_object_set_new(value, "deprecated", json_true());
        json_object_set_new(properties, row->name, value);
        if (must)
            json_array_append_new(required, json_string(row->name));
    }
}

json_t *schema_object(const tide_option *const *tables, unsigned count, bool overlay)
{
    json_t *properties = json_object(), *required = json_array();
    for (unsigned i = 0; i < count; i++)
        schema_add_rows(properties, required, tables[i], overlay);
    return json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties", properties, "required",
                     required, "additionalProperties", 0);
}
