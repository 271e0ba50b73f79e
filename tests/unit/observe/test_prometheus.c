// SPDX-License-Identifier: MIT
#include "observe/prometheus.h"
#include "base/error.h"
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

static struct snapshot_lag lags[] = {{"0", 2, -1}, {"a\"b", 1, 70}, {"c", -1, 9}};
static struct snapshot_metric of_in[] = {{"polls", "how often", true, 4},
                                         {"load", "how much", false, 0.5}};
static struct snapshot_metric of_out[] = {{"polls", "said again", true, 5}};

static struct snapshot_node nodes[] = {
    {.name = "in",
     .error_kinds = 2,
     .errors = {{"data", 3}, {"limit", 0}},
     .lags = lags,
     .lag_count = 3,
     .metrics = of_in,
     .metric_count = 2,
     .kind = "source",
     .type = "kafka",
     .in = UINT64_MAX,
     .out = 7,
     .busy_ns = 1500000000,
     .watermark_ms = 59500,
     .lag = 3,
     .lag_bytes = 79,
     .splits = 2,
     .open = true,
     .ready = true},
    {.name = "quiet",
     .kind = "source",
     .type = "file",
     .watermark_ms = SNAPSHOT_NO_TIME,
     .lag = -1,
     .lag_bytes = -1,
     .open = true,
     .ready = true},
    {.name = "out",
     .kind = "sink",
     .type = "file",
     .metrics = of_out,
     .metric_count = 1,
     .queue_capacity = 2048,
     .has_state = true,
     .state_bytes = 99,
     .watermark_ms = SNAPSHOT_END,
     .lag = -1,
     .lag_bytes = -1,
     .open = true},
};
static struct snapshot snapshot = {.pipeline = "a\"b\\c\nd",
                                   .version = "1.2.3",
                                   .now_ms = 60000,
                                   .uptime_ns = 2500000000,
                                   .phase = SNAPSHOT_RUNNING,
                                   .node_count = 3,
                                   .nodes = nodes};

static const struct snapshots all = {.items = &snapshot, .count = 1};

#define ALL "pipeline=\"a\\\"b\\\\c\\nd\""

static void has_all_samples(void)
{
    static const char *const wanted[] = {
        "\ntidemill_up{" ALL "} 1\n",
        "\ntidemill_ready{" ALL "} 0\n",
        "\ntidemill_uptime_seconds{" ALL "} 2.5\n",
        "\ntidemill_build_info{version=\"1.2.3\"} 1\n",
        "_records_in_total{" ALL ",node=\"in\",kind=\"source\",type=\"kafka\"} "
        "18446744073709551615\n",
        "_records_out_total{" ALL ",node=\"in\",kind=\"source\",type=\"kafka\"} 7\n",
        "_busy_seconds_total{" ALL ",node=\"in\",kind=\"source\",type=\"kafka\"} 1.5\n",
        "_watermark_seconds{" ALL ",node=\"in\",kind=\"source\",type=\"kafka\"} 59.5\n",
        "_watermark_age_seconds{" ALL ",node=\"in\",kind=\"source\",type=\"kafka\"} 0.5\n",
        "_watermark_seconds{" ALL ",node=\"out\",kind=\"sink\",type=\"file\"} +Inf\n",
        "_lag_records{" ALL ",node=\"in\",kind=\"source\",type=\"kafka\"} 3\n",
        "_errors_total{" ALL ",node=\"in\",kind=\"source\",type=\"kafka\",error=\"data\"} 3\n",
        "_split_lag_records{" ALL ",node=\"in\",kind=\"source\",type=\"kafka\",split=\"0\"} 2\n",
        "type=\"kafka\",split=\"a\\\"b\"} 1\n",
        "_node_lag_bytes{" ALL ",node=\"in\",kind=\"source\",type=\"kafka\"} 79\n",
        "type=\"kafka\",split=\"a\\\"b\"} 70\n",
        "_split_lag_bytes{" ALL ",node=\"in\",kind=\"source\",type=\"kafka\",split=\"c\"} 9\n",
        "\ntidemill_plugin_polls_total{" ALL ",node=\"in\",kind=\"source\",type=\"kafka\"} 4\n"
        "tidemill_plugin_polls_total{" ALL ",node=\"out\",kind=\"sink\",type=\"file\"} 5\n",
        "\ntidemill_plugin_load{" ALL ",node=\"in\",kind=\"source\",type=\"kafka\"} 0.5\n",
        "_queue_capacity_records{" ALL ",node=\"out\",kind=\"sink\",type=\"file\"} 2048\n",
        "_state_bytes{" ALL ",node=\"out\",kind=\"sink\",type=\"file\"} 99\n",
        "\nprocess_resident_memory_bytes ",
        "_splits{" ALL ",node=\"quiet\",kind=\"source\",type=\"file\"} 0\n",
        "_open{" ALL ",node=\"out\",kind=\"sink\",type=\"file\"} 1\n",
        "_ready{" ALL ",node=\"out\",kind=\"sink\",type=\"file\"} 0\n",
    };
    static const char *const unwanted[] = {
        "watermark_seconds{" ALL ",node=\"quiet\"",
        "age_seconds{" ALL ",node=\"quiet\"",
        "age_seconds{" ALL ",node=\"out\"",
        "lag_records{" ALL ",node=\"quiet\"",
        "lag_records{" ALL ",node=\"out\"",
        "splits{" ALL ",node=\"out\"",
        "lag_bytes{" ALL ",node=\"quiet\"",
        "lag_bytes{" ALL ",node=\"out\"",
        "split_lag_bytes{" ALL ",node=\"in\",kind=\"source\",type=\"kafka\",split=\"0\"",
        "split_lag_records{" ALL ",node=\"in\",kind=\"source\",type=\"kafka\",split=\"c\"",
    };
    struct buf out;
    buf_init(&out, 1 << 20);
    CU_ASSERT_EQUAL(prometheus_print(&all, &out), 0);
    const char *text = buf_cstr(&out);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        if (!strstr(text, wanted[i]))
            fprintf(stderr, "missing: %s", wanted[i]);
        CU_ASSERT_PTR_NOT_NULL(strstr(text, wanted[i]));
    }
    for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++)
        CU_ASSERT_PTR_NULL(strstr(text, unwanted[i]));
    buf_deinit(&out);
}

