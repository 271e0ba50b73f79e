# SPDX-License-Identifier: MIT
"""Lanes: the same results in any number of them, from files of several splits through filters, Lua
and aggregates by `compute:` and by script."""

import collections
import json
import random
import unittest

import harness

PIPELINE = """
pipeline: lanes
parallelism: 3
sources:
  in:
    type: file
    path: "in-*.jsonl"
    event_time: { field: ts, unit: ms }
    watermark: { out_of_order: 1s }
operators:
  some: { type: filter, inputs: in, when: v >= 10 }
  more: { type: map, inputs: some, lua: 'return function(r) r.site.n = r.v + 1 return r end' }
  computed:
    type: aggregate
    inputs: more
    key_by: [site.name, k]
    window: { tumbling: 10s }
    compute: { n: count(), s: sum(v), m: max(site.n) }
  scripted:
    type: aggregate
    inputs: more
    key_by: k
    window: { sliding: 20s, every: 10s }
    lua: |
      return agg { n = agg.count(), s = agg.sum "v",
                   finish = function(r, w) r.mean = r.s // r.n return r end }
  again:
    type: aggregate
    inputs: computed
    key_by: k
    window: { tumbling: 20s }
    compute: { n: sum(n), s: sum(s) }
sinks:
  a: { type: file, inputs: computed, path: computed.jsonl }
  b: { type: file, inputs: scripted, path: scripted.jsonl }
  c: { type: file, inputs: again, path: again.jsonl }
"""


class Lanes(harness.TestCase):
    def make_input(self, seed):
        pick = random.Random(seed)
        records = collections.Counter()
        for number in range(6):
            lines = []
            for i in range(pick.randint(0, 3000)):
                record = {"ts": i * 20 + pick.randint(0, 900), "k": pick.choice(["a", 1, 1.5, "1"]),
                          "v": pick.randint(0, 100), "site": {"name": f"s{pick.randint(0, 40)}"}}
                lines.append(json.dumps(record))
                records[record["v"] >= 10] += 1
            self.write(f"in-{number}.jsonl", "".join(line + "\n" for line in lines))
        return records

    def results(self, lanes):
        self.succeeds("run", "p.yaml", "--parallelism", str(lanes))
        found = {}
        for name in ("computed", "scripted", "again"):
            lines = harness.read_lines(self.path(f"{name}.jsonl"))
            found[name] = collections.Counter(lines)
            self.write(f"{name}.jsonl", "")
        return found

    def test_the_same_in_all(self):
        self.write("p.yaml", PIPELINE)
        for seed in range(3):
            records = self.make_input(seed)
            one = self.results(1)
            total = sum(json.loads(line)["n"] * n for line, n in one["again"].items())
            self.assertEqual(total, records[True])
            for lanes in (2, 3, 7, 8):
                found = self.results(lanes)
                for name, lines in one.items():
                    differs = (found[name] - lines) + (lines - found[name])
                    self.assertEqual(sorted(differs), [], f"seed {seed}, {lanes} lanes, {name}")

    def test_how_many(self):
        self.write("p.yaml", PIPELINE)
        self.make_input(9)
        self.succeeds("run", "p.yaml")
        done = self.tidemill("run", "p.yaml", "--parallelism", "0")
        self.assertEqual(done.status, 2, done)
        self.assertIn("a whole number from 1 to", done.err)


if __name__ == "__main__":
    unittest.main()
