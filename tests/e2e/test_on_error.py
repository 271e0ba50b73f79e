#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""on_error, in all its forms, of sources, operators and sinks: what is skipped, stopped, lettered
and tried again, and what is said of it."""

import contextlib
import json
import os

import harness

GOOD, BAD = '{"n":1}\n', '{"n":oops}\n'
SPLIT = "<split>"  # in place of its name
LUA = "return function(r) if r.n == 2 then r.n = 9 error('two') end return r end"


class OnError(harness.TestCase):
    def pipeline(self, source="stop", operator="stop", sink="stop", dead=None, lua=LUA, more=""):
        """file -> map -> file (with a key that every record must have), and a sink for letters."""
        lettered = "dlq: dead" in source + operator + sink
        if lettered and not dead:
            dead = "dead: { type: file, path: dead.jsonl, encode: none }"
        self.write("p.yaml", f"""
pipeline: t
sources:
  in: {{ type: file, path: in.jsonl, on_error: {source} }}
operators:
  m:
    type: map
    inputs: in
    on_error: {operator}
    lua: "{lua}"
sinks:
  out: {{ type: file, inputs: m, path: out.jsonl, key: "{{n}}", on_error: {sink} }}
  {dead or ''}
{more}""")

    def go(self, text, status=0, **options):
        for name in ("out.jsonl", "dead.jsonl"):
            with contextlib.suppress(FileNotFoundError):
                os.remove(self.path(name))
        self.pipeline(**options)
        self.write("in.jsonl", text)
        done = self.tidemill("run", "p.yaml", "--quiet", "--report", "report.json")
        self.assertEqual(done.status, status, done)
        return done

    def counts(self, node):
        with open(self.path("report.json"), encoding="utf-8") as file:
            report = json.load(file)
        return next(one for one in report["nodes"] if one["name"] == node)

    def lines(self, name):
        return harness.read_lines(self.path(name))

    def test_stop(self):
        rows = (("source", GOOD + BAD + GOOD, "in: split"), ("operator", GOOD + '{"n":2}\n' + GOOD,
                                                             "m: p.yaml:10:"),
                ("sink", GOOD + '{"m":1}\n' + GOOD, "out: key"))
        for where, text, why in rows:
            with self.subTest(where):
                done = self.go(text, 1)
                self.assertIn(why, done.err)
                self.assertEqual(self.lines("out.jsonl")[:1], ['{"n":1}'])

    def test_skip(self):
        rows = (("source", BAD, "in"), ("operator", '{"n":2}\n', "m"),
                ("sink", '{"m":1}\n', "out"))
        for where, bad, node in rows:
            with self.subTest(where):
                done = self.go(GOOD + bad + GOOD, **{where: "skip"})
                self.assertEqual(self.lines("out.jsonl"), ['{"n":1}'] * 2, done)
                self.assertEqual(self.counts(node)["failed"], 1)

    def test_dead_letters_are_the_original_bytes(self):
        rows = (("source", BAD), ("operator", '{ "n" : 2 , "x": "\\u00e9" }\n'),
                ("sink", '{ "m":1.0 }\n'))
        for where, bad in rows:
            with self.subTest(where):
                done = self.go(GOOD + bad + GOOD, **{where: "{ dlq: dead }"})
                self.assertEqual(self.lines("out.jsonl"), ['{"n":1}'] * 2, done)
                self.assertEqual(self.lines("dead.jsonl"), [bad[:-1]], done)


    def test_letters_headers(self):
        """Into an embedded log and out of it by a script that reads their headers."""
        rows = (("source", BAD, {"node": "in", "script": "", "source": "in"}, 'byte 5: '),
                ("operator", '{"n":2}\n', {"node": "m", "script": "p.yaml:10", "source": "in"},
                 "p.yaml:10: two"),
                ("sink", '{"m":1}\n', {"node": "out", "script": "", "source": "in"}, "key: "))
        for number, (where, bad, want, error) in enumerate(rows):
            with self.subTest(where):
                log = f"log{number}"
                self.go(GOOD + bad, dead="dead: { type: topic, connection: main, topic: dead }",
                        more=f"connections: {{ main: {{ type: log, dir: {log} }} }}",
                        **{where: "{ dlq: dead }"})
                self.write("back.yaml", f"""
pipeline: back
connections: {{ main: {{ type: log, dir: {log} }} }}
sources:
  in: {{ type: topic, connection: main, topic: dead, start: earliest, until: latest, decode: text }}
operators:
  show: {{ type: map, inputs: in, lua: "return function(r) r.h = meta(r).headers return r end" }}
