#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random records through each native operator and aggregate function, by `tidemill test`, against
plain references that keep every record.

    test_natives_random.py TIDEMILL [SEED [CASES]]      CASES of each"""
import collections
import json
import math
import pathlib
import random
import subprocess
import sys
import tempfile

import test_windows_random as windows

FAMILIES = []


def family(function):
    FAMILIES.append(function)
    return function


HEAD = """pipeline: random
sources: {{ in: {{ type: stdio, event_time: {{ field: ts }} }} }}
operators:
  op:
    inputs: in
{options}
sinks:
{sinks}
tests:
  - name: {name}
    steps:
"""


class Case:
    """The text of a pipeline with its test, under construction."""

    def __init__(self, name, options, ports=("op",)):
        sinks = [f"  s{i}: {{ type: \"null\", inputs: {port} }}" for i, port in enumerate(ports)]
        self.text = HEAD.format(name=name, sinks="\n".join(sinks),
                                options="\n".join(f"    {line}" for line in options))

    def step(self, text):
        self.text += f"      - {text}\n"

    def send(self, time, record):
        self.step(f"send: {{ to: op, time: {time}, value: {json.dumps(record)} }}")

    def watermark(self, time):
        self.step(f"watermark: {{ to: op, time: {time} }}")

    def restart(self, rng, chance=0.08):
        if rng.random() < chance:
            self.step("restart: true")

    def expect(self, port, values, order=False):
        more = ", order: true" if order else ""
        self.step(f"expect: {{ from: {port}, values: {json.dumps(values)}{more} }}")


# -- aggregate functions --

LOG_GAMMA = math.log(1.01 / 0.99)


def quantile(values, q):
    """As DDSketch has it: the middle of the exact value's bucket."""
    values = sorted(values)
    rank = int(q * (len(values) - 1))
    if rank == 0:
        return float(values[0])
    if rank == len(values) - 1:
        return float(values[-1])
    exact = values[rank]
    if exact == 0:
        return 0.0
    bucket = math.ceil(math.log(abs(exact)) / LOG_GAMMA)
    told = math.copysign(math.exp(bucket * LOG_GAMMA + math.log(0.99)), exact)
    assert abs(told - exact) <= 0.0101 * abs(exact)
    return min(max(told, float(values[0])), float(values[-1]))


def ewma(values, alpha):
    total = 0.0
    for value in values:
        total = (1 - alpha) * total + alpha * value
    return total / (1 - (1 - alpha) ** len(values))


def key_order(value):
    """Of canonical keys: numbers before texts, integers before others."""
    return (isinstance(value, str), isinstance(value, float), value if not isinstance(value, str)
            else (len(value), value))


class Columns(windows.Pane):
    merging = True

    def result(self, key):
        values = [value for _, value in self.values]
        counts = collections.Counter(values)
        best = sorted(counts, key=lambda value: (-counts[value], key_order(value)))
        by_time = [value for _, value in sorted(self.values, key=lambda item: item[0])]
        out = {"key": key, "start": self.start, "end": self.end, "n": len(values),
               "kinds": len(counts), "p50": quantile(values, 0.5), "p9": quantile(values, 0.9),
               "top": [{"value": v, "count": counts[v]} for v in best[:3]],
               "exact": math.fsum(values), "list": by_time[:4],
               "rate": len(values) / ((self.end - self.start) / 1000),
               "per": math.fsum(values) / ((self.end - self.start) / 1000)}
        if not self.merging:
            out["ewma"] = ewma(values, 0.25)
        return out


@family
def aggregates(rng, name):
    config = windows.choose_config(rng)
    config["count"] = config["early"] = 0
    merging = config["kind"] != "tumbling"
    base = windows.Sessions if config["kind"] == "session" else windows.Reference
    pane = type("Pane", (Columns,), {"merging": merging})
    reference = type("Reference", (base,), {"pane": pane})(config)
    compute = ("n: count(), kinds: distinct(value), p50: 'quantile(value, 0.5)', "
               "p9: 'quantile(value, 0.9)', top: 'topk(value, 3)', exact: sum_exact(value), "
               "list: 'collect(value, 4)', rate: rate(), per: rate(value)")
    if not merging:
        compute += ", ewma: 'ewma(value, 0.25)'"
    case = Case(name, ["type: aggregate", "key_by: key", f"window: {windows.window_text(config)}",
                       f"compute: {{ {compute} }}"], ("op", "op.late"))
    now, watermark, used = 0, None, set()
    for _ in range(rng.randrange(5, 50)):
        case.restart(rng)
        if rng.random() < 0.75:
            now += rng.choice([0, 0, 1, 2, 5, 30])
            time = now - rng.choice([0, 0, 0, 1, 3, 10, 40])
            if time in used and merging:
                continue  # the order of values of one time is that of merging
            used.add(time)
            key, value = rng.choice("ab"), rng.randrange(-6, 60) / 4
            record = {"key": key, "value": value}
            out = reference.send(key, time, (time, value))
            case.send(time, record)
            case.expect("op", out or [])
            case.expect("op.late", [record] if out is None else [])
        else:
            step = now - rng.choice([1, 2, 10])
            watermark = step if watermark is None else max(watermark, step)
            case.watermark(watermark)
            case.expect("op", reference.advance(watermark))
    case.watermark("end")
    case.expect("op", reference.advance(windows.END))
    return case.text


