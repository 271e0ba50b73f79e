// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "kit/child.h"
#include "kit/host.h"
#include "kit/lent.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// What a sink calls. Every field of the kit's records is there: field x of record n is "x<n mod
// 3>".

enum { NUMBERS_MAX = 64, EXPANDED = 8, FIELD_VALUES = 3 };

static struct {
    char *texts[NUMBERS_MAX];
    int32_t count;
} numbers;

static int32_t number_of(const char *text)
{
    if (numbers.count == NUMBERS_MAX)
        numbers.count = 0; // a check opens often; older ones are of closed instances
    mem_free(numbers.texts[numbers.count]);
    numbers.texts[numbers.count] = mem_strdup(text);
    if (!numbers.texts[numbers.count])
        child_wrong("out of memory");
    return numbers.count++;
}

int32_t kit_template_of(tide_ctx *ctx, const char *path)
{
    const char *text = setting_text(ctx->options, path);
    if (!ctx->opening)
        child_fail("host.h: template_of, field_of", "a call in open", "a call in %s", child_call());
    return text ? number_of(text) : -1;
}

int32_t kit_field_of(tide_ctx *ctx, const char *path)
{
    if (!ctx->opening)
        child_fail("host.h: template_of, field_of", "a call in open", "a call in %s", child_call());
    return number_of(path);
}

static void check_record(const struct tide_ctx *ctx, const tide_batch *batch, uint32_t index,
                         const char *what)
{
    if (!ctx->batch)
        child_fail("host.h: expand, field, refuse", "a call within write", "%s within %s", what,
                   child_call());
    if (index >= batch->count)
        child_fail("host.h: expand, field, refuse", "the index of a record of the batch",
                   "%s of record %" PRIu32 " of %" PRIu32, what, index, batch->count);
}

static const char *text_of(int32_t number)
{
    if (number < 0 || number >= NUMBERS_MAX || !numbers.texts[number])
        child_fail("host.h: expand, field", "a number that template_of or field_of gave",
                   "number %" PRId32, number);
    return numbers.texts[number];
}

static struct buf *next_text(struct tide_ctx *ctx)
{
    struct buf *text = &ctx->expanded[ctx->expanded_next++ % EXPANDED];
    buf_clear(text);
    return text;
}

tide_bytes kit_expand(tide_ctx *ctx, const tide_batch *batch, uint32_t index, int32_t number)
{
    check_record(ctx, batch, index, "expand");
    const char *from = text_of(number);
    long long n = (long long)tide_record_at(batch, index)->offset % FIELD_VALUES;
    struct buf *text = next_text(ctx);
    int code = 0;
    while (*from && !code) {
        size_t plain = strcspn(from, "{");
        code = buf_append(text, from, plain);
        from += plain;
        size_t len = *from ? strcspn(from + 1, "}") : 0;
        if (*from && !code)
            code = buf_printf(text, "%.*s%lld", (int)len, from + 1, n);
        from += *from ? len + 1 + (from[len + 1] == '}') : 0;
    }
    if (code)
        child_wrong("out of memory");
    return (tide_bytes){buf_cstr(text), text->len};
}

void kit_field(tide_ctx *ctx, const tide_batch *batch, uint32_t index, int32_t number,
               tide_value *out)
{
    check_record(ctx, batch, index, "field");
    struct buf *text = next_text(ctx);
    if (buf_printf(text, "%s%lld", text_of(number),
                   (long long)tide_record_at(batch, index)->offset % FIELD_VALUES))
        child_wrong("out of memory");
    *out = (tide_value){.type = TIDE_VALUE_TEXT, .text = {buf_cstr(text), text->len}};
}

tide_bytes kit_preamble(tide_ctx *ctx)
{
    static const char text[] = "{\"preamble\":\"of the kit\"}\n";
    if (!ctx->batch)
        child_fail("host.h: preamble", "a call within write", "a call within %s", child_call());
    return (tide_bytes){lent_copy(text, sizeof text - 1, "the preamble"), sizeof text - 1};
}

tide_result kit_refuse(tide_ctx *ctx, const tide_batch *batch, uint32_t index, const char *fmt, ...)
{
    char reason[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(reason, sizeof reason, fmt, args);
    va_end(args);
    check_record(ctx, batch, index, "refuse");
    ctx->refused++;
    return TIDE_OK;
}
