// SPDX-License-Identifier: MIT
#pragma once
#include "support/plugin_test.h"

// What the tests of the file source share.

static inline tide_result step(struct subject *s)
{
    tide_result result = fake_assign(&s->host, s->plugin->source, s->self);
    return result < 0 ? result : fake_read(&s->host, s->plugin->source, s->self, 1024);
}

// Reads until the source ends, fails, or has nothing for now.
static inline tide_result drain(struct subject *s)
{
    tide_result result;
    do
        result = step(s);
    while (result == TIDE_OK);
    return result;
}

static inline size_t stream_len(const struct subject *s)
{
    size_t len = 0;
    for (size_t i = 0; i < s->host.split_count; i++)
        len += s->host.splits[i].stream.len;
    return len;
}

// Follows until so many bytes are there, or five seconds are over.
static inline tide_result follow_until(struct subject *s, size_t bytes)
{
    tide_result result = TIDE_OK;
    int64_t end = s->host.table.mono_ns(fake_ctx(&s->host)) + INT64_C(5000000000);
    while (stream_len(s) < bytes && s->host.table.mono_ns(fake_ctx(&s->host)) < end) {
        result = step(s);
        if (result < 0)
            return result;
        if (result == TIDE_AGAIN)
            fake_wait(&s->host, s->plugin->source->poll_fd(s->self), 50);
    }
    return result;
}

static inline const struct fake_split *split_of(const struct subject *s, const char *path, int nth)
{
    for (size_t i = 0; i < s->host.split_count; i++) {
        const struct fake_split *split = &s->host.splits[i];
        if (!strncmp(split->name.data, path, strlen(path)) &&
            split->name.data[strlen(path)] == '@' && nth-- == 0)
            return split;
    }
    return NULL;
}

static inline void check_stream(const struct subject *s, const char *path, int nth,
                                const char *want)
{
    const struct fake_split *split = split_of(s, path, nth);
    CU_ASSERT_PTR_NOT_NULL_FATAL(split);
    const char *got = split->stream.data ? split->stream.data : "";
    CU_ASSERT_STRING_EQUAL(got, want);
    if (strcmp(got, want) != 0)
        fprintf(stderr, "%s[%d] gave '%s', not '%s'\n", path, nth, got, want);
}

static inline void begin_source(struct subject *s, const char *path, const char *follow)
{
    subject_init(s);
    fake_add(&s->host, "path", path);
    fake_set(&s->host, "follow", follow);
}
