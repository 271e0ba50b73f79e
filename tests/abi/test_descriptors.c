// SPDX-License-Identifier: MIT
#include "support/unit.h"
#include "tidemill/plugin.h"
#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

// What every built-in plugin declares about itself: complete, consistent, fit to be shown.

static const char *who; // the plugin that is looked at

static void check(int holds, const char *what, const char *about)
{
    CU_ASSERT_TRUE(holds);
    if (!holds)
        fprintf(stderr, "%s: %s: %s\n", who, about ? about : "", what);
}

static int is_name(const char *text)
{
    if (!text || !islower((unsigned char)*text))
        return 0;
    while (islower((unsigned char)*text) || isdigit((unsigned char)*text) || *text == '_')
        text++;
    return *text == '\0';
}

static int is_line(const char *text)
{
    return text && *text && !strchr(text, '\n');
}

static int is_choice(const char *choices, const char *text)
{
    size_t len = strlen(text);
    for (const char *at = choices; (at = strstr(at, text)); at++)
        if ((at == choices || at[-1] == '|') && (at[len] == '|' || !at[len]))
            return 1;
    return 0;
}

static void check_options(const tide_option *options)
{
    for (const tide_option *option = options; option && option->name; option++) {
        check(is_name(option->name), "is no name", option->name);
        check(is_line(option->help), "needs one line of help", option->name);
        check(option->type >= TIDE_TEXT && option->type <= TIDE_RANGE, "has no type", option->name);
        check(!(option->flags & TIDE_OPTION_REQUIRED) || !option->default_text,
              "is required, yet has a default", option->name);
        check(option->min <= option->max, "has an empty range", option->name);
        check((option->type == TIDE_CHOICE) == (option->choices != NULL), "choices", option->name);
        if (option->choices && option->default_text)
            check(is_choice(option->choices, option->default_text), "default", option->name);
        check((option->type == TIDE_LIST) == (option->item != 0), "item", option->name);
        int has_members =
            option->type == TIDE_MAP || (option->type == TIDE_LIST && option->item == TIDE_MAP);
        check(has_members == (option->members != NULL), "members", option->name);
        for (const tide_option *other = options; other < option; other++)
            check(strcmp(other->name, option->name) != 0, "is there twice", option->name);
        check_options(option->members);
    }
}

static void check_source(const tide_source *source)
{
    check(source->struct_size == sizeof *source, "struct_size", "source");
    check(source->open && source->close && source->assign && source->read, "calls", "source");
    check_options(source->options);
}

static void check_sink(const tide_sink *sink)
{
    check(sink->struct_size == sizeof *sink, "struct_size", "sink");
    check(sink->open && sink->close && sink->write && sink->flush, "calls", "sink");
    int two_phase = (sink->capabilities & TIDE_SINK_TWO_PHASE) != 0;
    check(!two_phase || (sink->prepare && sink->commit && sink->abort), "two-phase", "sink");
    check_options(sink->options);
}

static void check_plugin(const char *file, const char *name)
{
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(library);
    const tide_plugin *(*entry)(uint32_t, uint32_t);
    void *symbol = dlsym(library, "tide_plugin_entry");
    CU_ASSERT_PTR_NOT_NULL_FATAL(symbol);
    memcpy(&entry, &symbol, sizeof entry);
    CU_ASSERT_PTR_NULL(entry(TIDE_ABI_MAJOR + 1, 0));
    const tide_plugin *plugin = entry(TIDE_ABI_MAJOR, TIDE_ABI_MINOR);
    CU_ASSERT_PTR_NOT_NULL_FATAL(plugin);
    CU_ASSERT_EQUAL(plugin->abi_major, TIDE_ABI_MAJOR);
    CU_ASSERT_EQUAL(plugin->struct_size, sizeof *plugin);
    check(!strncmp(plugin->name, name, strlen(plugin->name)) && is_name(plugin->name),
          "is not the file's name", plugin->name);
    check(isdigit((unsigned char)*plugin->version), "version", plugin->version);
    check(is_line(plugin->license) && is_line(plugin->help), "license or help", NULL);
    check(plugin->source || plugin->sink || plugin->connection, "is nothing", NULL);
    if (plugin->source)
        check_source(plugin->source);
    if (plugin->sink)
        check_sink(plugin->sink);
    if (plugin->connection)
        check_options(plugin->connection->options);
}

static void test_all(void)
{
    DIR *folder = opendir(PLUGIN_DIR);
    CU_ASSERT_PTR_NOT_NULL_FATAL(folder);
    int count = 0;
    for (struct dirent *e; (e = readdir(folder));) {
        char file[sizeof PLUGIN_DIR + sizeof e->d_name];
        const char *dot = strrchr(e->d_name, '.');
        if (!dot || strcmp(dot, ".so") != 0)
            continue;
        snprintf(file, sizeof file, "%s/%s", PLUGIN_DIR, e->d_name);
        who = e->d_name;
        check_plugin(file, e->d_name);
        count++;
    }
    closedir(folder);
    CU_ASSERT_TRUE(count >= 7);
}

static CU_TestInfo cases[] = {{"every built-in plugin", test_all}, CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("descriptors", cases))
