// SPDX-License-Identifier: MIT
#pragma once
#include "support/plugin_test.h"

// What the tests of the file sink share.

static inline void begin(struct subject *s, const char *path)
{
    subject_init(s);
    fake_set(&s->host, "path", path);
}

static inline tide_result put_to(struct subject *s, const char *site, const char *text)
{
    tide_header header = {"site", {site, site ? strlen(site) : 0}};
    tide_record record = {.struct_size = sizeof record,
                          .value = {text, strlen(text)},
                          .headers = &header,
                          .header_count = 1};
    return fake_write(&s->host, s->plugin->sink, s->self, &record, 1);
}

static inline tide_result put(struct subject *s, const char *text)
{
    return put_to(s, "x", text);
}

static inline tide_result flush(struct subject *s)
{
    return fake_flush(&s->host, s->plugin->sink, s->self, 5000);
}

static inline tide_buf *prepare(struct subject *s)
{
    tide_buf *data = fake_buf_new();
    CU_ASSERT_EQUAL(s->plugin->sink->prepare(s->self, 1, data), TIDE_OK);
    return data;
}

static inline tide_result finish(struct subject *s, tide_buf *data, int commit)
{
    struct fake_bytes *bytes = fake_buf_bytes(data);
    tide_bytes view = {bytes->data, bytes->len};
    return commit ? s->plugin->sink->commit(s->self, view) : s->plugin->sink->abort(s->self, view);
}

static inline int count_files(const char *prefix)
{
    DIR *entries = opendir(".");
    int n = 0;
    for (struct dirent *e; entries && (e = readdir(entries));)
        n += !strncmp(e->d_name, prefix, strlen(prefix));
    closedir(entries);
    return n;
}
