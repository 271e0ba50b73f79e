# SPDX-License-Identifier: MIT
"""How far event time has come: what makes watermarks, and splits that are kept near each other."""

import json
import unittest

import harness

KINDS = """
pipeline: kinds
sources:
  in:
    type: file
    path: "in-*.jsonl"
    event_time: { field: ts }
    watermark: %s
operators:
  sums:
    type: aggregate
    inputs: in
    window: { tumbling: 10s }
    compute: { n: count() }
sinks:
  out: { type: "null", inputs: sums }
tests:
  - name: it
    steps:
%s
"""


def send(ts, value=None, split=0):
    value = {"ts": ts} if value is None else value
    return f"      - send: {{ to: in, split: {split}, value: {json.dumps(value)} }}\n"


def mark(at):
    return f"      - expect: {{ from: in, watermark: {at} }}\n"


def fired(*counts):
    rows = ", ".join(f"{{ n: {n} }}" for n in counts)
    return f"      - expect: {{ from: sums, values: [ {rows} ], match: subset }}\n"


class Kinds(harness.TestCase):
    def holds(self, watermark, steps):
        self.write("p.yaml", KINDS % (watermark, steps))
        done = self.succeeds("test", "p.yaml")
        self.assertIn("1 passed", done.out + done.err)

    def refuses(self, watermark, text, event_time="event_time: { field: ts }"):
        self.write("p.yaml", (KINDS % (watermark, send(1))).replace("event_time: { field: ts }",
                                                                    event_time))
        done = self.tidemill("check", "p.yaml")
        self.assertEqual(done.status, 2, done)
        self.assertIn(text, done.err)

    def test_bounded_and_ascending(self):
        self.holds("{ out_of_order: 2s }", send(12000) + mark(9999) + fired() + send(11000) +
                   mark(9999) + send(22000) + mark(19999) + fired(2))
        self.holds("ascending", send(5000) + mark(4999) + send(5000) + mark(4999) + send(10000) +
                   mark(9999) + fired(2))
        self.holds("{ kind: ascending, idle_after: 1s }", send(10000) + mark(9999))

    def test_none_waits_for_the_end(self):
        self.holds("none", send(1000) + send(90000) + send(5) + "      - watermark: end\n" +
                   fired(2, 1))

    def test_markers_say_how_far_time_has_come(self):
        marker = '{ marker: { when: "kind == \'mark\'", field: upto } }'
        say = lambda upto: send(0, {"kind": "mark", "upto": upto})
        self.holds(marker, send(1000) + send(25000) + say(9999) + mark(9999) + fired(1) +
                   say(5000) + mark(9999) + say(29999) + mark(29999) + fired(1) +
                   "      - expect: { from: in, values: [ { ts: 1000 }, { ts: 25000 } ] }\n")
        # The least of the splits; a unit of its own.
        seconds = '{ marker: { when: mark, field: at.s, unit: s } }'
        say = lambda s, split: send(0, {"mark": True, "at": {"s": s}}, split)
        self.holds(seconds, send(1, split=1) + say(30, 0) + say(12, 1) + mark(12000) + fired(1))
        # The marker's own time, and it goes on.
        self.holds('{ marker: { when: "last == true", pass: true } }',
                   send(1000) + send(9999, {"ts": 9999, "last": True}) + mark(9999) + fired(2))

    def test_a_marker_that_cannot_be_read_is_an_error_of_the_record(self):
        text = (KINDS % ('{ marker: { when: "kind > 3", field: upto } }',
                         send(0, {"kind": 4, "upto": "soon"}) + send(0, {"kind": "x"}) +
                         send(0, {"kind": 5}) + send(7, {"ts": 7, "kind": 1}) +
                         send(0, {"kind": 4, "upto": 9999}) + mark(9999) + fired(1)))
        self.write("p.yaml", text.replace("    watermark:", "    on_error: skip\n    watermark:"))
        self.succeeds("test", "p.yaml")

    def test_what_excludes_each_other_is_refused(self):
        marker = "{ marker: { when: a }, %s }"
        self.refuses(marker % "kind: none", "watermark: none and marker exclude each other")
        self.refuses(marker % "out_of_order: 1s", "a marker says how far time has come")
        self.refuses("{ kind: ascending, out_of_order: 1s }",
                     "watermark: ascending and out_of_order exclude each other")
        self.refuses("{ marker: { when: 'a +' } }", "p.yaml:8")
        self.refuses("{ marker: { field: a } }", "marker")
        self.refuses("never", "expected 'bounded', 'ascending' or 'none'")

    def warns(self, source, text):
        self.write("p.yaml", "pipeline: p\nsources:\n  in: " + source + "\noperators:\n"
                   "  sums: { type: aggregate, inputs: in, window: { tumbling: 1s }, "
                   "compute: { n: count() } }\n"
                   "sinks:\n  out: { type: 'null', inputs: sums }\n")
        done = self.tidemill("check", "p.yaml")
        if text:
            self.assertIn(text, done.err, done)
        else:
            self.assertNotIn("watermark", done.err, done)

    def test_what_has_no_effect_is_warned_of(self):
        file = "{ type: file, path: a, event_time: { field: ts }, watermark: %s%s }"
        self.warns(file % ("none", ", follow: true"), "the windows of sums never close")
        self.warns(file % ("none", ""), None)
        self.warns(file % ("{ align: 1s }", ", follow: true"), "align without idle_after")
        self.warns(file % ("{ align: 1s, idle_after: 1s }", ", follow: true"), None)
        self.warns("{ type: stdio, event_time: { field: ts }, watermark: { align: 1s } }",
                   "align has no effect")


