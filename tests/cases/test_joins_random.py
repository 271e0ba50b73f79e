#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random records, disorder, restarts and joins through `tidemill test`, against a plain reference
that keeps all records and tries all pairs: the same results at every step, as multisets, with their
event times.

    test_joins_random.py TIDEMILL [SEED [CASES]]"""
import json
import pathlib
import random
import sys
import tempfile

import lanes

END = 2**63 - 1
NONE = -(2**63)
SIDES = ("left", "right")


class Row:
    def __init__(self, side, time, value):
        self.side, self.time, self.value, self.matched = side, time, value, False


def merged(left, right):
    """The members of a pair: the left's, then the right's; common names other than the key get
    `right_` in front."""
    out = dict(left.value) if left else {}
    for name, value in (right.value if right else {}).items():
        if left and name == "key":
            continue
        out[f"right_{name}" if left and name in left.value else name] = value
    return out


class Reference:
    """What the kinds have in common. `rows`: those that can still be paired, in the order in which
    they came."""

    def __init__(self, config):
        self.config, self.watermark, self.rows, self.out = config, NONE, [], []

    def passed(self, time):
        lateness = self.config["lateness"]
        if self.watermark in (NONE, END):
            return self.watermark == END
        return time <= self.watermark - lateness

    def outer(self, side):
        return self.config["type"] in (side, "outer", "full")

    def pair(self, row, other, more=None):
        left, right = (row, other) if row.side == "left" else (other, row)
        row.matched = other.matched = True
        self.tell(merged(left, right), max(row.time, other.time), more)

    def alone(self, row, time, more=None):
        if self.outer(row.side) and not row.matched:
            left, right = (row, None) if row.side == "left" else (None, row)
            self.tell(merged(left, right), time, more)

    def tell(self, value, time, more):
        self.out.append({**value, **(more or {}), "t": time})

    def others(self, row, rows):
        return [o for o in rows if o.side != row.side and o.value["key"] == row.value["key"]]

    def send(self, side, time, value):
        """True: it was late."""
        row = Row(side, time, value)
        if value["key"] is None:
            if not self.is_table(side):
                self.alone(row, time)
            return False
        return self.take(row)

    def is_table(self, side):
        return self.config.get("table") == side

    def advance(self, watermark):
        if watermark > self.watermark:
            self.watermark = watermark
            self.expire()


class Timed(Reference):
    def expires(self, row):
        before, after = self.config["before"], self.config["after"]
        return row.time + (after if row.side == "left" else before)

    def take(self, row):
        if self.passed(self.expires(row) if self.config["kind"] == "ttl" else row.time):
            return True
        for other in self.others(row, self.rows):
            left, right = (row, other) if row.side == "left" else (other, row)
            if left.time - self.config["before"] <= right.time <= left.time + self.config["after"]:
                self.pair(row, other)
        self.rows.append(row)
        return False

    def expire(self):
        for row in self.rows:
            if self.passed(self.expires(row)):
                self.alone(row, max(row.time, self.expires(row)))
        self.rows = [row for row in self.rows if not self.passed(self.expires(row))]


class Windows(Reference):
    """`rows` are pairs of a window and a row."""

    def windows(self, time):
        size, every, offset = (self.config[name] for name in ("size", "every", "offset"))
        start = time - (time - offset) % every
        while start > time - size:
            yield start, start + size
            start -= every

    def bounds(self, window):
        return {"start": window[0], "end": window[1]} if self.config["bounds"] else None

    def take(self, row):
        found = list(self.windows(row.time))
        live = [w for w in found if not self.passed(w[1] - 1)]
        if not found:
            self.alone(row, row.time)
        for window in live:
            mine = Row(row.side, row.time, row.value)
            for other in self.others(row, [r for w, r in self.rows if w == window]):
                self.pair(mine, other, self.bounds(window))
            self.rows.append((window, mine))
        return bool(found) and not live

    def expire(self):
        for window, row in self.rows:
            if self.passed(window[1] - 1):
                self.alone(row, window[1] - 1, self.bounds(window))
        self.rows = [(w, r) for w, r in self.rows if not self.passed(w[1] - 1)]


class Sessions(Reference):
    """`rows` are sessions: [start, end, rows]."""

    def take(self, row):
        start, end = row.time, row.time + self.config["size"]
        touching = [s for s in self.rows if s[2][0].value["key"] == row.value["key"]
                    and s[0] <= end and start <= s[1]]
        if not touching and self.passed(end - 1):
            return True
        rows, known = [row], [[row]] + [s[2] for s in touching]
        for i, some in enumerate(known):
            for one in known[:i]:
                for other in one:
                    for mine in self.others(other, some):
                        self.pair(mine, other)
        for session in touching:
            start, end = min(start, session[0]), max(end, session[1])
            rows = session[2] + rows
            self.rows.remove(session)
        self.rows.append([start, end, rows])
        return False

    def expire(self):
        for _, end, rows in self.rows:
            for row in rows:
                if self.passed(end - 1):
                    self.alone(row, end - 1)
        self.rows = [s for s in self.rows if not self.passed(s[1] - 1)]


class Tables(Reference):
    """`rows` wait; `versions` of each key are (time, number, row or None)."""

    def __init__(self, config):
        super().__init__(config)
        self.versions = {}

    def take(self, row):
        if not self.is_table(row.side):
            if self.passed(row.time):
                return True
            self.rows.append(row)
            return False
        return self.version(row.value["key"], row.time, row)

    def version(self, key, time, row):
        versions = self.versions.setdefault(key, [])
        if self.passed(time) and any(v[0] > time and self.passed(v[0]) for v in versions):
            return True
        versions.append((time, len(versions), row))
        versions.sort(key=lambda v: v[:2])
        self.forget()
        return False

    def forget(self):
        """Of the versions that were passed, only the last still counts, if it is a value."""
        for key, versions in self.versions.items():
            old = [v for v in versions if self.passed(v[0])]
            keep = old[-1:] if old and old[-1][2] else []
            renumbered = keep + [v for v in versions if not self.passed(v[0])]
            self.versions[key] = [(t, i, row) for i, (t, _, row) in enumerate(renumbered)]

    def expire(self):
        for row in [r for r in self.rows if self.passed(r.time)]:
            found = [v for v in self.versions.get(row.value["key"], []) if v[0] <= row.time]
            if found and found[-1][2]:
                self.pair(row, found[-1][2])
            else:
                self.alone(row, row.time)
        self.rows = [r for r in self.rows if not self.passed(r.time)]
        self.forget()


KINDS = {"interval": Timed, "ttl": Timed, "window": Windows, "session": Sessions, "table": Tables}


def choose_config(rng):
    kind = rng.choice(list(KINDS))
    config = {"kind": kind, "type": rng.choice(["inner", "left", "right", "outer", "full"]),
              "lateness": rng.choice([0, 0, 0, 3, 15]), "bounds": False}
    if kind == "interval":
        config["before"], config["after"] = rng.choice([(0, 5), (5, 10), (5, 0), (0, 0), (-2, 9),
                                                        (9, -2)])
    elif kind == "ttl":
        config["before"] = config["after"] = rng.choice([1, 5, 25])
    elif kind == "session":
        config["size"] = rng.choice([1, 3, 10])
    elif kind == "window":
        config["size"] = rng.choice([3, 10, 25])
        config["every"] = rng.choice([config["size"]] * 3 + [1, 2, 7, config["size"] + 5])
        config["offset"] = rng.randrange(config["every"])
        config["bounds"] = rng.random() < 0.5
    else:
        config["lateness"] = 0
        config["table"] = rng.choice(SIDES)
        config["type"] = rng.choice(["inner", "left" if config["table"] == "right" else "right"])
    return config


def how(config):
    kind = config["kind"]
    if kind == "interval":
        text = f"interval: {{ before: {config['before']}ms, after: {config['after']}ms }}"
    elif kind == "ttl":
        text = f"ttl: {config['before']}ms"
    elif kind == "session":
        text = f"window: {{ session: {config['size']}ms }}"
    elif kind == "table":
        text = f"table: {config['table']}"
    elif config["every"] == config["size"]:
        text = f"window: {{ tumbling: {config['size']}ms, offset: {config['offset']}ms }}"
    else:
        text = (f"window: {{ sliding: {config['size']}ms, every: {config['every']}ms, "
                f"offset: {config['offset']}ms }}")
    return text


HEAD = """pipeline: random
parallelism: {lanes}
sources:
  a: {{ type: stdio, event_time: {{ field: ts }} }}
  b: {{ type: stdio, event_time: {{ field: ts }} }}
