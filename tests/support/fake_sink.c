// SPDX-License-Identifier: MIT
#include "support/fake_parts.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// Templates and fields: a name is looked up in the record's headers ("key" is its key), so that
// tests need no decoder.

enum { MAX_NUMBERS = 32 };

struct numbers { // index = what the plugin holds
    char *paths[MAX_NUMBERS];
    int count;
};

static struct numbers *numbers_of(struct fake_host *host)
{
    return host->numbers;
}

static int32_t number_of(struct fake_host *host, const char *path)
{
    struct numbers *numbers = numbers_of(host);
    if (numbers->count == MAX_NUMBERS)
        fake_die("more than %d templates and fields", MAX_NUMBERS);
    numbers->paths[numbers->count] = strdup(path);
    return numbers->count++;
}

static int32_t template_of(tide_ctx *ctx, const char *path)
{
    struct fake_host *host = host_of(ctx);
    const char *text = host->table.opt_text(ctx, path);
    return text ? number_of(host, text) : -1;
}

static int32_t field_of(tide_ctx *ctx, const char *path)
{
    return number_of(host_of(ctx), path);
}

static tide_bytes look_up(const tide_record *record, const char *name, size_t len)
{
    if (len == 3 && !memcmp(name, "key", 3))
        return record->key;
    for (uint32_t i = 0; i < record->header_count; i++) {
        const tide_header *header = &record->headers[i];
        if (strlen(header->name) == len && !memcmp(header->name, name, len))
            return header->value;
    }
    return (tide_bytes){NULL, 0};
}

static tide_bytes expand(tide_ctx *ctx, const tide_batch *batch, uint32_t index, int32_t number)
{
    struct fake_host *host = host_of(ctx);
    const char *text = numbers_of(host)->paths[number];
    fake_free_bytes(&host->expanded);
    fake_append(&host->expanded, "", 0);
    while (*text) {
        size_t plain = strcspn(text, "{");
        fake_append(&host->expanded, text, plain);
        text += plain;
        if (!*text)
            break;
        size_t len = strcspn(text + 1, "}");
        tide_bytes part = look_up(tide_record_at(batch, index), text + 1, len);
        if (!part.data)
            return (tide_bytes){NULL, 0};
        fake_append(&host->expanded, part.data, part.len);
        text += len + 2;
    }
    return (tide_bytes){host->expanded.data, host->expanded.len};
}

static void field(tide_ctx *ctx, const tide_batch *batch, uint32_t index, int32_t number,
                  tide_value *out)
{
    const char *name = numbers_of(host_of(ctx))->paths[number];
    *out = (tide_value){.type = TIDE_VALUE_ABSENT};
    out->text = look_up(tide_record_at(batch, index), name, strlen(name));
    if (out->text.data)
        out->type = TIDE_VALUE_TEXT;
}

static tide_result refuse(tide_ctx *ctx, const tide_batch *batch, uint32_t index, const char *fmt,
                          ...)
{
    struct fake_host *host = host_of(ctx);
    if (index >= batch->count)
        fake_die("refuse names record %u of %u", index, batch->count);
    host->refused = fake_more(host->refused, host->refused_count, sizeof *host->refused);
    struct fake_bad *to = &host->refused[host->refused_count++];
    to->index = index;
    va_list args;
    va_start(args, fmt);
    vsnprintf(to->text, sizeof to->text, fmt, args);
    va_end(args);
    return TIDE_OK;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

tide_result fake_write(struct fake_host *host, const tide_sink *sink, void *self,
                       const tide_record *records, uint32_t count)
{
    tide_result result = TIDE_OK;
    uint32_t done = 0;
    int64_t end = now_ms() + 30000;
    while (done < count && now_ms() < end) {
        tide_batch batch = {.struct_size = sizeof batch,
                            .count = count - done,
                            .stride = sizeof *records,
                            .records = records + done};
        uint32_t accepted = 0;
        result = sink->write(self, &batch, &accepted);
        if (accepted > batch.count)
            fake_die("write accepted %u of %u records", accepted, batch.count);
        done += accepted;
        if (result < 0)
            return result;
        if (result == TIDE_AGAIN)
            fake_wait(host, sink->poll_fd ? sink->poll_fd(self) : -1, 20);
    }
    return result;
}

tide_result fake_flush(struct fake_host *host, const tide_sink *sink, void *self, int timeout_ms)
{
    int64_t end = now_ms() + timeout_ms;
    tide_result result;
    while ((result = sink->flush(self)) == TIDE_AGAIN && now_ms() < end)
        fake_wait(host, sink->poll_fd ? sink->poll_fd(self) : -1, 20);
    return result;
}

void fake_sink_init(struct fake_host *host)
{
    host->numbers = fake_more(NULL, 0, sizeof(struct numbers));
    tide_host *table = &host->table;
    table->template_of = template_of;
    table->field_of = field_of;
    table->expand = expand;
    table->field = field;
    table->refuse = refuse;
}

void fake_sink_deinit(struct fake_host *host)
{
    struct numbers *numbers = host->numbers;
    for (int i = 0; i < numbers->count; i++)
        free(numbers->paths[i]);
    free(numbers);
    fake_free_bytes(&host->expanded);
}
