// SPDX-License-Identifier: MIT
#include "run.h"

// What a source hears to be durable: never more than its sinks have flushed, in the end all of it;
// and barriers never make one input wait for another that has none.

static void test_acks_follow_flushes(void)
{
    for (int t = 0; t < 2; t++) {
        char yaml[1024], log[128];
        struct error why = ERROR_INIT;
        const char *suffix = t ? "_thread" : "";
        path_of("log", log);
        snprintf(
            yaml, sizeof yaml,
            "pipeline: acks%d\ncheckpoint: 10ms\n"
            "sources: { in: { type: mock%s, count: 40000, rate: 200000, log: %s, strict: true } }\n"
            "sinks: { out: { type: mock%s, inputs: in, accept: 200, every: 3 } }\n",
            t, suffix, log, suffix);
        CU_ASSERT_EQUAL(run(yaml, &why), ENGINE_DONE);
        CU_ASSERT_STRING_EQUAL(why.text, "");
        const char *text = content("log");
        CU_ASSERT_PTR_NULL(strstr(text, "too early"));
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "ack 40000\nclose\n")); // all of it, at the end
        const char *first = strstr(text, "ack ");
        CU_ASSERT(first && atoi(first + 4) < 40000); // and some before
        drop("log");
    }
}

static void test_nothing_is_acknowledged_when_a_sink_breaks(void)
{
    char yaml[1024], log[128];
    struct error why = ERROR_INIT;
    path_of("log", log);
    snprintf(yaml, sizeof yaml,
             "pipeline: broken\ncheckpoint: 10ms\n"
             "sources: { in: { type: mock, count: 500, log: %s, strict: true } }\n"
             "sinks: { out: { type: mock, inputs: in, accept: 20, every: 2, fatal_at: 400 } }\n",
             log);
    CU_ASSERT_EQUAL(run(yaml, &why), ENGINE_FAILED);
    CU_ASSERT_PTR_NULL(strstr(content("log"), "ack 500"));
    CU_ASSERT_PTR_NULL(strstr(content("log"), "too early"));
    drop("log");
}

static void test_a_source_that_is_away(void)
{
    for (int t = 0; t < 2; t++) {
        char yaml[1024];
        struct error why = ERROR_INIT;
        const char *suffix = t ? "_thread" : "";
        snprintf(yaml, sizeof yaml,
                 "pipeline: away%d\ncheckpoint: 10ms\n"
                 "sources:\n"
                 "  in: { type: mock%s, count: 20000, every: 4 }\n"
                 "  too: { type: mock%s, retry_opens: 40, on_error: { retry: { backoff: 5ms..5ms } "
                 "} }\n"
                 "operators: { f: { type: filter, inputs: [in, too], when: 'n >= 0' } }\n"
                 "sinks: { out: { type: mock%s, inputs: f, every: 2 } }\n",
                 t, suffix, suffix, suffix);
        CU_ASSERT_EQUAL(run(yaml, &why), ENGINE_DONE);
        CU_ASSERT_EQUAL(run_nodes[3].out, 20010);
    }
}

// The dead letters of one sink lead to another that has an input of its own.
static void test_barriers_pass_sinks(void)
{
    for (int t = 0; t < 2; t++) {
        char yaml[1024];
        struct error why = ERROR_INIT;
        const char *suffix = t ? "_thread" : "";
        snprintf(yaml, sizeof yaml,
                 "pipeline: letters%d\ncheckpoint: 10ms\n"
                 "sources: { in: { type: mock%s, count: 20000, every: 2 } }\n"
                 "sinks:\n"
                 "  out: { type: mock%s, inputs: in, refuse_every: 3, every: 3, accept: 300,\n"
                 "         on_error: { dlq: both } }\n"
                 "  both: { type: mock%s, inputs: in }\n",
                 t, suffix, suffix, suffix);
        CU_ASSERT_EQUAL(run(yaml, &why), ENGINE_DONE);
        CU_ASSERT_STRING_EQUAL(why.text, "");
        const struct node_status *both = &run_nodes[run_nodes[1].failed ? 2 : 1];
        CU_ASSERT_EQUAL(both->out, 26666);
    }
}

// A split that is taken back has its last position acknowledged at once, not at the next
// checkpoint, and is let go of behind that.
static void test_revoked_splits_are_acknowledged_first(void)
{
    for (int t = 0; t < 2; t++) {
        char yaml[1024], log[128];
        struct error why = ERROR_INIT;
        const char *suffix = t ? "_thread" : "";
        path_of("log", log);
        snprintf(yaml, sizeof yaml,
                 "pipeline: revoked%d\ncheckpoint: 1h\n"
                 "sources: { in: { type: mock%s, count: 40000, give_back_at: 5000, log: %s,\n"
                 "                 strict: true } }\n"
                 "sinks: { out: { type: mock%s, inputs: in, accept: 200, every: 3 } }\n",
                 t, suffix, log, suffix);
        int64_t since = clock_mono_ns(clock_system());
        CU_ASSERT_EQUAL(run(yaml, &why), ENGINE_DONE);
        CU_ASSERT_STRING_EQUAL(why.text, "");
        const char *text = content("log");
        const char *given = strstr(text, "given back at "), *end = strchr(text, '\0');
        CU_ASSERT_PTR_NOT_NULL_FATAL(given);
        char wanted[64];
        snprintf(wanted, sizeof wanted, "\nack %d\nrevoke 0\n", atoi(given + 14));
        if (!strstr(given, wanted))
            fprintf(stderr, "\n%s", end - text > 500 ? end - 500 : text);
        CU_ASSERT_PTR_NOT_NULL(strstr(given, wanted));
        CU_ASSERT_PTR_NULL(strstr(text, "too early"));
        CU_ASSERT(clock_mono_ns(clock_system()) - since < 9000000000); // the grace has not run out
        drop("log");
    }
}

static CU_TestInfo cases[] = {
    {"revoked splits are acknowledged first", test_revoked_splits_are_acknowledged_first},
    {"acknowledgements follow flushes", test_acks_follow_flushes},
    {"none when a sink breaks", test_nothing_is_acknowledged_when_a_sink_breaks},
    {"a source that is away", test_a_source_that_is_away},
    {"barriers pass sinks", test_barriers_pass_sinks},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN({"acks", run_dir_make, run_dir_drop, NULL, NULL, cases})
