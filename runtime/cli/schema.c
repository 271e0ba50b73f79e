// SPDX-License-Identifier: MIT
#include "cli/json_memory.h"
#include "cli/pipeline.h"
#include "cli/schema_file.h"
#include "cli/schema_rows.h"

#include <string.h>

// tidemill schema: what a pipeline may hold, for editors, from the tables that `check` uses. What
// no schema can say (that a name leads to a node, that there is no circle) is left to `check`.

static const struct args_option options[] = {
    {"overlay", 0, NULL, "of files for --with: nothing is required, null takes away"},
    {"plugins", 'p', "DIR", "load plugins from here as well; may be repeated"},
    {0},
};

static const struct section {
    const char *name, *node; // the definition of its nodes
    enum node_kind kind;
    const tide_option *common;
} sections[] = {
    {"connections", "connection", NODE_CONNECTION, common_connection_options},
    {"sources", "source", NODE_SOURCE, common_source_options},
    {"operators", "operator", NODE_OPERATOR, common_operator_options},
    {"sinks", "sink", NODE_SINK, common_sink_options},
};
enum { SECTIONS = sizeof sections / sizeof *sections };

struct maker {
    const struct catalogue *catalogue;
    bool overlay;
};

static json_t *node_of_type(const struct maker *maker, const struct section *section,
                            const char *name)
{
    const struct catalogue_entry *entry =
        maker->catalogue->find(maker->catalogue, section->kind, name);
    const tide_option *tables[] = {section->common, entry ? entry->options : NULL};
    return schema_object(tables, 2, maker->overlay);
}

static json_t *when_type(const char *name, json_t *then)
{
    return json_pack("{s:{s:{s:{s:s}}, s:[s]}, s:o}", "if", "properties", "type", "const", name,
                     "required", "type", "then", then);
}

// A `topic` is of the type of its connection: any that has a connection and this kind.
static json_t *topic(const struct maker *maker, const struct section *section)
{
    const struct catalogue *catalogue = maker->catalogue;
    json_t *any = json_array();
    for (const char *const *name = catalogue->names(catalogue, NODE_CONNECTION); *name; name++)
        if (catalogue->find(catalogue, section->kind, *name))
            json_array_append_new(any, node_of_type(maker, section, *name));
    if (json_array_size(any))
        return json_pack("{s:o}", "anyOf", any);
    json_decref(any);
    return json_false();
}

// {"type": one of these} and, for each of them, its options.
static json_t *node(const struct maker *maker, const struct section *section)
{
    json_t *names = json_array(), *cases = json_array();
    const struct catalogue *catalogue = maker->catalogue;
    for (const char *const *name = catalogue->names(catalogue, section->kind); *name; name++) {
        json_array_append_new(names, json_string(*name));
        json_array_append_new(cases, when_type(*name, node_of_type(maker, section, *name)));
    }
    if (section->kind == NODE_SOURCE || section->kind == NODE_SINK) {
        json_array_append_new(names, json_string("topic"));
        json_array_append_new(cases, when_type("topic", topic(maker, section)));
    }
    json_t *types = schema_any_of(json_pack("{s:o}", "enum", names), schema_refer("interpolated"));
    json_t *object = json_pack("{s:s, s:{s:o}, s:o}", "type", "object", "properties", "type", types,
                               "allOf", cases);
    if (maker->overlay)
        return schema_any_of(object, json_pack("{s:s}", "type", "null"));
    json_object_set_new(object, "required", json_pack("[s]", "type"));
    return object;
}

static json_t *section_of(const struct section *section, bool overlay)
{
    json_t *map = json_pack("{s:s, s:{s:s}, s:o}", "type", "object", "propertyNames", "pattern",
                            "^[A-Za-z_][A-Za-z0-9_-]{0,63}$", "additionalProperties",
                            schema_refer(section->node));
    if (overlay)
        return schema_any_of(map, json_pack("{s:s}", "type", "null"));
    json_object_set_new(map, "minProperties", json_integer(1));
    return map;
}

static json_t *defaults(void)
{
    json_t *properties = json_object();
    for (int i = 0; i < SECTIONS; i++)
        json_object_set_new(properties, sections[i].name, json_pack("{s:s}", "type", "object"));
    return json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties,
                     "additionalProperties", 0);
}

static json_t *make(const struct maker *maker)
{
    json_t *definitions = schema_definitions();
    const tide_option *table = top_options;
    json_t *top = schema_object(&table, 1, maker->overlay);
    json_t *properties = json_object_get(top, "properties");
    for (int i = 0; i < SECTIONS; i++) {
        json_object_set_new(definitions, sections[i].node, node(maker, &sections[i]));
        json_object_set_new(properties, sections[i].name, section_of(&sections[i], maker->overlay));
    }
    json_object_set_new(properties, "defaults", defaults());
    json_object_set_new(properties, "tests", json_pack("{s:[s, s]}", "type", "array", "null"));
    json_object_set_new(top, "patternProperties", json_pack("{s:{}}", "^x-"));
    json_object_set_new(top, "$schema", json_string("http://json-schema.org/draft-07/schema#"));
    json_object_set_new(top, "title", json_string("Tidemill pipeline"));
    json_object_set_new(top, "definitions", definitions);
    return top;
}

static int append(const char *bytes, size_t len, void *out)
{
    return buf_append(out, bytes, len);
}

static int dump(json_t *schema, struct buf *out, struct error *err)
{
    int code =
        schema && json_dump_callback(schema, append, out, JSON_INDENT(2)) == 0 ? 0 : ERR_NOMEM;
    if (!code)
        code = buf_putc(out, '\n');
    if (json_memory_failed())
        code = ERR_NOMEM; // parts may be missing
    json_decref(schema);
    return code ? error_set(err, code, "the schema: %s", error_meaning(code)) : 0;
}

int schema_make(const struct args *args, bool overlay, struct buf *out, struct error *err)
{
    struct registry *registry = NULL;
    struct catalogue *catalogue = NULL;
    int code = pipeline_registry(&registry, args, err);
    if (!code)
        code = engine_catalogue(&catalogue, registry, err);
    struct maker maker = {catalogue, overlay};
    if (!code)
        code = dump(make(&maker), out, err);
    engine_catalogue_free(catalogue);
    if (registry)
        registry_free(registry);
    return code;
}

static enum exit_status run(const struct args *args)
{
    struct error err = ERROR_INIT;
    struct buf text;
    buf_init(&text, SCHEMA_MAX_BYTES);
    int code = schema_make(args, args_flag(args, "overlay"), &text, &err);
    if (!code)
        fputs(buf_cstr(&text), stdout);
    buf_deinit(&text);
    if (code)
        return command_fail(&err);
    return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
}

const struct command command_schema = {
    .name = "schema",
    .help = "print the JSON Schema (draft 7) of pipelines, for editors",
    .options = options,
    .details = "Made from the option tables of the runtime and of all plugins that are there. An\n"
               "editor with a YAML language server takes it by a first line such as\n"
               "  # yaml-language-server: $schema=tidemill.schema.json\n",
    .example = "  tidemill schema > tidemill.schema.json\n",
    .run = run,
};
