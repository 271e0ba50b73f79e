// SPDX-License-Identifier: MIT
#include "support/fake_outputs.h"
#include "record/json.h"
#include <stdlib.h>

void fake_outputs_init(struct outputs *outputs, struct batch_pool *pool)
{
    *outputs = (struct outputs){
        .pool = pool, .room = UINT32_MAX, .verdict = ERROR_SKIP, .last_error_index = UINT32_MAX};
}

void fake_outputs_clear(struct outputs *outputs)
{
    for (size_t i = 0; i < outputs->result_count; i++)
        free(outputs->results[i].json);
    for (size_t i = 0; i < outputs->error_count && i < FAKE_ERRORS_KEPT; i++)
        free(outputs->errors[i]);
    outputs->result_count = outputs->error_count = 0;
}

void fake_outputs_deinit(struct outputs *outputs)
{
    fake_outputs_clear(outputs);
    for (uint32_t i = 0; i < FAKE_PORTS; i++)
        batch_unref(outputs->ports[i].pending);
    free(outputs->results);
    *outputs = (struct outputs){0};
}

static void add_result(struct outputs *outputs, uint32_t port, struct batch *batch,
                       const struct record *record)
{
    if (outputs->result_count == outputs->result_cap) {
        outputs->result_cap = outputs->result_cap ? outputs->result_cap * 2 : 64;
        outputs->results =
            realloc(outputs->results, outputs->result_cap * sizeof *outputs->results);
    }
    struct buf text;
    struct error err = ERROR_INIT;
    buf_init(&text, 64 << 20);
    if (json_write(batch, record, &text, &err)) {
        buf_clear(&text);
        (void)buf_puts(&text, err.text);
    }
    outputs->results[outputs->result_count++] = (struct fake_result){
        .port = port, .time = record->time, .json = strndup(text.data ? text.data : "", text.len)};
    buf_deinit(&text);
}

void fake_outputs_collect(struct outputs *outputs)
{
    for (uint32_t port = 0; port < FAKE_PORTS; port++) {
        struct batch *batch = outputs->ports[port].pending;
        for (uint32_t i = 0; batch && i < batch->count; i++)
            add_result(outputs, port, batch, &batch->records[i]);
        batch_unref(batch);
        outputs->ports[port].pending = NULL;
    }
}

const struct fake_result *fake_result(const struct outputs *outputs, uint32_t port, size_t n)
{
    for (size_t i = 0; i < outputs->result_count; i++)
        if (outputs->results[i].port == port && n-- == 0)
            return &outputs->results[i];
    return NULL;
}

size_t fake_results(const struct outputs *outputs, uint32_t port)
{
    size_t count = 0;
    for (size_t i = 0; i < outputs->result_count; i++)
        count += outputs->results[i].port == port;
    return count;
}

// -- operator.h --

bool outputs_forward(struct outputs *outputs, uint32_t port, struct batch *batch)
{
    struct fake_port *to = &outputs->ports[port];
    if (outputs->room == 0 || to->pending)
        return false;
    if (!to->unwanted && batch->count > 0)
        to->pending = batch_ref(batch);
    return true;
}

struct batch *outputs_batch(struct outputs *outputs, uint32_t port)
{
    struct fake_port *to = &outputs->ports[port];
    if (outputs->room == 0)
        return NULL;
    if (!to->pending)
        to->pending = batch_new(outputs->pool);
    if (!to->pending || to->pending->count >= outputs->room ||
        to->pending->count == to->pending->cap)
        return NULL;
    return to->pending;
}

bool outputs_share(struct outputs *outputs, uint32_t port, struct batch *batch,
                   struct record *record)
{
    struct fake_port *to = &outputs->ports[port];
    if (to->pending && to->pending->base && to->pending->base != batch)
        return false;
    struct batch *pending = outputs_batch(outputs, port);
    if (!pending)
        return false;
    if (!pending->base)
        batch_set_base(pending, batch);
    return batch_share(pending, record) != NULL;
}

bool outputs_wanted(const struct outputs *outputs, uint32_t port)
{
    return !outputs->ports[port].unwanted;
}

bool outputs_late(struct outputs *outputs)
{
    return outputs->late;
}

static enum on_error_verdict keep_error(struct outputs *outputs, uint32_t index,
                                        const struct error *err)
{
    if (outputs->error_count < FAKE_ERRORS_KEPT)
        outputs->errors[outputs->error_count] = strdup(err->text);
    outputs->error_count++;
    outputs->last_error_index = index;
    return outputs->verdict;
}

enum on_error_verdict outputs_error(struct outputs *outputs, struct batch *batch, uint32_t index,
                                    const struct error *err)
{
    (void)batch;
    return keep_error(outputs, index, err);
}

enum on_error_verdict outputs_error_free(struct outputs *outputs, const struct error *err)
{
    return keep_error(outputs, UINT32_MAX, err);
}

bool outputs_may_retry(const struct outputs *outputs)
{
    return outputs->may_retry;
}

bool outputs_tells_error(const struct outputs *outputs)
{
    (void)outputs;
    return true;
}

bool outputs_reads_error(const struct outputs *outputs)
{
    (void)outputs;
    return true;
}