// "name" up to a brace or a space.
static size_t name_len(const char *line)
{
    return strcspn(line, "{ ");
}

// Each sample stands below the HELP and TYPE of its own metric, and none of those stands twice.
static void describes_each_metric(void)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    CU_ASSERT_EQUAL(prometheus_print(&all, &out), 0);
    const char *metric = "";
    size_t len = 0, helps = 0, types = 0;
    for (const char *line = buf_cstr(&out); *line; line = strchr(line, '\n') + 1) {
        if (strncmp(line, "# HELP ", 7) == 0) {
            metric = line + 7;
            len = name_len(metric);
            helps++;
            char type[128];
            snprintf(type, sizeof type, "# TYPE %.*s ", (int)len, metric);
            const char *first = strstr(out.data, type);
            CU_ASSERT_PTR_NOT_NULL_FATAL(first);
            CU_ASSERT_PTR_NULL(strstr(first + 1, type));
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            types++;
            bool total = strncmp(metric + len - 6, "_total", 6) == 0;
            CU_ASSERT_EQUAL(strncmp(line + 7 + len, total ? " counter" : " gauge", 6), 0);
        } else {
            CU_ASSERT_EQUAL(name_len(line), len);
            CU_ASSERT_EQUAL(strncmp(line, metric, len), 0);
        }
    }
    CU_ASSERT_EQUAL(helps, types);
    CU_ASSERT(helps > 15);
    buf_deinit(&out);
}

static void keeps_to_its_limit(void)
{
    struct buf out;
    for (size_t max = 0; max < 600; max += 7) {
        buf_init(&out, max);
        CU_ASSERT_EQUAL(prometheus_print(&all, &out), ERR_LIMIT);
        buf_deinit(&out);
    }
}

static void readiness(void)
{
    struct snapshot now = snapshot;
    uint32_t culprit = 9;
    CU_ASSERT_FALSE(snapshot_ready(&now, &culprit));
    CU_ASSERT_EQUAL(culprit, 2);
    now.node_count = 2;
    CU_ASSERT_TRUE(snapshot_ready(&now, &culprit));
    now.phase = SNAPSHOT_STARTING;
    CU_ASSERT_FALSE(snapshot_ready(&now, &culprit));
    CU_ASSERT_EQUAL(culprit, 2);
    now.phase = SNAPSHOT_STOPPING;
    CU_ASSERT_FALSE(snapshot_ready(&now, &culprit));
}

static CU_TestInfo cases[] = {
    {"has all samples", has_all_samples},
    {"describes each metric", describes_each_metric},
    {"keeps to its limit", keeps_to_its_limit},
    {"readiness", readiness},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN(UNIT_SUITE("prometheus", cases))
