#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random records, disorder and windows through `tidemill test`, against a plain reference that
keeps every record of every window: the same results at every step, as multisets.

    test_windows_random.py TIDEMILL [SEED [CASES]]"""
import json
import pathlib
import random
import sys
import tempfile

import lanes

END = 2**63 - 1


class Pane:
    """The records of one key and window, and what was told of them."""

    def __init__(self, start, end):
        self.start, self.end = start, end
        self.values, self.since, self.told, self.closed = [], 0, None, False

    def result(self, key):
        values = self.values
        return {"key": key, "start": self.start, "end": self.end, "n": len(values),
                "total": sum(values), "least": min(values), "most": max(values)}

    def fire(self, key, config):
        if not self.since:
            return []
        out = []
        result = self.result(key)
        if config["panes"] == "retract" and self.told:
            out.append(self.told)
        out.append(result)
        self.told, self.since = result, 0
        if config["panes"] == "discard":
            self.values = []
        return out


class Reference:
    pane = Pane

    def __init__(self, config):
        self.config, self.watermark, self.panes = config, None, {}

    def passed(self, time):
        return self.watermark is not None and time <= self.watermark

    def gone(self, end):
        return self.passed(end - 1 + self.config["lateness"])

    def windows(self, time):
        size, every, offset = (self.config[name] for name in ("size", "every", "offset"))
        start = time - (time - offset) % every
        while start > time - size:
            yield start, start + size
            start -= every

    def place(self, key, time):
        """The panes of a record; None: late; []: between two windows."""
        found = list(self.windows(time))
        live = [w for w in found if not self.gone(w[1])]
        if found and not live:
            return None
        return [self.panes.setdefault((key, *w), self.pane(*w)) for w in live]

    def send(self, key, time, value):
        panes = self.place(key, time)
        if panes is None:
            return None
        out = []
        for pane in panes:
            pane.values.append(value)
            pane.since += 1
            count = self.config["count"]
            if self.passed(pane.end - 1) or (count and pane.since >= count):
                out += pane.fire(key, self.config)
        return out

    def early(self, pane, before):
        """An interval of `early` since the window's start has passed."""
        early = self.config["early"]
        if not early:
            return False
        since = pane.start if before is None else max(before, pane.start)
        return pane.start + ((since - pane.start) // early + 1) * early <= self.watermark

    def advance(self, watermark):
        before, self.watermark = self.watermark, watermark
        out = []
        for place, pane in sorted(self.panes.items()):
            if (self.passed(pane.end - 1) and not pane.closed) or self.early(pane, before):
                out += pane.fire(place[0], self.config)
            pane.closed = self.passed(pane.end - 1)
            if self.gone(pane.end):
                del self.panes[place]
        return out


class Sessions(Reference):
    gap = None  # of the record in hand, where each has its own

    def place(self, key, time):
        start, end = time, time + (self.gap or self.config["size"])
        touching = [(place, pane) for place, pane in self.panes.items()
                    if place[0] == key and pane.start <= end and start <= pane.end]
        if not touching and self.gone(end):
            return None
        merged = self.pane(min([start] + [p.start for _, p in touching]),
                           max([end] + [p.end for _, p in touching]))
        touching.sort(key=lambda item: item[1].start)
        for i, (place, pane) in enumerate(touching):
            merged.values += pane.values
            merged.since += pane.since
            if i == 0:
                merged.told = pane.told
            del self.panes[place]
        self.panes[(key, merged.start)] = merged
        return [merged]


def choose_config(rng):
    kind = rng.choice(["tumbling", "sliding", "sliding", "session"])
    size = rng.choice([3, 10, 25, 60, 90])
    every = size
    if kind == "sliding":
        every = rng.choice([1, 2, 4, 7, size, size + 5])
    config = {"kind": kind, "size": size, "every": every, "count": 0, "early": 0, "lateness": 0,
              "offset": 0, "panes": "accumulate"}
    if kind != "session":
        config["offset"] = rng.randrange(every)
    if rng.random() < 0.5:
        config["lateness"] = rng.choice([1, 5, 20])
        config["panes"] = rng.choice(["accumulate", "discard", "retract"])
    if rng.random() < 0.2:
        config["count"] = rng.choice([1, 2, 5])
    elif rng.random() < 0.2 and kind != "session":
        config["early"] = rng.choice([1, 2, 5, 13])
    if config["count"] or config["early"]:
        config["panes"] = rng.choice(["accumulate", "discard", "retract"])
    if kind == "session" and config["panes"] == "retract":
        config["panes"] = "discard"  # what merged sessions take back: windows/panes.yaml
    return config


def window_text(config):
    kind = config["kind"]
    parts = [f"{kind}: {config['size']}ms"]
    if config.get("own_gap"):
        parts = ["session: { gap: 'text and tostring(gap) .. \"ms\" or gap / 1' }"]
    if kind == "sliding":
        parts.append(f"every: {config['every']}ms")
    if kind != "session" and config["offset"]:
        parts.append(f"offset: {config['offset']}ms")
    if config["lateness"]:
        parts.append(f"lateness: {config['lateness']}ms")
    if config["count"]:
        parts.append(f"emit: {{ count: {config['count']} }}")
    if config["early"]:
        parts.append(f"emit: {{ early: {config['early']}ms }}")
    if config["panes"] != "accumulate":
        parts.append(f"panes: {config['panes']}")
    return "{ " + ", ".join(parts) + " }"


HEAD = """pipeline: random
sources: {{ in: {{ type: stdio, event_time: {{ field: ts }} }} }}
operators:
  agg:
    type: aggregate
    inputs: in
    key_by: key
    window: {window}
    {work}
sinks:
  out: {{ type: "null", inputs: agg }}
  late: {{ type: "null", inputs: agg.late }}
tests:
  - name: {name}
    steps:
"""

COMPUTE = ("compute: { n: count(), total: sum(value), least: min(value), most: max(value) }")
BY_HAND = """lua: |
      return {
        init = function() return { n = 0, total = 0 } end,
        add = function(a, r)
          a.least = math.min(a.least or r.value, r.value)
          a.most = math.max(a.most or r.value, r.value)
          a.n = a.n + 1; a.total = a.total + r.value
          return a
        end,
        merge = function(a, b)
          return { n = a.n + b.n, total = a.total + b.total, least = math.min(a.least, b.least),
                   most = math.max(a.most, b.most) }
        end,
        finish = function(a, w)
          return { key = w.key, start = w.start, ["end"] = w["end"], n = a.n, total = a.total,
                   least = a.least, most = a.most }
        end,
      }"""


def expect(port, values):
    return f"      - expect: {{ from: {port}, values: {json.dumps(values)} }}\n"


def make_case(rng, name):
    config = choose_config(rng)
    config["own_gap"] = config["kind"] == "session" and rng.random() < 0.4
    reference = (Sessions if config["kind"] == "session" else Reference)(config)
    work = COMPUTE if rng.random() < 0.7 else BY_HAND
    text = HEAD.format(window=window_text(config), work=work, name=name)
    now, watermark = rng.randrange(-50, 50), None
    for _ in range(rng.randrange(5, 60)):
        if rng.random() < 0.1:
            text += "      - restart: true\n"
        if rng.random() < 0.75:
            now += rng.choice([0, 0, 1, 2, 5, 30])
            time = now - rng.choice([0, 0, 0, 1, 3, 10, 40])
            key, value = rng.choice("abc"), rng.randrange(-9, 10)
            record = {"key": key, "value": value}
            if config["own_gap"]:
                record["gap"] = reference.gap = rng.choice([1, 2, 10, 40])
                record["text"] = rng.random() < 0.5
            out = reference.send(key, time, value)
            text += f"      - send: {{ to: agg, time: {time}, value: {json.dumps(record)} }}\n"
            text += expect("agg", out or []) + expect("agg.late", [record] if out is None else [])
        else:
            step = now - rng.choice([1, 2, 10])
            watermark = step if watermark is None else max(watermark, step)
            text += f"      - watermark: {{ to: agg, time: {watermark} }}\n"
            text += expect("agg", reference.advance(watermark))
    text += "      - watermark: { to: agg, time: end }\n" + expect("agg", reference.advance(END))
    return text


def main(tidemill, seed=1, cases=300):
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        for i in range(int(cases)):
            path = pathlib.Path(directory) / f"case_{int(seed) + i}.yaml"
            path.write_text(make_case(random.Random(int(seed) + i), f"seed {int(seed) + i}"))
            run = lanes.run(tidemill, path, int(seed) + i)
            if run.returncode:
                failed += 1
                print(f"seed {int(seed) + i}\n{run.stdout}{run.stderr}")
                for line in path.read_text().splitlines():
                    if "window:" in line:
                        print(line)
    print(f"{int(cases) - failed} of {cases} cases as the reference has them")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
