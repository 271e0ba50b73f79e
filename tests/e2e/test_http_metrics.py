# SPDX-License-Identifier: MIT
"""run --http: what /metrics tells of a running pipeline."""

import json
import os
import re
import signal
import subprocess

import harness
from http_support import PIPELINE, HttpCase, parse


class HttpMetrics(HttpCase):
    def test_metrics_move_with_the_pipeline(self):
        run, where = self.serve()
        harness.wait_until(lambda: self.ready(where)[0] == 200, "ready")
        first = harness.wait_until(
            lambda: (now := self.metrics(where))["tidemill_node_records_in_total"]["out"] > 100
            and now, "records")
        self.assertEqual(first["tidemill_up"], {"": 1})
        self.assertEqual(first["tidemill_ready"], {"": 1})
        self.assertEqual(set(first["tidemill_node_records_in_total"]), {"made", "odd", "out"})
        self.assertEqual(first["tidemill_node_open"], {"made": 1, "odd": 1, "out": 1})
        self.assertEqual(set(first["tidemill_node_splits"]), {"made"})
        self.assertGreater(first["tidemill_node_records_filtered_total"]["odd"], 0)
        self.assertGreater(first["tidemill_node_busy_seconds_total"]["odd"], 0)
        self.assertGreater(first["tidemill_node_bytes_out_total"]["out"], 0)
        self.assertLess(abs(first["tidemill_node_watermark_age_seconds"]["made"]), 20)
        then = harness.wait_until(
            lambda: (now := self.metrics(where))["tidemill_node_records_in_total"]["out"]
            > first["tidemill_node_records_in_total"]["out"] and now, "more records")
        for name, nodes in first.items():
            for node, value in nodes.items():
                if name.endswith("_total"):
                    self.assertGreaterEqual(then[name][node], value, name)
        self.assertEqual(run.stop().status, 0)

    def test_what_else_is_told(self):
        """Errors by kind, queues, state, the plugin's own metrics, the process."""
        self.write("in.jsonl", '{"n":1}\nnothing\n{"n":2}\n' + '{"n":"x"}\n' * 3)
        _, where = self.serve("""
pipeline: seen
sources:
  made:
    type: generator
    rate: 200
    fields: { n: { int: [0, 9] }, ts: { sequence: { start: 0, step: 1 } } }
    event_time: { field: ts, unit: ms }
  read: { type: file, path: in.jsonl, follow: true, on_error: skip }
operators:
  checked:
    type: map
    inputs: read
    on_error: skip
    lua: "return function(r) r.n = r.n + 1 return r end"
  sum: { type: aggregate, inputs: made, key_by: n, window: { tumbling: 1h },
         compute: { c: count() } }
sinks: { out: { type: "null", inputs: [sum, checked] }, other: { type: "null", inputs: made } }
""")
        text = harness.wait_until(
            lambda: (now := self.ask(where, "/metrics")[1])
            and re.search(r'state_keys\{[^}]*node="sum"[^}]*} 10\n', now)
            and re.search(r'errors_total\{[^}]*node="checked"[^}]*error="data"} 3\n', now) and now,
            "ten keys and three errors")
        now = parse(text)
        self.assertIn('error="data"} 1\n', text)
        self.assertEqual(now["tidemill_node_state_keys"], {"sum": 10})
        self.assertEqual(now["tidemill_node_windows_open"], {"sum": 1})
        self.assertGreater(now["tidemill_node_state_bytes"]["sum"], 0)
        self.assertEqual(set(now["tidemill_node_queue_capacity_records"]),
                         {"checked", "sum", "out", "other"})
        self.assertEqual(set(now["tidemill_plugin_null_records_total"]), {"out", "other"})
        self.assertEqual(text.count("# TYPE tidemill_plugin_null_records_total counter"), 1)
        self.assertGreater(now["process_resident_memory_bytes"][""], 1 << 20)

    def test_bytes_behind_the_end_of_files(self):
        """Known before the first record, counted down, and nothing at the end."""
        size = 0
        for number in range(2):
            with open(self.path(f"{number}.jsonl"), "w", encoding="utf-8") as file:
                size += file.write('{"n":1}\n' * 500_000)
        run, where = self.serve("""
pipeline: seen
sources: { made: { type: file, path: "?.jsonl", rate: 100 } }
sinks: { out: { type: "null", inputs: made } }
""")
        now = harness.wait_until(
            lambda: "tidemill_node_lag_bytes" in (m := self.metrics(where)) and m, "the lag")
        lag = now["tidemill_node_lag_bytes"]["made"]
        self.assertTrue(size / 2 < lag < size, lag)
        self.assertNotIn("tidemill_node_lag_records", {name for name in now if now[name]})
        splits = re.findall(r'split_lag_bytes\{.*split="(\S*)"\} (\d+)',
                            self.ask(where, "/metrics")[1])
        self.assertEqual(sum(int(bytes_) for _, bytes_ in splits), lag)
        self.assertIn(f"1.jsonl@{os.stat(self.path('1.jsonl')).st_dev:x}", splits[1][0])
        self.assertEqual(int(splits[1][1]), size // 2)
        run.stop()

    def test_bytes_behind_are_nothing_at_the_end(self):
        self.write("in.jsonl", '{"n":1}\n' * 100_000)
        subprocess.run(["gzip", "-k", self.path("in.jsonl")], check=True)
        self.write("p.yaml", """
pipeline: seen
sources: { made: { type: file, path: "in.jsonl*" } }
sinks: { out: { type: "null", inputs: made } }
""")
        done = self.tidemill("run", "p.yaml", "--report", "report.json")
        self.assertEqual(done.status, 0, done)
        self.assertRegex(done.err, r"in 200,000 .* lag 0 B ")
        with open(self.path("report.json"), encoding="utf-8") as file:
            made = json.load(file)["nodes"][0]
        self.assertEqual((made["lag"], made["lag_bytes"]), (None, 0))

    def test_bytes_behind_of_a_file_that_grows(self):
        self.write("in.jsonl", '{"n":1}\n{"n":')
        run, where = self.serve("""
pipeline: seen
sources: { made: { type: file, path: in.jsonl, follow: true } }
sinks: { out: { type: "null", inputs: made } }
""")
        def lag():
            return self.metrics(where).get("tidemill_node_lag_bytes", {}).get("made")
        harness.wait_until(lambda: lag() == 0, "all of it is read")
        os.kill(run.process.pid, signal.SIGSTOP)
        with open(self.path("in.jsonl"), "a", encoding="utf-8") as file:
            file.write("2}\n")
        os.kill(run.process.pid, signal.SIGCONT)
        harness.wait_until(
            lambda: self.metrics(where)["tidemill_node_records_in_total"]["out"] == 2, "the second")
        self.assertEqual(lag(), 0)

    def test_the_books_of_a_node_balance_in_the_metrics(self):
        _, where = self.serve(PIPELINE.replace("rate: 2000", "count: 5000, rate: 2000"))
        harness.wait_until(lambda: self.ready(where)[0] == 200, "ready")
        now = self.metrics(where)
        odd = {name: nodes["odd"] for name, nodes in now.items() if "odd" in nodes}
        self.assertLessEqual(odd["tidemill_node_records_out_total"]
                             + odd["tidemill_node_records_filtered_total"],
                             odd["tidemill_node_records_in_total"])


if __name__ == "__main__":
    harness.main()
