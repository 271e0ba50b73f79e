# SPDX-License-Identifier: MIT
"""test: which files are run, what is said, and what CI gets."""

import json
import os
import xml.etree.ElementTree as xml

import harness

PIPELINE = """\
pipeline: p
sources: { in: { type: stdio } }
operators: { m: { type: map, inputs: in, lua: "return function(r) return r end" } }
sinks: { out: { type: stdio, inputs: m } }
"""
TESTS = """\
tests:
  - name: good
    steps: [ { send: { to: m, value: { n: 1 } } }, { expect: { from: m, values: [ { n: 1 } ] } } ]
"""
BAD = """\
  - name: "bad <&\\"> \\e[2J"
    steps: [ { send: { to: m, value: { n: 1 } } }, { expect: { from: m, values: [ { n: 2 } ] } } ]
"""
BROKEN = """\
  - name: broken
    steps: [ { sned: { to: m } } ]
"""


class Test(harness.TestCase):
    def project(self):
        self.write("p/a.yaml", PIPELINE + TESTS)
        self.write("p/untested.yaml", "this is: [no pipeline\n")
        self.write("p/deep/er/b.yaml", PIPELINE + TESTS + BAD)
        self.write("p/deep/c.yaml", PIPELINE + TESTS + BROKEN)
        self.write("p/.hidden/d.yaml", PIPELINE + TESTS + BAD)
        os.symlink(self.path("p"), self.path("p/deep/circle"))
        os.symlink(self.path("absent"), self.path("p/deep/gone.yaml"))

    def test_descends_in_order(self):
        self.project()
        done = self.tidemill("test", "p")
        self.assertEqual(done.status, 2, done)
        files = [line for line in done.out.splitlines() if line.startswith("p/")]
        self.assertEqual(files, ["p/a.yaml", "p/deep/c.yaml", "p/deep/er/b.yaml"])
        self.assertTrue(done.out.endswith("\n3 passed, 1 failed, 1 could not be run\n"), done)
        self.assertNotIn("\x1b", done.out)

    def test_the_order_of_what_came(self):
        sends = "".join(f"{{ send: {{ to: m, value: {{ k: {k}, n: {n} }} }} }}, "
                        for k, n in (("a", 1), ("b", 1), ("a", 2), ("b", 2)))
        for order, values, status in (
                ("false", "b2 a2 b1 a1", 0), ("true", "a1 b1 a2 b2", 0), ("true", "b1 a1 a2 b2", 1),
                ("k", "b1 a1 b2 a2", 0), ("k", "a1 a2 b1 b2", 0), ("k", "a2 a1 b1 b2", 1),
                ("k", "a1 a2 b1", 1), ("k", "a1 a2 b1 b2 b2", 1)):
            rows = ", ".join(f"{{ k: {row[0]}, n: {row[1]} }}" for row in values.split())
            expect = f"{{ expect: {{ from: m, order: {order}, values: [ {rows} ] }} }}"
            self.write("p.yaml", PIPELINE + f"tests: [ {{ steps: [ {sends}{expect} ] }} ]\n")
            with self.subTest((order, values)):
                self.assertEqual(self.tidemill("test", "p.yaml").status, status)

    def test_in_lanes(self):
        keyed = PIPELINE.replace("{ m:", "{ sum: { type: aggregate, inputs: m, key_by: k, "
                                 "window: { count: 2 }, compute: { n: sum(n) } }, m:")
        keyed = keyed.replace("stdio, inputs: m }", "stdio, inputs: sum }")
        sends = "".join(f"{{ send: {{ to: in, split: {i % 5}, value: {{ k: {i % 20}, n: 1 }} }} }},"
                        for i in range(40))
        rows = ", ".join(f"{{ k: {k}, n: 2 }}" for k in range(20))
        expect = f"{{ expect: {{ from: sum, match: subset, values: [ {rows} ] }} }}"
        self.write("p.yaml", keyed + f"tests: [ {{ steps: [ {sends}{expect} ] }} ]\n")
        for lanes in ("1", "3", "8"):
            self.assertIn("1 passed", self.succeeds("test", "p.yaml", "--parallelism", lanes).out)
        self.assertEqual(self.tidemill("test", "p.yaml", "--parallelism", "0").status, 2)

    def test_statuses(self):
        self.project()
        self.assertIn("1 passed, 0 failed\n", self.succeeds("test", "p/a.yaml").out)
        self.assertEqual(self.tidemill("test", "p/deep/er/").status, 1)
        done = self.tidemill("test", "p/a.yaml", "p/untested.yaml", "absent.yaml")
        self.assertEqual(done.status, 2, done)
        self.assertIn("p/untested.yaml:2:", done.out)
        self.assertIn("1 passed, 0 failed, 2 could not be run\n", done.out)
        self.assertEqual(self.tidemill("test").status, 2)
        self.write("e/x", "")
        self.assertIn("0 passed, 0 failed\n", self.succeeds("test", "e").out)

    def test_scripts(self):
        folder = os.path.join(harness.SOURCE, "scripts")
        listed = [name for name in sorted(os.listdir(folder)) if name.endswith("_test.lua")]
        done = self.succeeds("test", folder)
        self.assertEqual([os.path.basename(line) for line in done.out.splitlines()
                          if line.endswith("_test.lua")], listed)
        self.write("s/bad_test.lua", "this is no Lua")
        done = self.tidemill("test", "s")
        self.assertEqual(done.status, 2, done)
        self.assertIn("0 passed, 0 failed, 1 could not be run\n", done.out)

    def test_as_json(self):
        self.project()
        done = self.tidemill("test", "--json", "p")
        self.assertEqual((done.status, done.err), (2, ""), done)
        answer = json.loads(done.out)
        self.assertEqual([answer[name] for name in ("passed", "failed", "broken")], [3, 1, 1])
        found = [(case["file"], case["name"], case["verdict"]) for case in answer["cases"]]
        self.assertEqual(found,
                         [("p/a.yaml", "good", "passed"), ("p/deep/c.yaml", "good", "passed"),
                          ("p/deep/c.yaml", "broken", "broken"),
                          ("p/deep/er/b.yaml", "good", "passed"),
                          ("p/deep/er/b.yaml", 'bad <&"> ?[2J', "failed")])
        for case in answer["cases"]:
            self.assertEqual(case["message"] is None, case["verdict"] == "passed", case)
        self.assertIn("p/deep/er/b.yaml:9:", answer["cases"][-1]["message"])
        self.assertIn("did you mean 'send'?", answer["cases"][2]["message"])

    def test_as_junit(self):
        self.project()
        done = self.tidemill("test", "--junit", "out.xml", "p")
        self.assertEqual(done.status, 2, done)
        root = xml.parse(self.path("out.xml")).getroot()
        self.assertEqual(root.attrib, {"tests": "5", "failures": "1", "errors": "1"})
        found = [(suite.get("name"), case.get("name"), [child.tag for child in case])
                 for suite in root for case in suite]
        self.assertEqual(found, [("p/a.yaml", "good", []), ("p/deep/c.yaml", "good", []),
                                 ("p/deep/c.yaml", "broken", ["error"]),
                                 ("p/deep/er/b.yaml", "good", []),
                                 ("p/deep/er/b.yaml", 'bad <&"> ?[2J', ["failure"])])
        self.assertEqual([(suite.get("tests"), suite.get("failures"), suite.get("errors"))
                          for suite in root], [("1", "0", "0"), ("2", "0", "1"), ("2", "1", "0")])
        done = self.tidemill("test", "--junit", "absent/out.xml", "p/a.yaml")
        self.assertEqual(done.status, 1, done)
        self.assertIn("absent/out.xml", done.err)


if __name__ == "__main__":
    harness.main()
