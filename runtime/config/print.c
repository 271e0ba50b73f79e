// SPDX-License-Identifier: MIT
#include "config/print.h"
#include "base/error.h"
#include "config/text.h"

#include <string.h>

enum { STEP = 2 };

static int print_flow(const struct tide_config *setting, struct buf *out);

// True when the text may stand without quotes and is read back as the same text.
static bool is_bare(const char *text)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-";
    int64_t integer;
    double number;
    size_t len = strlen(text);
    return len && *text != '-' && strspn(text, safe) == len && strcmp(text, "null") != 0 &&
           strcmp(text, "true") != 0 && strcmp(text, "false") != 0 &&
           !text_parse_int(text, &integer) && !text_parse_number(text, &number);
}

static int print_quoted(const char *text, struct buf *out)
{
    struct buf doubled; // $ as $$, so that it is not interpolated again
    buf_init(&doubled, out->max);
    int code = 0;
    for (; *text && !code; text++)
        code = buf_puts(&doubled, *text == '$' ? "$$" : (const char[]){*text, 0});
    if (!code)
        code = text_json(buf_cstr(&doubled), out);
    buf_deinit(&doubled);
    return code;
}

static int print_text(const char *text, struct buf *out)
{
    return is_bare(text) ? buf_puts(out, text) : print_quoted(text, out);
}

static int print_scalar(const struct tide_config *setting, struct buf *out)
{
    if (setting->secret)
        return buf_puts(out, "\"***\"");
    if (setting->look == LOOKS_NULL)
        return buf_puts(out, "null");
    int32_t type = setting->option ? setting->option->type : 0;
    bool typed = type == TIDE_INT || type == TIDE_NUMBER || type == TIDE_BOOL;
    if (setting->look != LOOKS_TEXT || typed)
        return buf_puts(out, setting->text);
    return print_text(setting->text, out);
}

static int print_flow_items(const struct tide_config *setting, struct buf *out)
{
    int code = 0;
    for (uint32_t i = 0; i < setting->count && !code; i++) {
        code = i ? buf_puts(out, ", ") : 0;
        if (!code && setting->is_map)
            code = print_text(setting->items[i].name, out);
        if (!code && setting->is_map)
            code = buf_puts(out, ": ");
        if (!code)
            code = print_flow(&setting->items[i], out);
    }
    return code;
}

static int print_flow(const struct tide_config *setting, struct buf *out)
{
    if (!setting->is_map && !setting->is_list)
        return print_scalar(setting, out);
    int code = buf_putc(out, setting->is_map ? '{' : '[');
    if (!code)
        code = print_flow_items(setting, out);
    return code ? code : buf_putc(out, setting->is_map ? '}' : ']');
}

static int print_named(const struct tide_config *setting, int indent, struct buf *out);

// What follows "key:", in block style for maps and long lists.
static int print_value(const struct tide_config *setting, int indent, struct buf *out)
{
    bool block = setting->count && setting->is_map;
    bool lines = setting->count && setting->is_list && setting->items[0].is_map;
    int code = buf_putc(out, block || lines ? '\n' : ' ');
    for (uint32_t i = 0; (block || lines) && i < setting->count && !code; i++) {
        if (block) {
            code = print_named(&setting->items[i], indent + STEP, out);
            continue;
        }
        code = buf_printf(out, "%*s- ", indent + STEP, "");
        code = code ? code : print_flow(&setting->items[i], out);
        code = code ? code : buf_putc(out, '\n');
    }
    if (block || lines || code)
        return code;
    code = print_flow(setting, out);
    return code ? code : buf_putc(out, '\n');
}

static int print_key(const char *name, int indent, struct buf *out)
{
    int code = buf_printf(out, "%*s", indent, "");
    if (!code)
        code = print_text(name, out);
    return code ? code : buf_putc(out, ':');
}

static int print_named(const struct tide_config *setting, int indent, struct buf *out)
{
    int code = print_key(setting->name, indent, out);
    return code ? code : print_value(setting, indent, out);
}

// A node: its common options, then its own that are not among them.
static int print_node(const struct node_spec *node, struct buf *out)
{
    int code = print_key(node->name, STEP, out);
    code = code ? code : buf_putc(out, '\n');
    for (uint32_t i = 0; i < node->common->count && !code; i++)
        code = print_named(&node->common->items[i], 2 * STEP, out);
    for (uint32_t i = 0; i < node->options->count && !code; i++)
        if (!setting_at(node->common, node->options->items[i].name))
            code = print_named(&node->options->items[i], 2 * STEP, out);
    return code;
}

static int print_section(const char *name, const struct node_spec *nodes, uint32_t count,
                         enum node_kind kind, struct buf *out)
{
    int code = 0;
    bool first = true;
    for (uint32_t i = 0; i < count && !code; i++) {
        if (nodes[i].kind != kind)
            continue;
        code = first ? buf_printf(out, "\n%s:\n", name) : 0;
        first = false;
        if (!code)
            code = print_node(&nodes[i], out);
    }
    return code;
}

int topology_print(const struct topology *topology, struct buf *out)
{
    static const struct {
        const char *name;
        enum node_kind kind;
    } sections[] = {{"sources", NODE_SOURCE}, {"operators", NODE_OPERATOR}, {"sinks", NODE_SINK}};
    int code = 0;
    for (uint32_t i = 0; i < topology->top->count && !code; i++)
        code = print_named(&topology->top->items[i], 0, out);
    if (!code)
        code = print_section("connections", topology->connections, topology->connection_count,
                             NODE_CONNECTION, out);
    for (int i = 0; i < 3 && !code; i++)
        code = print_section(sections[i].name, topology->nodes, topology->node_count,
                             sections[i].kind, out);
    if (!code && topology->tests)
        code = buf_putc(out, '\n');
    if (!code && topology->tests)
        code = print_named(topology->tests, 0, out);
    return code;
}
