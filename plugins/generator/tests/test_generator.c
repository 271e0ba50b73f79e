// SPDX-License-Identifier: MIT
#include "support/plugin_test.h"

static void begin(struct subject *s, const char *count)
{
    subject_init(s);
    fake_set(&s->host, "count", count);
}

static tide_result read_once(struct subject *s, uint32_t max)
{
    fake_assign(&s->host, s->plugin->source, s->self);
    return fake_read(&s->host, s->plugin->source, s->self, max);
}

static tide_result read_all(struct subject *s)
{
    tide_result result;
    while ((result = read_once(s, 1000)) == TIDE_OK)
        ;
    return result;
}

// Each kind of field, with one possible value where it is random.
static void test_fields(void)
{
    static const struct {
        const char *path, *text, *want;
    } cases[] = {
        {"const", "5", "5"},
        {"const", "-0.5e3", "-0.5e3"},
        {"const", "010", "\"010\""},
        {"const", "1.", "\"1.\""},
        {"const", "true", "true"},
        {"const", "null", "null"},
        {"const", "a\"b\\\n", "\"a\\\"b\\\\\\u000a\""},
        {"text", "5", "\"5\""},
        {"text", "a{7..7}b{0..0}", "\"a7b0\""},
        {"text", "{007..7}", "\"007\""},
        {"text", "{-3..-3}", "\"-3\""},
        {"text", "{i}-{i%2}", "\"0-0\""},
        {"text", "{{x}", "\"{x}\""},
        {"bool", "1", "true"},
        {"bool", "0", "false"},
        {"sequence", "41", "41"},
        {"sequence.start", "-9223372036854775808", "-9223372036854775808"},
        {"clock", "ms", "1700000000123"},
        {"clock", "s", "1700000000"},
        {"clock", "us", "1700000000123000"},
        {"clock", "ns", "1700000000123000000"},
        {"object.y.const", "5", "{\"y\":5}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct subject s;
        char path[64], want[128];
        begin(&s, "1");
        s.host.clock_set = true;
        s.host.wall_ms = INT64_C(1700000000123);
        snprintf(path, sizeof path, "fields.x.%s", cases[i].path);
        snprintf(want, sizeof want, "{\"x\":%s}", cases[i].want);
        fake_set(&s.host, path, cases[i].text);
        CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
        CU_ASSERT_EQUAL(read_all(&s), TIDE_EOF);
        CU_ASSERT_EQUAL_FATAL(s.host.message_count, 1);
        CU_ASSERT_STRING_EQUAL(s.host.messages[0].value.data, want);
        if (strcmp(s.host.messages[0].value.data, want) != 0)
            fprintf(stderr, "%s: %s\n", cases[i].path, s.host.messages[0].value.data);
        source_close(&s);
    }
}

static void test_short_forms(void)
{
    struct subject s;
    begin(&s, "2");
    fake_set(&s.host, "fields.a", "dev-{i}");
    fake_set(&s.host, "fields.b", "up");
    fake_set(&s.host, "fields.c", "7");
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    CU_ASSERT_EQUAL(read_all(&s), TIDE_EOF);
    CU_ASSERT_STRING_EQUAL(s.host.messages[1].value.data, "{\"a\":\"dev-1\",\"b\":\"up\",\"c\":7}");
    CU_ASSERT_EQUAL(s.host.messages[1].offset, 1);
    source_close(&s);
}

static void test_refused_fields(void)
{
    static const struct {
        const char *path, *text, *want;
    } cases[] = {
        {"fields.x.int", "5", "fields.x: int takes"},
        {"fields.x.bool", "2", "fields.x: bool takes"},
        {"fields.x.clock", "min", "fields.x: clock takes"},
        {"fields.x.sequence.jitter", "-1", "fields.x: sequence takes"},
        {"fields.x.text", "{1..", "without its '}'"},
        {"fields.x.text", "{5..1}", "{low..high}"},
        {"fields.x.text", "{a..b}", "in braces"},
        {"fields.x.text", "{i%0}", "in braces"},
        {"fields.x.oops", "1", "fields.x: is none of"},
        {"fields.x.object", "1", "fields.x: object takes"},
        {"fields.x.choice", "1", "fields.x: choice takes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct subject s;
        begin(&s, "1");
        fake_set(&s.host, cases[i].path, cases[i].text);
        CU_ASSERT_EQUAL(source_open(&s), TIDE_FATAL);
        CU_ASSERT_TRUE(text_has(s.host.reason, cases[i].want));
        source_close(&s);
    }
    struct subject s;
    begin(&s, "1");
    fake_set(&s.host, "fields.x", "1");
    fake_set(&s.host, "time", "y");
    CU_ASSERT_EQUAL(source_open(&s), TIDE_FATAL);
    CU_ASSERT_TRUE(text_has(s.host.reason, "time names no field: y"));
    source_close(&s);
}

static void readings(struct subject *s, const char *count, const char *seed)
{
    begin(s, count);
    fake_set(&s->host, "seed", seed);
    fake_set(&s->host, "time", "ts");
    fake_set(&s->host, "fields.device", "192.168.{0..3}.{0..249}");
    fake_set(&s->host, "fields.ts.sequence.start", "1700000000000");
    fake_set(&s->host, "fields.ts.sequence.jitter", "2000");
    fake_add(&s->host, "fields.bytes.int", "0");
    fake_add(&s->host, "fields.bytes.int", "1500");
    fake_add(&s->host, "fields.loss.float", "-1");
    fake_add(&s->host, "fields.loss.float", "1");
    fake_add(&s->host, "fields.link.choice", "up");
    fake_add(&s->host, "fields.link.choice", "null");
    CU_ASSERT_EQUAL(source_open(s), TIDE_OK);
}

static void test_ranges(void)
{
    struct subject s;
    readings(&s, "5000", "7");
    CU_ASSERT_EQUAL(read_all(&s), TIDE_EOF);
    CU_ASSERT_EQUAL_FATAL(s.host.message_count, 5000);
    static char seen[4 * 250];
    int wrong = 0, devices = 0, up = 0, late = 0, bytes_low = 1500, bytes_high = 0;
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < 5000; i++) {
        const struct fake_message *message = &s.host.messages[i];
        unsigned a, b;
        int bytes, used = 0;
        long long ts;
        double loss;
        char link[8];
        int n = sscanf(message->value.data,
                       "{\"device\":\"192.168.%u.%u\",\"ts\":%lld,\"bytes\":%d,\"loss\":%lf,"
                       "\"link\":%6[^}]}%n",
                       &a, &b, &ts, &bytes, &loss, link, &used);
        long long behind = 1700000000000 + i - ts;
        if (n != 6 || (size_t)used != message->value.len || a > 3 || b > 249 || bytes < 0 ||
            bytes > 1500 || loss < -1 || loss > 1 || behind < 0 || behind > 2000 ||
            message->time_ms != ts || (strcmp(link, "\"up\"") != 0 && strcmp(link, "null") != 0)) {
            wrong++;
            continue;
        }
        devices += !seen[a * 250 + b]++;
        up += link[0] == '"';
        late += behind > 1000;
        bytes_low = bytes < bytes_low ? bytes : bytes_low;
        bytes_high = bytes > bytes_high ? bytes : bytes_high;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_TRUE(devices > 950);
    CU_ASSERT_TRUE(up > 2300 && up < 2700);
    CU_ASSERT_TRUE(late > 2300 && late < 2700);
    CU_ASSERT_TRUE(bytes_low < 5 && bytes_high > 1495);
    source_close(&s);
}

static void test_same_seed_same_records(void)
{
    struct subject a, b, c;
    readings(&a, "300", "7");
    readings(&b, "300", "7");
    readings(&c, "300", "8");
    read_all(&a);
    b.host.room = 37; // batches that fill up in the middle of a chunk
    read_all(&b);
    read_all(&c);
    CU_ASSERT_EQUAL_FATAL(b.host.message_count, 300);
    int same = 0, other = 0;
    for (int i = 0; i < 300; i++) {
        const char *text = a.host.messages[i].value.data;
        same += !strcmp(text, b.host.messages[i].value.data);
        other += !strcmp(text, c.host.messages[i].value.data);
    }
    CU_ASSERT_EQUAL(same, 300);
    CU_ASSERT_TRUE(other < 3);
    source_close(&a);
    source_close(&b);
    source_close(&c);
}

static void test_goes_on_from_its_position(void)
{
    struct subject a, b;
    readings(&a, "500", "7");
    a.host.room = 100;
    for (int i = 0; i < 2; i++)
        read_once(&a, 77);
    tide_buf *position = fake_buf_new();
    CU_ASSERT_EQUAL(a.plugin->source->position(a.self, 0, position), TIDE_OK);
    a.host.room = UINT32_MAX;
    read_all(&a);
    readings(&b, "500", "9"); // the position counts, not the seed
    struct fake_bytes *bytes = fake_buf_bytes(position);
    fake_position(&b.host, "generator", bytes->data, bytes->len);
    b.host.splits[0].lost = false;
    read_all(&b);
    CU_ASSERT_EQUAL_FATAL(a.host.message_count, 500);
    CU_ASSERT_EQUAL_FATAL(b.host.message_count, 500 - 154);
    int wrong = 0;
    for (size_t i = 0; i < b.host.message_count; i++)
        wrong += strcmp(a.host.messages[154 + i].value.data, b.host.messages[i].value.data) != 0;
    CU_ASSERT_EQUAL(wrong, 0);
    fake_buf_free(position);
    source_close(&a);
    source_close(&b);
}

static void test_rate(void)
{
    struct subject s;
    readings(&s, "0", "7");
    // Options are read at open: a second instance with a rate.
    source_close(&s);
    begin(&s, "0");
    fake_set(&s.host, "rate", "100");
    fake_set(&s.host, "fields.x", "{i}");
    s.host.clock_set = true;
    s.host.mono_ns = 1000;
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    CU_ASSERT_EQUAL(read_once(&s, 1000), TIDE_OK); // the first at once
    CU_ASSERT_EQUAL(s.host.message_count, 1);
    CU_ASSERT_EQUAL(read_once(&s, 1000), TIDE_AGAIN);
    CU_ASSERT_TRUE(s.host.wait_until > 10000000 && s.host.wait_until < 10010000);
    s.host.mono_ns = s.host.wait_until;
    CU_ASSERT_EQUAL(read_once(&s, 1000), TIDE_OK);
    CU_ASSERT_EQUAL(s.host.message_count, 2);
    s.host.mono_ns += 500000000;
    CU_ASSERT_EQUAL(read_once(&s, 1000), TIDE_OK);
    CU_ASSERT_EQUAL(s.host.message_count, 52);
    s.host.mono_ns += INT64_C(3600000000000); // an hour's stall is not caught up
    CU_ASSERT_EQUAL(read_once(&s, 100000), TIDE_OK);
    CU_ASSERT_EQUAL(s.host.message_count, 53);
    source_close(&s);
}

static CU_TestInfo cases[] = {
    {"each kind of field", test_fields},
    {"short forms", test_short_forms},
    {"fields that are refused", test_refused_fields},
    {"values lie in their ranges", test_ranges},
    {"the same seed makes the same records", test_same_seed_same_records},
    {"goes on from its position", test_goes_on_from_its_position},
    {"rate", test_rate},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("generator", cases))
