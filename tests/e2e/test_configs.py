# SPDX-License-Identifier: MIT
"""Every file in configs/ is loaded by `check`, and run: here or, when it needs devices or a broker,
in the test that is named."""

import json
import os

import harness

# file -> files it is laid over
OVERLAYS = {"kafka.yaml": "traffic.yaml", "generate.yaml": "traffic.yaml",
            "analyse.yaml": "traffic.yaml", "demo.yaml": "traffic.yaml"}
RUN_ELSEWHERE = {
    "traffic.yaml": "test_traffic.py", "generate.yaml": "test_traffic.py",
    "analyse.yaml": "test_traffic.py", "demo.yaml": "test_demo.py", "devices.yaml": "test_demo.py",
    "kafka.yaml": "kafka/",
}
ENVIRONMENT = {"DEMO_PORT": "20000", "KAFKA_BROKERS": "127.0.0.1:1"}

READINGS = [
    {"device": "r1", "ts": 1000, "receive_bytes": 100},
    {"device": "r2", "ts": 2000, "receive_bytes": 0},
    {"device": "r1", "ts": 59999, "receive_bytes": 25},
    {"device": "r1", "ts": 60000, "receive_bytes": 1},
]


def lines(records):
    return "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)


class Configs(harness.TestCase):
    def all_files(self):
        names = sorted(os.listdir(os.path.join(harness.SOURCE, "configs")))
        return [name for name in names if name.endswith(".yaml")]

    def test_all_are_checked(self):
        for name in self.all_files():
            with self.subTest(name):
                base = OVERLAYS.get(name, name)
                arguments = ["check", self.config(base)]
                if base != name:
                    arguments += ["--with", self.config(name)]
                done = self.succeeds(*arguments, env=ENVIRONMENT)
                self.assertIn("no problems\n", done.out)
                self.assertIn(" -> ", done.out)
                self.assertNotIn("error", done.err)

    def test_all_are_run(self):
        for name in self.all_files():
            with self.subTest(name):
                if name in RUN_ELSEWHERE:
                    place = os.path.join(harness.SOURCE, "tests/e2e", RUN_ELSEWHERE[name])
                    self.assertTrue(os.path.exists(place), place)
                else:
                    getattr(self, "run_" + name.removesuffix(".yaml"))()

    def test_their_own_tests(self):
        folders = [os.path.join(harness.SOURCE, name) for name in ("configs", "scripts")]
        done = self.succeeds("test", *folders)
        self.assertRegex(done.out, r"\n[1-9]\d* passed, 0 failed\n$")

    def run_first(self):
        self.write("readings.jsonl", lines(READINGS))
        done = self.succeeds("run", self.config("first.yaml"))
        self.assertEqual(done.jsonl(), [dict(reading, bits_per_second=reading["receive_bytes"] * 8)
                                        for reading in READINGS if reading["receive_bytes"]])

    def run_offline(self):
        self.write("readings.jsonl", lines([{"device": "r1", "ts": 1000},
                                            {"device": "r2", "ts": 2000},
                                            {"device": "r2", "ts": 400000}]))
        done = self.succeeds("run", self.config("offline.yaml"))
        alerts = [("r1", 1000, 1), ("r2", 400000, 2)]  # the file is one batch
        self.assertCountEqual(done.jsonl(), [
            {"device": device, "event": "offline", "last_seen": last, "readings": readings}
            for device, last, readings in alerts])

    def run_minute_totals(self):
        self.write("readings.jsonl", lines(READINGS))
        done = self.succeeds("run", self.config("minute_totals.yaml"))
        self.assertCountEqual(done.jsonl(), [
            {"device": "r1", "start": 0, "end": 60000, "readings": 2, "bytes": 125, "largest": 100},
            {"device": "r2", "start": 0, "end": 60000, "readings": 1, "bytes": 0, "largest": 0},
            {"device": "r1", "start": 60000, "end": 120000, "readings": 1, "bytes": 1,
             "largest": 1},
        ])

    def run_route(self):
        requests = [{"status": 200, "duration_ms": 3}, {"status": 503, "duration_ms": 9000},
                    {"status": 200}, {"status": 404, "duration_ms": 2001}]
        done = self.succeeds("run", self.config("route.yaml"), stdin=lines(requests))
        self.assertEqual(done.jsonl(), [requests[0], requests[2]])
        self.assertEqual(harness.read_jsonl(self.path("out/errors.jsonl")), [requests[1]])
        self.assertEqual(harness.read_jsonl(self.path("out/slow.jsonl")), [requests[3]])

    def run_dead_letters(self):
        good, absent = '{"device":"a","receive_bytes":2}', '{"device":"b"}'
        done = self.succeeds("run", self.config("dead_letters.yaml"),
                             stdin="\n".join([good, "no JSON", absent]) + "\n")
        self.assertEqual(done.out.splitlines(), [good])
        self.assertEqual(sorted(harness.read_lines(self.path("out/rejected.jsonl"))),
                         sorted(["no JSON", absent]))

    def run_access_log(self):
        good = '::1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 5 "-" "curl"'
        bad = '10.0.0.1 - bob [10/Oct/2000:13:55:37 -0700] "POST /x?a=b HTTP/1.1" 503 -'
        done = self.succeeds("run", self.config("access_log.yaml"),
                             stdin="\n".join([good, "no request", bad]) + "\n")
        self.assertEqual(done.jsonl(), [{
            "host": "10.0.0.1", "user": "bob", "time": "10/Oct/2000:13:55:37 -0700",
            "method": "POST", "path": "/x?a=b", "status": 503, "bytes": None, "referer": None,
            "agent": None}])
        self.assertEqual(harness.read_lines(self.path("out/other_lines.log")), ["no request"])


if __name__ == "__main__":
    harness.main()
