// SPDX-License-Identifier: MIT
#include "cli/options.h"

#include <stdio.h>

static const char *const type_names[] = {
    [TIDE_TEXT] = "text",         [TIDE_INT] = "integer",
    [TIDE_NUMBER] = "number",     [TIDE_BOOL] = "true|false",
    [TIDE_DURATION] = "duration", [TIDE_SIZE] = "size",
    [TIDE_CHOICE] = "choice",     [TIDE_LIST] = "list",
    [TIDE_MAP] = "map",           [TIDE_FREE_MAP] = "names: text",
    [TIDE_DATA_MAP] = "data",     [TIDE_RANGE] = "range",
};

const char *options_type_name(int32_t type)
{
    if (type < 1 || (size_t)type >= sizeof type_names / sizeof *type_names)
        return "?";
    return type_names[type];
}

static void print_type(const tide_option *row)
{
    if (row->type == TIDE_CHOICE && row->choices)
        printf("%s", row->choices);
    else if (row->type == TIDE_LIST)
        printf("list of %s", options_type_name(row->item));
    else
        printf("%s", options_type_name(row->type));
    if (row->min < row->max)
        printf(" %.15g..%.15g", row->min, row->max);
}

static void print_row(const tide_option *row, unsigned indent)
{
    printf("%*s%-*s ", (int)indent * 2, "", 22 - (int)indent * 2, row->name);
    print_type(row);
    if (row->flags & TIDE_OPTION_REQUIRED)
        printf(", required");
    if (row->default_text)
        printf(", default %s", row->default_text);
    if (row->flags & TIDE_OPTION_TEMPLATE)
        printf(", may hold {field}");
    if (row->flags & TIDE_OPTION_SECRET)
        printf(", secret");
    if (row->flags & TIDE_OPTION_DEPRECATED)
        printf(", deprecated");
    if (row->help)
        printf(": %s", row->help);
    putchar('\n');
}

void options_print(const tide_option *table, unsigned indent)
{
    for (const tide_option *row = table; row->name; row++) {
        print_row(row, indent);
        if (row->members)
            options_print(row->members, indent + 1);
    }
}

static json_t *row_json(const tide_option *row)
{
    json_t *object = json_pack(
        "{s:s, s:s, s:s?, s:s?, s:s?, s:b, s:b, s:b, s:b}", "name", row->name, "type",
        options_type_name(row->type), "default", row->default_text, "choices", row->choices, "help",
        row->help, "required", row->flags & TIDE_OPTION_REQUIRED, "secret",
        row->flags & TIDE_OPTION_SECRET, "template", row->flags & TIDE_OPTION_TEMPLATE,
        "deprecated", row->flags & TIDE_OPTION_DEPRECATED);
    if (row->min < row->max)
        json_object_set_new(object, "range", json_pack("[f, f]", row->min, row->max));
    if (row->type == TIDE_LIST)
        json_object_set_new(object, "item", json_string(options_type_name(row->item)));
    if (row->members)
        json_object_set_new(object, "members", options_json(row->members));
    return object;
}

json_t *options_json(const tide_option *table)
{
    json_t *list = json_array();
    for (const tide_option *row = table; row && row->name; row++)
        json_array_append_new(list, row_json(row));
    return list;
}
