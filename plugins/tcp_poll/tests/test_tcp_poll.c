// SPDX-License-Identifier: MIT
#define TEST_OPENS_MORE
#include "support/plugin_test.h"

#include "device_test.h"
#include <netdb.h>

static void begin(struct subject *s)
{
    subject_init(s);
    fake_set(&s->host, "interval", "50ms");
    fake_set(&s->host, "timeout", "2s");
    fake_set(&s->host, "backoff.from", "20ms");
    fake_set(&s->host, "backoff.to", "80ms");
}

static void add_target(struct subject *s, int port)
{
    char text[64];
    snprintf(text, sizeof text, "127.0.0.1:%d", port);
    fake_add(&s->host, "targets", text);
}

// Reads until there are so many readings and errors, or ten seconds are over.
static void poll_until(struct subject *s, size_t messages, size_t bads)
{
    int64_t end = s->host.table.mono_ns(fake_ctx(&s->host)) + INT64_C(10000000000);
    while ((s->host.message_count < messages || s->host.bad_count < bads) &&
           s->host.table.mono_ns(fake_ctx(&s->host)) < end) {
        fake_assign(&s->host, s->plugin->source, s->self);
        if (fake_read(&s->host, s->plugin->source, s->self, 1000) == TIDE_AGAIN)
            fake_wait(&s->host, s->plugin->source->poll_fd(s->self), 100);
    }
    CU_ASSERT_TRUE(s->host.message_count >= messages);
    CU_ASSERT_TRUE(s->host.bad_count >= bads);
}

static void test_readings(void)
{
    struct subject s;
    struct device d;
    device_start(&d, ANSWER, "{\"bytes\":1}\n");
    begin(&s);
    add_target(&s, d.port);
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    int64_t before = s.host.table.wall_ms(fake_ctx(&s.host));
    poll_until(&s, 5, 0);
    char name[32];
    snprintf(name, sizeof name, "127.0.0.1:%d", d.port);
    CU_ASSERT_STRING_EQUAL(s.host.splits[0].name.data, name);
    CU_ASSERT_EQUAL(s.host.bad_count, 0);
    for (size_t i = 0; i < s.host.message_count; i++) {
        const struct fake_message *message = &s.host.messages[i];
        CU_ASSERT_STRING_EQUAL(message->value.data, "{\"bytes\":1}\n");
        CU_ASSERT_EQUAL(message->offset, TIDE_NO_OFFSET);
        CU_ASSERT_TRUE(message->time_ms >= before);
    }
    // One each 50 ms: a busy machine takes them later, never sooner.
    int64_t took = s.host.table.wall_ms(fake_ctx(&s.host)) - before;
    CU_ASSERT_TRUE((int64_t)s.host.message_count <= took / 50 + 2);
    CU_ASSERT_EQUAL(fake_metric(&s.host, "tcp_poll_readings"), (double)s.host.message_count);
    source_close(&s);
    device_stop(&d);
}

static void check_bad(int kind, const char *want, size_t partial)
{
    struct subject s;
    struct device d;
    device_start(&d, kind, "");
    begin(&s);
    if (kind == SILENT)
        fake_set(&s.host, "timeout", "100ms");
    fake_set(&s.host, "max_bytes", "10000B");
    add_target(&s, d.port);
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    poll_until(&s, 0, 2);
    CU_ASSERT_EQUAL(s.host.message_count, 0);
    CU_ASSERT_TRUE(text_has(s.host.bads[0].text, want));
    CU_ASSERT_EQUAL(s.host.bads[0].index, 0); // of this device
    CU_ASSERT_EQUAL(s.host.bads[0].partial.len, partial);
    source_close(&s);
    device_stop(&d);
}

static void test_misbehaving(void)
{
    check_bad(SILENT, "no answer in 100 ms", 0);
    check_bad(RESET, "reset by peer", 0);
    check_bad(EMPTY, "closed without a reading", 0);
    check_bad(ENDLESS, "longer than max_bytes (10000)", 10000);
}

static void test_refused_then_well(void)
{
    struct subject s;
    struct device d;
    device_start(&d, ANSWER, "x");
    int port = d.port;
    device_stop(&d); // nobody listens there now
    begin(&s);
    add_target(&s, port);
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    poll_until(&s, 0, 3);
    CU_ASSERT_TRUE(text_has(s.host.bads[0].text, "onnection refused"));
    d = (struct device){.kind = ANSWER, .text = "well", .port = port};
    d.listener = listen_on("127.0.0.1", &d.port);
    if (pipe(d.stop) < 0 || pthread_create(&d.thread, NULL, run, &d) != 0)
        abort();
    poll_until(&s, 2, 0);
    CU_ASSERT_STRING_EQUAL(s.host.messages[0].value.data, "well");
    source_close(&s);
    device_stop(&d);
}

