# SPDX-License-Identifier: MIT
"""schema: every pipeline in configs/ fits it, and what `check` refuses by its tables does not."""

import copy
import json
import os
import re
import sys

import yaml

import harness

sys.path.insert(0, os.path.join(harness.SOURCE, "tests/support"))
import json_schema  # pylint: disable=wrong-import-position

OVERLAYS = {"kafka.yaml", "generate.yaml", "analyse.yaml", "demo.yaml"}

GOOD = """
pipeline: good
x-mine: { anything: [1] }
checkpoint: 5s
log: debug
limits: { memory: 1GiB }
sources:
  lines: { type: file, path: "${IN}", decode: text, framing: whole, rate: 10.5,
           event_time: { field: ts, unit: s },
           watermark: { out_of_order: 1m30s, idle_after: "10s" },
           limits: { record: 4096 },
           on_error: { retry: { max: 5, backoff: 200ms..30s }, then: skip } }
operators:
  kept: { type: filter, inputs: lines, when: 'n > 1', on_error: skip, parallelism: auto }
  sums: { type: aggregate, inputs: [kept], key_by: device, window: { tumbling: 60s },
          compute: { n: count() } }
sinks:
  out: { type: file, inputs: sums, path: 7, encode: json, key: "{device}", headers: { a: 1 } }
"""
# (path, value): each makes the good pipeline wrong; ABSENT takes the key away
ABSENT = object()
WRONG = [
    (["pipeline"], ABSENT), (["pipeline"], None), (["pipeline"], []), (["nonsense"], 1),
    (["version"], 2), (["version"], "one"), (["checkpoint"], "5 parsecs"), (["checkpoint"], True),
    (["checkpoint"], {"evry": "5s"}), (["delivery"], "twice"), (["parallelism"], 0),
    (["parallelism"], 1.5), (["log"], "loud"), (["limits", "memory"], "1 parsec"),
    (["sources"], []), (["sources"], {}), (["sources", "lines"], None),
    (["sources", "0bad"], {"type": "file", "path": "x"}),
    (["sources", "lines", "type"], ABSENT), (["sources", "lines", "type"], "flie"),
    (["sources", "lines", "type"], "null"), (["sources", "lines", "path"], ABSENT),
    (["sources", "lines", "pth"], "x"), (["sources", "lines", "decode"], "xml"),
    (["sources", "lines", "rate"], "fast"), (["sources", "lines", "rate"], 0),
    (["sources", "lines", "event_time", "unit"], "weeks"),
    (["sources", "lines", "watermark"], "1s"), (["sources", "lines", "limits", "record"], 0),
    (["sources", "lines", "on_error"], "ignore"),
    (["sources", "lines", "on_error", "retry", "max"], 0),
    (["sources", "lines", "on_error", "retry", "backoff"], "1..2"),
    (["sources", "lines", "inputs"], "kept"), (["operators", "kept", "type"], "file"),
    (["operators", "kept", "limits"], {"time": "soon"}), (["sinks", "out", "encode"], "xml"),
    (["sinks", "out", "headers"], {"a": {"b": 1}}), (["sinks", "out", "key"], ["device"]),
    (["defaults"], {"sauces": {}}), (["checkpoint"], {"every": "5s", "keep": 0}),
    (["drain"], "soon"), (["drain"], 5), (["pipeline"], {"name": "x"}),
    (["sources", "lines", "framing"], "lines"), (["sources", "lines", "event_time"], "now"),
    (["sources", "lines", "watermark", "out_of_order"], "-1s"),
    (["sources", "lines", "on_error", "retry", "max"], "many"),
    (["sources", "lines", "on_error"], {"dlq": ["a", "b"]}),
    (["operators", "sums", "window"], "60s"), (["operators", "sums", "windw"], {}),
    (["operators", "sums", "type"], "agregate"),
    (["sinks", "out", "type"], ABSENT), (["sinks", "out", "inputz"], "sums"),
    (["connections"], {"c": {"type": "lgo", "dir": "d"}}),
]

# Of docs/errors.md: what the tables refuse, the schema does too (but not ranges of durations).
BY_TABLES = ["yaml-tag", "unknown-key", "missing-key", "wrong-value",
             "unknown-choice", "bad-name", "unknown-type"]


def changed(value, path, new):
    value = copy.deepcopy(value)
    at = value
    for name in path[:-1]:
        at = at.setdefault(name, {})
    if new is ABSENT:
        del at[path[-1]]
    else:
        at[path[-1]] = new
    return value


class Schema(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = {}

    def validator(self, *options):
        if options not in self.made:
            text = self.succeeds("schema", *options).out
            self.made[options] = json_schema.Validator(json.loads(text))
        return self.made[options]

    def test_all_pipelines_fit(self):
        folder = os.path.join(harness.SOURCE, "configs")
        for name in sorted(os.listdir(folder)):
            if not name.endswith(".yaml"):
                continue
            with self.subTest(name), open(os.path.join(folder, name), encoding="utf-8") as file:
                value = yaml.safe_load(file)
                overlay = ["--overlay"] if name in OVERLAYS else []
                self.assertEqual(self.validator(*overlay).problems(value), [])
                if overlay:
                    self.assertNotEqual(self.validator().problems(value), [])

    def test_what_is_right_fits_and_is_accepted(self):
        self.write("p.yaml", GOOD)
        self.write("in", "")
        self.assertEqual(self.validator().problems(yaml.safe_load(GOOD)), [])
        self.succeeds("check", "p.yaml", env={"IN": "in"})

    def test_what_is_wrong_is_refused_by_both(self):
        good = yaml.safe_load(GOOD)
        self.write("in", "")
        for path, new in WRONG:
            with self.subTest(f"{'.'.join(path)} = {'absent' if new is ABSENT else new}"):
                value = changed(good, path, new)
                self.assertNotEqual(self.validator().problems(value), [])
                self.write("p.yaml", json.dumps(value))  # JSON is YAML
                done = self.tidemill("check", "p.yaml", env={"IN": "in"})
                self.assertEqual(done.status, 2, done)

    def test_examples_of_errors(self):
        with open(os.path.join(harness.SOURCE, "docs/errors.md"), encoding="utf-8") as file:
            text = file.read()
        found = re.findall(r"(?ms)^## (\S+)$|^```yaml (wrong|right)[^\n]*\n(.*?)^```$", text)
        code = None
        for heading, kind, example in found:
            code = heading or code
            if not kind or (kind == "wrong" and code not in BY_TABLES) or "!!" in example:
                continue
            with self.subTest(code=code, kind=kind):
                problems = self.validator().problems(yaml.safe_load(example))
                self.assertEqual(bool(problems), kind == "wrong", problems)

    def test_all_types_are_there(self):
        root = self.validator().root
        plugins = json.loads(self.succeeds("plugins", "--json").out)
        for part in ("source", "sink", "connection"):
            wanted = {plugin["name"] for plugin in plugins if part in plugin}
            names = root["definitions"][part]["properties"]["type"]["anyOf"][0]["enum"]
            self.assertEqual(set(names) - {"topic"}, wanted)
        self.assertEqual(root["$schema"], "http://json-schema.org/draft-07/schema#")

    def test_help(self):
        self.assertIn("tidemill schema >", self.succeeds("schema", "--help").out)
        self.assertEqual(self.tidemill("schema", "x").status, 2)


if __name__ == "__main__":
    harness.main()
