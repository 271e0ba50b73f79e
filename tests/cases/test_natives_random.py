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
import sys
import tempfile

import lanes

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
        more = ", order: key" if order else ""
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


# -- operators that wait for the watermark --

def waiting(rng, name, options, record, take, tell, ports=("op", "op.late"), order=False):
    """`take(time, record)` keeps a record, or says that it is late (False), or of no use (None);
    `tell(watermark)` gives what is due."""
    case = Case(name, options, ports)
    now, watermark = 0, None
    for i in range(rng.randrange(5, 70)):
        case.restart(rng)
        if rng.random() < 0.75:
            now += rng.choice([0, 0, 1, 2, 5, 20])
            time = now - rng.choice([0, 0, 0, 1, 3, 10, 40])
            one = record(rng, i)
            case.send(time, one)
            late = take(time, one) is False
            case.expect("op.late", [one] if late else [])
        else:
            step = now - rng.choice([1, 2, 10])
            watermark = step if watermark is None else max(watermark, step)
            case.watermark(watermark)
            case.expect("op", tell(watermark), order)
    case.watermark("end")
    case.expect("op", tell(windows.END), order)
    return case.text


@family
def reorder(rng, name):
    held, passed = [], [None]

    def take(time, record):
        if passed[0] is not None and time <= passed[0]:
            return False
        held.append((time, record))
        return True

    def tell(watermark):
        passed[0] = watermark
        due = sorted((item for item in held if item[0] <= watermark), key=lambda item: item[0])
        held[:] = [item for item in held if item[0] > watermark]
        return [record for _, record in due]
    options = ["type: reorder"] + (["key_by: key"] if rng.random() < 0.5 else [])
    return waiting(rng, name, options,
                   lambda rng, i: {"key": rng.choice("ab"), "n": i, "s": "\u00e4\"x"}, take, tell,
                   order=True)


@family
def top(rng, name):
    size, n, least = rng.choice([3, 10, 25]), rng.choice([1, 2, 4]), rng.random() < 0.3
    keyed, held, passed = rng.random() < 0.7, collections.defaultdict(list), [None]

    def take(time, record):
        start = time - time % size
        if passed[0] is not None and start + size - 1 <= passed[0]:
            return False
        if record.get("v") is not None:
            held[(start, record["key"] if keyed else "")].append((time, record))
        return True

    def tell(watermark):
        passed[0], out = watermark, []
        for start, key in sorted(held):
            if start + size - 1 > watermark:
                continue
            best = sorted(held.pop((start, key)), key=lambda item: (
                item[1]["v"] if least else -item[1]["v"], item[0]))
            out += [dict(record, rank=i + 1, start=start, end=start + size)
                    for i, (_, record) in enumerate(best[:n])]
        return out

    def record(rng, i):
        value = rng.choice([None, 1, 2, 3, 2.5, -1, 2])
        return {"key": rng.choice("ab"), "n": i, "v": value}
    options = ["type: top", "by: v", f"n: {n}", f"window: {size}ms",
               f"order: {'least' if least else 'greatest'}"]
    return waiting(rng, name, options + (["key_by: [key]"] if keyed else []), record, take, tell)


@family
def pattern(rng, name):
    within, strict, held, passed = rng.choice([3, 10, 30]), rng.random() < 0.4, [], [None]
    steps = {"first": (lambda r: r["v"] == 1, "v == 1"),
             "second": (lambda r: r["v"] >= 2, "v >= 2"),
             "third": (lambda r: r["v"] == 3, "v == 3")}
    names = list(steps)[:rng.choice([1, 2, 2, 3])]
    keyed = rng.random() < 0.7

    def take(time, record):
        if passed[0] is not None and time <= passed[0]:
            return False
        held.append((time, record))
        return True

    def matches_of(records):
        """From each record that meets the first condition on, in the order of time."""
        for i, (start, record) in enumerate(records):
            if not steps[names[0]][0](record):
                continue
            found, gone = [(start, record)], None
            for time, other in records[i + 1:]:
                if len(found) == len(names) or gone is not None:
                    break
                if time >= start + within:
                    gone = start + within
                elif steps[names[len(found)]][0](other):
                    found.append((time, other))
                elif strict:
                    gone = -windows.END
            yield start, found, gone

    everything, told = [], [0, 0]

    def tell(watermark):
        passed[0] = watermark
        everything.extend(sorted((item for item in held if item[0] <= watermark),
                                 key=lambda item: item[0]))
        held[:] = [item for item in held if item[0] > watermark]
        done, out = [], []
        for key in "ab" if keyed else [None]:
            mine = [item for item in everything if key is None or item[1]["key"] == key]
            for start, found, gone in matches_of(mine):
                result = {"start": start, "end": found[-1][0]}
                if keyed:
                    result["key"] = key
                if len(found) == len(names):
                    done.append(dict(result, **{n: r for n, (_, r) in zip(names, found)}))
                elif gone != -windows.END and start + within <= watermark:
                    rest = dict.fromkeys(names, None)
                    rest.update({n: r for n, (_, r) in zip(names, found)})
                    out.append(dict(result, **rest))
        new = [json.dumps(r, sort_keys=True) for r in done], [json.dumps(r, sort_keys=True)
                                                              for r in out]
        fresh = []
        for i in range(2):
            count = collections.Counter(new[i])
            count.subtract(told[i] or collections.Counter())
            told[i] = collections.Counter(new[i])
            fresh.append([json.loads(text) for text in count.elements()])
        timeouts.append(fresh[1])
        return fresh[0]
    timeouts = []
    conditions = ", ".join(f"{n}: '{steps[n][1]}'" for n in names)
    options = ["type: pattern", f"within: {within}ms", f"steps: {{ {conditions} }}",
               f"contiguity: {'strict' if strict else 'relaxed'}"]
    text = waiting(rng, name, options + (["key_by: key"] if keyed else []),
                   lambda rng, i: {"key": rng.choice("ab"), "n": i, "v": rng.randrange(0, 4)},
                   take, tell, ("op", "op.late", "op.timeout"))
    lines, at = [], 0
    for line in text.splitlines():
        lines.append(line)
        if "expect: { from: op," in line:
            lines.append(f"      - expect: {{ from: op.timeout, "
                         f"values: {json.dumps(timeouts[at])} }}")
            at += 1
    return "\n".join(lines) + "\n"


