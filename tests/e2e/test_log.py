# SPDX-License-Identifier: MIT
"""--log json: whatever is said on standard error while running is one JSON object a line."""

import json
import os
import re
import subprocess

import harness

MEMBERS = ["time", "level", "pipeline", "node", "code", "message", "fields"]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
PIPE = "pipeline: p\n%s\nsources: { in: { type: stdio, on_error: skip } }\n" \
       "operators: { m: { type: map, inputs: in, on_error: skip, lua: '%s' } }\n" \
       "sinks: { out: { type: stdio, inputs: m } }\n"
SAME = "return function(r) return r end"


class Log(harness.TestCase):
    def lines(self, done):
        found = [json.loads(line) for line in done.err.splitlines()]
        for line in found:
            self.assertEqual(list(line), MEMBERS)
            self.assertRegex(line["time"], TIME)
            self.assertIn(line["level"], ("error", "warn", "info", "debug"))
            for value in line["fields"].values():
                self.assertIs(type(value), int)
        self.assertTrue(done.err.replace("\n", "").isprintable(), done)
        return found

    def run_pipe(self, stdin="", lua=SAME, top="", status=0, options=()):
        self.write("p.yaml", PIPE % (top, lua))
        done = self.tidemill("run", "--log", "json", *options, "p.yaml", stdin=stdin)
        self.assertEqual(done.status, status, done)
        return self.lines(done)

    def test_the_end_is_told(self):
        (line,) = self.run_pipe('{"n":1}\n{"n":2}\n')
        self.assertEqual((line["level"], line["message"], line["node"]), ("info", "done", None))
        self.assertEqual((line["fields"]["in"], line["fields"]["out"]), (2, 2))
        self.assertEqual(line["pipeline"], "p")
        self.assertEqual(self.run_pipe("", options=["--quiet"]), [])

    def test_problems(self):
        line = self.run_pipe(top="parallelism: 4")[0]
        self.assertEqual((line["level"], line["code"]), ("warn", "not-heeded"))
        self.assertEqual((line["fields"]["line"], line["fields"]["column"]), (2, 14))
        lines = self.run_pipe(top="draim: 4", status=2)
        self.assertEqual([(line["level"], line["code"]) for line in lines],
                         [("error", "unknown-key")])
        self.assertIn("did you mean 'drain'?", lines[0]["message"])

    def test_bytes_that_mean_harm(self):
        lua = r'return function(r) error("a\"b\\\27[2J\255\r\n" .. r.s, 0) end'
        lines = self.run_pipe('{"s":"\\u001b[31m\\u009b"}\n', lua=lua)
        (failed,) = [line for line in lines if line["node"] == "m"]
        self.assertIn('a"b\\', failed["message"])
        self.assertIn("[2J", failed["message"])

    def test_failures(self):
        lines = self.run_pipe('{"n":1}\n', lua="return function(r) return r.a.b end")
        self.assertIn(("warn", "m"), [(line["level"], line["node"]) for line in lines])
        self.write("p.yaml", "pipeline: p\nsources: { in: { type: file, path: absent } }\n"
                             "sinks: { out: { type: stdio, inputs: in } }\n")
        done = self.tidemill("run", "--log=json", "p.yaml")
        self.assertEqual(done.status, 1, done)
        last = self.lines(done)[-1]
        self.assertEqual((last["level"], last["code"]), ("error", "cannot-go-on"))

    def test_text_is_the_default(self):
        self.write("p.yaml", PIPE % ("", SAME))
        for options in ([], ["--log", "text"]):
            self.assertRegex(self.succeeds("run", *options, "p.yaml").err, r"^done: ")
        done = self.tidemill("run", "--log", "xml", "p.yaml")
        self.assertEqual(done.status, 2, done)
        self.assertIn("--log xml: expected json or text [usage]", done.err)

    def on_a_terminal(self, env):
        """What `check` says on a terminal."""
        try:
            leader, follower = os.openpty()
        except OSError as error:
            self.skipTest(f"no terminals here: {error}")
        self.addCleanup(os.close, leader)
        subprocess.run([harness.TIDEMILL, "check", "p.yaml"], cwd=self.dir, stderr=follower,
                       env=self.environment(env), check=False, timeout=60)
        os.close(follower)
        return os.read(leader, 65536)

    def test_colours_only_where_welcome(self):
        self.write("p.yaml", "pipeline: p\ndraim: 1\n")
        self.assertIn(b"\x1b[", self.on_a_terminal({"TERM": "xterm-256color"}))
        for env in ({"TERM": "xterm-256color", "NO_COLOR": "1"}, {"TERM": "dumb"}):
            self.assertNotIn(b"\x1b", self.on_a_terminal(env))

    def test_no_colours_on_a_pipe(self):
        self.write("p.yaml", "pipeline: p\ndraim: 1\n")
        for env in (None, {"NO_COLOR": "1"}, {"TERM": "xterm-256color"}):
            self.assertNotIn("\x1b", self.tidemill("check", "p.yaml", env=env).err)


if __name__ == "__main__":
    harness.main()