ALIGNED = """
pipeline: aligned
sources:
  in:
    type: file
    path: "in-*.jsonl"
    follow: %s
    event_time: { field: ts }
    watermark: %s
operators:
  slim: { type: map, inputs: in, lua: "return function(r) r.pad = nil return r end" }
sinks:
  out: { type: file, inputs: slim, path: out.jsonl }
"""

PAD = "x" * 1000
RECORDS = 16000


def lead(records, splits):
    """How far any split was ahead of the slowest one, in ms, when it had more to say."""
    newest, worst = [0] * splits, 0
    for record in records:
        newest[record["s"]] = record["ts"]
        worst = max(worst, record["ts"] - min(newest))
    return worst


class Aligned(harness.TestCase):
    def make(self, split, records, step=1):
        lines = (json.dumps({"s": split, "ts": i * step, "pad": PAD}) for i in range(records))
        self.write(f"in-{split}.jsonl", "".join(line + "\n" for line in lines))

    def run_it(self, watermark, *more):
        self.write("p.yaml", ALIGNED % ("false", watermark))
        self.write("out.jsonl", "")
        self.succeeds("run", "--quiet", "p.yaml", *more)
        return harness.read_jsonl(self.path("out.jsonl"))

    def test_splits_stay_near_each_other(self):
        for split in range(3):
            self.make(split, RECORDS)
        loose = self.run_it("{ out_of_order: 0s }")
        self.assertEqual(lead(loose, 3), RECORDS - 1)  # one file after the other
        for lanes in ("1", "3"):
            near = self.run_it("{ align: 100ms }", "--parallelism", lanes)
            self.assertEqual(len(near), 3 * RECORDS)
            if lanes == "1":
                self.assertLess(lead(near, 3), RECORDS * 0.7)

    def test_who_ends_holds_nobody(self):
        self.make(0, 10)
        self.make(1, RECORDS, step=1000)
        self.write("in-2.jsonl", "")
        self.assertEqual(len(self.run_it("{ align: 1ms }")), RECORDS + 10)
        self.assertEqual(len(self.run_it("{ align: 1ms }", "--parallelism", "3")), RECORDS + 10)

    def test_who_is_idle_holds_nobody(self):
        self.make(0, 1)
        self.make(1, RECORDS, step=1000)
        self.write("p.yaml", ALIGNED % ("true", "{ align: 1ms, idle_after: 300ms }"))
        run = self.start("run", "--quiet", "p.yaml")
        harness.wait_until(lambda: len(harness.read_lines(self.path("out.jsonl"))) == RECORDS + 1,
                           "all records")
        run.stop()


