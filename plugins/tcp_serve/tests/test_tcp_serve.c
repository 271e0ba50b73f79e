// SPDX-License-Identifier: MIT
#include "support/plugin_test.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

static int port; // free on all addresses when it was looked for

static struct sockaddr_in address_of(int last)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(0x7f000000u + (uint32_t)last);
    return address;
}

static void find_port(void)
{
    port = 0;
    struct sockaddr_in address = address_of(1);
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&address, len) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        abort();
    port = ntohs(address.sin_port);
    close(fd);
}

static void begin(struct subject *s, const char *hosts)
{
    char text[64];
    find_port();
    subject_init(s);
    snprintf(text, sizeof text, "%s:%d", hosts, port);
    fake_add(&s->host, "listen", text);
}

static int connect_to(int last)
{
    struct sockaddr_in address = address_of(last);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

// All bytes until the other side closes, at most five seconds; "refused", "silence" when so.
static const char *answer_of(int last)
{
    static char bytes[65536];
    int fd = connect_to(last);
    if (fd < 0)
        return "refused";
    size_t len = 0;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    for (;;) {
        if (poll(&ready, 1, 5000) <= 0) {
            close(fd);
            return "silence";
        }
        ssize_t n = read(fd, bytes + len, sizeof bytes - 1 - len);
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    close(fd);
    bytes[len] = '\0';
    return bytes;
}

static void put(struct subject *s, const char *key, const char *value)
{
    tide_record record = {.struct_size = sizeof record,
                          .value = {value, value ? strlen(value) : 0},
                          .key = {key, key ? strlen(key) : 0}};
    CU_ASSERT_EQUAL(fake_write(&s->host, s->plugin->sink, s->self, &record, 1), TIDE_OK);
}

static void test_newest_by_key(void)
{
    struct subject s;
    char full[32];
    begin(&s, "127.0.0.[1-4]");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    CU_ASSERT_STRING_EQUAL(answer_of(1), ""); // none yet
    put(&s, NULL, "all");
    CU_ASSERT_STRING_EQUAL(answer_of(1), "all\n");
    CU_ASSERT_STRING_EQUAL(answer_of(4), "all\n");
    snprintf(full, sizeof full, "127.0.0.2:%d", port);
    put(&s, full, "two");
    put(&s, "127.0.0.3", "old");
    put(&s, "127.0.0.3", "three");
    put(&s, "4", "four");
    put(&s, "5", "five");
    CU_ASSERT_STRING_EQUAL(answer_of(1), "all\n");
    CU_ASSERT_STRING_EQUAL(answer_of(2), "two\n");
    CU_ASSERT_STRING_EQUAL(answer_of(3), "three\n");
    CU_ASSERT_STRING_EQUAL(answer_of(3), "three\n");
    CU_ASSERT_STRING_EQUAL(answer_of(4), "four\n");
    put(&s, "4", NULL);
    CU_ASSERT_STRING_EQUAL(answer_of(4), "");
    CU_ASSERT_EQUAL(s.plugin->sink->flush(s.self), TIDE_OK);
    CU_ASSERT_EQUAL(fake_metric(&s.host, "tcp_serve_unmatched"), 1);
    CU_ASSERT_TRUE(fake_metric(&s.host, "tcp_serve_answers") >= 6);
    sink_close(&s);
}

// What tells itself where it ends gets no line end: a byte more would be another record.
static void test_framed(void)
{
    struct subject s;
    begin(&s, "127.0.0.1");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    tide_record record = {.struct_size = sizeof record,
                          .flags = TIDE_RECORD_FRAMED,
                          .value = FAKE_BYTES("\x81\xa1x\x01")};
    CU_ASSERT_EQUAL(fake_write(&s.host, s.plugin->sink, s.self, &record, 1), TIDE_OK);
    CU_ASSERT_STRING_EQUAL(answer_of(1), "\x81\xa1x\x01");
    put(&s, NULL, "a line");
    CU_ASSERT_STRING_EQUAL(answer_of(1), "a line\n");
    sink_close(&s);
}

static void test_port_zero(void)
{
    struct subject s;
    subject_init(&s);
    fake_add(&s.host, "listen", "127.0.0.1:0");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    CU_ASSERT_EQUAL(sscanf(s.host.log, "listening on 127.0.0.1:%d", &port), 1);
    put(&s, "127.0.0.1", "x");
    CU_ASSERT_STRING_EQUAL(answer_of(1), "x\n");
    sink_close(&s);
}

static void test_cannot_listen(void)
{
    static const char *const wrong[] = {"127.0.0.1", "example.org:80", "203.0.113.1:9",
                                        "127.0.0.[5-1]:80"};
    struct subject s, second;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        subject_init(&s);
        fake_add(&s.host, "listen", wrong[i]);
        CU_ASSERT_EQUAL(sink_open(&s), TIDE_FATAL);
        CU_ASSERT_TRUE(text_has(s.host.reason, wrong[i]));
        sink_close(&s);
    }
    char text[64];
    begin(&s, "127.0.0.1");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    subject_init(&second);
    snprintf(text, sizeof text, "127.0.0.1:%d", port);
    fake_add(&second.host, "listen", text);
    CU_ASSERT_EQUAL(sink_open(&second), TIDE_FATAL);
    CU_ASSERT_TRUE(text_has(second.host.reason, "Address already in use"));
    sink_close(&second);
    sink_close(&s);
}

static int64_t now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void test_faults(void)
{
    struct subject s;
    begin(&s, "127.0.0.[1-6]");
    fake_add(&s.host, "faults.slow", "1");
    fake_add(&s.host, "faults.truncate", "127.0.0.2");
    fake_add(&s.host, "faults.garbage", "3");
    fake_add(&s.host, "faults.refuse", "4");
    fake_add(&s.host, "faults.hang", "5");
    fake_set(&s.host, "faults.delay", "100ms");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    put(&s, NULL, "0123456789");
    int64_t before = now_ms();
    CU_ASSERT_STRING_EQUAL(answer_of(1), "0123456789\n");
    CU_ASSERT_TRUE(now_ms() - before >= 100);
    CU_ASSERT_STRING_EQUAL(answer_of(2), "01234");
    CU_ASSERT_EQUAL(answer_of(3)[0], '\x7f');
    CU_ASSERT_STRING_EQUAL(answer_of(4), "refused");
    CU_ASSERT_STRING_EQUAL(answer_of(6), "0123456789\n");
    int fd = connect_to(5);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    CU_ASSERT_EQUAL(poll(&ready, 1, 150), 0);
    close(fd);
    sink_close(&s);
    begin(&s, "127.0.0.1");
    fake_add(&s.host, "faults.slow", "9");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_FATAL);
    CU_ASSERT_TRUE(text_has(s.host.reason, "faults.slow: 9 is not listened on"));
    sink_close(&s);
}

