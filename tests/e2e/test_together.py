# SPDX-License-Identifier: MIT
"""Several pipelines in one process: each with its own end, counters and log; shares of the time by
priority; one that fails does not stop the others."""

import http.client
import json
import os
import signal

import harness

# Endless, and never waiting: the generator is stepped by the lane itself, and so is the sink.
BUSY = """
pipeline: %s
priority: %d
parallelism: %d
sources:
  in: { type: generator, splits: 4, fields: { n: { int: [0, 99] }, k: "k{0..9}" } }
operators:
  sums: { type: map, inputs: in, lua: "return function(r) r.n = r.n * 2 return r end" }
sinks:
  out: { type: "null", inputs: sums }
"""

COPY = """
pipeline: %s
sources: { in: { type: file, path: %s } }
operators:
  m:
    type: map
    inputs: in
    lua: 'return function(r) if r.bad then error("bad") end return r end'
sinks: { out: { type: file, inputs: m, path: %s } }
"""

MADE = """
pipeline: %s
sources: { made: { type: generator, rate: 100000, fields: { n: 1 } } }
sinks: { out: { type: file, inputs: made, path: %s } }
"""


class Together(harness.TestCase):
    def write_copy(self, name, lines):
        self.write(name + ".jsonl", "".join(lines))
        self.write(name + ".yaml", COPY % (name, name + ".jsonl", name + ".out"))
        return name + ".yaml"

    def get(self, port, path):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def test_each_has_its_own_end(self):
        good = self.write_copy("good", [f'{{"n":{i}}}\n' for i in range(3000)])
        other = self.write_copy("other", ['{"n":1}\n'])
        done = self.tidemill("run", good, other, "--report", "report.json")
        self.assertEqual(done.status, 0, done)
        self.assertIn("good: done: in 3,000", done.err)
        self.assertIn("other: done: in 1", done.err)
        self.assertEqual(len(harness.read_lines(self.path("good.out"))), 3000)
        with open(self.path("report.json"), encoding="utf-8") as file:
            report = json.load(file)["pipelines"]
        self.assertEqual({name: one["nodes"][0]["in"] for name, one in report.items()},
                         {"good": 3000, "other": 1})

    def test_one_that_fails_stops_no_other(self):
        bad = self.write_copy("bad", ['{"n":1}\n', '{"bad":1}\n', '{"n":2}\n'])
        self.write("made.yaml", MADE % ("made", "made.out"))
        run = self.start("run", bad, "made.yaml", "--http", "0")
        harness.wait_until(lambda: "bad: m: " in run.err and "[" in run.err, "the failure is told")
        port = harness.wait_until(lambda: port_of(run.err), "the address is told")
        before = len(harness.read_lines(self.path("made.out")))
        harness.wait_until(lambda: len(harness.read_lines(self.path("made.out"))) > before + 100,
                           "the other goes on")
        status, text = self.get(port, "/readyz")
        self.assertEqual((status, json.loads(text)), (503, {"status": "failed", "pipeline": "bad"}))
        self.assertEqual(self.get(port, "/healthz")[0], 200)
        status, text = self.get(port, "/api/v1/pipelines")
        self.assertEqual(json.loads(text)["pipelines"],
                         [{"name": "bad", "status": "failed"}, {"name": "made", "status": "ready"}])
        text = self.get(port, "/metrics")[1]
        self.assertIn('tidemill_up{pipeline="bad"} 0\n', text)
        self.assertIn('tidemill_up{pipeline="made"} 1\n', text)
        self.assertIn('tidemill_node_records_in_total{pipeline="bad",node="in",', text)
        self.assertIn('tidemill_node_records_in_total{pipeline="made",node="made",', text)
        self.assertEqual(text.count("# TYPE tidemill_node_records_in_total "), 1)
        self.assertEqual(self.get(port, "/api/v1/why?node=made&pipeline=bad")[0], 404)
        self.assertEqual(self.get(port, "/api/v1/why?node=made")[0], 200)
        run.process.send_signal(signal.SIGTERM)
        done = run.wait()
        self.assertEqual(done.status, 1, done)
        self.assertIn("made: done: in ", done.err)
        self.assertEqual(harness.read_jsonl(self.path("bad.out")), [{"n": 1}])

    def test_a_signal_drains_all(self):
        for name in "abc":
            self.write(name + ".yaml", MADE % (name, name + ".out"))
        run = self.start("run", "a.yaml", "b.yaml", "c.yaml", "--report", "report.json")
        for name in "abc":
            harness.wait_until(lambda n=name: harness.read_lines(self.path(n + ".out")), "records")
        run.process.send_signal(signal.SIGTERM)
        done = run.wait()
        self.assertEqual(done.status, 0, done)
        with open(self.path("report.json"), encoding="utf-8") as file:
            report = json.load(file)["pipelines"]
        for name in "abc":
            self.assertEqual(len(harness.read_lines(self.path(name + ".out"))),
                             report[name]["nodes"][0]["in"])

    def test_log_names_the_pipeline(self):
        bad = self.write_copy("bad", ['{"bad":1}\n'])
        good = self.write_copy("good", ['{"n":1}\n'])
        done = self.tidemill("run", bad, good, "--log", "json")
        self.assertEqual(done.status, 1, done)
        lines = [json.loads(line) for line in done.err.splitlines()]
        self.assertIn(("good", "done"), [(line["pipeline"], line["message"]) for line in lines])
        failed = [line for line in lines if line["level"] == "error"]
        self.assertEqual({line["pipeline"] for line in failed}, {"bad"})

    def test_what_is_refused(self):
        good = self.write_copy("good", ['{"n":1}\n'])
        self.write("again.yaml", COPY % ("good", "good.jsonl", "again.out"))
        done = self.tidemill("run", good, "again.yaml")
        self.assertEqual(done.status, 2, done)
        self.assertIn("good.yaml and again.yaml are both named 'good'", done.err)
        self.assertIn("[name-taken]", done.err)
        other = self.write_copy("other", ['{"n":1}\n'])
        for option in ("--set=drain=1s", "--with=good.yaml", "--from-checkpoint=1"):
            done = self.tidemill("run", good, other, option)
            self.assertEqual(done.status, 2, done)
            self.assertIn("is for one pipeline", done.err)
        self.write("wrong.yaml", "pipeline: wrong\npriority: 0\n")
        done = self.tidemill("run", good, "wrong.yaml")
        self.assertEqual(done.status, 2, done)
        self.assertIn("priority", done.err)
        self.assertFalse(os.path.exists(self.path("good.out")), "nothing was run")

    def counted(self, *pipelines, records=3_000_000):
        """Runs endless pipelines until both together have made so many records; each one's."""
        for name, priority, lanes in pipelines:
            self.write(name + ".yaml", BUSY % (name, priority, lanes))
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cores)})  # one core: one worker, which all have to share
        try:
            run = self.start("run", *(one[0] + ".yaml" for one in pipelines), "--http", "0",
                             "--report", "report.json")
        finally:
            os.sched_setaffinity(0, cores)
        port = harness.wait_until(lambda: port_of(run.err), "the address is told")

        def made():
            return sum(int(line.rsplit(" ", 1)[1])
                       for line in self.get(port, "/metrics")[1].splitlines()
                       if line.startswith("tidemill_node_records_in_total{")
                       and 'node="out"' in line)
        harness.wait_until(lambda: made() > records, "they run")
        run.process.send_signal(signal.SIGTERM)
        self.assertEqual(run.wait().status, 0, run)
        with open(self.path("report.json"), encoding="utf-8") as file:
            report = json.load(file)["pipelines"]
        return {name: one["nodes"][-1]["in"] for name, one in report.items()}

    def test_shares_by_priority(self):
        count = self.counted(("much", 3, 1), ("less", 1, 1))
        self.assertTrue(2.2 < count["much"] / count["less"] < 4.2, count)

    def test_a_share_is_the_pipelines_however_many_lanes_it_has(self):
        count = self.counted(("wide", 1, 4), ("thin", 1, 1))
        self.assertTrue(0.6 < count["wide"] / count["thin"] < 1.6, count)


def port_of(err):
    at = err.find("metrics: http://127.0.0.1:")
    text = err[at + len("metrics: http://127.0.0.1:"):].split("/")[0] if at >= 0 else ""
    return int(text) if text.isdigit() else None


if __name__ == "__main__":
    harness.main()
