// SPDX-License-Identifier: MIT
#include "support/one_operator.h"
#include "config/problems.h"
#include <stdio.h>
#include <stdlib.h>

static const struct operator_class *class_under_test;

static const struct catalogue_entry *find(const struct catalogue *catalogue, enum node_kind kind,
                                          const char *type)
{
    static const struct catalogue_entry other = {.has_out = true};
    (void)catalogue;
    if (kind != NODE_OPERATOR)
        return &other;
    return strcmp(type, class_under_test->type) == 0 ? &class_under_test->entry : NULL;
}

static const char *const *names(const struct catalogue *catalogue, enum node_kind kind)
{
    static const char *const none[] = {NULL};
    (void)catalogue;
    (void)kind;
    return none;
}

static void put_yaml(struct buf *yaml, const struct operator_class *class, const char *options)
{
    (void)buf_printf(yaml,
                     "pipeline: test\nsources: { in: { type: source }%s }\n"
                     "sinks: { out: { type: sink, inputs: it%s%s } }\noperators:\n  it:\n"
                     "    type: %s\n    inputs: %s\n    ",
                     class->entry.sides ? ", other: { type: source }" : "",
                     class->entry.has_out ? "" : ".",
                     class->entry.has_out ? "" : class->entry.ports[0], class->type,
                     class->entry.sides ? "{ left: in, right: other }" : "in");
    for (; *options; options++) {
        (void)buf_putc(yaml, *options);
        if (*options == '\n')
            (void)buf_puts(yaml, "    ");
    }
}

static int load(struct one_operator *one, const struct operator_class *class, const char *options)
{
    struct buf yaml;
    buf_init(&yaml, 1 << 20);
    put_yaml(&yaml, class, options);
    static const char *const files[] = {"test.yaml"};
    struct topology_input input = {.files = files, .file_count = 1, .text = buf_cstr(&yaml)};
    struct catalogue catalogue = {.find = find, .names = names};
    struct problems problems;
    problems_init(&problems);
    class_under_test = class;
    int rc = topology_load(&one->topology, &input, &catalogue, &problems);
    if (rc)
        error_set(&one->err, rc, "%s", problems.count ? problems.items[0].text : error_meaning(rc));
    problems_deinit(&problems);
    buf_deinit(&yaml);
    return rc;
}

static const struct node_spec *node_under_test(const struct topology *topology)
{
    for (uint32_t i = 0; i < topology->node_count; i++)
        if (topology->nodes[i].kind == NODE_OPERATOR)
            return &topology->nodes[i];
    return NULL;
}

int one_init(struct one_operator *one, const struct operator_class *class, const char *options)
{
    bool no_event_time = one->no_event_time;
    *one = (struct one_operator){.no_event_time = no_event_time};
    one->shapes = shape_table_new();
    one->pool = batch_pool_new(one->shapes);
    one->reader = json_reader_new(one->shapes, NULL);
    virtual_clock_init(&one->clock, 0);
    fake_outputs_init(&one->outputs, one->pool);
    int rc = load(one, class, options);
    if (rc)
        return rc;
    struct operator_spec spec = {.topology = one->topology,
                                 .node = node_under_test(one->topology),
                                 .clock = &one->clock.clock,
                                 .shapes = one->shapes,
                                 .has_event_time = !no_event_time,
                                 .lanes = 1};
    return class->build(&one->op, &spec, &one->err);
}

void one_deinit(struct one_operator *one)
{
    if (one->op)
        one->op->free(one->op);
    fake_outputs_deinit(&one->outputs);
    batch_unref(one->batch);
    json_reader_free(one->reader);
    if (one->pool)
        batch_pool_free(one->pool);
    shape_table_free(one->shapes);
    topology_free(one->topology);
    *one = (struct one_operator){0};
}

struct record *one_send(struct one_operator *one, const char *json, int64_t time)
{
    if (one->batch && one->batch->count == one->batch->cap)
        (void)one_process(one);
    if (!one->batch)
        one->batch = batch_new(one->pool);
    size_t len = strlen(json);
    char *text = one->batch ? arena_alloc(&one->batch->arena, len + CHUNK_PAD, 1) : NULL;
    struct record *record = text ? batch_add(one->batch) : NULL;
    if (!record)
        return NULL;
    memcpy(text, json, len);
    memset(text + len, 0, CHUNK_PAD);
    if (json_read(one->reader, one->batch, text, len, CHUNK_PAD, record, &one->err))
        return NULL;
    record->time = time;
    return record;
}

enum op_status one_process(struct one_operator *one)
{
    enum op_status status = OP_DONE;
    while (one->batch) {
        status = one->op->process(one->op, one->input, one->batch, &one->outputs);
        if (status != OP_AGAIN) {
            batch_unref(one->batch);
            one->batch = NULL;
        } else {
            one->agains++;
        }
        fake_outputs_collect(&one->outputs);
    }
    return status;
}

enum op_status one_watermark(struct one_operator *one, int64_t watermark)
{
    enum op_status status = one_process(one);
    while (status == OP_DONE && one->op->watermark) {
        status = one->op->watermark(one->op, watermark, &one->outputs);
        fake_outputs_collect(&one->outputs);
        if (status != OP_AGAIN)
            return status;
        one->agains++;
        status = OP_DONE;
    }
    return status;
}

char *one_take(struct one_operator *one, uint32_t port)
{
    struct buf text;
    buf_init(&text, 64 << 20);
    for (size_t i = 0; i < one->outputs.result_count; i++) {
        const struct fake_result *result = &one->outputs.results[i];
        if (result->port == port)
            (void)buf_printf(&text, "%lld %s\n", (long long)result->time, result->json);
    }
    char *copy = strdup(buf_cstr(&text));
    buf_deinit(&text);
    fake_outputs_clear(&one->outputs);
    return copy;
}
