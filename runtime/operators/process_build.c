// SPDX-License-Identifier: MIT
#include "operators/process_build.h"
#include "base/alloc.h"
#include "lua/process.h"
#include "operators/keys.h"
#include "time/watermark.h"

#include <limits.h>
#include <string.h>

enum { KEY_BYTES_MAX = 1 << 20 };

const tide_option process_options[] = {
    {.name = "key_by",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .flags = TIDE_OPTION_REQUIRED,
     .help = "the field, or fields, whose values make the key; \"@key\" is the record's own key"},
    {.name = "broadcast",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .help = "sides of `inputs` whose records have no key: on_broadcast is given them, in all "
             "lanes"},
    {.name = "ports",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .help = "names of ports beside those that the script declares or names"},
    {.name = NULL}};

static const char *script_name(const struct operator_spec *spec)
{
    const char *name = setting_text(spec->node->common, "script");
    return name ? name : "lua";
}

// -- keys and sides --

static int read_keys(struct process *p, const struct operator_spec *spec, struct error *err)
{
    const struct tide_config *key_by = setting_at(spec->node->options, "key_by");
    if (!key_by || key_by->count == 0)
        return error_set(err, ERR_INPUT, "a process needs `key_by:`: its state belongs to keys");
    if (key_by->count == 1 && strcmp(key_by->items[0].text, OWN_KEY) == 0) {
        p->own_key = true;
        return 0;
    }
    return keys_compile(p->keys, &p->key_count, key_by, "key_by", err);
}

static bool names(const struct tide_config *list, const char *name)
{
    for (uint32_t i = 0; list && i < list->count; i++)
        if (name && strcmp(list->items[i].text, name) == 0)
            return true;
    return false;
}

static int check_broadcast(const struct process *p, const struct operator_spec *spec,
                           const struct tide_config *broadcast, struct error *err)
{
    uint32_t count = spec->node->input_count, keyed = 0;
    for (uint32_t i = 0; broadcast && i < broadcast->count; i++) {
        const char *name = broadcast->items[i].text;
        bool found = false;
        for (uint32_t k = 0; k < count; k++)
            found |= p->sides[k].name && strcmp(p->sides[k].name, name) == 0;
        if (!found)
            return error_set(err, ERR_INPUT,
                             "broadcast: '%s' is no side of `inputs`; write them as a map: inputs: "
                             "{ in: NODE, %s: NODE }",
                             name, name);
    }
    for (uint32_t i = 0; i < count; i++)
        keyed += !p->sides[i].broadcast;
    if (broadcast && keyed == 0)
        return error_set(err, ERR_INPUT, "broadcast: no input is left whose records have keys");
    return 0;
}

static int read_sides(struct process *p, const struct operator_spec *spec, struct error *err)
{
    const struct tide_config *broadcast = setting_at(spec->node->options, "broadcast");
    uint32_t count = spec->node->input_count;
    p->sides = mem_zalloc((count + 1) * sizeof *p->sides);
    if (!p->sides)
        return error_nomem(err);
    for (uint32_t i = 0; i < count; i++) {
        p->sides[i].name = spec->node->inputs[i].side;
        p->sides[i].broadcast = names(broadcast, p->sides[i].name);
    }
    return check_broadcast(p, spec, broadcast, err);
}

// The record's own key is none that the exchange could go by.
void process_share(const struct node_spec *node, uint32_t input, struct op_share *out)
{
    const struct tide_config *key_by = setting_at(node->options, "key_by");
    bool own = !key_by || key_by->count == 0 || strcmp(key_by->items[0].text, OWN_KEY) == 0;
    *out = (struct op_share){.how = own ? OP_SHARE_ONE : OP_SHARE_KEY, .keys = key_by};
    if (names(setting_at(node->options, "broadcast"), node->inputs[input].side))
        out->how = own ? OP_SHARE_ONE : OP_SHARE_ALL;
}

// -- ports --

