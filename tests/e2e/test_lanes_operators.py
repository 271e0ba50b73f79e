# SPDX-License-Identifier: MIT
"""Native operators and windows of all kinds give the same results in 1, 2, 3 and 8 lanes, from
files of several splits whose records are out of order within the bound."""

import collections
import json
import random
import unittest

import harness

PIPELINE = """
pipeline: operators
sources:
  in:
    type: file
    path: "in-*.jsonl"
    event_time: {{ field: ts }}
    watermark: {{ out_of_order: 1s }}
operators:
  made: {operator}
sinks:
  out: {{ type: file, inputs: made, path: out.jsonl }}
"""

OPERATORS = {
    "dedup": "{ type: dedup, inputs: in, key_by: [device, v], within: 1s }",
    "fill": "{ type: fill, inputs: in, key_by: device, every: 100ms, with: previous, fields: v }",
    "pattern": '{ type: pattern, inputs: in, key_by: device, within: 5s, '
               'steps: { a: "v == 1", b: "v == 2" } }',
    "reorder": "{ type: reorder, inputs: in }",
    "session": "{ type: aggregate, inputs: in, key_by: device, window: { session: 500ms }, "
               "compute: { n: count(), first: first(v) } }",
    "sliding": "{ type: aggregate, inputs: in, key_by: device, "
               "window: { sliding: 10s, every: 1s }, "
               'compute: { n: sum(v), kinds: distinct(v), mid: "quantile(v, 0.5)" } }',
    "top": "{ type: top, inputs: in, key_by: device, by: v, n: 2, window: 10s }",
}


class Lanes(harness.TestCase):
    def setUp(self):
        super().setUp()
        pick = random.Random(4)
        for split in range(4):
            time, lines = 0, []
            for _ in range(2000):
                time += pick.randrange(30)
                lines.append(json.dumps({"device": f"d{pick.randrange(50)}-{split}",
                                         "v": pick.randrange(10),
                                         "ts": time - pick.randrange(100)}))
            # All end at the same time: how far `fill` goes on behind the last reading of a key is a
            # matter of the watermark, and else of which file ends first.
            lines.append(json.dumps({"device": f"d0-{split}", "v": 0, "ts": 80000}))
            self.write(f"in-{split}.jsonl", "".join(line + "\n" for line in lines))

    def results(self, lanes):
        self.write("out.jsonl", "")
        self.succeeds("run", "--quiet", "p.yaml", "--parallelism", str(lanes))
        return collections.Counter(harness.read_lines(self.path("out.jsonl")))

    def test_the_number_of_lanes_does_not_matter(self):
        for name, operator in OPERATORS.items():
            with self.subTest(name):
                self.write("p.yaml", PIPELINE.format(operator=operator))
                one = self.results(1)
                self.assertGreater(sum(one.values()), 100)
                for lanes in (2, 3, 8):
                    self.assertEqual(self.results(lanes), one, lanes)


if __name__ == "__main__":
    unittest.main()
