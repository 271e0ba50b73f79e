# SPDX-License-Identifier: MIT
"""Time and state that are wrong: found by `check`, or sent to on_error with a reason, and never a
result that is wrong in silence."""

import json

import harness

PIPE = """\
pipeline: bad
sources:
  in: {{ type: stdio, on_error: skip{source} }}
{more}operators:
  work: {{ {work}, on_error: skip }}
sinks:
  out: {{ type: stdio, inputs: work }}
"""
TIMED = ", event_time: { field: ts }"


class Bad(harness.TestCase):
    def write_it(self, work, source=TIMED, more="", tests=""):
        self.write("p.yaml", PIPE.format(work=work, source=source, more=more) + tests)

    def checks(self, text, work, **options):
        self.write_it(work, **options)
        done = self.tidemill("check", "p.yaml")
        self.assertEqual(done.status, 2, done)
        self.assertIn(text, done.err)

    def runs(self, records, work, **options):
        """Its output, what it said, and the counters of its nodes."""
        self.write_it(work, **options)
        text = "".join(json.dumps(record) + "\n" for record in records)
        done = self.tidemill("run", "--quiet", "-r", "report.json", "p.yaml", stdin=text.encode())
        self.assertEqual(done.status, 0, done)
        with open(self.path("report.json"), encoding="utf-8") as file:
            nodes = {node["name"]: node for node in json.load(file)["nodes"]}
        return done.jsonl(), done.err, nodes


class Found(Bad):
    def test_a_window_without_event_time(self):
        windows = ("aggregate, inputs: in, window: { tumbling: 1s }, compute: { n: count() }",
                   "aggregate, inputs: in, window: { session: 1s }, compute: { n: count() }",
                   "top, inputs: in, by: v, n: 1, window: 1s",
                   "reorder, inputs: in", "fill, inputs: in, key_by: k, every: 1s, fields: v")
        for work in windows:
            with self.subTest(work):
                self.checks("event_time", "type: " + work, source="")
        self.checks("event_time", "type: join, inputs: { left: in, right: in2 }, on: k, "
                    "interval: { before: 1s, after: 1s }", more="  in2: { type: stdio }\n")

    def test_a_session_without_merge(self):
        script = ("return { init = function() return {} end, add = function(a) return a end, "
                  "finish = function(a) return a end }")
        self.checks("merge", "type: aggregate, inputs: in, window: { session: 1s }, lua: "
                    + json.dumps(script))


class Failed(Bad):
    WINDOW = ("type: aggregate, inputs: in, key_by: k, window: { tumbling: 10s }, "
              "compute: { n: count() }")

    def test_records_without_a_key(self):
        records = [{"ts": 1, "k": 1}, {"ts": 2}, {"ts": 3, "k": None}, {"ts": 4, "k": {"a": 1}}]
        out, err, nodes = self.runs(records, self.WINDOW)
        self.assertEqual({row["k"]: row["n"] for row in out}, {1: 1, None: 1})  # null is a key
        self.assertEqual((nodes["work"]["failed"], nodes["work"]["absorbed"]), (2, 2))
        self.assertIn("key_by", err)

    def test_records_whose_time_is_none(self):
        wrong = ["soon", True, None, {}, [5], "", 1e300, -1e300, 253402300800000, 1700000000000000,
                 -62135596800001, 9223372036854775807, "1e400"]
        records = [{"ts": ts, "k": 1} for ts in wrong] + [{"k": 1}, {"ts": 5, "k": 1}]
        out, err, nodes = self.runs(records, self.WINDOW)
        self.assertEqual([row["n"] for row in out], [1])
        self.assertEqual(nodes["in"]["failed"], len(wrong) + 1)
        self.assertIn("event_time field 'ts'", err)

    def test_another_unit(self):
        _, err, nodes = self.runs([{"ts": 1700000000000, "k": 1}], self.WINDOW,
                                  source=", event_time: { field: ts, unit: s }")
        self.assertEqual(nodes["in"]["failed"], 1)
        self.assertIn("looks like `unit: ms`", err)

    def test_a_coarser_unit_is_doubted_once(self):
        now, doubt = 1700000000, "is `unit: %s` right?"
        for unit, number, likely in (("ms", now, "s"), ("us", now, "s"), ("us", now * 1000, "ms"),
                                     ("ns", now * 10**6, "us")):
            records = [{"ts": number + i, "k": 1} for i in range(5)]
            _, err, nodes = self.runs(records, self.WINDOW,
                                      source=f", event_time: {{ field: ts, unit: {unit} }}")
            self.assertEqual(err.count(doubt % unit), 1, err)
            self.assertIn(f"event_time: {{ unit: {likely} }}` it would be 2023-11-14T22:13:20", err)
            self.assertEqual(nodes["in"]["failed"], 0)  # it may be meant
        for unit, first in (("ms", 0), ("ms", now * 1000), ("s", now), ("ns", now * 10**9),
                            ("ms", 60000), ("ms", -now)):
            records = [{"ts": first, "k": 1}, {"ts": now, "k": 1}]
            _, err, _ = self.runs(records[:1] if unit != "ms" else records, self.WINDOW,
                                  source=f", event_time: {{ field: ts, unit: {unit} }}")
            self.assertNotIn("right?", err)

    def test_negative_times_are_times(self):
        out, _, nodes = self.runs([{"ts": ts, "k": 1} for ts in (-15000, -10001, -10000, -1, 0)],
                                  self.WINDOW)
        self.assertEqual([(row["start"], row["n"]) for row in out],
                         [(-20000, 2), (-10000, 2), (0, 1)])
        self.assertEqual(nodes["work"]["late"], 0)

    def test_far_ahead_of_the_clock(self):
        ahead = ", event_time: { field: ts, max_ahead: 1h }"
        records = [{"ts": ts, "k": 1} for ts in (1700000000000, 32503680000000, 1700000001000)]
        out, err, nodes = self.runs(records, self.WINDOW, source=ahead)
        self.assertEqual([row["n"] for row in out], [2])
        self.assertEqual((nodes["in"]["failed"], nodes["work"]["late"]), (1, 0))
        self.assertIn("event time 3000-01-01T00:00:00.000Z is further ahead of the clock than "
                      "max_ahead allows", err)

    def test_a_join_on_keys_of_other_types(self):
        self.write("right.jsonl", "".join(f'{{"ts": {i}, "k": "{i}"}}\n' for i in range(20)))
        more = "  side: { type: file, path: right.jsonl, event_time: { field: ts } }\n"
        _, err, nodes = self.runs([{"ts": i, "k": i} for i in range(20)],
                                  "type: join, inputs: { left: in, right: side }, on: k, "
                                  "interval: { before: 1s, after: 1s }", more=more)
        self.assertGreater(nodes["work"]["failed"], 0)
        self.assertIn("they never match", err)
        self.assertEqual(nodes["out"]["in"], 0)

    def test_state_beyond_its_limit(self):
        for work in (self.WINDOW, "type: dedup, inputs: in, key_by: k, within: 1h"):
            out, err, nodes = self.runs([{"ts": i, "k": f"key-{i}"} for i in range(5000)],
                                        work + ", limits: { state: 16KiB }")
            self.assertGreater(nodes["work"]["failed"], 100)
            self.assertIn("the state has reached its limit of 16384 bytes", err)
            self.assertEqual(len(out), 5000 - nodes["work"]["failed"])

    def test_timers_in_the_past(self):
        script = """return {
          on_record = function(r, ctx) ctx.timer("t", r.at) end,
          on_timer = function(name, ctx) ctx.emit { k = ctx.key, at = ctx.time } end }"""
        self.write_it("type: process, inputs: in, key_by: k, lua: " + json.dumps(script), tests="""\
tests:
  - name: they are due at once, which is when time goes on, and once
    steps:
      - watermark: 50000
      - send: { to: work, time: 51000, value: { k: a, at: 1000 } }
      - send: { to: work, time: 51000, value: { k: b, at: -1 } }
      - send: { to: work, time: 51000, value: { k: c, at: 60000 } }
      - watermark: 50001
      - expect: { from: work, values: [ { k: a, at: 1000 }, { k: b, at: -1 } ] }
      - watermark: 59999
      - expect: { from: work, values: [] }
      - watermark: 60000
      - expect: { from: work, values: [ { k: c, at: 60000 } ] }
""")
        self.succeeds("test", "p.yaml")


