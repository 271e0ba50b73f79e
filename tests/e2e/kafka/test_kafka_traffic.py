# SPDX-License-Identifier: MIT
"""The main job on a real broker: the same pipeline and scripts as on the embedded log, with one
overlay; every figure exact."""

import contextlib
import json
import re

import kafka_case  # first: it knows where the others are
import harness
import kafka_broker
import traffic_check

OVERLAY = re.compile(r"(?m)^[^#\n].*$")


def canonical(records):
    return sorted(json.dumps(record) for record in records)


def last_of_each(results):
    """A window that is corrected within its lateness has several results; the last one counts."""
    return list({(result["device"], result["start"]): result for result in results}.values())


class Traffic(kafka_case.TestCase):
    def forget(self, *topics):
        """The job's own names are used: what an earlier run has left there goes."""
        for topic in topics:
            with contextlib.suppress(kafka_broker.BrokerError):
                self.broker.delete_topic(topic)

    def test_the_overlay_is_complete_and_small(self):
        done = self.succeeds("check", self.config("traffic.yaml"), "--with",
                             self.config("kafka.yaml"))
        self.assertIn("no problems\n", done.out)
        for path in ("collector -> store", "traffic -> analysis", "traffic -> late"):
            self.assertIn(path, done.out)
        with open(self.config("kafka.yaml"), encoding="utf-8") as file:
            self.assertLessEqual(len(OVERLAY.findall(file.read())), 6)

    def test_200000_generated_readings(self):
        self.forget("traffic_data", "traffic_data_analysis")
        traffic = ["run", self.config("traffic.yaml")]
        generate = ["--with", self.config("generate.yaml")]
        kafka = ["--with", self.config("kafka.yaml")]
        readings = self.path("readings.jsonl")
        to_file = self.write("to_file.yaml", "sinks: { store: { type: file, path: "
                             f"{json.dumps(readings)}, connection: ~, topic: ~, key: ~ }} }}\n")
        self.succeeds(*traffic, *generate, "--with", to_file)
        self.succeeds(*traffic, *kafka, *generate)
        self.succeeds(*traffic, *kafka, "--with", self.config("analyse.yaml"), "--set",
                      "sources.traffic.group=" + self.name)

        made = harness.read_jsonl(readings)
        self.assertEqual(len(made), 200000)
        self.assertEqual(len({reading["device"] for reading in made}), 1000)
        stored = self.broker.consume("traffic_data")
        self.assertEqual({record["partition"] for record in stored}, {0, 1, 2, 3})
        values = [json.loads(record["value"]) for record in stored]
        self.assertEqual(canonical(values), canonical(made))
        self.assertEqual([record["key"] for record in stored],
                         [value["device"] for value in values])
        results = self.values("traffic_data_analysis")
        self.assertEqual(traffic_check.differences(made, results)[:5], [])
        self.assertEqual(harness.read_lines(self.path("data/late.jsonl")), [])

    def test_devices_are_collected_stored_and_analysed(self):
        port = {"DEMO_PORT": str(harness.free_port("127.0.0.11"))}
        devices = self.start("run", "-q", self.config("devices.yaml"), env=port)
        running = self.start(*self.traffic(self.config("demo.yaml")), env=port)
        harness.wait_until(lambda: len(harness.read_lines(self.path("data/results.jsonl"))) >= 18,
                           f"three windows of six devices: {running} {devices}")
        done = running.stop()
        self.assertEqual(done.status, 0, done)
        self.assertEqual(devices.stop().status, 0, devices)

        stored, results = self.values(self.data), self.values(self.analysis)
        self.assertEqual({reading["device"].split(":")[0] for reading in stored},
                         {f"127.0.0.{n}" for n in range(11, 17)}, "those that do not misbehave")
        self.assertGreaterEqual(len({result["start"] for result in results}), 3)
        complete = max(result["start"] for result in results) - 2000
        wanted = [reading for reading in stored if reading["ts"] < complete]
        found = [result for result in last_of_each(results) if result["end"] <= complete]
        self.assertEqual(traffic_check.differences(wanted, found, 2000)[:5], [])
        self.assertEqual(harness.read_lines(self.path("data/late.jsonl")), [])


if __name__ == "__main__":
    kafka_case.main()
