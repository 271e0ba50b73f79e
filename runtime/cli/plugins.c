// SPDX-License-Identifier: MIT
#include "cli/options.h"
#include "cli/pipeline.h"
#include "cli/terminal.h"

#include <jansson.h>
#include <string.h>

// tidemill plugins: what there is, and the options of one.

static const struct args_option options[] = {
    {"plugins", 'p', "DIR", "load plugins from here as well; may be repeated"},
    {"json", 'j', NULL, "as JSON"},
    {0},
};

static const char *yes(const void *part, const char *name)
{
    return part ? name : "";
}

// "source sink", in a fixed width.
static void print_parts(const tide_plugin *plugin)
{
    char parts[64];
    snprintf(parts, sizeof parts, "%s%s%s", yes(plugin->source, "source "),
             yes(plugin->sink, "sink "), yes(plugin->connection, "connection"));
    printf("%-22s", parts);
}

static void print_row(const struct registry_item *item)
{
    const tide_plugin *plugin = item->plugin;
    if (!plugin) {
        printf("%s%-12s%s %s\n", terminal_style(stdout, STYLE_BAD), "unusable",
               terminal_style(stdout, STYLE_OFF), item->error);
        return;
    }
    printf("%s%-12s%s %-8s ", terminal_style(stdout, STYLE_BOLD), plugin->name,
           terminal_style(stdout, STYLE_OFF), plugin->version);
    print_parts(plugin);
    printf(" %s\n", plugin->help ? plugin->help : "");
}

static void print_part(const char *what, const tide_option *table)
{
    printf("\n%s%s%s\n", terminal_style(stdout, STYLE_BOLD), what,
           terminal_style(stdout, STYLE_OFF));
    if (!table || !table->name)
        puts("  no options of its own");
    else
        options_print(table, 1);
}

static void print_plugin(const struct registry_item *item)
{
    print_row(item);
    printf("%s, licence %s\n", item->path, item->plugin->license ? item->plugin->license : "?");
    if (item->plugin->source)
        print_part("source", item->plugin->source->options);
    if (item->plugin->sink)
        print_part("sink", item->plugin->sink->options);
    if (item->plugin->connection)
        print_part("connection", item->plugin->connection->options);
}

static void set_part(json_t *object, const char *name, const tide_option *table)
{
    json_object_set_new(object, name, options_json(table));
}

static json_t *plugin_json(const struct registry_item *item)
{
    const tide_plugin *plugin = item->plugin;
    if (!plugin)
        return json_pack("{s:s, s:s}", "path", item->path, "error", item->error);
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s?, s:s?}", "name", plugin->name, "version", plugin->version,
                  "path", item->path, "license", plugin->license, "help", plugin->help);
    if (plugin->source)
        set_part(object, "source", plugin->source->options);
    if (plugin->sink)
        set_part(object, "sink", plugin->sink->options);
    if (plugin->connection)
        set_part(object, "connection", plugin->connection->options);
    return object;
}

static enum exit_status print_json(json_t *value)
{
    int bad = !value || json_dumpf(value, stdout, JSON_INDENT(2)) || puts("") < 0;
    json_decref(value);
    return bad || fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
}

static enum exit_status list(const struct registry *registry, bool json)
{
    json_t *all = json ? json_array() : NULL;
    for (uint32_t i = 0; i < registry_count(registry); i++) {
        if (json)
            json_array_append_new(all, plugin_json(registry_at(registry, i)));
        else
            print_row(registry_at(registry, i));
    }
    if (json)
        return print_json(all);
    return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
}

// By name, or by the path it was loaded from.
static const struct registry_item *find(const struct registry *registry, const char *wanted)
{
    for (uint32_t i = 0; i < registry_count(registry); i++) {
        const struct registry_item *item = registry_at(registry, i);
        if (strcmp(item->path, wanted) == 0 ||
            (item->plugin && strcmp(item->plugin->name, wanted) == 0))
            return item;
    }
    return NULL;
}

static int show(struct registry *registry, const char *wanted, bool json, struct error *err)
{
    if (strchr(wanted, '/') ||
        (strlen(wanted) > 3 && !strcmp(wanted + strlen(wanted) - 3, ".so"))) {
        int code = registry_add_file(registry, wanted, err);
        if (code)
            return code;
    }
    const struct registry_item *item = find(registry, wanted);
    if (!item && registry_refusal(registry, wanted))
        return error_set(err, ERR_INPUT, "%s", registry_refusal(registry, wanted));
    if (!item)
        return error_set(err, ERR_INPUT, "no plugin '%s'; see: tidemill plugins", wanted);
    if (!item->plugin)
        return error_set(err, ERR_INPUT, "%s", item->error);
    if (json)
        return print_json(plugin_json(item)) ? error_set(err, ERR_IO, "standard output") : 0;
    print_plugin(item);
    return fflush(stdout) ? error_set(err, ERR_IO, "standard output") : 0;
}

static enum exit_status run(const struct args *args)
{
    struct error err = ERROR_INIT;
    struct registry *registry;
    if (pipeline_registry(&registry, args, &err))
        return command_fail(&err);
    bool json = args_flag(args, "json");
    enum exit_status status = EXIT_DONE;
    if (args->operand_count == 0)
        status = list(registry, json);
    for (size_t i = 0; i < args->operand_count && !status; i++)
        if (show(registry, args->operands[i], json, &err))
            status = command_fail(&err);
    registry_free(registry);
    return status;
}

const struct command command_plugins = {
    .name = "plugins",
    .help = "list plugins, or show the options of one by name or file",
    .operands = "[NAME|FILE.so]...",
    .options = options,
    .details =
        "Plugins are looked for in the directories of TIDEMILL_PLUGINS (separated by `:`), or\n"
        "beside the program in plugins/, and in each --plugins DIR.\n",
    .example = "  tidemill plugins tcp_poll\n",
    .run = run,
};
