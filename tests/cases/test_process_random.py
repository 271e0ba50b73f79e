#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random records, timers, times to live, failures and restarts through a process script, by
`tidemill test`, against a plain model in Python: the same outputs at every step.

    test_process_random.py TIDEMILL [SEED [CASES]]

Each record carries a list of things to do; the script does them in turn and emits what it reads."""
import copy
import json
import pathlib
import random
import sys
import tempfile

import lanes

END = 2**63 - 1
NONE = -2**63

SCRIPT = """
      local function each(r, ctx, out)
        for _, op in ipairs(r.ops) do
          local do_it = op[1]
          if do_it == "set" then ctx.v:set(op[2])
          elseif do_it == "get" then out[#out + 1] = json.encode(ctx.v:get())
          elseif do_it == "add" then out[#out + 1] = ctx.c:add(op[2])
          elseif do_it == "put" then ctx.m:set(op[2], op[3])
          elseif do_it == "delete" then ctx.m:delete(op[2])
          elseif do_it == "at" then out[#out + 1] = json.encode(ctx.m:get(op[2]))
          elseif do_it == "clear" then ctx.m:clear() ctx.l:clear()
          elseif do_it == "all" then
            local keys = {}
            for k, v in pairs(ctx.m) do keys[#keys + 1] = tostring(k) .. "=" .. json.encode(v) end
            table.sort(keys)
            out[#out + 1] = #ctx.m .. ":" .. table.concat(keys, ",")
          elseif do_it == "append" then ctx.l:append(op[2])
          elseif do_it == "list" then
            local items = {}
            for i = 1, #ctx.l do items[i] = json.encode(ctx.l:get(i)) end
            out[#out + 1] = table.concat(items, ",")
          elseif do_it == "timer" then ctx.timer(op[2], ctx.time + op[3])
          elseif do_it == "clock" then ctx.timer(op[2], ctx.now() + op[3], "processing")
          elseif do_it == "cancel" then ctx.timer(op[2])
          elseif do_it == "rule" then out[#out + 1] = json.encode(ctx.rules:get(op[2]))
          elseif do_it == "fail" then error("told to")
          elseif do_it == "early" then ctx.emit({ early = true })
          end
        end
      end
      return { version = 1,
        state = { v = state.value(TTL), c = state.counter(TTL), m = state.map(TTL),
                  l = state.list(TTL), rules = state.broadcast() },
        on_record = function(r, ctx)
          local out = array {}
          each(r, ctx, out)
          ctx.emit { key = ctx.key, out = out }
        end,
        on_broadcast = function(r, ctx) ctx.rules:set(r.name, r.value) end,
        on_timer = function(name, ctx)
          ctx.v:set("t" .. name)
          ctx.emit({ key = ctx.key, name = name, at = ctx.time, n = ctx.c:get() }, "timers")
          if name == "again" and ctx.c:add(1) < 6 then ctx.timer("again", ctx.time + 7) end
        end,
      }"""

HEAD = """pipeline: random
sources:
  in: {{ type: stdio, event_time: {{ field: ts }} }}
  rules: {{ type: stdio, event_time: {{ field: ts }} }}
operators:
  p:
    type: process
    inputs: {{ in: in, rules: rules }}
    broadcast: rules
    key_by: {key_by}
    on_error: skip
    lua: |{script}
sinks:
  out: {{ type: "null", inputs: p }}
  timers: {{ type: "null", inputs: p.timers }}
tests:
  - name: {name}
    steps:
      - clock: 0
"""


def text(value):
    return json.dumps(value, separators=(",", ":"))


class Model:
    """Values are kept with the time at which they expire."""

    def __init__(self, ttl, processing):
        self.ttl, self.processing = ttl, processing
        self.keys, self.timers, self.rules, self.sent = {}, {}, {}, NONE
        self.watermark, self.clock, self.order, self.latest = NONE, 0, 0, NONE

    def fresh(self):
        return {"v": None, "c": None, "m": {}, "l": []}

    def now(self, time):
        return self.clock if self.processing else max(time, self.watermark)

    def stamp(self, value, now):
        now = self.latest if now == NONE else now
        return (value, now + self.ttl if self.ttl else END + 1)

    @staticmethod
    def read(pair, now):
        return pair[0] if pair and now < pair[1] else None

    def timer(self, key, name, kind, at):
        self.order += 1
        self.timers[(key, name, kind)] = (at, self.order)

    def do(self, key, op, now, time, out):
        cells = self.keys.setdefault(key, self.fresh())
        live = {k: v for k, v in cells["m"].items() if now < v[1]}
        what = op[0]
        if what == "set":
            cells["v"] = None if op[1] is None else self.stamp(op[1], now)
        elif what == "get":
            out.append(text(self.read(cells["v"], now)))
        elif what == "add":
            cells["c"] = self.stamp((self.read(cells["c"], now) or 0) + op[1], now)
            out.append(cells["c"][0])
        elif what == "put":
            cells["m"][op[1]] = self.stamp(op[2], now)
        elif what == "delete":
            cells["m"].pop(op[1], None)
        elif what == "at":
            out.append(text(self.read(cells["m"].get(op[1]), now)))
        elif what == "clear":
            cells["m"], cells["l"] = {}, []
        elif what == "all":
            found = sorted(f"{k}={text(v[0])}" for k, v in live.items())
            out.append(f"{len(live)}:" + ",".join(found))
        elif what == "append":
            cells["l"].append(self.stamp(op[1], now))
        elif what == "list":
            out.append(",".join(text(v[0]) for v in cells["l"] if now < v[1]))
        elif what == "timer":
            self.timer(key, op[1], "event", time + op[2])
        elif what == "clock":
            self.timer(key, op[1], "processing", self.clock + op[2])
        elif what == "cancel":
            for kind in ("event", "processing"):
                self.timers.pop((key, op[1], kind), None)
        elif what == "rule":
            out.append(text(self.rules.get(op[1])))
        elif what == "fail":
            raise ValueError

    def send(self, key, time, ops):
        self.latest = max(self.latest, time)
        before = copy.deepcopy((self.keys, self.timers))
        out = []
        try:
            for op in ops:
                self.do(key, op, self.now(time), time, out)
        except ValueError:
            self.keys, self.timers = before
            return []
        emitted = [{"early": True}] * sum(op[0] == "early" for op in ops)
        return emitted + [{"key": list(key) if isinstance(key, tuple) else key, "out": out}]

    def fire(self, kind, upto):
        """All timers that are due; time comes to each in turn."""
        out, spent = [], set()
        while True:
            due = sorted((at, order, place) for place, (at, order) in self.timers.items()
                         if place[2] == kind and at <= upto)
            if not due:
                break
            at, _, (key, name, _) = due[0]
            del self.timers[(key, name, kind)]
            if upto == END and (key, name) in spent:
                continue
            spent.add((key, name))
            if kind == "event":
                self.watermark = max(self.watermark, at)
            else:
                self.clock = max(self.clock, at)
            now = self.now(NONE)
            cells = self.keys.setdefault(key, self.fresh())
            cells["v"] = self.stamp("t" + name, now)
            count = self.read(cells["c"], now) or 0
            out.append({"key": list(key) if isinstance(key, tuple) else key, "name": name,
                        "at": at, "n": count})
            if name == "again":
                cells["c"] = self.stamp(count + 1, now)
                if count + 1 < 6:
                    self.timer(key, "again", kind if kind == "event" else "event", at + 7)
        return out

    def advance(self, watermark):
        if watermark <= self.sent:
            return []  # it does not go on
        self.sent = watermark
        out = self.fire("event", watermark)
        self.watermark = max(self.watermark, watermark)
        return out

    def tick(self, clock):
        out = self.fire("processing", clock)
        self.clock = clock
        return out


VALUES = [1, -7, 2.5, "x", "a longer text than fits", True, {"a": [1, {"b": None}]}, [1, 2], []]


def choose_op(rng):
    name, key = rng.choice("tuv"), rng.choice(["p", "q", 3, 1.5, True])
    key = "yes" if key is True else key
    return rng.choice([
        ["set", rng.choice(VALUES)], ["get"], ["get"], ["add", rng.randrange(-3, 9)],
        ["put", key, rng.choice(VALUES)], ["put", key, rng.choice(VALUES)], ["delete", key],
        ["at", key], ["all"], ["append", rng.choice(VALUES)], ["append", rng.randrange(9)],
        ["list"], ["timer", name, rng.choice([-5, 0, 3, 10, 40])], ["timer", "again", 5],
        ["clock", name, rng.choice([-5, 0, 3, 10])], ["cancel", name], ["rule", "r"], ["early"],
        ["clear"]])


def expect(port, values):
    return f"      - expect: {{ from: {port}, order: key, values: {json.dumps(values)} }}\n"


def make_case(rng, name):
    ttl = rng.choice([0, 0, 5, 20, 100])
    processing = rng.random() < 0.3
    compound = rng.random() < 0.2
    kind = "processing" if processing else "event"
    options = f"{{ ttl = {ttl}, time = '{kind}' }}" if ttl else ""
    model = Model(ttl, processing)
    yaml = HEAD.format(script=SCRIPT.replace("TTL", options), name=name,
                       key_by="[key, site]" if compound else "key")
    now, clock = rng.randrange(-20, 50), 0
    for _ in range(rng.randrange(10, 60)):
        luck = rng.random()
        if rng.random() < 0.15:
            yaml += "      - restart: true\n"
        if luck < 0.65:
            now += rng.choice([0, 1, 2, 9])
            time = now - rng.choice([0, 0, 1, 8])
            ops = [choose_op(rng) for _ in range(rng.randrange(1, 6))]
            if rng.random() < 0.2:
                ops.insert(rng.randrange(len(ops) + 1), ["fail"])
            key = rng.choice(["a", "b", 7, "k" * 40])
            record = {"key": key, "site": 1, "ops": ops}
            out = model.send((key, 1) if compound else key, time, ops)
            yaml += (f"      - send: {{ to: p, input: in, time: {time}, "
                     f"value: {json.dumps(record)} }}\n" + expect("p", out))
        elif luck < 0.75:
            rule = rng.choice(VALUES)
            model.rules["r"], model.latest = rule, max(model.latest, now)
            value = json.dumps({"name": "r", "value": rule})
            yaml += f"      - send: {{ to: p, input: rules, time: {now}, value: {value} }}\n"
        elif luck < 0.85:
            clock += rng.choice([1, 4, 30])
            yaml += f"      - clock: {clock}\n" + expect("p.timers", model.tick(clock))
        else:
            step = max(model.watermark, now - rng.choice([1, 5, 10]))
            for source in ("rules", "in"):
                yaml += f"      - watermark: {{ to: p, input: {source}, time: {step} }}\n"
            yaml += expect("p.timers", model.advance(step))
        overdue = model.tick(clock)  # timers of the clock that are due at once
        yaml += expect("p.timers", overdue)
    yaml += "".join(f"      - watermark: {{ to: p, input: {source}, time: end }}\n"
                    for source in ("rules", "in"))
    return yaml + expect("p.timers", model.advance(END))


def main(tidemill, seed=1, cases=300):
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        for i in range(int(cases)):
            path = pathlib.Path(directory) / f"case_{int(seed) + i}.yaml"
            path.write_text(make_case(random.Random(int(seed) + i), f"seed {int(seed) + i}"),
                            encoding="utf-8")
            run = lanes.run(tidemill, path, int(seed) + i)
            if run.returncode:
                failed += 1
                print(f"seed {int(seed) + i}\n{run.stdout}{run.stderr}")
    print(f"{int(cases) - failed} of {cases} cases as the model has them")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