sinks: {{ out: {{ type: file, inputs: show, path: back{number}.jsonl }} }}
""")
                done = self.tidemill("run", "back.yaml", "--quiet")
                self.assertEqual(done.status, 0, done)
                letter = harness.read_jsonl(self.path(f"back{number}.jsonl"))[0]
                headers = letter.pop("h")
                self.assertEqual(list(letter.values()), [bad[:-1]])
                self.assertIn(error, headers.pop("error"))
                want = dict(want, split=headers["split"], offset="8")
                self.assertEqual(headers, want)
                self.assertIn("in.jsonl", headers["split"])

    def test_retry(self):
        again = "{ retry: { max: 3, backoff: 1ms..4ms }, then: %s }"
        rows = (("stop", 1, []), ("skip", 0, []), ("{ dlq: dead }", 0, ['{"n":2}']))
        for then, status, letters in rows:
            with self.subTest(then):
                done = self.go(GOOD + '{"n":2}\n' + GOOD, status, operator=again % then)
                if status == 0:
                    self.assertEqual(self.lines("out.jsonl"), ['{"n":1}'] * 2, done)
                    self.assertEqual(self.counts("m")["failed"], 1)
                    self.assertEqual(self.counts("m")["retried"], 3)
                else:
                    self.assertIn("two", done.err)
                self.assertEqual(self.lines("dead.jsonl"), letters, done)

    def test_retry_of_sources_and_sinks(self):
        """Plugins that open only at the fourth time: the waits double, and each has its jitter."""
        mocks = os.path.join(os.path.dirname(harness.TIDEMILL), "tests/mock")
        if not os.path.exists(os.path.join(mocks, "mock.so")):
            self.skipTest("the tests' own plugins are not built")
        plugins = mocks + ":" + os.path.join(os.path.dirname(harness.TIDEMILL), "plugins")
        again = ("retry_opens: 3, log: opens, "
                 "on_error: {{ retry: {{ max: {}, backoff: 20ms..80ms }} }}")
        for where in ("source", "sink"):
            for most, status in ((3, 0), (2, 1)):
                with self.subTest(where=where, most=most):
                    with contextlib.suppress(FileNotFoundError):
                        os.remove(self.path("opens"))
                    hard = again.format(most)
                    source = "type: mock, count: 5" + (", " + hard if where == "source" else "")
                    sink = "type: mock, path: out" + (", " + hard if where == "sink" else "")
                    self.write("p.yaml", f"pipeline: t\nsources: {{ in: {{ {source} }} }}\n"
                                         f"sinks: {{ out: {{ inputs: in, {sink} }} }}\n")
                    done = self.tidemill("run", "p.yaml", "--quiet", "--log", "json",
                                         env={"TIDEMILL_PLUGINS": plugins})
                    self.assertEqual(done.status, status, done)
                    said = [json.loads(line) for line in done.err.splitlines()
                            if "trying again" in line]
                    self.assertEqual([line["code"] for line in said], ["unavailable"] * most, done)
                    for line, limit in zip(said, (20, 40, 80)):
                        self.assertLessEqual(line["fields"]["retry_ms"], limit)
                        self.assertGreaterEqual(line["fields"]["retry_ms"], limit // 2 - 1)

    def test_a_dead_letter_sink_that_fails(self):
        for on_error, status in (("stop", 1), ("skip", 0)):
            with self.subTest(on_error):
                done = self.go(GOOD + BAD + GOOD, status, source="{ dlq: dead }",
                               dead="dead: { type: file, path: dead.jsonl, encode: text, "
                                    f"on_error: {on_error} }}")
                self.assertEqual(self.lines("out.jsonl")[:1], ['{"n":1}'], done)
                self.assertEqual(self.lines("dead.jsonl"), [], done)
                self.assertIn("dead: ", done.err)

    def test_letters_of_letters_are_refused(self):
        rows = ("dead: { type: file, path: dead.jsonl, on_error: { dlq: dead } }",
                "dead: { type: file, path: dead.jsonl, on_error: { dlq: worse } }\n"
                "  worse: { type: file, path: worse.jsonl, on_error: { dlq: dead } }")
        for dead in rows:
            with self.subTest(dead):
                self.go(GOOD, 2, source="{ dlq: dead }", dead=dead)
                self.assertEqual(self.lines("out.jsonl"), [])

    def test_each_letter_tells_its_error_to_who_reads_the_port(self):
        """on_error: skip, and another node has `inputs: in.errors`."""
        self.write("in.jsonl", GOOD + BAD * 5)
        self.write("p.yaml", """
pipeline: t
sources: { in: { type: file, path: in.jsonl, on_error: skip } }
sinks:
  out: { type: file, inputs: in, path: out.jsonl }
  dead: { type: topic, connection: main, inputs: in.errors, topic: dead, encode: none }
connections: { main: { type: log, dir: log } }
""")
        self.succeeds("run", "p.yaml", "--quiet")
        self.write("back.yaml", """
pipeline: back
connections: { main: { type: log, dir: log } }
sources:
  in: { type: topic, connection: main, topic: dead, start: earliest, until: latest, decode: text }
operators:
  show: { type: map, inputs: in, lua: "return function(r) return meta(r).headers end" }