// 20 ms, 40 ms, 80 ms, 80 ms, each less up to a half.
static void test_backoff(void)
{
    static const int64_t longest[] = {20, 40, 80, 80, 80};
    struct subject s;
    struct device d;
    device_start(&d, ANSWER, "x");
    int port = d.port;
    device_stop(&d);
    begin(&s);
    add_target(&s, port);
    s.host.clock_set = true;
    s.host.mono_ns = 1000000;
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    fake_assign(&s.host, s.plugin->source, s.self);
    for (size_t i = 0; i < sizeof longest / sizeof *longest; i++) {
        // The refusal comes at once, but by way of the socket.
        for (int tries = 0; s.host.bad_count == i && tries < 1000; tries++)
            if (fake_read(&s.host, s.plugin->source, s.self, 10) == TIDE_AGAIN &&
                s.host.bad_count == i)
                usleep(100);
        CU_ASSERT_EQUAL_FATAL(s.host.bad_count, i + 1);
        CU_ASSERT_EQUAL(fake_read(&s.host, s.plugin->source, s.self, 10), TIDE_AGAIN);
        int64_t pause = s.host.wait_until - s.host.mono_ns;
        CU_ASSERT_TRUE(pause <= longest[i] * 1000000);
        CU_ASSERT_TRUE(pause >= longest[i] * 500000);
        s.host.mono_ns = s.host.wait_until;
    }
    source_close(&s);
}

static void test_others_are_unaffected(void)
{
    struct subject s;
    struct device good, silent;
    device_start(&good, ANSWER, "x");
    device_start(&silent, SILENT, "");
    begin(&s);
    add_target(&s, silent.port);
    add_target(&s, good.port);
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    poll_until(&s, 10, 0); // within the silent one's timeout of two seconds
    CU_ASSERT_EQUAL(s.host.bad_count, 0);
    source_close(&s);
    device_stop(&good);
    device_stop(&silent);
}

static void test_request(void)
{
    struct subject s;
    struct device d;
    device_start(&d, ECHO, "");
    begin(&s);
    fake_set(&s.host, "request", "GET reading\n");
    add_target(&s, d.port);
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    poll_until(&s, 2, 0);
    CU_ASSERT_STRING_EQUAL(s.host.messages[0].value.data, "GET reading\n");
    source_close(&s);
    device_stop(&d);
}

static void test_full_batch_keeps_readings(void)
{
    struct subject s;
    struct device d;
    device_start(&d, ANSWER, "kept");
    begin(&s);
    add_target(&s, d.port);
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    s.host.room = 0;
    fake_assign(&s.host, s.plugin->source, s.self);
    for (int i = 0; i < 200; i++) { // until the reading is there and cannot be handed over
        if (fake_read(&s.host, s.plugin->source, s.self, 10) == TIDE_OK)
            break;
        fake_wait(&s.host, s.plugin->source->poll_fd(s.self), 50);
    }
    CU_ASSERT_EQUAL(fake_read(&s.host, s.plugin->source, s.self, 10), TIDE_OK);
    CU_ASSERT_EQUAL(s.host.message_count, 0);
    s.host.room = UINT32_MAX;
    CU_ASSERT_EQUAL(fake_read(&s.host, s.plugin->source, s.self, 10), TIDE_OK);
    CU_ASSERT_EQUAL(s.host.message_count, 1);
    source_close(&s);
    device_stop(&d);
    CU_ASSERT_EQUAL(d.asked, 1); // was not asked again meanwhile
}

