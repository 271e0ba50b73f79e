// SPDX-License-Identifier: MIT
#include "config/topology.h"
#include "unit/config/fixture.h"

static const char traffic[] =
    "pipeline: traffic\n"
    "delivery: exactly_once\n"
    "checkpoint: 5s\n"
    "parallelism: auto\n"
    "connections:\n"
    "  main: { type: log, dir: \"${TIDEMILL_TEST_DATA:-./data}\" }\n"
    "sources:\n"
    "  collector:\n"
    "    type: tcp_poll\n"
    "    targets: [127.0.0.1:12345, 127.0.0.2:12345]\n"
    "    interval: 1s\n"
    "    decode: json\n"
    "    on_error: { retry: { backoff: 200ms..30s } }\n"
    "  traffic:\n"
    "    type: topic\n"
    "    connection: main\n"
    "    topic: traffic_data\n"
    "    decode: json\n"
    "    event_time: { field: ts, unit: ms }\n"
    "    watermark: { out_of_order: 2s, idle_after: 10s }\n"
    "operators:\n"
    "  tagged:  { type: map, inputs: collector, script: scripts/tag_device.lua }\n"
    "  average:\n"
    "    type: aggregate\n"
    "    inputs: traffic\n"
    "    key_by: device\n"
    "    window: { tumbling: 60s, lateness: 10s }\n"
    "    script: scripts/traffic_average.lua\n"
    "sinks:\n"
    "  store:    { type: topic, connection: main, inputs: tagged, topic: traffic_data, "
    "key: \"{device}\" }\n"
    "  analysis: { type: topic, connection: main, inputs: average, topic: traffic_data_analysis, "
    "key: \"{device}\" }\n"
    "  late:     { type: file, inputs: average.late, path: \"${TIDEMILL_TEST_DATA:-./data}/"
    "late.jsonl\" }\n"
    "tests:\n"
    "  - name: one\n"
    "    steps: [ { send: { to: average, time: 1000, value: { device: r1, ok: true, x: 1.50, "
    "no: null, q: \"1\" } } } ]\n";

static void loads_the_traffic_pipeline(void)
{
    struct loaded loaded = load_text(traffic, NULL, 0);
    check_said("traffic", &loaded.problems, "");
    CU_ASSERT_EQUAL_FATAL(loaded.code, 0);
    const struct topology *topology = loaded.topology;
    CU_ASSERT_STRING_EQUAL(topology->pipeline, "traffic");
    CU_ASSERT_STRING_EQUAL(topology->dir, ".");
    CU_ASSERT_EQUAL(setting_int(topology->top, "checkpoint.every", 0), 5000);
    CU_ASSERT_EQUAL(setting_int(topology->top, "checkpoint.timeout", 0), 60000);
    CU_ASSERT_EQUAL(setting_int(topology->top, "drain", 0), 10000);
    CU_ASSERT_STRING_EQUAL(setting_text(topology->top, "parallelism"), "auto");
    CU_ASSERT_STRING_EQUAL(setting_text(topology->top, "log.level"), "info");
    CU_ASSERT_EQUAL(topology->node_count, 7);
    CU_ASSERT_EQUAL(topology->connection_count, 1);
    CU_ASSERT_STRING_EQUAL(setting_text(topology->connections[0].options, "dir"), "./data");

    const struct node_spec *source = node_named(topology, "traffic");
    CU_ASSERT_STRING_EQUAL(source->type, "log");
    CU_ASSERT_EQUAL(source->connection, 0);
    CU_ASSERT_STRING_EQUAL(setting_text(source->common, "event_time.field"), "ts");
    CU_ASSERT_EQUAL(setting_int(source->common, "watermark.out_of_order", 0), 2000);
    CU_ASSERT_EQUAL(setting_int(source->common, "limits.record", 0), 1 << 20);
    CU_ASSERT_STRING_EQUAL(setting_text(source->options, "topic"), "traffic_data");
    CU_ASSERT_STRING_EQUAL(setting_text(source->options, "start"), "earliest");
    CU_ASSERT_PTR_NULL(setting_at(source->options, "create"));

    const struct node_spec *late = node_named(topology, "late");
    CU_ASSERT_EQUAL(late->input_count, 1);
    CU_ASSERT_STRING_EQUAL(late->inputs[0].port, "late");
    CU_ASSERT_PTR_EQUAL(&topology->nodes[late->inputs[0].from], node_named(topology, "average"));
    CU_ASSERT_STRING_EQUAL(setting_text(late->options, "path"), "./data/late.jsonl");

    const struct node_spec *average = node_named(topology, "average");
    CU_ASSERT_EQUAL(setting_int(average->options, "window.tumbling", 0), 60000);
    const struct tide_config *keys = setting_at(average->options, "key_by");
    CU_ASSERT_TRUE(keys->is_list && keys->count == 1);
    CU_ASSERT_STRING_EQUAL(keys->items[0].text, "device");
    CU_ASSERT_EQUAL(setting_int(average->common, "limits.memory", 0), 64 << 20);

    struct on_error_spec on_error;
    CU_ASSERT_EQUAL(on_error_read(&on_error, node_named(topology, "collector")->common, "", NULL),
                    0);
    CU_ASSERT_EQUAL(on_error.kind, ON_ERROR_RETRY);
    CU_ASSERT_EQUAL(on_error.then, ON_ERROR_STOP);
    CU_ASSERT_EQUAL(on_error.backoff_to_ms, 30000);

    struct buf json;
    buf_init(&json, 4096);
    CU_ASSERT_EQUAL(setting_json(topology->tests, false, &json), 0);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&json),
                           "[{\"name\":\"one\",\"steps\":[{\"send\":{\"to\":\"average\",\"time\":"
                           "1000,\"value\":{\"device\":\"r1\",\"ok\":true,\"x\":1.50,\"no\":null,"
                           "\"q\":\"1\"}}}]}]");
    buf_deinit(&json);
    unload(&loaded);
}

static void stands_in_topological_order(void)
{
    struct loaded loaded = load_text(traffic, NULL, 0);
    CU_ASSERT_EQUAL_FATAL(loaded.code, 0);
    for (uint32_t i = 0; i < loaded.topology->node_count; i++)
        for (uint32_t e = 0; e < loaded.topology->nodes[i].input_count; e++)
            CU_ASSERT_TRUE(loaded.topology->nodes[i].inputs[e].from < i);
    unload(&loaded);
}

static CU_TestInfo cases[] = {{"loads the traffic pipeline", loads_the_traffic_pipeline},
                              {"stands in topological order", stands_in_topological_order},
                              CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("topology", cases))
