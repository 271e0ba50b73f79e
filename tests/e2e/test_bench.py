# SPDX-License-Identifier: MIT
"""The measuring tools measure: `tidemill bench`, and the driver behind `./dev bench` on little
data. No figure is judged here."""

import json
import os
import subprocess
import sys

import harness

DRIVER = os.path.join(harness.SOURCE, "tests/bench/bench.py")
LINES = 5000


class Bench(harness.TestCase):
    def write_readings(self):
        self.write("readings.jsonl", "".join(
            json.dumps({"device": f"d{n % 10}", "ts": n, "receive_bytes": n}) + "\n"
            for n in range(LINES)))

    def test_command(self):
        self.write_readings()
        out = self.write("bench.yaml", "sinks: { out: { type: \"null\" } }\n")
        arguments = ["bench", self.config("minute_totals.yaml"), "--with", out]
        done = self.succeeds(*arguments, "--runs", "3")
        self.assertRegex(done.out, r"^[\d,]+ records/s, [\d.]+ ns per record \(5,000 in [\d.]+ s; "
                                   r"median of 3 runs\)\n")
        for node in ("readings +file", "totals +aggregate", "out +null"):
            self.assertRegex(done.out, rf"(?m)^  {node} +[\d,]+ +[\d.]+ +[\d.]+ %$")
        runs = json.loads(self.succeeds(*arguments, "--runs", "2", "--json").out)
        self.assertEqual([run["records"] for run in runs], [LINES, LINES])
        for run in runs:
            self.assertGreater(run["records_per_second"], 0)
            self.assertGreater(run["peak_kib"], 0)
            self.assertEqual([node["name"] for node in run["nodes"]], ["readings", "totals", "out"])

    def test_an_endless_pipeline(self):
        path = self.write("endless.yaml", "pipeline: endless\nsources:\n  made: { type: generator, "
                                          "fields: { n: { int: [0, 9] } } }\n"
                                          "sinks:\n  out: { type: \"null\", inputs: made }\n")
        runs = json.loads(self.succeeds("bench", path, "--for", "200ms", "--json").out)
        self.assertGreater(runs[0]["records"], 0)

    def test_driver(self):
        done = subprocess.run([sys.executable, "-B", DRIVER, "--tidemill", harness.TIDEMILL,
                               "--records", str(LINES), "--repeats", "1", "--json"],
                              env=self.environment({"TMPDIR": self.dir}), capture_output=True,
                              text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        figures = json.loads(done.stdout)
        self.assertEqual([job["job"] for job in figures["jobs"]],
                         ["pass", "lua", "aggregate", "keys_1k", "keys_1m", "sliding",
                          "sliding_late", "session", "lanes_1", "lanes_2", "process", "join",
                          "append", "read", "rich", "rich_filter", "rich_map", "csv", "syslog",
                          "logfmt", "msgpack", "regex", "storm_decode", "storm_decode_skip",
                          "storm_lua", "storm_lua_skip", "storm_nil"])
        for job in figures["jobs"]:
            self.assertEqual("percent_of_normal" in job, job["job"].startswith("storm"))
        formats = ["csv", "syslog", "logfmt", "msgpack", "regex"]
        for job in figures["jobs"]:
            share = 5 if job["job"].startswith("rich") else 2 if job["job"] in formats else 1
            self.assertEqual(job["records"], LINES // share)
            self.assertGreater(job["records_per_second"], 0)
            self.assertTrue(job["stages_ns_per_record"])
        self.assertGreater(figures["start_ms"], 0)
        self.assertEqual(os.listdir(self.dir), [], "it cleans up")


if __name__ == "__main__":
    harness.main()
