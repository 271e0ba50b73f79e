# SPDX-License-Identifier: MIT
"""`on_error: { retry: ..., then: ... }` of sources and sinks whose calls of the system really fail:
tried again after waits that grow, given up after `max` of them, and counted."""

import contextlib
import errno
import json
import os
import shutil
import sys

SOURCE = os.environ.get("TIDEMILL_SOURCE") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "tests", "e2e"))
import harness  # pylint: disable=wrong-import-position

SHIM = os.environ.get("SHIM", "")
AGAIN = "{ retry: { max: 3, backoff: 20ms..80ms }, then: %s }"
THENS = ("stop", "skip", "{ dlq: dead }")
EVER = 1000000
WRITE = """
pipeline: w
connections: { main: { type: log, dir: log } }
sources: { in: { type: file, path: in.jsonl } }
sinks:
  out: { type: topic, connection: main, inputs: in, topic: t, partitions: 1, on_error: %s }
  dead: { type: file, path: dead.jsonl }
"""
READ = """
pipeline: r
connections: { main: { type: log, dir: log } }
sources: { in: { type: topic, connection: main, topic: t, start: earliest, until: latest } }
sinks: { back: { type: file, inputs: in, path: back.jsonl } }
"""
POLL = """
pipeline: p
sources:
  in:
    type: tcp_poll
    targets: ["%s"]
    interval: 150ms
    backoff: 5ms..10ms
    request: get
    on_error: %s
sinks:
  out: { type: file, inputs: in, path: out.jsonl }
  dead: { type: file, path: dead.jsonl }
"""


class Retry(harness.TestCase):
    def faults(self, call, code, times, path=None):
        env = {"LD_PRELOAD": SHIM, "SHIM_CALL": call, "SHIM_CODE": str(code), "SHIM_NTH": "1",
               "SHIM_TIMES": str(times)}
        return {**env, "SHIM_PATH": path} if path else env

    def clear(self, *names):
        for name in names:
            shutil.rmtree(self.path(name), ignore_errors=True)
            with contextlib.suppress(FileNotFoundError):
                os.remove(self.path(name))

    def fill(self, text, then):
        if "dlq" not in then:
            text = text.replace("  dead: { type: file, path: dead.jsonl }\n", "")
        return text

    def waits(self, err):
        """The `retry_ms` of each line that tells of another try."""
        told = [json.loads(line) for line in err.splitlines() if "trying again" in line]
        for number, line in enumerate(told):
            self.assertEqual(line["code"], "unavailable", err)
            self.assertEqual(line["fields"]["attempt"], number + 1, err)
            limit = min(80, 20 << number)
            self.assertLessEqual(line["fields"]["retry_ms"], limit, err)
            self.assertGreaterEqual(line["fields"]["retry_ms"], limit // 2 - 1, err)
        return len(told)

    def counts(self, node):
        with open(self.path("report.json"), encoding="utf-8") as file:
            return next(one for one in json.load(file)["nodes"] if one["name"] == node)

    def device(self):  # pylint: disable=arguments-differ
        def behave(_, connection):
            connection.recv(3)
            connection.sendall(b'{"n":1}\n')
        return super().device("127.0.0.1", behave)

    # -- a sink --

    def write_log(self, then, **faults):
        self.clear("log", "back.jsonl", "dead.jsonl")
        self.write("in.jsonl", "".join('{"n":%d}\n' % n for n in range(300)))
        self.write("w.yaml", self.fill(WRITE, then) % (AGAIN % then))
        return self.tidemill("run", "w.yaml", "--quiet", "--log", "json", "--report",
                             "report.json", env=self.faults(**faults))

    def assert_written(self):
        self.write("r.yaml", READ)
        self.succeeds("run", "r.yaml", "--quiet")
        self.assertEqual([row["n"] for row in harness.read_jsonl(self.path("back.jsonl"))],
                         list(range(300)))

    def test_a_sink_that_opens_at_last(self):
        done = self.write_log("stop", call="open", code=errno.EMFILE, times=3, path="/t/0/lock")
        self.assertEqual(done.status, 0, done)
        self.assertEqual(self.waits(done.err), 3, done)
        self.assertIn(os.strerror(errno.EMFILE), done.err)
        self.assertEqual(self.counts("out")["out"], 300)
        self.assert_written()

    def test_a_sink_that_never_opens(self):
        for then in THENS:
            with self.subTest(then):
                done = self.write_log(then, call="open", code=errno.EMFILE, times=EVER,
                                      path="/t/0/lock")
                self.assertEqual(done.status, 1, done)
                self.assertEqual(self.waits(done.err), 3, done)
                self.assertIn(os.strerror(errno.EMFILE), done.err.splitlines()[-1])
                self.assertNotIn("cannot account", done.err)
                self.assertEqual(self.counts("out")["out"], 0)

    def test_a_disk_that_comes_back(self):
        for code in (errno.EIO, errno.ENOSPC):
            with self.subTest(os.strerror(code)):
                done = self.write_log("skip", call="writev", code=code, times=3, path=".seg")
                self.assertEqual(done.status, 0, done)
                self.assertEqual(done.err.count(os.strerror(code)), 1, done)  # said once
                self.assertEqual(self.counts("out")["failed"], 0)
                self.assert_written()

    # -- a source --

    def poll(self, then, enough, **faults):
        """Runs until `enough` readings are in the output; what it said."""
        self.write("p.yaml", self.fill(POLL, then) % (self.device().address, AGAIN % then))
        self.clear("out.jsonl", "dead.jsonl")
        running = self.start("run", "p.yaml", "--quiet", "--log", "json", "--report",
                             "report.json", env=self.faults(**faults))
        if enough:
            harness.wait_until(lambda: os.path.exists(self.path("out.jsonl"))
                               and len(harness.read_lines(self.path("out.jsonl"))) >= enough,
                               "readings")
            return running.stop()
        return running.wait()

    def test_a_source_that_opens_at_last(self):
        done = self.poll("stop", 2, call="epoll_create1", code=errno.EMFILE, times=3)
        self.assertEqual(done.status, 0, done)
        self.assertEqual(self.waits(done.err), 3, done)
        self.assertEqual(self.counts("in")["failed"], 0)

    def test_a_source_that_never_opens(self):
        for then in THENS:
            with self.subTest(then):
                done = self.poll(then, 0, call="epoll_create1", code=errno.EMFILE, times=EVER)
                self.assertEqual(done.status, 1, done)
                self.assertEqual(self.waits(done.err), 3, done)
                self.assertIn("no descriptor is left", done.err.splitlines()[-1])

    def test_readings_that_fail(self):
        """The device is asked again anyway; each reading that failed is one error, for `then`."""
        for then in THENS[1:]:
            with self.subTest(then):
                done = self.poll(then, 2, call="connect", code=errno.ECONNREFUSED, times=4)
                self.assertEqual(done.status, 0, done)
                self.assertEqual(self.waits(done.err), 0, done)
                counts = self.counts("in")
                self.assertEqual(counts["failed"], 4, counts)
                self.assertEqual(counts["in"], counts["out"] + 4, counts)

    def test_a_reading_that_stops(self):
        done = self.poll("stop", 0, call="connect", code=errno.ECONNREFUSED, times=4)
        self.assertEqual(done.status, 1, done)
        self.assertIn(os.strerror(errno.ECONNREFUSED), done.err)


if __name__ == "__main__":
    harness.main()
