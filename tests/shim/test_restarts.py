# SPDX-License-Identifier: MIT
"""A pipeline that fails for a reason that may pass goes on from its last checkpoint: as often as
`restart:` says, alone, and with nothing lost or twice."""

import errno
import http.client
import json
import os
import re
import sys

SOURCE = os.environ.get("TIDEMILL_SOURCE") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "tests", "e2e"))
import harness  # pylint: disable=wrong-import-position

SHIM = os.environ.get("SHIM", "")
PIPELINE = """
pipeline: %(name)s
delivery: exactly_once
checkpoint: { every: 50ms, dir: ./state }
restart: %(restart)s
sources:
  in: { type: file, path: %(name)s.jsonl, follow: true }
operators:
  sums:
    type: map
    inputs: in
    lua: "return function(r) if r.bad then error('bad') end return r end"
sinks:
  out: { type: file, inputs: sums, path: %(name)s.out }
"""
QUICK = "{ max: %d, backoff: 10ms..20ms }"


class Restarts(harness.TestCase):
    def pipeline(self, name, restart):
        self.write(name + ".yaml", PIPELINE % {"name": name, "restart": restart})
        self.write(name + ".jsonl", "")
        return name + ".yaml"

    def add(self, name, *records):
        with open(self.path(name + ".jsonl"), "a", encoding="utf-8") as file:
            file.write("".join(json.dumps(r) + "\n" for r in records))

    def out(self, name):
        return [r["n"] for r in harness.read_jsonl(self.path(name + ".out"))]

    def begin(self, *files, times=1):
        """Runs until each has come to a checkpoint of its own; writing to a.out fails from now."""
        shim = {"LD_PRELOAD": SHIM, "SHIM_CALL": "write", "SHIM_CODE": str(errno.EIO),
                "SHIM_PATH": "/a.out", "SHIM_NTH": "1", "SHIM_TIMES": str(times)}
        running = self.start("run", *files, "--http", "0", "-q", env=shim)
        port = harness.wait_until(lambda: re.search(r"http://127.0.0.1:(\d+)", running.err),
                                  "the address is told")
        self.port = int(port.group(1))
        return running

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", path)
        text = connection.getresponse().read().decode()
        connection.close()
        return text

    def has_checkpoint(self, name):
        line = re.search(r'tidemill_checkpoints_total\{pipeline="%s"\} (\d+)' % name,
                         self.get("/metrics"))
        return line and int(line.group(1)) > 0

    def wait_checkpoint(self, name):
        harness.wait_until(lambda: self.has_checkpoint(name), "a checkpoint")

    def test_a_disk_that_fails_once(self):
        running = self.begin(self.pipeline("a", QUICK % 3))
        self.wait_checkpoint("a")
        self.add("a", *({"n": i} for i in range(1000)))
        harness.wait_until(lambda: len(self.out("a")) >= 1000 or not running.alive(),
                           f"all records {running}")
        self.assertIn('tidemill_pipeline_restarts_total{pipeline="a"} 1', self.get("/metrics"))
        self.assertEqual(running.stop().status, 0, running)
        self.assertRegex(running.err, "Input/output error.*attempt 1 of 3")
        self.assertEqual(self.out("a"), list(range(1000)))

    def test_the_limit_is_heeded_and_others_go_on(self):
        running = self.begin(self.pipeline("a", QUICK % 2), self.pipeline("b", QUICK % 2),
                             times=1000000)
        self.wait_checkpoint("a")
        self.add("a", {"n": 1})
        harness.wait_until(lambda: "given up after 2 attempts" in running.err,
                           f"the limit {running}")
        harness.wait_until(lambda: json.loads(self.get("/readyz"))["status"] == "failed", "told")
        self.add("b", {"n": 7})
        harness.wait_until(lambda: self.out("b") == [7], "the other goes on")
        self.assertEqual(running.stop().status, 1, running)
        self.assertIn("attempt 2 of 2", running.err)
        self.assertNotIn("b: sums", running.err)

    def test_one_that_cannot_be_built_again(self):
        """Its script has gone meanwhile: it has failed, and says where."""
        first = self.pipeline("a", QUICK % 3)
        with open(self.path(first), encoding="utf-8") as file:
            self.write(first, re.sub("lua: .*", "script: a.lua", file.read()))
        self.write("a.lua", "return function(r) return r end")
        running = self.begin(first, self.pipeline("b", QUICK % 2))
        self.wait_checkpoint("a")
        os.remove(self.path("a.lua"))
        self.add("a", {"n": 1})
        harness.wait_until(lambda: "a: a.yaml:" in running.err, f"the error {running}")
        self.assertEqual(json.loads(self.get("/readyz"))["status"], "failed")
        self.add("b", {"n": 7})
        harness.wait_until(lambda: self.out("b") == [7], "the other goes on")
        self.assertEqual(running.stop().status, 1, running)

    def test_it_is_switched_off(self):
        running = self.begin(self.pipeline("a", "false"))
        self.wait_checkpoint("a")
        self.add("a", {"n": 1})
        self.assertEqual(running.wait().status, 1, running)
        self.assertNotIn("attempt", running.err)

    def test_a_record_that_stops_is_no_reason(self):
        running = self.begin(self.pipeline("a", QUICK % 3), times=0)
        self.wait_checkpoint("a")
        self.add("a", {"n": 1, "bad": True})
        self.assertEqual(running.wait().status, 1, running)
        self.assertNotIn("attempt", running.err)

    def test_a_stop_while_it_waits(self):
        running = self.begin(self.pipeline("a", "{ backoff: 1h..1h }"))
        self.wait_checkpoint("a")
        self.add("a", {"n": 1})
        harness.wait_until(lambda: "attempt 1 of 10" in running.err, f"the pause {running}")
        harness.wait_until(lambda: "restarting" in self.get("/readyz"), "told")
        self.assertEqual(running.stop().status, 1, running)
        self.assertEqual(self.tidemill("check", "a.yaml").status, 0)


if __name__ == "__main__":
    harness.main()
