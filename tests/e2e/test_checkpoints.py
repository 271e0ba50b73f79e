# SPDX-License-Identifier: MIT
"""What a pipeline goes on from: stops, other lanes, other topologies, other processes."""

import http.client
import json
import os
import re

import harness

HEAD = """
pipeline: sums
delivery: exactly_once
checkpoint: { every: 50ms, dir: ./state }
"""
SOURCE = """
sources:
  in:
    type: file
    path: in.jsonl
    follow: true
    event_time: { field: ts, unit: ms }
"""
OPERATORS = """
operators:
  sums:
    type: aggregate
    inputs: in
    key_by: dev
    window: { tumbling: 1s }
    compute: { n: sum(n), count: count() }
"""
SINKS = """
sinks:
  out: { type: file, inputs: sums, path: out.jsonl }
"""


def line(ts, dev="a", n=1):
    return json.dumps({"ts": ts, "dev": dev, "n": n}) + "\n"


class Base(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.write("p.yaml", HEAD + SOURCE + OPERATORS + SINKS)
        self.write("in.jsonl", "")

    def add(self, *lines):
        with open(self.path("in.jsonl"), "a", encoding="utf-8") as file:
            file.write("".join(lines))

    def out(self):
        return sorted((r["dev"], r["start"], r["n"]) for r in
                      harness.read_jsonl(self.path("out.jsonl")))

    def node(self, running, name, key):
        """A counter of a node, from the report of a run that was stopped."""
        done = running.stop()
        self.assertEqual(done.status, 0, done)
        with open(self.path("report.json"), encoding="utf-8") as file:
            return next(n for n in json.load(file)["nodes"] if n["name"] == name)[key]

    def run_for(self, expected, *options):
        """Runs until so many results are there, then stops."""
        running = self.start("run", "p.yaml", "-q", *options)
        harness.wait_until(lambda: len(self.out()) >= expected or not running.alive(),
                           f"{expected} results, {running}")
        done = running.stop()
        self.assertEqual(done.status, 0, done)
        return done


class Checkpoints(Base):
    def test_a_window_stays_open_over_a_stop(self):
        self.add(line(1000), line(1100, "b"), line(2500))
        self.run_for(2)
        self.assertEqual(self.out(), [("a", 1000, 1), ("b", 1000, 1)])
        self.add(line(2600, n=5), line(3500))
        self.run_for(3)
        self.assertEqual(self.out()[1], ("a", 2000, 6))

    def test_other_numbers_of_lanes(self):
        devices = [f"d{i}" for i in range(20)]
        self.add(*(line(1000, d) for d in devices), line(2000))
        self.run_for(20)
        for lanes, at in ((3, 2), (1, 3), (7, 4)):
            self.add(*(line(at * 1000 + 10, d) for d in devices), line(at * 1000 + 1000))
            self.run_for(20 * at + at - 1, "--parallelism", str(lanes))
        self.assertEqual(len([r for r in self.out() if r[0] != "a"]), 80)
        self.assertEqual(len(self.out()), len(set(self.out())))

    def test_a_drained_run_is_over(self):
        self.write("p.yaml", HEAD + SOURCE.replace("    follow: true\n", "") + OPERATORS + SINKS)
        self.add(line(1000))
        self.succeeds("run", "p.yaml", "-q")
        self.assertEqual(self.out(), [("a", 1000, 1)])
        again = self.succeeds("run", "p.yaml", "-q")
        self.assertIn("--fresh", again.err)
        self.assertEqual(len(self.out()), 1)
        self.succeeds("run", "p.yaml", "-q", "--fresh")
        self.assertEqual(self.out(), [("a", 1000, 1)] * 2)

    def test_state_without_a_place_is_refused(self):
        self.add(line(1000), line(2500))
        self.run_for(1)
        self.write("p.yaml", HEAD + SOURCE + OPERATORS.replace("  sums:", "  totals:") +
                   SINKS.replace("inputs: sums", "inputs: totals"))
        refused = self.tidemill("run", "p.yaml", "-q")
        self.assertEqual(refused.status, 3, refused)
        self.assertIn("sums is not in the pipeline any more", refused.err)
        self.add(line(3500), line(4500))
        self.run_for(2, "--allow-loss", "sums")

    def test_state_of_another_kind_is_refused(self):
        self.add(line(1000), line(2500))
        self.run_for(1)
        for old, new, said in (("tumbling: 1s", "tumbling: 2s", "tumbling(1000"),
                               ("key_by: dev", "key_by: [dev, ts]", "by dev"),
                               ("n: sum(n)", "n: max(n)", "n=sum(n)"),
                               ("type: aggregate", "type: dedup", "is of another type now")):
            text = HEAD + SOURCE + OPERATORS.replace(old, new) + SINKS
            if "dedup" in new:
                text = text.replace("    window: { tumbling: 1s }\n", "    within: 1s\n")
                text = text.replace("    compute: { n: sum(n), count: count() }\n", "")
            self.write("p.yaml", text)
            refused = self.tidemill("run", "p.yaml", "-q")
            with self.subTest(new):
                self.assertEqual(refused.status, 3, refused)
                self.assertIn(said, refused.err)
                self.assertIn("--allow-loss", refused.err)
        self.add(line(3500))  # as dedup, the last of them
        running = self.start("run", "p.yaml", "-q", "--allow-loss", "sums")
        harness.wait_until(lambda: len(harness.read_lines(self.path("out.jsonl"))) == 2,
                           f"a record: {running}")
        self.assertEqual(running.stop().status, 0)

    def test_what_an_aggregate_kept_can_be_given_up(self):
        self.add(line(1000), line(2500, n=7))
        self.run_for(1)
        self.write("p.yaml", HEAD + SOURCE + OPERATORS.replace("n: sum(n)", "n: max(n)") + SINKS)
        self.add(line(2600), line(3500))
        done = self.run_for(2, "--allow-loss", "sums")
        self.assertIn("what it kept is given up", done.err)
        self.assertEqual(self.out()[1], ("a", 2000, 1))  # of what came after

    def test_a_second_process_is_refused(self):
        self.add(line(1000), line(2500))
        running = self.start("run", "p.yaml", "-q")
        harness.wait_until(self.out, "a result")
        refused = self.tidemill("run", "p.yaml", "-q")
        self.assertEqual(refused.status, 3, refused)
        self.assertIn(str(running.process.pid), refused.err)
        self.assertEqual(running.stop().status, 0)

    def test_a_state_directory_of_another_pipeline(self):
        self.add(line(1000), line(2500))
        self.run_for(1)
        os.rename(self.path("state/sums"), self.path("state/other"))
        self.write("p.yaml", (HEAD + SOURCE + OPERATORS + SINKS).replace(
            "pipeline: sums", "pipeline: other"))
        refused = self.tidemill("run", "p.yaml", "-q")
        self.assertEqual(refused.status, 3, refused)
        self.assertIn("sums", refused.err)

    def test_a_state_directory_that_cannot_be_made(self):
        self.write("state", "a file")
        failed = self.tidemill("run", "p.yaml", "-q")
        self.assertIn(failed.status, (1, 3), failed)
        self.assertIn("state", failed.err)

    def test_an_output_that_is_gone_is_refused(self):
        self.add(line(1000), line(2500))
        self.run_for(1)
        os.unlink(self.path("out.jsonl"))
        refused = self.tidemill("run", "p.yaml", "-q")
        self.assertEqual(refused.status, 3, refused)
        self.assertRegex(refused.err, "out.jsonl is (shorter|another file)")  # as inodes fall

    def test_counters_go_on(self):
        self.add(line(1000), line(2500))
        self.run_for(1)
        self.add(line(3500))
        running = self.start("run", "p.yaml", "-q", "--report", "report.json")
        harness.wait_until(lambda: len(self.out()) == 2, "the second window")
        self.assertEqual(self.node(running, "sums", "in"), 3)

    def test_from_an_older_checkpoint(self):
        missing = self.tidemill("run", "p.yaml", "-q", "--from-checkpoint", "77")
        self.assertEqual(missing.status, 3, missing)
        self.assertIn("77", missing.err)


class Asked(Base):
    """Checkpoints that somebody asks for, of a pipeline whose own come seldom."""

    def setUp(self):
        super().setUp()
        self.write("p.yaml", (HEAD + SOURCE + OPERATORS + SINKS).replace("50ms", "1h"))
        self.add(line(1000), line(2500))

    def serve(self, *files):
        running = self.start("run", *files, "-q", "--http", "0")
        found = harness.wait_until(lambda: re.search(r"http://(127.0.0.1:\d+)", running.err),
                                   "the address is told")
        return running, found.group(1)

    def ask(self, where, method="POST", path="/api/v1/checkpoint", **headers):
        connection = http.client.HTTPConnection(where, timeout=20)
        connection.request(method, path, b"{}" if method == "POST" else None,
                           {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def wait_ready(self, where):
        harness.wait_until(lambda: self.ask(where, "GET", "/readyz")[0] == 200, "ready")

    def test_it_is_made_now(self):
        running, where = self.serve("p.yaml")
        self.wait_ready(where)
        numbers = []
        for _ in range(3):
            done = self.succeeds("checkpoint", "--http", where, "--json")
            numbers.append(json.loads(done.out)["number"])
        self.assertEqual(len(set(numbers)), 3, numbers)
        self.assertEqual(numbers, sorted(numbers))
        self.assertRegex(self.succeeds("checkpoint", "--http", where, "--pipeline", "sums").out,
                         r"^sums: checkpoint \d+, [\d.]+ ms, \d+ bytes on disk\n$")
        page = json.loads(self.ask(where, "GET", "/api/v1/checkpoints")[1])["checkpoints"]
        self.assertEqual([(p["pipeline"], p["failed"]) for p in page], [("sums", 0)])
        self.assertGreater(page[0]["number"], numbers[-1])
        metrics = self.ask(where, "GET", "/metrics")[1]
        for name in ("duration_seconds", "bytes", "age_seconds"):
            self.assertIn(f'tidemill_checkpoint_{name}{{pipeline="sums"}}', metrics)
        self.assertEqual(self.out(), [("a", 1000, 1)])  # which only a checkpoint shows
        self.assertEqual(running.stop().status, 0)

    def test_who_may_ask(self):
        running, where = self.serve("p.yaml")
        self.wait_ready(where)
        for headers in ({"Content-Type": "text/plain"}, {"Origin": "http://evil.example"},
                        {"Host": "evil.example"}):
            self.assertIn(self.ask(where, **headers)[0], (403, 415), headers)
        self.assertEqual(self.ask(where, Origin="http://" + where)[0], 202)
        self.assertEqual(self.ask(where, "GET")[0], 405)
        self.assertEqual(self.ask(where, path="/metrics")[0], 405)
        wrong = self.tidemill("checkpoint", "--http", where, "--pipeline", "other")
        self.assertEqual(wrong.status, 2, wrong)
        self.assertIn("there is no pipeline 'other'", wrong.err)
        running.stop()
        self.assertEqual(self.tidemill("checkpoint", "--http", where).status, 1)

    def test_several_and_one_without(self):
        plain = (SOURCE + OPERATORS + SINKS).replace("out.jsonl", "plain.jsonl")
        self.write("q.yaml", "pipeline: plain\n" + plain)
        running, where = self.serve("p.yaml", "q.yaml")
        self.wait_ready(where)
        self.succeeds("checkpoint", "--http", where, "--pipeline", "sums")
        for more, why in (((), "which one?"), (("--pipeline", "plain"), "makes no checkpoints")):
            wrong = self.tidemill("checkpoint", "--http", where, *more)
            self.assertEqual(wrong.status, 2, wrong)
            self.assertIn(why, wrong.err)
        self.assertEqual(running.stop().status, 0)


class State(Base):
    """What a pipeline keeps, seen and changed from outside."""

    def setUp(self):
        super().setUp()
        self.add(line(1000), line(2500), line(2600, "b", 7))
        running = self.start("run", "p.yaml", "-q")
        harness.wait_until(self.out, f"a result {running}")
        self.assertEqual(running.stop().status, 0, running)

    def entries(self, *more):
        return self.succeeds("state", "get", "p.yaml", "sums", *more).jsonl()

    def test_what_there_is(self):
        text = self.succeeds("state", "ls", "state/sums").out
        self.assertRegex(text, r"(?m)^checkpoint \d+  20\d\d-")
        self.assertRegex(text, r"(?m)^  state    sums +\d+ entries +\d+ bytes$")
        told = json.loads(self.succeeds("state", "ls", "p.yaml", "--json").out)
        self.assertEqual({n["node"] for n in told["nodes"]}, {"in", "sums", "out"})
        keys = [e["key"] for e in self.entries() if "key" in e]
        self.assertEqual(sorted(k for k in keys if k in (["a"], ["b"])), [["a"], ["b"]])
        self.assertEqual(self.entries("--key", '"b"'), self.entries("--key", '["b"]'))
        self.assertEqual({tuple(e["key"]) for e in self.entries("--key", '"b"')}, {("b",)})
        oldest = told["checkpoints"][0]["checkpoint"]
        self.succeeds("state", "export", "p.yaml", "--checkpoint", str(oldest))

    def test_out_and_in_again_is_the_same(self):
        first = self.succeeds("state", "export", "p.yaml").out
        made = self.succeeds("state", "import", "p.yaml", stdin=first).out
        self.assertRegex(made, r"^checkpoint \d+\n$")
        again = self.succeeds("state", "export", "p.yaml").out
        self.assertEqual(first.splitlines()[1:], again.splitlines()[1:])
        self.add(line(3500))
        running = self.start("run", "p.yaml", "-q")
        harness.wait_until(lambda: len(self.out()) == 3, f"the window goes on {running}")
        self.assertEqual(running.stop().status, 0, running)
        self.assertEqual(self.out(), [("a", 1000, 1), ("a", 2000, 1), ("b", 2000, 7)])

    def test_a_key_is_taken_out_of_a_node(self):
        lines = self.succeeds("state", "export", "p.yaml", "sums").out.splitlines()
        kept = [one for one in lines if json.loads(one).get("key") != ["b"]]
        self.assertLess(len(kept), len(lines))
        self.succeeds("state", "import", "p.yaml", stdin="\n".join(kept) + "\n")
        self.assertEqual(self.entries("--key", '"b"'), [])
        self.add(line(3500))
        running = self.start("run", "p.yaml", "-q")
        harness.wait_until(lambda: len(self.out()) == 2, f"the window goes on {running}")
        self.assertEqual(running.stop().status, 0, running)
        self.assertEqual(self.out(), [("a", 1000, 1), ("a", 2000, 1)])

    def test_beside_a_run(self):
        lines = self.succeeds("state", "export", "p.yaml").out
        running = self.start("run", "p.yaml", "-q")
        self.add(line(3500))
        harness.wait_until(lambda: len(self.out()) == 3, f"it runs {running}")
        self.succeeds("state", "ls", "p.yaml")
        refused = self.tidemill("state", "import", "p.yaml", stdin=lines)
        self.assertEqual(refused.status, 3, refused)
        self.assertIn(str(running.process.pid), refused.err)
        self.assertEqual(running.stop().status, 0)

    def test_what_is_wrong(self):
        for lines, status, why in (
                ("nonsense\n", 2, "line 1: "), ("", 2, "there are no lines"),
                ('{"checkpoint": 1, "pipeline": "other"}\n', 3, "of 'other', not of 'sums'"),
                ('{"part": "soul", "node": "a"}\n', 2, "no part 'soul'"),
                ('{"node": "a", "section": 1}\n', 2, "comes before its entries"),
                ('{"part": "source", "node": "in", "bytes": "a"}\n', 2, "not base64")):
            wrong = self.tidemill("state", "import", "p.yaml", stdin=lines)
            self.assertEqual(wrong.status, status, wrong)
            self.assertIn(why, wrong.err)
        for words in (("ls",), ("look", "p.yaml"), ("import", "state/sums"),
                      ("get", "p.yaml"),
                      ("get", "p.yaml", "nobody"), ("get", "p.yaml", "sums", "--key", "[[1]]"),
                      ("export", "p.yaml", "nobody")):
            self.assertEqual(self.tidemill("state", *words).status, 2, words)


class Deciding(harness.TestCase):
    def test_two_connections_that_decide(self):
        self.write("p.yaml", HEAD + """
connections:
  one: { type: kafka, brokers: "127.0.0.1:1" }
  two: { type: kafka, brokers: "127.0.0.1:2" }
sources: { in: { type: file, path: in.jsonl } }
sinks:
  a: { type: topic, connection: one, inputs: in, topic: t }
  b: { type: topic, connection: two, inputs: in, topic: t }
""")
        wrong = self.tidemill("check", "p.yaml")
        self.assertEqual(wrong.status, 2, wrong)
        self.assertRegex(wrong.err + wrong.out, r"p\.yaml:12:\d+: error: b: its connection 'two'")
        self.succeeds("check", "p.yaml", "--set", "sinks.b.delivery=at_least_once")


class Guarantees(harness.TestCase):
    def guarantee(self, text):
        self.write("p.yaml", text)
        done = self.succeeds("check", "p.yaml", "--json")
        return {(p["from"], p["to"]): p["guarantee"] for p in json.loads(done.out)[0]["paths"]}

    def test_each_path_has_its_own(self):
        text = HEAD + SOURCE + OPERATORS + SINKS + """
  seen: { type: stdio, inputs: in }
  plain: { type: file, inputs: in, path: plain.jsonl, delivery: at_least_once }
"""
        self.assertEqual(self.guarantee(text), {("in", "out"): "exactly_once",
                                                ("in", "seen"): "at_least_once",
                                                ("in", "plain"): "at_least_once"})
        text = text.replace("checkpoint: { every: 50ms, dir: ./state }\n", "")
        self.assertEqual(set(self.guarantee(text).values()), {"at_most_once"})

    def test_a_shortfall_is_an_error_where_it_must_not_be(self):
        self.write("p.yaml", "require: exactly_once\n" + HEAD + SOURCE + OPERATORS + SINKS)
        self.succeeds("check", "p.yaml")
        self.write("p.yaml", "require: exactly_once\n" + HEAD + SOURCE + OPERATORS +
                   "sinks:\n  out: { type: stdio, inputs: sums }\n")
        wrong = self.tidemill("check", "p.yaml")
        self.assertEqual(wrong.status, 2, wrong)
        self.assertIn("in -> out: less than `require: exactly_once`", wrong.err + wrong.out)


if __name__ == "__main__":
    harness.main()