sinks: { out: { type: file, inputs: show, path: back.jsonl } }
""")
        self.succeeds("run", "back.yaml", "--quiet")
        errors = [letter["error"] for letter in harness.read_jsonl(self.path("back.jsonl"))]
        self.assertEqual(len(errors), 5)
        for number, error in enumerate(errors):
            self.assertIn(f"offset {8 + number * len(BAD)}: byte 5: ", error)

    def test_each_letter_of_a_storm_has_its_own_headers(self):
        """What letters have in common is shared between them: it is to change when it changes."""
        self.write("lib/far.lua", "return { fail = function(n) error('far ' .. n) end }")
        self.write("fail.lua", """
local far = require "far"
local function near() error("near") end
local function blamed(n) error("blamed " .. n, 2) end
return function(r)
    local way = r.n // 3 % 8
    if way == 0 then near()
    elseif way == 1 then far.fail(r.n)
    elseif way == 2 then
        blamed(r.n)
    elseif way == 3 then return r.none * 2
    elseif way == 4 then error({ message = "table " .. r.n })
    elseif way == 5 then assert(r.n < 0, "positive")
    elseif way == 6 then assert(r.none)
    end
    return r
end
""")
        where = ["fail.lua:3: near", "lib/far.lua:1: far {}", "fail.lua:10: blamed {}",
                 "fail.lua:11: attempt to perform arithmetic on a nil value (field 'none')",
                 "table {}", "fail.lua:13: positive", "fail.lua:14: assertion failed!"]
        self.write("p.yaml", """
pipeline: t
connections: { main: { type: log, dir: log } }
sources: { in: { type: file, path: in.jsonl, on_error: { dlq: dead } } }
operators: { m: { type: map, inputs: in, script: fail.lua, on_error: { dlq: dead } } }
sinks:
  out: { type: file, inputs: m, path: out.jsonl }
  dead: { type: topic, connection: main, topic: dead, encode: none }
""")
        self.write("back.yaml", """
pipeline: back
connections: { main: { type: log, dir: log } }
sources:
  in: { type: topic, connection: main, topic: dead, start: earliest, until: latest, decode: text }
operators:
  show: { type: map, inputs: in, lua: "return function(r) local h = meta(r).headers
    h.raw = r.message return h end" }
sinks: { out: { type: file, inputs: show, path: back.jsonl } }
""")
        lines, wanted, offset = [], {}, 0
        for n in range(9000):
            line = f'{{"n":{n}' + (",}" if n % 50 < 25 and n % 5 else "}")
            letter = {"raw": line, "source": "in", "split": SPLIT, "offset": str(offset)}
            if line.endswith(",}"):
                at = len(line) - 1
                wanted[offset] = letter | {
                    "node": "in", "script": "",
                    "error": f"split {SPLIT}, offset {offset}: byte {at}: expected a "
                             "member's name in quotes, found '}'"}
            elif n // 3 % 8 < 7:
                error = where[n // 3 % 8].format(n)
                script = error[:error.index(": ")] if ": " in error else ""
                wanted[offset] = letter | {"node": "m", "script": script, "error": error}
            lines.append(line + "\n")
            offset += len(line) + 1
        self.write("in.jsonl", "".join(lines))
        self.succeeds("run", "p.yaml", "--quiet")
        self.succeeds("run", "back.yaml", "--quiet")
        for letter in harness.read_jsonl(self.path("back.jsonl")):
            expected = wanted.pop(int(letter["offset"]))
            expected = {name: value.replace(SPLIT, letter["split"])
                        for name, value in expected.items()}
            self.assertEqual(letter, expected)
        self.assertEqual(wanted, {})

    def test_a_line_for_machines_has_the_reason(self):
        self.pipeline(source="skip", operator="skip")
        self.write("in.jsonl", BAD + '{"n":2}\n')
        done = self.tidemill("run", "p.yaml", "--quiet", "--log", "json")
        self.assertEqual(done.status, 0, done)
        codes = {line["node"]: line["code"] for line in map(json.loads, done.err.splitlines())
                 if line["level"] == "warn"}
        self.assertEqual(codes, {"in": "bad-record", "m": "script-error"}, done)

    def test_a_storm_says_little(self):
        """100,000 bad records: every one is counted, a line a second tells of them."""
        rows = (("source", BAD, "in"), ("operator", '{"n":2}\n', "m"),
                ("sink", '{"m":1}\n', "out"))
        for where, bad, node in rows:
            for action in ("skip", "{ dlq: dead }"):
                with self.subTest(where=where, action=action):
                    done = self.go(bad * 100000, **{where: action})
                    self.assertEqual(self.counts(node)["failed"], 100000, done)
                    said = [line for line in done.err.splitlines() if f" {node}: " in line]
                    told = sum(self.told(line) for line in said)
                    self.assertEqual(told, 100000, done)
                    self.assertLess(len(said), 1000, done)

    @staticmethod
    def told(line):
        """Records that a line of the log tells of."""
        words = line.split()
        if line.endswith("more since)"):
            return 1 + int(words[words.index("more") - 1])
        if " more records failed" in line:
            return int(words[words.index("more") - 1])
        return 1


if __name__ == "__main__":
    harness.main()
