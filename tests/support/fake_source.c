// SPDX-License-Identifier: MIT
#include "support/fake_parts.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct fake_split *split_at(struct fake_host *host, uint32_t id, const char *what)
{
    if (id >= host->split_count || !host->splits[id].assigned)
        fake_die("%s names split %u, which was not assigned", what, id);
    return &host->splits[id];
}

int fake_split_id(const struct fake_host *host, const char *name)
{
    for (size_t i = 0; i < host->split_count; i++) {
        const struct fake_bytes *known = &host->splits[i].name;
        if (known->len == strlen(name) && !memcmp(known->data, name, known->len))
            return (int)i;
    }
    return -1;
}

static struct fake_split *split_named(struct fake_host *host, const char *name)
{
    int id = fake_split_id(host, name);
    if (id >= 0)
        return &host->splits[id];
    host->splits = fake_more(host->splits, host->split_count, sizeof *host->splits);
    struct fake_split *split = &host->splits[host->split_count++];
    split->name = fake_copy((tide_bytes){name, strlen(name)});
    split->lost = true; // not yet there
    return split;
}

void fake_position(struct fake_host *host, const char *name, const void *bytes, size_t len)
{
    struct fake_split *split = split_named(host, name);
    fake_free_bytes(&split->position);
    split->position = fake_copy((tide_bytes){bytes, len});
}

static tide_result splits_added(tide_ctx *ctx, const tide_bytes *names, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct fake_bytes name = fake_copy(names[i]);
        split_named(host_of(ctx), name.data)->lost = false;
        fake_free_bytes(&name);
    }
    return TIDE_OK;
}

static tide_result splits_lost(tide_ctx *ctx, const uint32_t *ids, uint32_t count, int how)
{
    (void)how;
    for (uint32_t i = 0; i < count; i++) {
        struct fake_split *split = split_at(host_of(ctx), ids[i], "splits_lost");
        split->lost = true;
        split->assigned = false;
    }
    return TIDE_OK;
}

tide_result fake_assign(struct fake_host *host, const tide_source *source, void *self)
{
    tide_split *fresh = NULL;
    uint32_t count = 0;
    for (uint32_t id = 0; id < host->split_count; id++) {
        struct fake_split *split = &host->splits[id];
        if (split->assigned || split->lost)
            continue;
        split->assigned = true;
        fresh = fake_more(fresh, count, sizeof *fresh);
        fresh[count++] = (tide_split){.struct_size = sizeof *fresh,
                                      .id = id,
                                      .name = {split->name.data, split->name.len},
                                      .position = {split->position.data, split->position.len}};
    }
    tide_result result = TIDE_OK;
    if (count)
        result = source->assign(self, fresh, count, sizeof *fresh);
    free(fresh);
    return result;
}

static void keep_message(struct fake_host *host, const tide_message *from)
{
    split_at(host, from->split, "a message");
    host->messages = fake_more(host->messages, host->message_count, sizeof *host->messages);
    struct fake_message *to = &host->messages[host->message_count++];
    to->split = from->split;
    to->flags = from->flags;
    to->offset = from->offset;
    to->time_ms = from->time_ms;
    to->key = fake_copy(from->key);
    to->value = fake_copy(from->value);
    for (uint32_t i = 0; i < from->header_count; i++) {
        to->headers = fake_more(to->headers, i, sizeof *to->headers);
        to->headers[i].name = strdup(from->headers[i].name);
        to->headers[i].value = fake_copy(from->headers[i].value);
    }
    to->header_count = from->header_count;
}

static const tide_message *message_at(const tide_message *messages, uint32_t index, uint32_t stride)
{
    return (const tide_message *)(const void *)((const char *)messages + (size_t)index * stride);
}

static uint32_t take(tide_out *out, const tide_message *messages, uint32_t count, uint32_t stride)
{
    uint32_t room = out->host->room - out->taken;
    uint32_t n = count < room ? count : room;
    for (uint32_t i = 0; i < n; i++)
        keep_message(out->host, message_at(messages, i, stride));
    out->taken += n;
    return n;
}

static void keep_loan(struct fake_loan *loan, tide_bytes bytes)
{
    if (!bytes.data)
        return;
    loan->lent = fake_more(loan->lent, loan->count, sizeof *loan->lent);
    loan->copy = fake_more(loan->copy, loan->count, sizeof *loan->copy);
    loan->lent[loan->count] = bytes;
    loan->copy[loan->count++] = fake_copy(bytes);
}

static uint32_t lend(tide_out *out, const tide_message *messages, uint32_t count, uint32_t stride,
                     void (*release)(void *arg), void *arg)
{
    struct fake_host *host = out->host;
    uint32_t taken = take(out, messages, count, stride);
    host->loans = fake_more(host->loans, host->loan_count, sizeof *host->loans);
    struct fake_loan *loan = &host->loans[host->loan_count++];
    loan->release = release;
    loan->arg = arg;
    for (uint32_t i = 0; i < taken; i++) {
        keep_loan(loan, message_at(messages, i, stride)->key);
        keep_loan(loan, message_at(messages, i, stride)->value);
    }
    return taken;
}

