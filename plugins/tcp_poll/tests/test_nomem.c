// SPDX-License-Identifier: MIT
#define TEST_OPENS_MORE
#include "support/nomem_test.h"

#include "device_test.h"

// One device by its address, one by a name that is to be looked up. A failure of one device is an
// error record of it, and it is asked again.

static struct device device;
static char *answer; // longer than the first room for it

static tide_result open_poll(struct subject *s)
{
    char target[64];
    nomem_subject(s);
    fake_set(&s->host, "interval", "20ms");
    fake_set(&s->host, "backoff.from", "1ms");
    fake_set(&s->host, "backoff.to", "1ms");
    snprintf(target, sizeof target, "127.0.0.1:%d", device.port);
    fake_add(&s->host, "targets", target);
    snprintf(target, sizeof target, "localhost:%d", device.port);
    fake_add(&s->host, "targets", target);
    return source_open(s);
}

static int both_read(const struct fake_host *host)
{
    int seen[2] = {0};
    for (size_t i = 0; i < host->message_count; i++)
        seen[host->messages[i].split & 1] = 1;
    return seen[0] && seen[1];
}

enum { HOPELESS = 20 }; // so many errors in a row mean that memory does not come back

static tide_result life(char why[1024])
{
    struct subject s;
    tide_result result = open_poll(&s);
    if (result >= 0)
        result = fake_assign(&s.host, s.plugin->source, s.self);
    while (result >= 0 && !both_read(&s.host) && s.host.bad_count < HOPELESS) {
        result = fake_read(&s.host, s.plugin->source, s.self, 100);
        if (result == TIDE_AGAIN)
            fake_wait(&s.host, s.plugin->source->poll_fd(s.self), 1000);
    }
    for (size_t i = 0; i < s.host.message_count; i++)
        CU_ASSERT_STRING_EQUAL(s.host.messages[i].value.data, answer);
    for (size_t i = 0; i < s.host.bad_count; i++)
        CU_ASSERT_TRUE(says_so(s.host.bads[i].text));
    if (result >= 0 && !both_read(&s.host))
        result = s.host.table.fail(fake_ctx(&s.host), TIDE_DATA, "%s", s.host.bads[0].text);
    nomem_end(&s.host, result, why);
    source_close(&s);
    return result;
}

static void test_source(void)
{
    answer = calloc(1, 5001);
    memset(answer, 'x', 5000);
    device_start(&device, ANSWER, answer);
    nomem_each(life);
    device_stop(&device);
    free(answer);
}

static CU_TestInfo cases[] = {{"source", test_source}, CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("tcp_poll without memory", cases))
