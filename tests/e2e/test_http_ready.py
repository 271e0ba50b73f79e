# SPDX-License-Identifier: MIT
"""run --http: whether a running pipeline is well and ready, and why not."""

import json
import os
import subprocess

import harness
from http_support import HttpCase

# A sink that can be opened when there is a file `go`.
LATE = """
#include "tidemill/plugin.h"
#include <unistd.h>

static const tide_host *the_host;

static tide_result open_sink(const tide_host *host, tide_ctx *ctx, void **self)
{
    *self = ctx;
    the_host = host;
    if (!access("lonely", F_OK))
        host->waits_for(ctx, "nobody has called yet");
    return access("go", F_OK) ? host->fail(ctx, TIDE_RETRY, "waits for 'go'") : TIDE_OK;
}

static void close_sink(void *self)
{
    (void)self;
}

static tide_result write_batch(void *self, const tide_batch *batch, uint32_t *accepted)
{
    if (access("lonely", F_OK))
        the_host->waits_for(self, NULL);
    while (access("hang", F_OK) == 0)
        usleep(10000);
    *accepted = batch->count;
    return TIDE_OK;
}

static tide_result flush(void *self)
{
    (void)self;
    return TIDE_OK;
}

static const tide_sink sink = {
    .struct_size = sizeof sink,
    .capabilities = TIDE_SINK_STREAM,
    .open = open_sink,
    .close = close_sink,
    .write = write_batch,
    .flush = flush,
};

static const tide_plugin plugin = {
    TIDE_PLUGIN_HEAD, .name = "late", .version = "1.0.0", .license = "MIT", .sink = &sink,
};

TIDE_EXPORT const tide_plugin *tide_plugin_entry(uint32_t host_major, uint32_t host_minor)
{
    (void)host_minor;
    return host_major == TIDE_ABI_MAJOR ? &plugin : NULL;
}
"""

LATE_PIPELINE = """
pipeline: waits
sources:
  made: { type: generator, rate: 100, fields: { n: { int: [0, 9] } } }
sinks:
  store: { type: late, inputs: made }
"""


class HttpReady(HttpCase):
    def make_late(self):
        os.mkdir(self.path("late"))
        include = os.path.join(harness.SOURCE, "runtime/include")
        subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-I", include, "-o",
                        self.path("late/late.so"), self.write("late.c", LATE)], check=True)

    def test_a_broker_that_nobody_has_reached(self):
        """Not ready, whichever end of the pipeline waits; it lives, and can be stopped."""
        broker = f"type: kafka, brokers: [ '127.0.0.1:{harness.free_port()}' ], topic: t"
        rows = (("in", f"sources: {{ in: {{ {broker} }} }}\n"
                       "sinks: { out: { type: \"null\", inputs: in } }\n"),
                ("out", "sources: { in: { type: generator, rate: 1, "
                        "fields: { n: { int: [0, 9] } } } }\n"
                        f"sinks: {{ out: {{ inputs: in, {broker} }} }}\n"))
        for node, text in rows:
            with self.subTest(node):
                run, where = self.serve("pipeline: far\n" + text)
                answer = harness.wait_until(
                    lambda: "broker" in (a := self.ready(where))[1] and a, "the reason")
                self.assertEqual(answer[0], 503)
                answer = json.loads(answer[1])
                self.assertEqual((answer["status"], answer["node"]), ("not connected", node))
                self.assertRegex(answer["reason"], "no broker has answered yet|brokers are away")
                self.assertEqual(self.metrics(where)["tidemill_node_open"][node], 1)
                self.assertEqual(self.ask(where, "/healthz")[0], 200)
                run.process.kill()
                run.wait()

    def test_not_ready_says_why(self):
        self.make_late()
        run, where = self.serve(LATE_PIPELINE, "127.0.0.1:0", "--plugins", "late")
        harness.wait_until(lambda: "reason" in self.ready(where)[1], "the reason")
        self.assertEqual(self.ready(where), (503, (
            '{"status": "not open", "node": "store", "kind": "sink", "type": "late", '
            '"reason": "waits for \'go\'"}\n')))
        now = self.metrics(where)
        self.assertEqual(now["tidemill_ready"], {"": 0})
        self.assertEqual(now["tidemill_node_open"], {"made": 1, "store": 0})
        self.assertEqual(self.ask(where, "/healthz")[0], 200)
        self.write("go", "")
        harness.wait_until(lambda: self.ready(where) == (200, '{"status": "ready"}\n'), "ready")
        self.assertEqual(run.stop().status, 0, run)

    def test_open_but_not_connected(self):
        """It runs, but is not ready; `waits_for` says why, and when it is over."""
        self.make_late()
        self.write("go", "")
        self.write("lonely", "")
        run, where = self.serve(LATE_PIPELINE, "127.0.0.1:0", "--plugins", "late")
        harness.wait_until(lambda: "reason" in self.ready(where)[1], "the reason")
        self.assertEqual(self.ready(where), (503, (
            '{"status": "not connected", "node": "store", "kind": "sink", "type": "late", '
            '"reason": "nobody has called yet"}\n')))
        now = harness.wait_until(
            lambda: (m := self.metrics(where))["tidemill_node_records_in_total"]["store"] > 0
            and m, "records")
        self.assertEqual(now["tidemill_ready"], {"": 0})
        self.assertEqual(now["tidemill_node_open"], {"made": 1, "store": 1})
        self.assertEqual(now["tidemill_node_ready"], {"made": 1, "store": 0})
        self.assertEqual(self.ask(where, "/healthz")[0], 200)
        os.remove(self.path("lonely"))
        harness.wait_until(lambda: self.ready(where) == (200, '{"status": "ready"}\n'), "ready")
        self.assertEqual(run.stop().status, 0, run)

    def test_a_lane_that_hangs_is_not_healthy(self):
        self.make_late()
        self.write("go", "")
        self.write("hang", "")
        run, where = self.serve(LATE_PIPELINE, "127.0.0.1:0", "--plugins", "late")
        first = self.ask(where, "/healthz")
        self.assertEqual(first[:2], (200, '{"status": "ok"}\n'))
        harness.wait_until(lambda: self.ask(where, "/healthz")[0] == 503, "the end of patience")
        answer = json.loads(self.ask(where, "/healthz")[1])
        self.assertEqual((answer["status"], answer["node"]), ("hangs", "store"))
        os.remove(self.path("hang"))
        harness.wait_until(lambda: self.ask(where, "/healthz")[0] == 200, "the lane to go on")
        self.assertEqual(run.stop().status, 0, run)


if __name__ == "__main__":
    harness.main()