RULED = """
pipeline: ruled
sources:
  in:
    type: file
    path: "in-*.jsonl"
    follow: true
    event_time: { field: ts }
  rules: { type: file, path: rules.jsonl, follow: true }
operators:
  judged:
    type: process
    inputs: { in: in, rules: rules }
    broadcast: rules
    key_by: k
    lua: |
      return {
        state = { rules = state.broadcast(), n = state.counter() },
        on_broadcast = function(r, ctx)
          ctx.rules:set("seen", (ctx.rules:get("seen") or "") .. r.rule .. ",")
          if r.rule == 0 then ctx.emit({ k = "rule", time = ctx.time }, "told") end
        end,
        on_record = function(r, ctx)
          ctx.n:add(1)
          ctx.emit { k = r.k, n = ctx.n:get(), seen = ctx.rules:get("seen") }
        end,
        ports = { "told" },
      }
  minutes: { type: aggregate, inputs: judged, key_by: k, window: { tumbling: 60s },
             compute: { n: count() } }
sinks:
  each: { type: file, inputs: judged, path: each.jsonl }
  told: { type: file, inputs: judged.told, path: told.jsonl }
  out: { type: file, inputs: minutes, path: out.jsonl }
"""


class Rules(harness.TestCase):
    """Records for all lanes need no event time: every lane sees each, in order, and nobody waits
    for how far their source is."""

    KEYS, RULES = 40, 300

    def judge(self, lanes):
        for name in ("each", "told", "out"):
            self.write(name + ".jsonl", "")
        for split in range(4):
            self.write(f"in-{split}.jsonl", "")
        self.write("rules.jsonl", "".join(f'{{"rule": {n}}}\n' for n in range(self.RULES)))
        run = self.start("run", "--quiet", "p.yaml", "--parallelism", str(lanes))
        # Who was told the first rule has them all a moment later; the newest key asks when.
        harness.wait_until(lambda: len(harness.read_jsonl(self.path("told.jsonl"))) == lanes,
                           "a rule in each lane")
        self.probe(self.seen())
        for split in range(4):
            with open(self.path(f"in-{split}.jsonl"), "a", encoding="utf-8") as file:
                for n in range(200):
                    record = {"k": f"{split}-{n % self.KEYS}", "ts": n * 1000}
                    file.write(json.dumps(record) + "\n")
        harness.wait_until(lambda: len(self.data("each")) == 800, "all records")
        harness.wait_until(lambda: sum(row["n"] for row in self.data("out")) == 4 * 180,
                           "three minutes that are over")
        run.stop()
        return self.data("each"), self.data("out")

    def seen(self):
        return "".join(f"{n}," for n in range(self.RULES))

    def data(self, name):
        return [row for row in harness.read_jsonl(self.path(name + ".jsonl"))
                if not row["k"].startswith("probe")]

    def probe(self, wanted):
        """Until many keys, and so each lane, have answered with all rules."""
        count = 0

        def all_have_them():
            nonlocal count
            with open(self.path("in-0.jsonl"), "a", encoding="utf-8") as file:
                for n in range(64):
                    file.write(json.dumps({"k": f"probe{n}", "ts": 0}) + "\n")
            count += 64
            harness.wait_until(
                lambda: len(harness.read_lines(self.path("each.jsonl"))) == count, "an answer")
            return all(row["seen"] == wanted
                       for row in harness.read_jsonl(self.path("each.jsonl"))[-64:])
        harness.wait_until(all_have_them, "all rules in all lanes")

    def test_rules_without_event_time(self):
        self.write("p.yaml", RULED)
        results = []
        for lanes in (1, 2, 3, 8):
            each, windows = self.judge(lanes)
            self.assertEqual({row["seen"] for row in each}, {self.seen()})
            by_key = {}
            for row in each:
                by_key.setdefault(row["k"], []).append(row["n"])
            for counts in by_key.values():
                self.assertEqual(counts, [1, 2, 3, 4, 5])
            results.append(sorted(json.dumps(row, sort_keys=True) for row in windows))
            self.assertEqual(results[-1], results[0], lanes)
            self.assertEqual([row.get("time") for row in
                              harness.read_jsonl(self.path("told.jsonl"))], [None] * lanes)


if __name__ == "__main__":
    harness.main()