RESTARTED = """\
pipeline: again
sources:
  in: { type: stdio, event_time: { field: ts }, watermark: { idle_after: 1s } }
operators:
  sums:
    type: aggregate
    inputs: in
    key_by: k
    window: { tumbling: 10s }
    compute: { n: count() }
  clock:
    type: process
    inputs: in
    key_by: k
    lua: |
      return {
        state = { log = state.list() },
        on_record = function(r, ctx)
          ctx.log:append(r.ts)
          if r.wait then ctx.timer("t", ctx.now() + r.wait, "processing") end
          if r.ask then ctx.emit { k = ctx.key, seen = #ctx.log } end
        end,
        on_timer = function(name, ctx)
          ctx.log:append("timer")
          ctx.emit { k = ctx.key, fired = true }
        end,
      }
sinks:
  out: { type: "null", inputs: [sums, clock] }
  late: { type: "null", inputs: sums.late }
tests:
  - name: time does not go back over a restart
    steps:
      - send: { to: in, value: { ts: 25000, k: a } }
      - expect: { from: sums, watermark: 24999 }
      - restart: true
      - expect: { from: in, watermark: 24999 }
      - expect: { from: sums, watermark: 24999 }
      - send: { to: in, value: { ts: 5000, k: a } }
      - expect: { from: sums.late, match: subset, values: [ { ts: 5000 } ] }
      - expect: { from: sums, watermark: 24999 }
      - send: { to: in, value: { ts: 40000, k: a } }
      - expect: { from: sums, match: subset, values: [ { start: 20000, n: 1 } ] }
  - name: splits are active again, and their silence is counted anew
    steps:
      - send: { to: in, split: 1, value: { ts: 5000, k: a } }
      - send: { to: in, split: 0, value: { ts: 25000, k: a } }
      - advance: 900ms
      - expect: { from: sums, watermark: 4999 }
      - restart: true
      - advance: 900ms
      - expect: { from: sums, watermark: 4999 }
      - advance: 500ms
      - expect: { from: sums, watermark: 24999 }
      - restart: true
      - expect: { from: sums, watermark: 24999 }
  - name: a timer of the clock that is overdue fires before the next record
    steps:
      - clock: 1000
      - send: { to: in, value: { ts: 1, k: a, wait: 5000 } }
      - advance: 4s
      - expect: { from: clock, values: [] }
      - restart: true
      - advance: 1h
      - send: { to: in, value: { ts: 2, k: a, ask: true } }
      - expect: { from: clock, order: true, values: [ { k: a, fired: true }, { k: a, seen: 3 } ] }
"""


class Restarted(harness.TestCase):
    def test_time_after_a_restart(self):
        self.write("p.yaml", RESTARTED)
        for lanes in ("1", "3"):
            self.assertIn("3 passed", self.succeeds("test", "p.yaml", "--parallelism", lanes).out)


if __name__ == "__main__":
    harness.main()