static int read_ports(struct process *p, const struct operator_spec *spec, struct error *err)
{
    const struct tide_config *ports = setting_at(spec->node->options, "ports");
    const char *const *own = spec->node->own_ports;
    uint32_t count = 0, owned = 0;
    while (own && own[owned])
        owned++;
    p->ports = mem_zalloc(((ports ? ports->count : 0) + owned + 1) * sizeof *p->ports);
    if (!p->ports)
        return error_nomem(err);
    for (uint32_t i = 0; ports && i < ports->count; i++)
        p->ports[count++] = ports->items[i].text;
    for (uint32_t i = 0; i < owned; i++)
        p->ports[count++] = own[i];
    p->late_port = UINT32_MAX;
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(p->ports[i], "late") == 0)
            p->late_port = i + 1;
    return 0;
}

bool process_own_ports(const struct topology *topology, const struct tide_config *common,
                       struct arena *arena, const char *const **out)
{
    struct operator_spec spec = {.topology = topology};
    struct node_spec node = {.name = "process", .type = "process", .common = common};
    struct script *script = NULL;
    const char *const *names;
    spec.node = &node;
    struct shape_table *shapes = shape_table_new();
    spec.shapes = shapes;
    bool known = shapes && scripted_load_quietly(&script, &spec) == 0 && script_processes(script);
    uint32_t count = known ? script_ports(script, &names) : 0;
    const char **copy = ARENA_ARRAY(arena, const char *, count + 1);
    known = known && copy;
    for (uint32_t i = 0; i < count && known; i++) {
        copy[i] = arena_copy(arena, names[i], strlen(names[i]) + 1);
        known = copy[i] != NULL;
    }
    if (known)
        copy[count] = NULL;
    *out = copy;
    script_free(script);
    shape_table_free(shapes);
    return known;
}

// -- the script --

static int check_script(const struct process *p, const struct operator_spec *spec,
                        struct error *err)
{
    const struct script *script = p->base.script;
    const char *name = script_name(spec);
    if (script_kind(script) != SCRIPT_TABLE)
        return error_set(err, ERR_INPUT,
                         "%s: the script of a process has to return a table with on_record, not %s",
                         name, script_kind(script) == SCRIPT_FUNCTION ? "a function" : "agg { … }");
    if (!script_processes(script))
        return error_set(err, ERR_INPUT,
                         "%s: the table that the script returned has no function on_record; it is "
                         "like { state = { … }, on_record = function(r, ctx) … end }",
                         name);
    for (uint32_t i = 0; i < spec->node->input_count; i++)
        if (p->sides[i].broadcast && !script_has(script, "on_broadcast"))
            return error_set(err, ERR_INPUT,
                             "%s: side '%s' is broadcast, but the script has no on_broadcast", name,
                             p->sides[i].name);
    return 0;
}

static int check_states(struct process *p, const struct operator_spec *spec,
                        const struct cell_spec *states, uint32_t count, struct error *err)
{
    for (uint32_t i = 0; i < count; i++) {
        p->sweeps_by_clock |= states[i].ttl_ms && states[i].time == PROCESSING_TIME;
        if (states[i].ttl_ms && states[i].time == EVENT_TIME && !p->event_time)
            return error_set(err, ERR_INPUT,
                             "%s: state '%s' has a ttl in event time, but not every source of this "
                             "node says where it is; add `event_time: { field: ... }` to them, or "
                             "time = \"processing\" to the state",
                             script_name(spec), states[i].name);
    }
    return 0;
}

int process_configure(struct process *p, const struct operator_spec *spec, struct error *err)
{
    const struct cell_spec *states;
    p->clock = spec->clock;
    p->watermark = WATERMARK_NONE;
    p->event_time = spec->has_event_time;
    buf_init(&p->key, KEY_BYTES_MAX);
    int rc = read_keys(p, spec, err);
    if (!rc)
        rc = read_sides(p, spec, err);
    if (!rc)
        rc = read_ports(p, spec, err);
    if (!rc)
        rc = scripted_load(&p->base.script, spec, err);
    if (!rc)
        rc = check_script(p, spec, err);
    if (rc)
        return rc;
    p->base.op.version = script_version(p->base.script);
    uint32_t count = script_states(p->base.script, &states);
    rc = check_states(p, spec, states, count, err);
    if (rc)
        return rc;
    size_t limit = (size_t)setting_int(spec->node->common, "limits.state", 0);
    rc = cells_init(&p->cells, states, count, limit);
    p->cells.key_limit = (size_t)setting_int(spec->node->common, "limits.key", 0);
    return rc ? error_nomem(err) : 0;
}
