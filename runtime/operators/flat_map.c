// SPDX-License-Identifier: MIT
#include "operators/flat_map.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "operators/scripted.h"

#include <string.h>

enum { PORTS_MAX = 63, TARGET_BYTES_MAX = 16 << 20 };

struct flat_map {
    struct scripted base; // first
    uint32_t sent;        // records made of the one at the cursor
    const char *ports[PORTS_MAX + 1];
};

static const tide_option options[] = {{.name = "ports",
                                       .type = TIDE_LIST,
                                       .item = TIDE_TEXT,
                                       .help = "names of the ports that emit(r, port) may use"},
                                      {.name = NULL}};

static int no_port(const struct flat_map *flat_map, const char *name, struct error *err)
{
    char list[512] = "out";
    struct buf text;
    buf_init(&text, sizeof list);
    int rc = buf_puts(&text, "out");
    for (const char *const *port = flat_map->ports; *port && rc == 0; port++)
        rc = buf_printf(&text, ", %s", *port);
    error_set(err, ERR_DATA, "there is no port '%s'; declared in `ports:` are %s", name,
              rc == 0 ? buf_cstr(&text) : list);
    buf_deinit(&text);
    return -1;
}

static int32_t port_number(void *arg, const char *name, struct error *err)
{
    struct flat_map *flat_map = arg;
    if (strcmp(name, "out") == 0)
        return PORT_OUT;
    for (int32_t i = 0; flat_map->ports[i]; i++) {
        if (strcmp(flat_map->ports[i], name) == 0)
            return i + 1;
    }
    return no_port(flat_map, name, err);
}

// The first record made of one takes its place in the accounts; each further one is created.
static void count_sent(struct flat_map *flat_map)
{
    if (flat_map->sent++)
        flat_map->base.op.stats.created++;
}

static enum script_verdict emit_input(void *arg, uint32_t index, uint32_t port)
{
    struct flat_map *flat_map = arg;
    struct batch *batch = flat_map->base.batch;
    if (!outputs_wanted(flat_map->base.outputs, port))
        return SCRIPT_NEXT;
    if (!outputs_share(flat_map->base.outputs, port, batch, &batch->records[index]))
        return SCRIPT_PAUSE;
    count_sent(flat_map);
    return SCRIPT_NEXT;
}

static struct batch *emit_into(void *arg, uint32_t index, uint32_t port,
                               enum script_verdict *verdict)
{
    struct flat_map *flat_map = arg;
    (void)index;
    *verdict = SCRIPT_NEXT;
    if (!outputs_wanted(flat_map->base.outputs, port))
        return NULL;
    struct batch *target = outputs_batch(flat_map->base.outputs, port);
    // A batch of few but large records leaves when the step ends.
    if (target && target->count && target->arena.used_bytes > TARGET_BYTES_MAX)
        target = NULL;
    if (!target)
        *verdict = SCRIPT_PAUSE;
    return target;
}

static void made(void *arg)
{
    count_sent(arg);
}

static enum script_verdict done(void *arg, uint32_t index, bool kept)
{
    struct flat_map *flat_map = arg;
    (void)kept;
    flat_map->base.op.stats.filtered += flat_map->sent == 0;
    flat_map->sent = 0;
    return scripted_late(&flat_map->base, index) ? SCRIPT_PAUSE : SCRIPT_NEXT;
}

static enum script_verdict failed(void *arg, uint32_t index, const struct error *err)
{
    struct flat_map *flat_map = arg;
    enum script_verdict verdict = scripted_failed(arg, index, err);
    if (verdict != SCRIPT_PAUSE) {
        flat_map->base.op.stats.created += flat_map->sent > 0; // the input is counted as failed
        flat_map->sent = 0;
    }
    return verdict;
}

static enum op_status process(struct op *op, uint32_t input, struct batch *batch,
                              struct outputs *outputs)
{
    struct flat_map *flat_map = (struct flat_map *)op;
    (void)input;
    struct script_sink sink = {.arg = flat_map,
                               .done = done,
                               .failed = failed,
                               .traces = scripted_traces,
                               .reads = scripted_reads,
                               .made = made,
                               .port = port_number,
                               .emit_input = emit_input,
                               .emit_into = emit_into};
    return scripted_run(&flat_map->base, SCRIPT_CALL_FLAT_MAP, batch, outputs, &sink);
}

static void flat_map_free(struct op *op)
{
    struct flat_map *flat_map = (struct flat_map *)op;
    script_free(flat_map->base.script);
    mem_free(flat_map);
}

static int read_ports(struct flat_map *flat_map, const struct operator_spec *spec,
                      struct error *err)
{
    const struct tide_config *ports = setting_at(spec->node->options, "ports");
    for (uint32_t i = 0; ports && i < ports->count; i++) {
        const char *name = ports->items[i].text;
        if (i == PORTS_MAX)
            return error_set(err, ERR_INPUT, "%s: more than %d ports", spec->node->name, PORTS_MAX);
        flat_map->ports[i] = name;
    }
    return 0;
}

static int build(struct op **out, const struct operator_spec *spec, struct error *err)
{
    struct flat_map *flat_map = mem_zalloc(sizeof *flat_map);
    if (!flat_map)
        return error_nomem(err);
    int rc = read_ports(flat_map, spec, err);
    if (rc == 0)
        rc = scripted_load_function(&flat_map->base.script, spec, err);
    if (rc != 0) {
        mem_free(flat_map);
        return rc;
    }
    flat_map->base.op.class = &flat_map_class;
    flat_map->base.op.ports = flat_map->ports;
    flat_map->base.op.process = process;
    flat_map->base.op.free = flat_map_free;
    *out = &flat_map->base.op;
    return 0;
}

const struct operator_class flat_map_class = {
    .type = "flat_map",
    .help = "makes any number of records out of each one",
    .entry = {.options = options, .ports_option = "ports", .has_out = true},
    .build = build};
