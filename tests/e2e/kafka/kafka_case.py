# SPDX-License-Identifier: MIT
"""What the tests of the program on a real broker share: the broker, topics, the traffic job."""

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(os.path.dirname(os.path.dirname(HERE)),
                                                    "support")]

import harness  # noqa: E402
import kafka_broker  # noqa: E402

# Topics and group of a test's own, so that tests do not meet.
NAMES = """\
pipeline: {name}
sources: {{ traffic: {{ topic: {name}-data }} }}
sinks:
  store: {{ topic: {name}-data }}
  analysis: {{ topic: {name}-analysis }}
"""


class TestCase(harness.TestCase):
    """`self.broker` is the shared node; it runs again when a test has ended."""

    count = 0

    def setUp(self):
        super().setUp()
        self.broker = kafka_broker.KafkaBroker(os.environ["KAFKA_STATE"], die_with_me=False)
        self.addCleanup(self.broker.start)
        self.addCleanup(self.broker.resume)
        TestCase.count += 1
        self.name = f"e2e-{os.getpid()}-{TestCase.count}"
        self.data, self.analysis = self.name + "-data", self.name + "-analysis"

    def traffic(self, *overlays):
        """Arguments of `run`: the traffic job on Kafka, with this test's names."""
        names = self.write("names.yaml", NAMES.format(name=self.name))
        arguments = ["run", self.config("traffic.yaml"), "--with", self.config("kafka.yaml")]
        for overlay in (*overlays, names):
            arguments += ["--with", overlay]
        return arguments

    def pipeline(self, text):
        """A pipeline file of the test's own, on the connection `main`."""
        return self.write("pipeline.yaml", f"pipeline: {self.name}\nconnections:\n  main: "
                          f'{{ type: kafka, brokers: "{self.broker.bootstrap}" }}\n{text}')

    def values(self, topic, *options):
        return [json.loads(record["value"]) for record in self.broker.consume(topic, *options)]

    def topic_end(self, topic):
        """How many records were ever written to it."""
        lines = self.broker.tool("describe", topic).splitlines()
        return sum(int(line.split()[2]) for line in lines)


def main():
    harness.main()
