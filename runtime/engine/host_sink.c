// SPDX-License-Identifier: MIT
#include "config/setting.h"
#include "engine/outputs.h"
#include "engine/sink_driver.h"
#include "record/json.h"

// The host functions that a sink calls: templates and fields of the records it writes, refusals.

// The record that the plugin means, or NULL. It may have made a batch of its own for a part of the
// one that it was given: records point into the outgoing's array.
static struct record *record_of(const tide_ctx *ctx, const tide_batch *batch, uint32_t index)
{
    struct outgoing *outgoing = ctx->outgoing;
    if (!outgoing)
        return NULL; // not within write
    uintptr_t first = (uintptr_t)outgoing->records, at = (uintptr_t)batch->records;
    uintptr_t number = (at - first) / sizeof *outgoing->records + index;
    if (at < first || number >= outgoing->accepted + outgoing->head.count)
        return NULL;
    return &outgoing->batch->records[outgoing->index[number]];
}

int32_t host_template_of(tide_ctx *ctx, const char *path)
{
    const char *text = setting_text(ctx->options, path);
    if (!text || ctx->template_count == CTX_TEMPLATES)
        return -1;
    if (template_new(&ctx->templates[ctx->template_count], text, &ctx->failure))
        return -1;
    return (int32_t)ctx->template_count++;
}

int32_t host_field_of(tide_ctx *ctx, const char *path)
{
    if (ctx->field_count == CTX_FIELDS ||
        path_compile(&ctx->fields[ctx->field_count], path, &ctx->failure))
        return -1;
    return (int32_t)ctx->field_count++;
}

tide_bytes host_expand(tide_ctx *ctx, const tide_batch *batch, uint32_t index, int32_t number)
{
    tide_bytes none = {NULL, 0};
    struct record *record = record_of(ctx, batch, index);
    if (!record || number < 0 || (uint32_t)number >= ctx->template_count)
        return none;
    struct outgoing *outgoing = ctx->outgoing;
    struct buf text;
    buf_init(&text, 64 * 1024);
    if (!template_expand(outgoing->batch, record, ctx->templates[number], &text, &ctx->failure)) {
        none.data = batch_copy(outgoing->batch, text.data, text.len);
        none.len = none.data ? text.len : 0;
    }
    buf_deinit(&text);
    return none;
}

static void put_text(struct batch *batch, struct value value, tide_value *out)
{
    struct buf text;
    struct error err;
    buf_init(&text, 64 * 1024 * 1024);
    out->type = TIDE_VALUE_ABSENT;
    if (!json_write_value(value, &text, &err)) {
        out->text.data = batch_copy(batch, text.data, text.len);
        out->text.len = text.len;
        out->type = out->text.data ? TIDE_VALUE_JSON : TIDE_VALUE_ABSENT;
    }
    buf_deinit(&text);
}

void host_field(tide_ctx *ctx, const tide_batch *batch, uint32_t index, int32_t number,
                tide_value *out)
{
    *out = (tide_value){.type = TIDE_VALUE_ABSENT};
    struct record *record = record_of(ctx, batch, index);
    if (!record || number < 0 || (uint32_t)number >= ctx->field_count)
        return;
    struct outgoing *outgoing = ctx->outgoing;
    struct value value = path_read(outgoing->batch, record, &ctx->fields[number]);
    switch ((enum value_type)value.type) {
    case VALUE_UNSET:
    case VALUE_ABSENT:
        break;
    case VALUE_NULL:
        out->type = TIDE_VALUE_NULL;
        break;
    case VALUE_BOOL:
        out->type = TIDE_VALUE_BOOL;
        out->boolean = value.b;
        break;
    case VALUE_INT:
        out->type = TIDE_VALUE_INT;
        out->integer = value.i;
        break;
    case VALUE_FLOAT:
        out->type = TIDE_VALUE_FLOAT;
        out->number = value.f;
        break;
    case VALUE_STRING:
        out->type = TIDE_VALUE_TEXT;
        out->text = (tide_bytes){value.bytes, value.len};
        break;
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        put_text(outgoing->batch, value, out);
        break;
    }
}

tide_result host_refuse(tide_ctx *ctx, const tide_batch *batch, uint32_t index, const char *fmt,
                        ...)
{
    const struct record *record = record_of(ctx, batch, index);
    struct error err;
    if (!record)
        return host_table.fail(ctx, TIDE_FATAL, "refuse: the batch has no record %u", index);
    struct outgoing *outgoing = ctx->outgoing;
    error_clear(&err);
    err.code = ERR_REFUSED;
    va_list args;
    va_start(args, fmt);
    if (!wordless_has(outgoing->wordless, ERR_REFUSED))
        error_setv(&err, ERR_REFUSED, fmt, args);
    va_end(args);
    outgoing_refuse(outgoing, (uint32_t)(record - outgoing->batch->records), &err);
    return outgoing->lost_refusal ? TIDE_FATAL : TIDE_OK;
}

// With what tells the framing of the node where it ends.
static int frame_preamble(struct sink_driver *sink, struct error *err)
{
    struct buf *out = &sink->preamble;
    char prefix[FRAMING_PREFIX_MAX];
    size_t used;
    int rc = sink->encoder->preamble(sink->encoder, out, err);
    size_t len = out->len;
    if (rc || !len)
        return rc;
    if (sink->framing.kind == FRAMING_NEWLINE)
        return buf_putc(out, '\n');
    rc = framing_put_prefix(&sink->framing, len, prefix, &used, err);
    if (!rc)
        rc = buf_append(out, prefix, used);
    if (rc)
        return rc;
    memmove(out->data + used, out->data, len);
    memcpy(out->data, prefix, used);
    return 0;
}

tide_bytes host_preamble(tide_ctx *ctx)
{
    struct sink_driver *sink = ctx->sink;
    tide_bytes none = {NULL, 0};
    if (!sink || !sink->encoder->preamble)
        return none;
    if (!sink->preamble.len && frame_preamble(sink, &ctx->failure)) {
        buf_clear(&sink->preamble);
        return none;
    }
    return sink->preamble.len ? (tide_bytes){sink->preamble.data, sink->preamble.len} : none;
}
