# SPDX-License-Identifier: MIT
"""Pipelines for the kill test, and what their output has to be.

Every input record carries who made it (`dev`) and a number (`seq`) that counts up for each. A job
knows from the input alone what must come out, and says how the output differs: lost or doubled.
"""

import collections
import json
import random

import harness

WINDOW_MS = 1000


def records(count, devices, seed):
    """In event-time order within a disorder of less than 200 ms."""
    rng = random.Random(seed)
    numbers = [0] * devices
    for i in range(count):
        dev = rng.randrange(devices)
        numbers[dev] += 1
        yield {"dev": f"d{dev}", "seq": numbers[dev], "ts": i + rng.randrange(-100, 100) + 1000,
               "n": rng.randrange(1000)}


def differences(found, wanted, what):
    """Multisets: what is missing, what there is too much of."""
    missing = wanted - found
    extra = found - wanted
    if not missing and not extra:
        return None
    return (f"{what}: {sum(missing.values())} lost {list(missing.items())[:3]}, "
            f"{sum(extra.values())} doubled or wrong {list(extra.items())[:3]}")


class Passed:
    """Every record goes through; the order of a device is kept."""

    @staticmethod
    def check(given, out):
        wanted = collections.Counter((r["dev"], r["seq"]) for r in given)
        found = collections.Counter((r["dev"], r["seq"]) for r in out)
        return differences(found, wanted, "records")


class Windowed:
    """Sums by device and second; each result names the range of records that made it."""

    @staticmethod
    def check(given, out):
        sums = collections.defaultdict(lambda: [0, 0, None, None])
        for r in given:
            of = sums[r["dev"], r["ts"] // WINDOW_MS * WINDOW_MS]
            of[0] += 1
            of[1] += r["n"]
            of[2] = r["seq"] if of[2] is None else min(of[2], r["seq"])
            of[3] = r["seq"] if of[3] is None else max(of[3], r["seq"])
        wanted = collections.Counter((*key, *of) for key, of in sums.items())
        found = collections.Counter((r["dev"], r["start"], r["count"], r["total"], r["first"],
                                     r["last"]) for r in out)
        return differences(found, wanted, "windows")


AGGREGATE = f"""
operators:
  sums:
    type: aggregate
    inputs: in
    key_by: dev
    window: {{ tumbling: {WINDOW_MS}ms }}
    compute: {{ count: count(), total: sum(n), first: min(seq), last: max(seq) }}
"""

HEAD = """
pipeline: {name}
delivery: exactly_once
checkpoint: {{ every: {every}ms, dir: ./state }}
parallelism: {lanes}
"""

FILE_IN = """
sources:
  in:
    type: file
    path: "in/*.jsonl"
    {follow}
    rate: {rate}
    event_time: {{ field: ts, unit: ms }}
    watermark: {{ out_of_order: 250ms }}
"""

FILE_OUT = """
sinks:
  out: {{ type: file, inputs: {inputs}, path: out.jsonl }}
"""


class FileToFile:
    """A pipeline from files to a file."""

    def __init__(self, lanes, windowed, count=40000, rate=40000, every=50):
        self.lanes, self.windowed = lanes, windowed
        self.count, self.rate, self.every = count, rate, every
        self.name = f"file-{'window' if windowed else 'pass'}-{lanes}"
        self.checker = Windowed if windowed else Passed

    def prepare(self, case, seed):
        self.given = list(records(self.count, 20, seed))
        files = collections.defaultdict(list)
        for r in self.given:
            files[int(r["dev"][1:]) % 3].append(json.dumps(r))
        for number, lines in files.items():
            case.write(f"in/{number}.jsonl", "\n".join(lines) + "\n")
        text = HEAD.format(name=self.name, every=self.every, lanes=self.lanes)
        text += FILE_IN.format(follow="", rate=self.rate)
        text += AGGREGATE if self.windowed else ""
        text += FILE_OUT.format(inputs="sums" if self.windowed else "in")
        case.write("pipeline.yaml", text)

    def check(self, case):
        return self.checker.check(self.given, harness.read_jsonl(case.path("out.jsonl")))


LOG_IN = """
connections:
  main: {{ type: log, dir: ./log }}
sources:
  in:
    type: topic
    connection: main
    topic: input
    until: latest
    rate: {rate}
    event_time: {{ field: ts, unit: ms }}
    watermark: {{ out_of_order: 250ms }}
"""

LOG_OUT = """
sinks:
  out: {{ type: topic, connection: main, inputs: {inputs}, topic: output, key: "{{dev}}" }}
"""

FILL = """
pipeline: fill
connections: { main: { type: log, dir: ./log } }
sources: { in: { type: file, path: input.jsonl } }
sinks:
  out: { type: topic, connection: main, inputs: in, topic: input, key: "{dev}", partitions: 3 }
"""

DRAIN = """
pipeline: drain
connections: { main: { type: log, dir: ./log } }
sources: { in: { type: topic, connection: main, topic: output, until: latest } }
sinks: { out: { type: file, inputs: in, path: output.jsonl } }
"""


class LogToLog(FileToFile):
    """The same from topic to topic of the embedded log."""

    def prepare(self, case, seed):
        self.name = self.name.replace("file", "log")
        self.given = list(records(self.count, 20, seed))
        case.write("input.jsonl", "".join(json.dumps(r) + "\n" for r in self.given))
        case.write("fill.yaml", FILL)
        case.write("drain.yaml", DRAIN)
        case.succeeds("run", "fill.yaml", "-q")
        text = HEAD.format(name=self.name, every=self.every, lanes=self.lanes)
        text += LOG_IN.format(rate=self.rate)
        text += AGGREGATE if self.windowed else ""
        text += LOG_OUT.format(inputs="sums" if self.windowed else "in")
        case.write("pipeline.yaml", text)

    def check(self, case):
        case.succeeds("run", "drain.yaml", "-q")
        return self.checker.check(self.given, harness.read_jsonl(case.path("output.jsonl")))
