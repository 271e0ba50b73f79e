# SPDX-License-Identifier: MIT
"""Bad input: the exit status says whose fault it is, the message names the place, and no record is
unaccounted for. Status 2: found before anything ran; 1: failed while running."""

import json
import os
import subprocess

import harness

PIPE = """\
pipeline: bad
sources:
  in: { type: stdio, on_error: %(on_error)s }
operators:
  work: { type: map, inputs: in, lua: %(lua)s, limits: { memory: 4MiB, time: 100ms } }
sinks:
  out: { type: stdio, inputs: work }
"""

SAME = "return function(r) return r end"

PLUGIN = """\
#include "tidemill/plugin.h"
static const tide_sink sink = {.struct_size = sizeof sink};
static const tide_plugin plugin = {%s, .name = "other", .version = "1", .license = "MIT",
                                   .help = "none", .sink = &sink};
TIDE_EXPORT const tide_plugin *%s(uint32_t major, uint32_t minor)
{ (void)major; (void)minor; return &plugin; }
"""


class BadInput(harness.TestCase):
    def pipeline(self, on_error="stop", lua=SAME):
        return self.write("bad.yaml", PIPE % {"on_error": on_error, "lua": json.dumps(lua)})

    def run_pipe(self, stdin, **options):
        report = self.path("report.json")
        done = self.tidemill("run", "-r", report, self.pipeline(**options), stdin=stdin)
        if os.path.exists(report):
            with open(report, encoding="utf-8") as file:
                done.nodes = {node["name"]: node for node in json.load(file)["nodes"]}
        return done


class Yaml(BadInput):
    CASES = [  # YAML, what is said about which place
        ("a: [1, 2\nb: 3\n", r"bad\.yaml:2:\d+: error: "),
        ("pipeline: x\n\tsources: {}\n", r"bad\.yaml:2:\d+: error: "),
        ("", r"bad\.yaml:1:1: error: |bad\.yaml: "),
        ("pipeline: x\nsuorces: {}\n", r"bad\.yaml:2:1: error: unknown key 'suorces'.*did you mean "
                                       r"'sources'\?"),
        ("pipeline: x\nsources:\n  a: { type: stdio }\n  a: { type: stdio }\n",
         r"bad\.yaml:4:3: error: .*'a'"),
        ("pipeline: x\nsources:\n  a: { type: stdoi }\nsinks:\n  b: { type: stdio, inputs: a }\n",
         r"bad\.yaml:3:\d+: error: .*'stdoi'.*did you mean 'stdio'\?"),
        ("pipeline: x\nsources:\n  a: { type: stdio }\nsinks:\n  b: { type: stdio, inputs: c }\n",
         r"bad\.yaml:5:\d+: error: .*'c'"),
        (b"pipeline: \xff\xfe\xfd\n", r"bad\.yaml:\d+:\d+: error: .*UTF-8"),
        ("a: &a [*a, *a]\n", r"bad\.yaml:\d+:\d+: error: "),
    ]

    def test_places(self):
        for content, pattern in self.CASES:
            for command in ("check", "run"):
                with self.subTest(content=content, command=command):
                    done = self.tidemill(command, self.write("bad.yaml", content))
                    self.assertEqual(done.status, 2, done)
                    self.assertEqual(done.out, "", done)
                    self.assertRegex(done.err, pattern, done)

    def test_all_at_once_with_caret(self):
        path = self.write("bad.yaml", "pipeline: x\nsources:\n  a: { type: stdio, decod: json }\n"
                                      "sinks:\n  b: { type: file, inputs: a, pathh: x }\n")
        done = self.tidemill("check", path)
        self.assertEqual(done.status, 2, done)
        for text in ("3:21: error: unknown key 'decod'", "did you mean 'decode'?",
                     "unknown key 'pathh'", "did you mean 'path'?",
                     "\n    a: { type: stdio, decod: json }\n                      ^\n"):
            self.assertIn(text, done.err)


