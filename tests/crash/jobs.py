# SPDX-License-Identifier: MIT
"""Pipelines for the kill tests, and what their output has to be.

Every input record carries who made it (`dev`) and a number (`seq`) that counts up for each. A job
is a way in and out (files or topics of the embedded log), a stage (stages.py) and a number of
lanes. It knows from the input alone what must come out, and says how the output differs: lost or
doubled.
"""

import collections
import glob
import gzip
import json
import os
import random

import harness
import stages

DEVICES = 20


def records(count, seed):
    """In event-time order within a disorder of less than 200 ms."""
    rng = random.Random(seed)
    numbers = [0] * DEVICES
    for i in range(count):
        dev = rng.randrange(DEVICES)
        numbers[dev] += 1
        yield {"dev": f"d{dev}", "seq": numbers[dev], "ts": 3 * (i + rng.randrange(-30, 30)) + 1000,
               "n": rng.randrange(1000)}


class Place(harness.TestCase):
    """A directory of a job; not a test."""

    def __enter__(self):
        self.setUp()
        return self

    def __exit__(self, *_):
        self.doCleanups()


HEAD = """
pipeline: {name}
delivery: exactly_once
checkpoint: {{ every: {every}ms, dir: ./state }}
parallelism: {lanes}
restart: {restart}
"""

FILE_IN = """
sources:
  in:
    type: file
    path: "in/*"
    rate: {rate}
    event_time: {{ field: ts, unit: ms }}
    watermark: {{ out_of_order: 250ms }}
"""

FILE_OUT = """
sinks:
  out: {{ type: file, inputs: {inputs}, {options} }}
"""

# How files are written; read back by their ending.
FILE_SINKS = {
    "plain": 'path: "out/all.jsonl"',
    "each": 'path: "out/{dev}.jsonl"',
    "rotated": 'path: "out/all.jsonl", rotate: { size: 16KiB }',
    "gzip": 'path: "out/all.jsonl.gz", compress: gzip',
    "zstd": 'path: "out/{dev}.jsonl.zst", compress: zstd',
}

UNPACK = """
pipeline: unpack
sources: { in: { type: file, path: "out/*.zst" } }
sinks: { out: { type: stdio, inputs: in } }
"""


class Job:
    """In and out are those of the classes below."""

    def __init__(self, lanes, stage="pass", count=40000, rate=40000, every=50,
                 restart="false"):
        self.lanes, self.stage = lanes, stages.STAGES[stage]
        self.count, self.rate, self.every, self.restart = count, rate, every, restart
        self.name = f"{type(self).__name__.lower()}-{stage}-{lanes}"

    def prepare(self, case, seed):
        self.given = list(records(self.count, seed))
        self.put(case, list(self.stage.input(self.given)))
        text = HEAD.format(name=self.name, every=self.every, lanes=self.lanes,
                           restart=self.restart)
        text += self.way_in() + self.stage.operators
        case.write("stage.lua", self.stage.script)
        case.write("pipeline.yaml", text + self.way_out(self.stage.port))

    def check(self, case):
        """None, or what is wrong."""
        wanted, found = self.stage.wanted(self.given), self.stage.found(self.take(case))
        missing, extra = wanted - found, found - wanted
        if not missing and not extra:
            return None
        return (f"{self.name}: {sum(missing.values())} lost {list(missing.items())[:3]}, "
                f"{sum(extra.values())} doubled or wrong {list(extra.items())[:3]}")


class Files(Job):
    """From files, some of them compressed, to files."""

    def __init__(self, lanes, stage="pass", sink="plain", packed=False, **more):
        super().__init__(lanes, stage, **more)
        self.sink, self.packed = sink, packed
        self.name += f"-{sink}{'-packed' if packed else ''}"

    def put(self, case, given):
        files = collections.defaultdict(list)
        for r in given:
            files[int(r["dev"][1:]) % 3].append(json.dumps(r) + "\n")
        for number, lines in files.items():
            half = len(lines) // 2  # two members
            parts = ["".join(lines[:half]).encode(), "".join(lines[half:]).encode()]
            if self.packed:
                case.write(f"in/{number}.jsonl.gz", b"".join(map(gzip.compress, parts)))
            else:
                case.write(f"in/{number}.jsonl", b"".join(parts))

    def way_in(self):
        return FILE_IN.format(rate=self.rate)

    def way_out(self, port):
        return FILE_OUT.format(inputs=port, options=FILE_SINKS[self.sink])

    def take(self, case):
        if self.sink == "zstd":
            case.write("unpack.yaml", UNPACK)
            return case.succeeds("run", "unpack.yaml", "-q").jsonl()
        found = []
        for path in glob.glob(os.path.join(case.path("out"), "*")):
            opened = gzip.open if self.sink == "gzip" else open
            with opened(path, "rt", encoding="utf-8") as file:
                found += [json.loads(line) for line in file]
        return found


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
sinks: { out: { type: stdio, inputs: in } }
"""


class Topics(Job):
    """From topic to topic of the embedded log."""

    def put(self, case, given):
        case.write("input.jsonl", "".join(json.dumps(r) + "\n" for r in given))
        case.write("fill.yaml", FILL)
        case.write("drain.yaml", DRAIN)
        case.succeeds("run", "fill.yaml", "-q")

    def way_in(self):
        return LOG_IN.format(rate=self.rate)

    def way_out(self, port):
        return LOG_OUT.format(inputs=port)

    def take(self, case):
        return case.succeeds("run", "drain.yaml", "-q").jsonl()


def of_all_kinds(lanes, **more):
    """(group, jobs): each way with all stages."""
    files = [Files(lanes, "pass", "plain", **more), Files(lanes, "window", "each", **more),
             Files(lanes, "session", "rotated", **more),
             Files(lanes, "process", "gzip", packed=True, **more),
             Files(lanes, "dedup", "zstd", **more), Files(lanes, "join", "plain", **more)]
    return {"files": files, "topics": [Topics(lanes, stage, **more) for stage in stages.STAGES]}