# -- operators that let records pass or not --

def sieve(rng, name, options, judge, ports=("op",), processing=False):
    """`judge(key, time, watermark)`: the port of a record, or None. It forgets by itself."""
    case = Case(name, options, ports)
    now, watermark = 1000, None
    if processing:
        case.step(f"clock: {now}")
    for i in range(rng.randrange(5, 60)):
        case.restart(rng)
        now += rng.choice([0, 0, 1, 2, 5, 30])
        if processing:
            case.step(f"clock: {now}")
            watermark = now
        elif rng.random() < 0.25:
            step = now - rng.choice([1, 2, 10])
            watermark = step if watermark is None else max(watermark, step)
            case.watermark(watermark)
        time = now if processing else now - rng.choice([0, 0, 0, 1, 3, 10, 40])
        record = {"key": rng.choice(["a", "b", 1, None, True]), "n": i}
        case.send(time, record)
        port = judge(record["key"], time, watermark)
        for one in ports:
            case.expect(one, [record] if one == port else [])
    return case.text


@family
def dedup(rng, name):
    within, seen = rng.choice([1, 5, 20]), {}
    processing = rng.random() < 0.3

    def judge(key, time, watermark):
        key = repr(key)
        for old, at in list(seen.items()):
            if watermark is not None and at + within <= watermark:
                del seen[old]
        if key in seen and abs(time - seen[key]) < within:
            return None
        seen[key] = max(time, seen.get(key, time))
        return "op"
    return sieve(rng, name, ["type: dedup", "key_by: key", f"within: {within}ms",
                             f"time: {'processing' if processing else 'event'}"], judge,
                 processing=processing)


@family
def throttle(rng, name):
    rate, every, state = rng.choice([1, 2, 5]), rng.choice([1, 5, 20]), {}
    processing, keyed = rng.random() < 0.5, rng.random() < 0.5

    def judge(key, time, watermark):
        key = repr(key) if keyed else ""
        for old, (end, _) in list(state.items()):
            if watermark is not None and end <= watermark:
                del state[old]
        end, passed = state.get(key, (time, 0))
        if time >= end:
            end, passed = time + every, 0
        state[key] = (end, passed + 1)
        return "op" if passed < rate else "op.excess"
    options = ["type: throttle", f"rate: {rate}", f"every: {every}ms"]
    options += ["key_by: [key]"] if keyed else []
    options += [] if processing else ["time: event"]
    return sieve(rng, name, options, judge, ("op", "op.excess"), processing)


@family
def sample(rng, name):
    every, count = rng.choice([1, 2, 7]), [0]

    def judge(*_):
        count[0] += 1
        return "op" if count[0] % every == 1 % every else None
    return sieve(rng, name, ["type: sample", f"every: {every}"], judge)


def run(tidemill, path):
    return subprocess.run([tidemill, "test", path], capture_output=True, text=True, timeout=60,
                          check=False)


def main(tidemill, seed=1, cases=100, only=None):
    failed = total = 0
    with tempfile.TemporaryDirectory() as directory:
        for make in FAMILIES:
            for i in range(int(cases) if only in (None, make.__name__) else 0):
                name = f"{make.__name__}_{int(seed) + i}"
                path = pathlib.Path(directory) / f"{name}.yaml"
                path.write_text(make(random.Random(int(seed) + i), name))
                result = run(tidemill, path)
                total += 1
                if result.returncode:
                    failed += 1
                    print(f"{name}\n{result.stdout}{result.stderr}")
                    print(path.read_text().split("sinks:")[0])
    print(f"{total - failed} of {total} cases as the references have them")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
