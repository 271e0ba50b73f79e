// SPDX-License-Identifier: MIT
#include "support/nomem_test.h"

// A generator with a field of each kind, its position, and a second one that goes on from there.

static tide_result run(struct subject *s, const char *position, size_t len, tide_buf *to)
{
    fake_set(&s->host, "count", "3");
    fake_set(&s->host, "time", "ts");
    fake_set(&s->host, "fields.ts.sequence.start", "1000");
    fake_set(&s->host, "fields.device.text", "a-rather-long-device-name-{01..01}-{i%50}");
    fake_add(&s->host, "fields.site.choice", "x");
    fake_add(&s->host, "fields.site.choice", "x");
    fake_set(&s->host, "fields.inner.object.deep.const", "5");
    fake_set(&s->host, "fields.up.bool", "1");
    if (position)
        fake_position(&s->host, "generator", position, len);
    tide_result result = source_open(s);
    if (result >= 0)
        result = fake_assign(&s->host, s->plugin->source, s->self);
    if (result >= 0)
        result = fake_read(&s->host, s->plugin->source, s->self, 2);
    if (result >= 0 && to)
        result = s->plugin->source->position(s->self, 0, to);
    for (size_t i = 0; i < s->host.message_count; i++) {
        char want[160];
        size_t number = i + (position ? 2 : 0);
        snprintf(want, sizeof want,
                 "{\"ts\":%zu,\"device\":\"a-rather-long-device-name-01-%zu\",\"site\":\"x\","
                 "\"inner\":{\"deep\":5},\"up\":true}",
                 1000 + number, number);
        CU_ASSERT_STRING_EQUAL(s->host.messages[i].value.data, want);
        CU_ASSERT_EQUAL(s->host.messages[i].time_ms, (int64_t)(1000 + number));
    }
    return result;
}

static tide_result life(char why[1024])
{
    struct subject s;
    tide_buf *position = fake_buf_new();
    nomem_subject(&s);
    tide_result result = run(&s, NULL, 0, position);
    if (result >= 0)
        CU_ASSERT_EQUAL(s.host.message_count, 2);
    nomem_end(&s.host, result, why);
    source_close(&s);
    if (result >= 0) {
        nomem_subject(&s);
        struct fake_bytes *bytes = fake_buf_bytes(position);
        result = run(&s, bytes->data, bytes->len, NULL);
        if (result >= 0)
            CU_ASSERT_EQUAL(s.host.message_count, 1);
        nomem_end(&s.host, result, why);
        source_close(&s);
    }
    fake_buf_free(position);
    return result;
}

static void test_source(void)
{
    nomem_each(life);
}

static CU_TestInfo cases[] = {{"source", test_source}, CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("generator without memory", cases))