@family
def fill(rng, name):
    every, limit, how = rng.choice([2, 5]), rng.choice([1, 3, 100]), rng.choice(
        ["previous", "linear", "null"])
    series, passed = collections.defaultdict(dict), [None]
    told = set()

    def final(place, watermark):
        return watermark is not None and place + every - 1 <= watermark

    def take(time, record):
        place = time - time % every
        if not final(place, passed[0]):
            held = series[record["key"]].get(place)
            if held is None or time >= held[0]:
                series[record["key"]][place] = (time, record["v"])

    def gap(readings, place, following, watermark):
        """What fills the places between two readings, or behind the last one."""
        count = (following - place) // every - 1 if following is not None else limit
        if how == "linear" and (following is None or not final(following, watermark)
                                or count > limit):
            return
        if following is None and watermark == windows.END:
            return
        for n in range(1, min(count, limit) + 1):
            at = place + n * every
            if not final(at, watermark):
                return
            value = readings[place][1] if how == "previous" else None
            if how == "linear" and None not in (readings[place][1], readings[following][1]):
                share = (n * every) / (following - place)
                value = readings[place][1] * (1 - share) + readings[following][1] * share
            yield at, value

    def tell(watermark):
        passed[0], out = watermark, []
        for key, readings in series.items():
            places = sorted(readings)
            for i, place in enumerate(places):
                if not final(place, watermark):
                    break
                following = places[i + 1] if i + 1 < len(places) else None
                for at, value in gap(readings, place, following, watermark):
                    if (key, at) not in told:
                        told.add((key, at))
                        out.append({"key": key, "ts": at, "v": value, "filled": True})
        return out
    case = Case(name, ["type: fill", "key_by: key", f"every: {every}ms", "fields: v", "at: ts",
                       f"with: {how}", f"limit: {limit}"])
    now, watermark = 0, None
    for _ in range(rng.randrange(5, 60)):
        case.restart(rng)
        if rng.random() < 0.7:
            now += rng.choice([0, 1, 2, 5, 20])
            record = {"key": rng.choice("ab"), "v": rng.choice([None, 1, 2, 2.5, 8])}
            time = now - rng.choice([0, 0, 0, 1, 3, 10, 40])
            case.send(time, record)
            take(time, record)
            case.expect("op", [record])
        else:
            step = now - rng.choice([1, 2, 10])
            watermark = step if watermark is None else max(watermark, step)
            case.watermark(watermark)
            case.expect("op", tell(watermark))
    case.watermark("end")
    case.expect("op", tell(windows.END))
    return case.text


def main(tidemill, seed=1, cases=100, only=None):
    failed = total = 0
    with tempfile.TemporaryDirectory() as directory:
        for make in FAMILIES:
            for i in range(int(cases) if only in (None, make.__name__) else 0):
                name = f"{make.__name__}_{int(seed) + i}"
                path = pathlib.Path(directory) / f"{name}.yaml"
                path.write_text(make(random.Random(int(seed) + i), name))
                result = lanes.run(tidemill, path, int(seed) + i)
                total += 1
                if result.returncode:
                    failed += 1
                    print(f"{name}\n{result.stdout}{result.stderr}")
                    print(path.read_text().split("sinks:")[0])
    print(f"{total - failed} of {total} cases as the references have them")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
