# SPDX-License-Identifier: MIT
"""A pipeline with --http, and what asks it."""

import contextlib
import http.client
import re

import harness

SAMPLE = re.compile(r'^(\w+)(?:\{((?:\w+="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

PIPELINE = """
pipeline: seen
sources:
  made: { type: generator, rate: 2000, fields: { n: { int: [0, 9] }, ts: { clock: ms } },
          event_time: { field: ts, unit: ms } }
operators:
  odd: { type: filter, inputs: made, lua: "return function(r) return r.n % 2 == 1 end" }
sinks:
  out: { type: file, inputs: odd, path: out.jsonl }
"""


def parse(text):
    """{name: {node or "": value}}; every line must be well formed and under its own HELP, TYPE."""
    found, metric, types = {}, None, {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            metric = line.split()[2]
            assert metric not in types, line
        elif line.startswith("# TYPE "):
            assert line.split()[2] == metric, line
            types[metric] = line.split()[3]
        else:
            match = SAMPLE.match(line)
            assert match and match[1] == metric and metric in types, line
            labels = dict(LABEL.findall(match[2] or ""))
            found.setdefault(metric, {})[labels.get("node", "")] = float(match[3])
    return found


class HttpCase(harness.TestCase):
    def serve(self, text=PIPELINE, address="127.0.0.1:0", *more):
        self.write("p.yaml", text)
        run = self.start("run", "p.yaml", "--http", address, *more)
        match = harness.wait_until(
            lambda: re.search(r"https?://(\S+):(\d+)/metrics", run.err) or not run.alive(),
            "the address in the log")
        self.assertIsNot(match, True, run)
        return run, (match[1].strip("[]"), int(match[2]))

    def ask(self, where, path, method="GET", headers=None, body=None):
        connection = http.client.HTTPConnection(*where, timeout=harness.DEADLINE_S)
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers

    def metrics(self, where):
        status, text, headers = self.ask(where, "/metrics")
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        return parse(text)

    def ready(self, where):
        return self.ask(where, "/readyz")[:2]
