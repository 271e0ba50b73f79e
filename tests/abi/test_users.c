// SPDX-License-Identifier: MIT
#include "support/fake_host.h"
#include "support/unit.h"

// Plugins as a user builds them, with another compiler's command or language.

static void test_pings(void)
{
    struct fake_host host;
    void *self = NULL;
    fake_host_init(&host);
    const tide_plugin *plugin = fake_load(PINGS_FILE);
    CU_ASSERT_STRING_EQUAL(plugin->name, "pings");
    fake_set(&host, "every", "20ms");
    fake_defaults(&host, plugin->source->options);
    CU_ASSERT_EQUAL(plugin->source->open(&host.table, fake_ctx(&host), &self), TIDE_OK);
    CU_ASSERT_EQUAL(fake_read_until(&host, plugin->source, self, 3, 5000), TIDE_OK);
    CU_ASSERT_EQUAL_FATAL(host.message_count, 3);
    CU_ASSERT_STRING_EQUAL(host.messages[0].value.data, "{\"ping\":1}");
    CU_ASSERT_STRING_EQUAL(host.messages[2].value.data, "{\"ping\":3}");
    CU_ASSERT_EQUAL(host.messages[2].offset, 2);
    CU_ASSERT_EQUAL(fake_read(&host, plugin->source, self, 10), TIDE_AGAIN);
    CU_ASSERT_TRUE(host.wait_until > 0);
    host.room = 0; // a full batch: the ping is not lost
    fake_wait(&host, -1, 100);
    CU_ASSERT_EQUAL(fake_read(&host, plugin->source, self, 10), TIDE_OK);
    host.room = UINT32_MAX;
    CU_ASSERT_EQUAL(fake_read_until(&host, plugin->source, self, 4, 5000), TIDE_OK);
    CU_ASSERT_STRING_EQUAL(host.messages[3].value.data, "{\"ping\":4}");
    plugin->source->close(self);
    fake_host_deinit(&host);
}

static void test_cpp(void)
{
    struct fake_host host;
    void *self = NULL;
    fake_host_init(&host);
    const tide_plugin *plugin = fake_load(CPP_FILE);
    CU_ASSERT_EQUAL(plugin->sink->open(&host.table, fake_ctx(&host), &self), TIDE_OK);
    tide_record records[2] = {{.struct_size = sizeof *records, .value = {"abc", 3}},
                              {.struct_size = sizeof *records, .value = {"de", 2}}};
    CU_ASSERT_EQUAL(fake_write(&host, plugin->sink, self, records, 2), TIDE_OK);
    CU_ASSERT_EQUAL(fake_metric(&host, "bytes"), 5);
    plugin->sink->close(self);
    fake_host_deinit(&host);
}

static CU_TestInfo cases[] = {
    {"the worked example", test_pings}, {"a sink in C++", test_cpp}, CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("users' plugins", cases))
