# SPDX-License-Identifier: MIT
"""The main job on the embedded log: collected, stored, analysed; every figure exact."""

import json

import harness
import traffic_check

READING = {"receive_bytes": 1000, "send_bytes": 500, "receive_packets": 10, "send_packets": 0}

# A pipeline that prints a topic as it is now.
DUMP = """\
pipeline: dump
connections:
  main: { type: log, dir: "${DATA}" }
sources:
  topic: { type: topic, connection: main, topic: "${TOPIC}", until: latest }
sinks:
  out: { type: stdio, inputs: topic }
"""


class Traffic(harness.TestCase):
    def dump(self, topic):
        path = self.write("dump.yaml", DUMP)
        return self.succeeds("run", "-q", path, env={"TOPIC": topic}).jsonl()

    def traffic(self, *overlays, **options):
        arguments = ["run", self.config("traffic.yaml")]
        for overlay in overlays:
            arguments += ["--with", overlay]
        return self.succeeds(*arguments, **options)

    def test_200000_generated_readings(self):
        readings = self.path("readings.jsonl")
        to_file = self.write("to_file.yaml", "sinks: { store: { type: file, path: "
                             f"{json.dumps(readings)}, connection: ~, topic: ~, key: ~ }} }}\n")
        self.traffic(self.config("generate.yaml"), to_file)
        self.traffic(self.config("generate.yaml"))
        self.traffic(self.config("analyse.yaml"))

        made = harness.read_jsonl(readings)
        self.assertEqual(len(made), 200000)
        self.assertEqual(len({reading["device"] for reading in made}), 1000)
        disorder = newest = 0
        for reading in made:
            newest = max(newest, reading["ts"])
            disorder = max(disorder, newest - reading["ts"])
        self.assertGreater(disorder, 1500)
        self.assertLessEqual(disorder, 2000)

        stored = self.dump("traffic_data")
        key = json.dumps
        self.assertEqual(sorted(map(key, stored)), sorted(map(key, made)))
        wrong = traffic_check.differences(made, self.dump("traffic_data_analysis"))
        self.assertEqual(wrong[:5], [])
        self.assertEqual(harness.read_lines(self.path("data/late.jsonl")), [])

    def test_devices_are_collected_and_tagged(self):
        first = self.device("127.0.0.1", harness.answers(json.dumps(READING).encode()))
        second = self.device("127.0.0.2", harness.answers(json.dumps(READING).encode()))
        running = self.start("run", self.config("traffic.yaml"), "--set",
                             "sources.collector.interval=50ms",
                             env={"DEVICE_1": first.address, "DEVICE_2": second.address})
        harness.wait_until(lambda: first.served > 3 and second.served > 3,
                           f"both devices are polled: {running}")
        done = running.stop()
        self.assertEqual(done.status, 0, done)
        stored = self.dump("traffic_data")
        self.assertEqual({reading["device"] for reading in stored},
                         {first.address, second.address})
        for reading in stored:
            self.assertEqual({name: reading[name] for name in READING}, READING)
            self.assertIs(type(reading["ts"]), int)

    def test_a_device_that_fails_does_not_stop_the_others(self):
        good = self.device("127.0.0.1", harness.answers(json.dumps(READING).encode()))
        for name, behave in (("never answers", harness.never_answers),
                             ("closes mid-way", harness.answers(b'{"receive_bytes": 10')),
                             ("sends garbage", harness.answers(b"\xff\x00 not json\n")),
                             ("sends nothing", harness.answers(b""))):
            with self.subTest(name):
                bad = self.device("127.0.0.3", behave)
                self.check_bad_device(good, bad.address)
        with self.subTest("refuses"):
            self.check_bad_device(good, f"127.0.0.4:{harness.free_port('127.0.0.4')}")

    def check_bad_device(self, good, bad):
        report = self.path("report.json")
        before = good.served
        running = self.start("run", self.config("traffic.yaml"), "--report", report,
                             "--set", "sources.collector.interval=50ms",
                             "--set", "sources.collector.timeout=200ms",
                             env={"DEVICE_1": good.address, "DEVICE_2": bad})
        harness.wait_until(lambda: good.served >= before + 10 and bad in running.err,
                           f"the good one is polled, the bad one is named: {running}")
        done = running.stop()
        self.assertEqual(done.status, 0, done)
        with open(report, encoding="utf-8") as file:
            nodes = {node["name"]: node for node in json.load(file)["nodes"]}
        self.assertGreater(nodes["collector"]["failed"], 0)
        self.assertGreater(nodes["store"]["in"], 8)


if __name__ == "__main__":
    harness.main()
