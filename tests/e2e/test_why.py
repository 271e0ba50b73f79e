# SPDX-License-Identifier: MIT
"""tidemill why: what holds a watermark or a window of a running pipeline."""

import json
import re

import harness

PIPELINE = """
pipeline: held
%s
sources:
  in:
    type: file
    path: "in-*.jsonl"
    follow: true
    event_time: { field: ts }
    watermark: %s
  plain: { type: file, path: plain.jsonl, follow: true }
operators:
  seen: { type: filter, inputs: in, when: "ts >= 0" }
  sums:
    type: aggregate
    inputs: seen
    key_by: k
    window: { tumbling: 10s, close_after: 1h }
    compute: { n: count() }
  both: { type: union, inputs: [in, plain] }
sinks:
  out: { type: file, inputs: sums, path: out.jsonl }
  all: { type: "null", inputs: both }
"""


def lines(*times):
    return "".join(json.dumps({"ts": ts, "k": ts % 7}) + "\n" for ts in times)


class Why(harness.TestCase):
    def serve(self, watermark="{ out_of_order: 0s }", top="", *more):
        self.write("p.yaml", PIPELINE % (top, watermark))
        self.write("in-a.jsonl", lines(1000, 25000))
        self.write("in-b.jsonl", lines(2000, 12000))
        self.write("plain.jsonl", "{}\n")
        self.run_ = self.start("run", "p.yaml", "--http", "127.0.0.1:0", *more)
        match = harness.wait_until(lambda: re.search(r"http://(\S+)/metrics", self.run_.err),
                                   "the address in the log")
        self.address = match[1]

    def why(self, node, *more):
        return self.tidemill("why", node, "--http", self.address, *more)

    def asks(self, node, condition, what):
        def look():
            done = self.why(node, "--json")
            if done.status:
                return None
            found = json.loads(done.out)
            return found if condition(found) else None
        return harness.wait_until(look, what)

    def names_the_split(self, *more):
        self.serve("{ out_of_order: 0s }", "", *more)
        found = self.asks("sums", lambda it: it["chain"][0]["watermark_ms"] == 11999, "11999")
        self.assertEqual([step["node"] for step in found["chain"]], ["sums", "seen", "in"])
        self.assertEqual(found["cause"], "split")
        self.assertIn("in-b.jsonl@", found["split"]["name"])
        self.assertEqual(found["split"]["watermark_ms"], 11999)
        self.assertGreaterEqual(found["split"]["silent_ms"], 0)
        self.assertFalse(found["chain"][0]["idle"])
        self.assertIsNone(found["window"])
        return found

    def test_names_the_split_that_has_come_least_far(self):
        found = self.names_the_split()
        self.assertTrue(any("idle_after" in way for way in found["release"]), found)
        text = self.why("sums").out
        self.assertIn("sums (aggregate): 1970-01-01T00:00:11.999Z, moved ", text)
        self.assertIn("  waits for in (file): 1970-01-01T00:00:11.999Z", text)
        self.assertIn("held by the split ", text)
        self.assertIn("  - the end of in\n", text)
        # A window, by ms and by RFC 3339.
        closed = json.loads(self.why("sums@10000", "--json").out)
        self.assertEqual(closed["window"], {"end_ms": 10000, "closed": True})
        still = json.loads(self.why("sums@1970-01-01T00:00:20Z", "--json").out)
        self.assertEqual(still["window"], {"end_ms": 20000, "closed": False})
        self.assertIn("is open: 8s of event time are missing", self.why("sums@20000").out)
        # A sink waits for what is before it; the other split is next.
        self.assertEqual(json.loads(self.why("out", "--json").out)["chain"][-1]["node"], "in")
        with open(self.path("in-b.jsonl"), "a", encoding="utf-8") as file:
            file.write(lines(90000))
        found = self.asks("sums", lambda it: it["chain"][0]["watermark_ms"] == 24999, "24999")
        self.assertIn("in-a.jsonl@", found["split"]["name"])

    def test_in_lanes(self):
        found = self.names_the_split("--parallelism", "3")
        self.assertEqual(found["chain"][0]["lanes"], 3)
        self.assertEqual(found["chain"][-1]["lanes"], 3)

    def test_names_what_has_no_time_and_what_is_idle(self):
        self.serve("{ idle_after: 300ms }")
        found = self.asks("both", lambda it: it["cause"] == "no_time", "no time")
        self.assertEqual(found["chain"][-1]["node"], "plain")
        found = self.asks("sums", lambda it: it["cause"] == "idle", "idle")
        self.assertTrue(found["chain"][0]["idle"])
        self.assertTrue(any("close_after" in way for way in found["release"]), found)
        self.assertIn("all splits of in are idle", self.why("sums").out)

    def test_a_source_without_splits(self):
        self.write("p.yaml", PIPELINE % ("", "none"))
        self.run_ = self.start("run", "p.yaml", "--http", "127.0.0.1:0")
        match = harness.wait_until(lambda: re.search(r"http://(\S+)/metrics", self.run_.err),
                                   "the address in the log")
        self.address = match[1]
        self.asks("sums", lambda it: it["cause"] == "no_split", "no split")
        self.write("in-a.jsonl", lines(5))
        found = self.asks("sums", lambda it: it["cause"] == "split", "a split")
        self.assertIn("the end of in", found["release"][0])

    def test_wrong_questions(self):
        self.serve()
        self.asks("sums", lambda it: True, "an answer")
        done = self.why("summs")
        self.assertEqual((done.status, done.out), (2, ""))
        self.assertIn("there is no node 'summs'", done.err)
        done = self.why("sums@soon")
        self.assertEqual(done.status, 2)
        self.assertIn("'soon' is no time", done.err)
        self.assertEqual(self.tidemill("why").status, 2)
        self.assertEqual(self.tidemill("why", "a", "b").status, 2)
        done = self.tidemill("why", "a", "--http", f"127.0.0.1:{harness.free_port()}")
        self.assertEqual(done.status, 1)
        self.assertIn("no pipeline answers on", done.err)
        done = self.tidemill("why", "a", "--http", "nowhere")
        self.assertEqual(done.status, 2)

    def test_a_token(self):
        self.write("token", "correct-horse-battery-staple\n")
        self.serve("{ out_of_order: 0s }", "", "--http-token-file", "token")
        self.assertEqual(self.why("sums").status, 1)
        harness.wait_until(lambda: not self.why("sums", "--http-token-file", "token").status,
                           "an answer")


if __name__ == "__main__":
    harness.main()