static void test_targets(void)
{
    static const struct {
        const char *text;
        size_t count;
        const char *last;
    } good[] = {
        {"127.0.0.[1-50]:9000", 50, "127.0.0.50:9000"},
        {"10.0.[0-3].[1-254]:80", 4 * 254, "10.0.3.254:80"},
        {"127.0.0.1:[9000-9009]", 10, "127.0.0.1:9009"},
        {"[::1]:80", 1, "[::1]:80"},
        {"device-[8-11].example:80", 4, "device-11.example:80"},
    };
    static const char *const wrong[] = {"127.0.0.1",       "127.0.0.1:",     "127.0.0.1:0",
                                        "127.0.0.1:65536", "::1:80",         ":80",
                                        "a[3-1]:80",       "a[1-999999]:80", "127.0.0.1:8o"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct subject s;
        begin(&s);
        fake_add(&s.host, "targets", good[i].text);
        CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
        CU_ASSERT_EQUAL_FATAL(s.host.split_count, good[i].count);
        CU_ASSERT_STRING_EQUAL(s.host.splits[good[i].count - 1].name.data, good[i].last);
        source_close(&s);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct subject s;
        begin(&s);
        fake_add(&s.host, "targets", wrong[i]);
        CU_ASSERT_EQUAL(source_open(&s), TIDE_FATAL);
        CU_ASSERT_TRUE(text_has(s.host.reason, "targets: '"));
        source_close(&s);
    }
    struct subject s;
    begin(&s);
    fake_add(&s.host, "targets", "127.0.0.[1-9]:80");
    fake_add(&s.host, "targets", "127.0.0.5:80");
    CU_ASSERT_EQUAL(source_open(&s), TIDE_FATAL);
    CU_ASSERT_TRUE(text_has(s.host.reason, "127.0.0.5:80 is there twice"));
    source_close(&s);
}

// A bare machine has no /etc/hosts: then "localhost" is one more name that cannot be.
static bool localhost_is_known(void)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found = NULL;
    bool known = getaddrinfo("localhost", NULL, &hints, &found) == 0;
    if (known)
        freeaddrinfo(found);
    return known;
}

// "localhost" by the thread that looks up names; a name that cannot be is an error record.
static void test_names(void)
{
    struct subject s;
    struct device d;
    char text[64];
    device_start(&d, ANSWER, "x");
    begin(&s);
    snprintf(text, sizeof text, "localhost:%d", d.port);
    fake_add(&s.host, "targets", text);
    fake_add(&s.host, "targets", "no..such..name:80");
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    poll_until(&s, localhost_is_known() ? 2 : 0, 2);
    CU_ASSERT_TRUE(text_has(s.host.bads[0].text, "cannot look up its name"));
    source_close(&s);
    device_stop(&d);
}

// Many devices by few connections: each is asked, none is forgotten.
static void test_many_devices(void)
{
    enum { DEVICES = 2000 };
    struct subject s;
    struct device d;
    char text[64];
    int port = 0;
    d = (struct device){.kind = ANSWER, .text = "x"};
    d.listener = listen_on("0.0.0.0", &port);
    if (pipe(d.stop) < 0 || pthread_create(&d.thread, NULL, run, &d) != 0)
        abort();
    begin(&s);
    fake_set(&s.host, "interval", "500ms");
    fake_set(&s.host, "connections", "32");
    snprintf(text, sizeof text, "127.1.[0-7].[1-250]:%d", port);
    fake_add(&s.host, "targets", text);
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    poll_until(&s, 2 * DEVICES, 0);
    static char seen[DEVICES];
    int distinct = 0;
    memset(seen, 0, sizeof seen);
    for (size_t i = 0; i < s.host.message_count; i++)
        distinct += !seen[s.host.messages[i].split]++;
    CU_ASSERT_EQUAL(distinct, DEVICES);
    CU_ASSERT_EQUAL(s.host.bad_count, 0);
    source_close(&s);
    device_stop(&d);
}

static void test_revoked_is_not_asked(void)
{
    struct subject s;
    struct device a, b;
    device_start(&a, ANSWER, "a");
    device_start(&b, ANSWER, "b");
    begin(&s);
    add_target(&s, a.port);
    add_target(&s, b.port);
    CU_ASSERT_EQUAL(source_open(&s), TIDE_OK);
    poll_until(&s, 4, 0);
    CU_ASSERT_EQUAL(s.plugin->source->revoke(s.self, (uint32_t[]){0}, 1), TIDE_OK);
    size_t before = s.host.message_count;
    poll_until(&s, before + 4, 0);
    for (size_t i = before; i < s.host.message_count; i++)
        CU_ASSERT_STRING_EQUAL(s.host.messages[i].value.data, "b");
    source_close(&s);
    device_stop(&a);
    device_stop(&b);
}

static CU_TestInfo cases[] = {
    {"readings, one an interval", test_readings},
    {"devices that misbehave", test_misbehaving},
    {"refused, then well", test_refused_then_well},
    {"the pause grows to its limit", test_backoff},
    {"a silent device does not hold up others", test_others_are_unaffected},
    {"request", test_request},
    {"a full batch keeps readings", test_full_batch_keeps_readings},
    {"targets", test_targets},
    {"names", test_names},
    {"2,000 devices by 32 connections", test_many_devices},
    {"revoked devices are not asked", test_revoked_is_not_asked},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("tcp_poll", cases))
