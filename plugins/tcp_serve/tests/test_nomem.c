// SPDX-License-Identifier: MIT
#define TEST_OPENS_MORE
#include "support/nomem_test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

// A server with two addresses. A connection for which there is no memory is closed without an
// answer; the next one is answered.

static struct sockaddr_in address_of(int last, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(0x7f000000u + (uint32_t)last);
    return address;
}

static int free_port(void)
{
    struct sockaddr_in address = address_of(1, 0);
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&address, len) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        abort();
    close(fd);
    return ntohs(address.sin_port);
}

static size_t answer_of(int last, int port, char *bytes, size_t size)
{
    struct sockaddr_in address = address_of(last, port);
    size_t len = 0;
    ssize_t n;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        while (len < size && (n = read(fd, bytes + len, size - len)) > 0)
            len += (size_t)n;
    close(fd);
    return len;
}

// The whole answer, or none: then once more, as memory may be there again.
static tide_result ask(struct subject *s, int last, int port, const char *want)
{
    char bytes[64];
    for (int tries = 0; tries < 3; tries++) {
        size_t len = answer_of(last, port, bytes, sizeof bytes);
        int right = len >= strlen(want) && !memcmp(bytes, want, strlen(want));
        CU_ASSERT_TRUE(right || len == 0);
        if (right)
            return TIDE_OK;
    }
    return s->host.table.fail(fake_ctx(&s->host), TIDE_DATA, "no memory for an answer");
}

static tide_result put(struct subject *s, const char *key, const char *value)
{
    tide_record record = {.struct_size = sizeof record};
    record.key = (tide_bytes){key, strlen(key)};
    record.value = (tide_bytes){value, strlen(value)};
    return fake_write(&s->host, s->plugin->sink, s->self, &record, 1);
}

static tide_result life(char why[1024])
{
    struct subject s;
    char listen[64];
    int port = free_port();
    nomem_subject(&s);
    snprintf(listen, sizeof listen, "127.0.0.[1-2]:%d", port);
    fake_add(&s.host, "listen", listen);
    fake_set(&s.host, "faults.garbage", "127.0.0.2");
    tide_result result = sink_open(&s);
    if (result >= 0)
        result = put(&s, "127.0.0.1", "one");
    if (result >= 0)
        result = ask(&s, 1, port, "one\n");
    if (result >= 0)
        result = ask(&s, 2, port, "\x7f");
    if (result >= 0)
        result = put(&s, "1", "two");
    if (result >= 0)
        result = ask(&s, 1, port, "two\n");
    if (result >= 0)
        result = s.plugin->sink->flush(s.self);
    nomem_end(&s.host, result, why);
    sink_close(&s);
    return result;
}

static void test_sink(void)
{
    nomem_each(life);
}

static CU_TestInfo cases[] = {{"sink", test_sink}, CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("tcp_serve without memory", cases))
