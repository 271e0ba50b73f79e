# SPDX-License-Identifier: MIT
"""A collector that is killed: devices that are polled -> buffer -> topic -> stage -> topic."""

import collections
import json
import random

import harness
import jobs

COLLECT = """
sources:
  in:
    type: tcp_poll
    targets: [{targets}]
    interval: 5ms
    timeout: 2s
    buffer: {{ disk: 4MiB, sync: {sync} }}
    on_error: skip
connections:
  main: {{ type: log, dir: ./log }}
sinks:
  out: {{ type: topic, connection: main, inputs: in, topic: input, key: "{{dev}}", partitions: 3 }}
"""


class Collector(jobs.Topics):
    """Devices count their readings: one is served when its device begins to send it.

    What a kill may cost of a device are the readings that were under way into the buffer then: the
    last, the one before it, whose record the collector still had in hand, and the one that a dead
    collector's connection was given. None that lies before those is missing, none comes twice."""

    DEVICES = 5

    def prepare(self, case, seed):
        self.served = collections.Counter()
        self.may_miss = collections.defaultdict(set)
        devices = [case.device(f"127.0.0.{i + 1}", self.answer(f"d{i}"))
                   for i in range(self.DEVICES)]
        text = jobs.HEAD.format(name="collect", every=100, lanes=self.lanes,
                                restart="false")
        case.write("collect.yaml", text + COLLECT.format(
            targets=", ".join(f'"{device.address}"' for device in devices),
            sync="0s" if self.lanes == 1 else "100ms"))
        case.write("drain.yaml", jobs.DRAIN)
        case.write("read.yaml", jobs.DRAIN.replace("output", "input"))
        case.interrupt("collect.yaml", random.Random(seed), self.note_kill)
        self.collect_the_last(case, devices)
        self.given = case.succeeds("run", "read.yaml", "-q").jsonl()
        text = jobs.HEAD.format(name=self.name, every=self.every, lanes=self.lanes,
                                restart="false")
        text += jobs.LOG_IN.format(rate=len(self.given)).replace("250ms", "60s")
        case.write("pipeline.yaml", text + self.stage.operators + self.way_out(self.stage.port))

    def answer(self, dev):
        def behave(device, connection):
            self.served[dev] += 1
            n = self.served[dev]
            record = {"dev": dev, "seq": n, "ts": n * 5, "n": n % 1000}
            connection.sendall(json.dumps(record).encode())
        return behave

    def note_kill(self):
        for dev, n in list(self.served.items()):
            self.may_miss[dev] |= {n - 1, n, n + 1}

    def collect_the_last(self, case, devices):
        """The last run is not killed: with it, all that is in the buffer comes out."""
        running = case.start("run", "collect.yaml", "-q")
        before = collections.Counter(self.served)
        harness.wait_until(lambda: len(self.served) == self.DEVICES and all(
            n >= before[dev] + 20 for dev, n in list(self.served.items())), "more readings")
        for device in devices:
            device.close()
        last = set(self.served.items())
        harness.wait_until(lambda: last <= {
            (r["dev"], r["seq"]) for r in case.succeeds("run", "read.yaml", "-q").jsonl()},
            "the last readings")
        case.assertEqual(running.stop().status, 0, running)

    def check(self, case):
        come = collections.Counter((r["dev"], r["seq"]) for r in self.given)
        doubled = sorted(which for which, times in come.items() if times > 1)
        missing = [(dev, seq) for dev, last in sorted(self.served.items())
                   for seq in range(1, last + 1)
                   if (dev, seq) not in come and seq not in self.may_miss[dev]]
        if doubled or missing:
            return f"{self.name}: collected: doubled {doubled}, lost {missing}"
        return super().check(case)
