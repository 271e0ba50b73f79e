# SPDX-License-Identifier: MIT
"""Hostile scripts through the front door: with on_error skip only the record fails, within its time
and memory, with script:line, and the other operators never notice."""

import json
import resource
import time

import harness

PIPE = """\
pipeline: sandbox
sources:
  in: { type: stdio }
operators:
  attacked:
    type: map
    inputs: in
    on_error: skip
    limits: { memory: 8MiB, time: 100ms }
    lua: %(lua)s
  other:
    type: map
    inputs: in
    lua: |
      return function(r) return { other = ("%%d-%%s"):format(r.n, ("x"):rep(2)) } end
sinks:
  out: { type: stdio, inputs: [attacked, other] }
"""

ATTACKS = [  # name, body of function(r), what is said
    ("loop", "while true do end", "time limit of 100 ms"),
    ("goto", "::a:: goto a", "time limit"),
    ("pcall", "while true do pcall(function() while true do end end) end", "time limit"),
    ("handler", "xpcall(error, function() while true do end end)", "time limit"),
    ("coroutine", "coroutine.wrap(function() while true do end end)()", "time limit"),
    ("yields", "local f = coroutine.wrap(function() while true do coroutine.yield() end end) "
               "while true do f() end", "time limit"),
    ("yield", "coroutine.yield(r)", "yield from outside"),
    ("pattern", "('a'):rep(60):find(('a-'):rep(30) .. 'b')", "time limit"),
    ("gsub", "('a'):gsub('a', function() while true do end end)", "time limit"),
    ("sort", "table.sort({1, 2, 3}, function() while true do end end)", "time limit"),
    ("move", "table.move({}, 1, 1 << 40, 2)", "time limit"),
    ("tostring", "tostring(setmetatable({}, {__tostring = function() while true do end end}))",
     "time limit"),
    ("close", "local m = {} setmetatable({}, m) m.__close = print", "'__close' is not allowed"),
    ("finalizer", "setmetatable({}, {__gc = print})", "'__gc' is not allowed"),
    ("strings", "local s = 'x' while true do s = s .. s end", "memory limit of 8 MiB"),
    ("rep", "r.x = ('x'):rep(1 << 40)", "memory limit"),
    ("tables", "local t = {} while true do t[#t + 1] = {} end", "memory limit"),
    ("trees", "local t = {1} for _ = 1, 60 do t = {t, t} end r.x = t", "memory limit"),
    ("json", "local t = {1} for _ = 1, 60 do t = {t, t} end json.encode(t)", "limit"),
    ("recursion", "local function f() return f() + 1 end f()", "limit|overflow"),
    ("nested", "local function f() coroutine.wrap(f)() end f()", ""),
    ("strings' methods", "string.rep = nil", "string is read-only"),
    ("bytecode", "string.dump(print)", "nil value"),
    ("load", "load('x')", "global 'load' is not defined"),
    ("os", "os.exit(7)", "global 'os' is not defined"),
]


class Sandbox(harness.TestCase):
    def test_attacks(self):
        lines = "".join(json.dumps({"n": n}) + "\n" for n in range(1, 6))
        for name, body, said in ATTACKS:
            with self.subTest(name):
                lua = f"return function(r)\nif r.n == 3 then {body} end\nreturn r\nend"
                report = self.path("report.json")
                path = self.write("sandbox.yaml", PIPE % {"lua": json.dumps(lua)})
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                done = self.succeeds("run", "-r", report, path, stdin=lines)
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                rows = done.jsonl()
                self.assertEqual([row for row in rows if "n" in row],
                                 [{"n": n} for n in (1, 2, 4, 5)], done)
                self.assertEqual([row for row in rows if "other" in row],
                                 [{"other": f"{n}-xx"} for n in range(1, 6)], done)
                self.assertRegex(done.err, r"attacked.*sandbox\.yaml:\d+: .*(" + said + ")")
                used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
                self.assertLess(used, 1.5, "of processor time, the start included")
                with open(report, encoding="utf-8") as file:
                    nodes = {node["name"]: node for node in json.load(file)["nodes"]}
                self.assertEqual(nodes["attacked"]["failed"], 1)
                self.assertEqual(nodes["other"]["failed"], 0)

    def test_limits_while_loading(self):
        for lua, said in (("while true do end", "time limit of 100 ms"),
                          ("local s = 'x' while true do s = s .. s end", "memory limit of 8 MiB"),
                          ("local a if a then " + "elseif a then " * 60000, "time limit|near|too")):
            with self.subTest(lua[:40]):
                path = self.write("sandbox.yaml", PIPE % {"lua": json.dumps(lua)})
                started = time.monotonic()
                done = self.tidemill("check", path)
                self.assertEqual(done.status, 2, done)
                self.assertRegex(done.err, r"sandbox\.yaml:\d+.*(" + said + ")")
                self.assertLess(time.monotonic() - started, 20)

    COUNTS = "local n = 0\nreturn function(r)\nn = n + 1\nreturn { n = n }\nend"
    SCRATCH = "local s = scratch { n = 0 }\nreturn function(r) s.n = s.n + 1 return { n = s.n } end"

    def test_kept_state(self):
        pipe = self.write("sandbox.yaml", PIPE % {"lua": json.dumps(self.COUNTS)})
        done = self.succeeds("check", pipe)
        self.assertRegex(done.out + done.err, r"warning: attacked: .*sandbox\.yaml:\d+: 'n' is "
                                              r"assigned, and kept between records.*script-state")
        exactly = "delivery: exactly_once\n" + PIPE
        done = self.tidemill("check", self.write("sandbox.yaml",
                                                 exactly % {"lua": json.dumps(self.COUNTS)}))
        self.assertEqual(done.status, 2, done)
        self.assertRegex(done.err, r"error: attacked: .*'n' is assigned.*exactly_once.*scratch.*"
                                   r"script-state")
        done = self.succeeds("check", self.write("sandbox.yaml",
                                                 exactly % {"lua": json.dumps(self.SCRATCH)}))
        self.assertNotIn("script-state", done.out + done.err)

    def test_topic_of_a_record(self):
        data = self.path("data")
        fill = ("pipeline: a\nconnections: { main: { type: log, dir: %s } }\n"
                "sources: { in: { type: stdio } }\n"
                "sinks: { out: { type: topic, connection: main, topic: things, inputs: in } }\n")
        show = ("pipeline: b\nconnections: { main: { type: log, dir: %s } }\n"
                "sources: { in: { type: topic, connection: main, topic: things, until: latest, "
                "start: earliest } }\n"
                "operators: { m: { type: map, inputs: in, lua: 'return function(r) local m = "
                "meta(r) return { topic = m.topic, split = m.split, offset = m.offset } end' } }\n"
                "sinks: { out: { type: stdio, inputs: m } }\n")
        self.succeeds("run", self.write("a.yaml", fill % data), stdin='{"n":1}\n')
        done = self.succeeds("run", self.write("b.yaml", show % data))
        self.assertEqual(done.jsonl(), [{"topic": "things", "split": "things/0", "offset": 0}])
        plain = self.write("c.yaml", "pipeline: c\nsources: { in: { type: stdio } }\n"
                           "operators: { m: { type: map, inputs: in, lua: 'return function(r) "
                           "return { none = meta(r).topic == nil } end' } }\n"
                           "sinks: { out: { type: stdio, inputs: m } }\n")
        done = self.succeeds("run", plain, stdin='{"n":1}\n')
        self.assertEqual(done.jsonl(), [{"none": True}])


if __name__ == "__main__":
    harness.main()