class Scripts(BadInput):
    BEFORE = [  # Lua, what is said; found by `check`
        ("return function(r) retrun r end", r"error: .*near 'r'"),
        ("return 5", r"error: .*function"),
        ("error('at load')", r"error: .*at load"),
        ("while true do end", r"error: .*(time|ms)"),
        ("local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end", r"error: .*memory"),
        ("return function(r) return os.time() end", None),  # only found when it runs
    ]

    def test_found_by_check(self):
        for lua, pattern in self.BEFORE:
            with self.subTest(lua):
                done = self.tidemill("check", self.pipeline(lua=lua))
                self.assertEqual(done.status, 2 if pattern else 0, done)
                if pattern:
                    self.assertRegex(done.err, r"bad\.yaml:\d+" + "(.|\n)*" + pattern, done)

    def test_a_missing_script(self):
        path = self.write("bad.yaml", (PIPE % {"on_error": "stop", "lua": "x"})
                          .replace("lua: x", "script: scripts/none.lua"))
        done = self.tidemill("check", path)
        self.assertEqual(done.status, 2, done)
        self.assertRegex(done.err, r"bad\.yaml:5:\d+: error: .*none\.lua")

    WHILE_RUNNING = [
        ("return function(r) while true do end end", r"(time|ms)"),
        ("return function(r) pcall(function() while true do end end) return r end", r"(time|ms)"),
        ("return function(r) local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end end",
         r"memory"),
        ("return function(r) r.x = ('a'):rep(1 << 40) return r end", r"memory|more than"),
        ("return function(r) return r.a.b end", r"index"),
        ("return function(r) r.x = 1 end", r"return"),
        ("return function(r) r.x = 0/0 return r end", r"nan|NaN"),
        ("return function(r) return os.time() end", r"os"),
    ]

    def test_while_running(self):
        for lua, pattern in self.WHILE_RUNNING:
            with self.subTest(lua):
                done = self.run_pipe('{"n":1}\n', lua=lua)
                self.assertEqual(done.status, 1, done)
                self.assertRegex(done.err, r"error: work: .*" + pattern, done)

    def test_a_loop_on_one_record_leaves_the_others(self):
        lua = "return function(r) while r.n == 2 do end return r end"
        path = self.pipeline(lua=lua)
        with open(path, encoding="utf-8") as file:
            text = file.read().replace("limits:", "on_error: skip, limits:")
        path = self.write("bad.yaml", text)
        done = self.succeeds("run", path, stdin='{"n":1}\n{"n":2}\n{"n":3}\n')
        self.assertEqual(done.jsonl(), [{"n": 1}, {"n": 3}])


class Data(BadInput):
    GOOD = b'{"n":1}\n'
    BAD = [
        (b"nonsense\n", r"byte 0: "),
        (b'{"n":1}}\n', r"byte 7: "),
        (b'{"n":01}\n', r"byte \d: "),
        (b'{"n":1,\n', r"byte \d: "),
        (b'{"s":"\xff\xfe"}\n', r"byte 6: .*UTF-8"),
        (b'{"s":"\xed\xa0\x80"}\n', r"byte 6: .*UTF-8"),  # a surrogate
        (b'{"s":"\\ud800"}\n', r"byte \d+: "),
        (b'{"s":"a\x00b"}\n', r"byte \d: "),
        (b"[" * 100000 + b"\n", r"byte \d+: .*(deep|nest|level)"),
    ]

    def test_stop(self):
        for bad, pattern in self.BAD:
            with self.subTest(bad[:20]):
                done = self.run_pipe(self.GOOD + bad + self.GOOD)
                self.assertEqual(done.status, 1, done)
                self.assertRegex(done.err, r"error: in: .*stdin.*offset 8: " + pattern, done)
                self.assertEqual(done.out.encode(), self.GOOD, "what came before it is written")

    def test_skip(self):
        stdin = self.GOOD + b"".join(bad + self.GOOD for bad, _ in self.BAD)
        done = self.run_pipe(stdin, on_error="skip")
        self.assertEqual(done.status, 0, done)
        self.assertEqual(done.out.encode(), self.GOOD * (len(self.BAD) + 1))
        source = done.nodes["in"]
        self.assertEqual(source["failed"], len(self.BAD))
        self.assertEqual(source["in"], source["out"] + source["failed"])


class Plugins(BadInput):
    PIPE = ("pipeline: x\nsources:\n  a: { type: stdio }\n"
            "sinks:\n  b: { type: other, inputs: a }\n")

    def compile(self, head, symbol="tide_plugin_entry"):
        source = self.write("other.c", PLUGIN % (head, symbol))
        target = self.path("plugins", "other.so")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        subprocess.run(["cc", "-shared", "-fPIC", "-I",
                        os.path.join(harness.SOURCE, "runtime/include"), source, "-o", target],
                       check=True)
        return target

    def refused(self, *patterns):
        path = self.write("bad.yaml", self.PIPE)
        done = self.tidemill("check", "--plugins", self.path("plugins"), path)
        self.assertEqual(done.status, 2, done)
        for pattern in (r"bad\.yaml:5:\d+: error: .*'other'", r"other\.so", *patterns):
            self.assertRegex(done.err, pattern, done)

    def test_another_abi(self):
        self.compile(".abi_major = 7, .abi_minor = 3, .struct_size = sizeof(tide_plugin)")
        self.refused(r"7", r"1")

    def test_without_its_symbol(self):
        self.compile("TIDE_PLUGIN_HEAD", "another_entry")
        self.refused("tide_plugin_entry")

    def test_no_shared_object(self):
        self.write("plugins/other.so", "not a shared object\n")
        self.refused()

    def test_writable_by_others(self):
        os.chmod(self.compile("TIDE_PLUGIN_HEAD"), 0o777)
        self.refused("writable")

    def test_listed_with_its_error(self):
        self.compile("TIDE_PLUGIN_HEAD", "another_entry")
        done = self.succeeds("plugins", "--plugins", self.path("plugins"))
        self.assertRegex(done.out, r"(?m)^unusable .*other\.so.*tide_plugin_entry")
        self.assertRegex(done.out, r"(?m)^stdio ")


if __name__ == "__main__":
    harness.main()