operators:
  j:
    type: join
    inputs: {{ left: a, right: b }}
    on: key
    {how}
    {more}
  timed: {{ type: map, inputs: j, lua: "return function(r) r.t = meta(r).time return r end" }}
sinks:
  out: {{ type: "null", inputs: timed }}
  late: {{ type: "null", inputs: j.late }}
tests:
  - name: {name}
    steps:
"""


def expect(port, values):
    return f"      - expect: {{ from: {port}, values: {json.dumps(values)} }}\n"


class Case:
    def __init__(self, rng, name):
        self.rng, self.config = rng, choose_config(rng)
        self.reference = KINDS[self.config["kind"]](self.config)
        more = f"kind: {self.config['type']}"
        if self.config["lateness"]:
            more += f"\n    lateness: {self.config['lateness']}ms"
        if self.config["bounds"]:
            more += "\n    bounds: true"
        self.text = HEAD.format(how=how(self.config), more=more, name=name,
                                lanes=rng.choice([1, 1, 2, 3, 8]))
        self.now, self.marks = rng.randrange(-50, 50), {"left": NONE, "right": NONE}

    def results(self):
        self.text += expect("timed", self.reference.out)
        self.reference.out = []

    def tombstone(self, side, time):
        key = self.rng.choice("abc")
        late = self.reference.version(key, time, None)
        self.text += (f"      - send: {{ to: j, input: {self.input(side)}, time: {time}, "
                      f"key: {key}, value: null }}\n")
        self.results()
        self.text += expect("j.late", [None] if late else [])

    @staticmethod
    def input(side):
        return "a" if side == "left" else "b"

    def record(self):
        rng = self.rng
        self.now += rng.choice([0, 0, 1, 2, 5, 30])
        time = self.now - rng.choice([0, 0, 0, 1, 3, 10, 40])
        side = rng.choice(SIDES)
        if self.reference.is_table(side) and rng.random() < 0.2:
            self.tombstone(side, time)
            return
        key = rng.choice("aaaabbbccc") if rng.random() < 0.97 else None
        value = {"key": key, "v": rng.randrange(100), side: {"nested": [rng.random(), "é\\n\""]}}
        late = self.reference.send(side, time, value)
        self.text += (f"      - send: {{ to: j, input: {self.input(side)}, time: {time}, "
                      f"value: {json.dumps(value)} }}\n")
        self.results()
        self.text += expect("j.late", [value] if late else [])

    def mark(self, side, time):
        self.marks[side] = max(self.marks[side], time)
        self.text += (f"      - watermark: {{ to: j, input: {self.input(side)}, "
                      f"time: {'end' if time == END else time} }}\n")
        if min(self.marks.values()) > NONE:
            self.reference.advance(min(self.marks.values()))
        self.results()

    def make(self):
        rng = self.rng
        for _ in range(rng.randrange(5, 60)):
            if rng.random() < 0.1:
                self.text += "      - restart: true\n"
            if rng.random() < 0.75:
                self.record()
            else:
                self.mark(rng.choice(SIDES), self.now - rng.choice([0, 1, 2, 10]))
        for side in SIDES:
            self.mark(side, END)
        return self.text


def main(tidemill, seed=1, cases=300):
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        for i in range(int(cases)):
            path = pathlib.Path(directory) / f"case_{int(seed) + i}.yaml"
            path.write_text(Case(random.Random(int(seed) + i), f"seed {int(seed) + i}").make())
            run = lanes.run(tidemill, path, int(seed) + i)
            if run.returncode:
                failed += 1
                print(f"seed {int(seed) + i}\n{run.stdout}{run.stderr}")
                print("\n".join(path.read_text().splitlines()[1:13]))
    print(f"{int(cases) - failed} of {cases} cases as the reference has them")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
