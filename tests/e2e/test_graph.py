# SPDX-License-Identifier: MIT
"""graph: nodes and edges of a pipeline as Mermaid and as DOT."""

import re

import harness

PIPELINE = """
pipeline: drawn
sources:
  end: { type: stdio, on_error: { retry: { max: 2 }, then: { dlq: bad } } }
operators:
  sorted: { type: route, inputs: end, routes: { odd: 'n % 2 == 1' } }
  b-c: { type: map, inputs: sorted.odd, lua: "return function(r) return r end",
         on_error: { dlq: bad } }
sinks:
  bad: { type: file, inputs: b-c.errors, path: bad.jsonl }
  out: { type: "null", inputs: [b-c, sorted.unmatched] }
"""
NODES = {"end": "stdio", "sorted": "route", "b-c": "map", "bad": "file", "out": "null"}
EDGES = {("end", "", "sorted"), ("sorted", "odd", "b-c"), ("b-c", "", "out"),
         ("sorted", "unmatched", "out"), ("b-c", "errors", "bad")}
DEAD = {("end", "dead letters", "bad"), ("b-c", "dead letters", "bad")}


class Graph(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.write("p.yaml", PIPELINE)

    def test_mermaid(self):
        text = self.succeeds("graph", "p.yaml").out
        lines = text.splitlines()
        self.assertEqual(lines[:4], ["---", 'title: "drawn"', "---", "flowchart LR"])
        nodes, edges, dead = {}, set(), set()
        for line in lines[4:]:
            node = re.fullmatch(r'  (n\d+)(?:\(\[|\[\(|\[)"([\w-]+)<br><small>(\w+)</small>"[\])]+',
                                line)
            edge = re.fullmatch(r'  (n\d+) (-->|-\.->)(?:\|"([^"]+)"\|)? (n\d+)', line)
            self.assertTrue(node or edge, line)
            if node:
                nodes[node[1]] = (node[2], node[3])
            else:
                kind = dead if edge[2] == "-.->" else edges
                kind.add((nodes[edge[1]][0], edge[3] or "", nodes[edge[4]][0]))
        self.assertEqual(dict(nodes.values()), NODES)
        self.assertEqual(edges, EDGES)
        self.assertEqual(dead, DEAD)

    def test_dot(self):
        text = self.succeeds("graph", "--dot", "p.yaml").out
        lines = text.splitlines()
        self.assertEqual((lines[0], lines[-1]), ('digraph "drawn" {', "}"))
        self.assertEqual(dict(re.findall(r'^  "([\w-]+)" \[label="\1\\n(\w+)", shape=\w+\];$', text,
                                         re.MULTILINE)), NODES)
        found = re.findall(r'^  "([\w-]+)" -> "([\w-]+)"'
                           r'(?: \[label="([^"]+)"(, style=dashed)?\])?;$', text, re.MULTILINE)
        self.assertEqual({(a, label, b) for a, b, label, style in found if not style}, EDGES)
        self.assertEqual({(a, label, b) for a, b, label, style in found if style}, DEAD)
        self.assertEqual(len(lines), 3 + len(NODES) + len(EDGES) + len(DEAD))

    def test_overlays_count(self):
        self.write("more.yaml", "sinks: { extra: { type: stdio, inputs: end } }")
        self.assertIn('"end" -> "extra"',
                      self.succeeds("graph", "--dot", "p.yaml", "--with", "more.yaml").out)

    def test_wrong_use(self):
        self.write("wrong.yaml", "pipeline: x\nsources: {}\n")
        for arguments in ([], ["p.yaml", "p.yaml"], ["none.yaml"], ["wrong.yaml"]):
            done = self.tidemill("graph", *arguments)
            self.assertEqual((done.status, done.out), (2, ""), done)
        self.assertIn("--dot | dot", self.succeeds("graph", "--help").out)


if __name__ == "__main__":
    harness.main()