void fake_release(struct fake_host *host)
{
    for (size_t i = 0; i < host->loan_count; i++) {
        struct fake_loan *loan = &host->loans[i];
        for (size_t k = 0; k < loan->count; k++) {
            if (memcmp(loan->lent[k].data, loan->copy[k].data, loan->lent[k].len))
                fake_die("lent bytes changed before their release");
            fake_free_bytes(&loan->copy[k]);
        }
        loan->release(loan->arg);
        free(loan->lent);
        free(loan->copy);
    }
    free(host->loans);
    host->loans = NULL;
    host->loan_count = 0;
}

static void *reserve(tide_out *out, uint32_t split, size_t *size)
{
    struct fake_host *host = out->host;
    split_at(host, split, "reserve");
    free(host->reserved);
    host->reserved = NULL;
    *size = 0;
    if (out->taken >= host->room)
        return NULL;
    host->reserved = malloc(host->reserve_size ? host->reserve_size : 1);
    host->reserved_split = split;
    *size = host->reserve_size;
    return host->reserved;
}

static tide_result commit(tide_out *out, uint32_t id, size_t len, tide_bytes before)
{
    struct fake_host *host = out->host;
    struct fake_split *split = split_at(host, id, "commit");
    if (!host->reserved || host->reserved_split != id || len > host->reserve_size)
        fake_die("commit of %zu bytes without a reserve of as many", len);
    fake_append(&split->stream, host->reserved, len);
    fake_free_bytes(&split->before);
    split->before = fake_copy(before);
    split->commits++;
    out->taken++;
    free(host->reserved);
    host->reserved = NULL;
    return TIDE_OK;
}

static void split_end(tide_out *out, uint32_t split)
{
    split_at(out->host, split, "split_end")->ended = true;
}

static tide_result bad(tide_out *out, uint32_t split, tide_bytes partial, const char *fmt, ...)
{
    struct fake_host *host = out->host;
    split_at(host, split, "bad");
    host->bads = fake_more(host->bads, host->bad_count, sizeof *host->bads);
    struct fake_bad *to = &host->bads[host->bad_count++];
    to->index = split;
    to->partial = fake_copy(partial);
    va_list args;
    va_start(args, fmt);
    vsnprintf(to->text, sizeof to->text, fmt, args);
    va_end(args);
    return TIDE_OK;
}

tide_result fake_read(struct fake_host *host, const tide_source *source, void *self, uint32_t max)
{
    struct tide_out out = {.host = host};
    tide_result result = source->read(self, &out, max);
    free(host->reserved);
    host->reserved = NULL;
    return result;
}

tide_result fake_read_until(struct fake_host *host, const tide_source *source, void *self,
                            size_t count, int timeout_ms)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t end = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + timeout_ms;
    tide_result result = TIDE_AGAIN;
    while (host->message_count < count) {
        if (fake_assign(host, source, self) < 0)
            return host->failed;
        result = fake_read(host, source, self, 1024);
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (result < 0 || result == TIDE_EOF ||
            (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 >= end)
            break;
        if (result == TIDE_AGAIN && host->message_count < count)
            fake_wait(host, source->poll_fd ? source->poll_fd(self) : -1, 20);
    }
    return result;
}

void fake_forget(struct fake_host *host)
{
    for (size_t i = 0; i < host->message_count; i++) {
        struct fake_message *message = &host->messages[i];
        for (uint32_t k = 0; k < message->header_count; k++) {
            free(message->headers[k].name);
            fake_free_bytes(&message->headers[k].value);
        }
        free(message->headers);
        fake_free_bytes(&message->key);
        fake_free_bytes(&message->value);
    }
    for (size_t i = 0; i < host->bad_count; i++)
        fake_free_bytes(&host->bads[i].partial);
    free(host->messages);
    free(host->bads);
    free(host->refused);
    host->messages = NULL;
    host->bads = host->refused = NULL;
    host->message_count = host->bad_count = host->refused_count = 0;
}

void fake_source_init(struct fake_host *host)
{
    host->room = UINT32_MAX;
    host->reserve_size = 64 << 10;
    tide_host *table = &host->table;
    table->splits_added = splits_added;
    table->splits_lost = splits_lost;
    table->emit = take;
    table->lend = lend;
    table->reserve = reserve;
    table->commit = commit;
    table->split_end = split_end;
    table->bad = bad;
}

void fake_source_deinit(struct fake_host *host)
{
    fake_release(host);
    fake_forget(host);
    for (size_t i = 0; i < host->split_count; i++) {
        fake_free_bytes(&host->splits[i].name);
        fake_free_bytes(&host->splits[i].position);
        fake_free_bytes(&host->splits[i].stream);
        fake_free_bytes(&host->splits[i].before);
    }
    free(host->splits);
}