// More clients than connections: they are served as others leave.
static void test_bounded_connections(void)
{
    struct subject s;
    int fds[8];
    begin(&s, "127.0.0.1");
    fake_set(&s.host, "connections", "2");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    put(&s, NULL, "x");
    for (int i = 0; i < 8; i++)
        fds[i] = connect_to(1);
    for (int i = 0; i < 8; i++) {
        char bytes[8];
        struct pollfd ready = {.fd = fds[i], .events = POLLIN};
        CU_ASSERT_EQUAL(poll(&ready, 1, i < 2 ? 5000 : 20), i < 2);
        if (i < 2)
            CU_ASSERT_EQUAL(read(fds[i], bytes, sizeof bytes), 2);
    }
    for (int i = 0; i < 8; i++) {
        char bytes[8];
        struct pollfd ready = {.fd = fds[i], .events = POLLIN};
        if (i >= 2) {
            CU_ASSERT_EQUAL(poll(&ready, 1, 5000), 1);
            CU_ASSERT_EQUAL(read(fds[i], bytes, sizeof bytes), 2);
        }
        close(fds[i]);
        if (i == 0)
            close(fds[++i]); // both places are free
    }
    sink_close(&s);
}

// A client that takes nothing does not keep the others, nor the pipeline, waiting.
static void test_stuck_client(void)
{
    struct subject s;
    begin(&s, "127.0.0.1");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    size_t size = 32 << 20;
    char *large = malloc(size);
    memset(large, 'x', size);
    tide_record record = {.struct_size = sizeof record, .value = {large, size}};
    CU_ASSERT_EQUAL(fake_write(&s.host, s.plugin->sink, s.self, &record, 1), TIDE_OK);
    int fd = connect_to(1);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    CU_ASSERT_EQUAL(poll(&ready, 1, 5000), 1); // it is being served
    put(&s, NULL, "small");
    CU_ASSERT_STRING_EQUAL(answer_of(1), "small\n");
    // The stuck one still gets what it was promised.
    size_t got = 0;
    for (ssize_t n; (n = read(fd, large, size)) > 0;)
        got += (size_t)n;
    CU_ASSERT_EQUAL(got, size + 1);
    close(fd);
    free(large);
    sink_close(&s);
}

// A client that sends a request gets its whole answer, and no reset.
static void test_request_is_ignored(void)
{
    struct subject s;
    char bytes[64];
    begin(&s, "127.0.0.1");
    CU_ASSERT_EQUAL(sink_open(&s), TIDE_OK);
    put(&s, NULL, "x");
    for (int i = 0; i < 50; i++) {
        int fd = connect_to(1);
        CU_ASSERT_EQUAL(send(fd, "GET\n", 4, MSG_NOSIGNAL), 4);
        CU_ASSERT_EQUAL(read(fd, bytes, sizeof bytes), 2);
        CU_ASSERT_EQUAL(read(fd, bytes, sizeof bytes), 0);
        close(fd);
    }
    sink_close(&s);
}

static CU_TestInfo cases[] = {
    {"the newest record of the address", test_newest_by_key},
    {"framed values", test_framed},
    {"port 0 is a free one", test_port_zero},
    {"what cannot be listened on", test_cannot_listen},
    {"addresses that misbehave", test_faults},
    {"connections are bounded", test_bounded_connections},
    {"a stuck client", test_stuck_client},
    {"a request is ignored", test_request_is_ignored},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("tcp_serve", cases))
