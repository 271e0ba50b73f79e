# SPDX-License-Identifier: MIT
"""`process` through the front door: what is wrong is said with script and line, failed records
leave nothing, and the number of lanes does not show."""

import json

import harness

CHECKED = """\
pipeline: p
sources: { in: { type: stdio%(time)s } }
operators:
  p: { type: process, inputs: in, %(options)s, script: p.lua }
sinks: { out: { type: stdio, inputs: p } }
"""
WRONG = [  # options, script, what check says
    ("on_error: skip", "return { on_record = print }", "operators.p needs 'key_by'"),
    ("key_by: k", "return function(r) end", "has to return a table with on_record, not a function"),
    ("key_by: k", "return { init = function() end }", "has no function on_record"),
    ("key_by: k", "return { state = { a = state.valeu() } }",
     "p.lua:1: no state.valeu; did you mean 'value'?"),
    ("key_by: k", "return { state = { a = 1 }, on_record = function() end }", "'a' is a number"),
    ("key_by: k", "return { state = { key = state.value() }, on_record = function() end }",
     "'key' is ctx's own"),
    ("key_by: k", "return {\n state = { a = state.map { ttl = 'soon' } } }",
     "p.lua:2: state.map: ttl is a duration"),
    ("key_by: k", "return { state = { a = state.map { ttl = '1s' } }, on_record = function() end }",
     "has a ttl in event time, but not every source"),
    ("key_by: k, broadcast: rules", "return { on_record = function() end }",
     "'rules' is no side of `inputs`"),
]
FAILING = [  # what on_record does, what is said
    ("ctx.v:get(1)(2)", "p.lua:2: attempt to call a nil value"),
    ("ctx.timer(5, 1)", "p.lua:2: ctx.timer: the name is a string, not a number"),
    ("ctx.timer('t', 'soon')", "p.lua:2: ctx.timer: 't' is to fire at a time in ms"),
    ("ctx.timer('t', 1, 'lunar')", "the time is \"event\" or \"processing\", not lunar"),
    ("ctx.timer('t', 1)", "the script has no on_timer"),
    ("ctx.v.get()", "call it with a colon"),
    ("ctx.c:add(1.5)", "a counter is added integers, not 1.5"),
    ("ctx.m:set({}, 1)", "a key is a string, a number or a boolean, not a table"),
    ("ctx.m:set(null, 1)", "not a null"),
    ("ctx.v:set(0/0)", "NaN has no place in JSON"),
    ("ctx.v:set(print)", "a function has no place"),
    ("ctx.v.x = 1", "a state cannot be assigned to"),
    ("ctx.x = 1", "ctx cannot be assigned to"),
    ("ctx.v:add(1)", "a state.value has no 'add'; it has get, set and clear"),
    ("ctx.nothing:get()", "ctx has no 'nothing'"),
    ("ctx.b:set('a', 1)", "state 'b' is broadcast: only on_broadcast may write it"),
    ("ctx.emit(1)", "a record or a table of fields is wanted"),
    ("ctx.emit({}, ('no'):rep(2))", "there is no port 'nono'; there are out"),
    ("ctx.l:append(nil)", "nil cannot be appended"),
    ("for i = 1, 1e9 do ctx.l:append(i) end", "state 'l' of key \"a\": the state has reached its "
                                              "limit of 65536 bytes"),
    ("while true do ctx.v:set(1) end", "p.lua:2: time limit of 100 ms"),
]
FAILING_SCRIPT = """\
local function on_record(r, ctx)
  ctx.c:add(1) if r.bad then %s end
  ctx.emit { n = ctx.c:get(), v = ctx.v:get(), items = #ctx.l, entries = #ctx.m }
end
return { on_record = on_record,
  state = { v = state.value(), m = state.map(), l = state.list(), c = state.counter(),
            b = state.broadcast() } }
"""
LANES = """\
pipeline: lanes
parallelism: "${LANES}"
sources:
  in:
    type: generator
    count: 5000
    seed: 3
    event_time: { field: ts, unit: ms }
    watermark: { out_of_order: 2s }
    fields:
      device: "d{0..99}"
      ts: { sequence: { start: 1700000000000, step: 1, jitter: 50 } }
      bytes: { int: [0, 999] }
  rules: { type: stdio, event_time: { field: ts, unit: ms } }
operators:
  p: { type: process, inputs: { in: in, rules: rules }, broadcast: rules, key_by: device,
       script: p.lua }
sinks:
  out: { type: file, inputs: p, path: "out${LANES}.jsonl" }
  timers: { type: file, inputs: p.timers, path: "timers${LANES}.jsonl" }
"""
LANES_SCRIPT = """\
return {
  state = { n = state.counter(), rules = state.broadcast(), last = state.map() },
  on_broadcast = function(r, ctx) ctx.rules:set(r.name, r.limit) end,
  on_record = function(r, ctx)
    local n = ctx.n:add(r.bytes)
    ctx.emit { device = ctx.key, n = n, before = ctx.last:get(r.bytes % 7) }
    ctx.last:set(r.bytes % 7, n)
    ctx.timer("end", ctx.time + 100000)
  end,
  on_timer = function(_, ctx)
    ctx.emit({ device = ctx.key, n = ctx.n:get(), rule = ctx.rules:get("a") }, "timers")
  end,
}
"""


class Process(harness.TestCase):
    def test_wrong(self):
        for options, script, said in WRONG:
            with self.subTest(script):
                self.write("p.lua", script)
                self.write("p.yaml", CHECKED % {"options": options, "time": ""})
                done = self.tidemill("check", "p.yaml")
                self.assertEqual(done.status, 2, done.err)
                self.assertIn(said, done.out + done.err)

    def test_failing_records_leave_nothing(self):
        lines = "".join(json.dumps(r) + "\n" for r in [
            {"k": "a", "ts": 1}, {"k": "a", "ts": 2, "bad": True}, {"k": "a", "ts": 3}])
        for body, said in FAILING:
            with self.subTest(body):
                self.write("p.lua", FAILING_SCRIPT % body)
                self.write("p.yaml", CHECKED % {
                    "options": "key_by: k, on_error: skip, limits: { time: 100ms, state: 64KiB }",
                    "time": ", event_time: { field: ts }"})
                done = self.succeeds("run", "p.yaml", stdin=lines)
                self.assertIn(said, done.err)
                self.assertEqual([r["n"] for r in done.jsonl()], [1, 2])
                self.assertEqual([(r["items"], r["entries"], r.get("v")) for r in done.jsonl()],
                                 [(0, 0, None)] * 2)

    def test_limit_of_a_key(self):
        self.write("p.lua", FAILING_SCRIPT % "for i = 1, r.bad do ctx.m:set(i, 'some text') end")
        self.write("p.yaml", CHECKED % {
            "options": "key_by: k, on_error: skip, limits: { key: 8KiB }",
            "time": ", event_time: { field: ts }"})
        lines = "".join(json.dumps({"k": key, "ts": 1, "bad": bad}) + "\n"
                        for key, bad in [("a", 10), ("a", 1000), ("b", 20), ("a", 30), ("a", 10)])
        done = self.succeeds("run", "p.yaml", stdin=lines)
        self.assertIn("state 'm' of key \"a\": the key has reached its limit of 8192 bytes; raise "
                      "`limits: { key: … }`", done.err)
        self.assertEqual([(r["n"], r["entries"]) for r in done.jsonl()],
                         [(1, 10), (1, 20), (2, 30), (3, 30)])

    def test_ports_are_those_of_the_script(self):
        self.write("p.lua", "return { on_record = function(r, ctx) ctx.emit(r, 'alerts') end }")
        text = CHECKED % {"options": "key_by: k", "time": ""}
        self.write("p.yaml", text.replace("inputs: p }", "inputs: p.alerts }"))
        self.succeeds("check", "p.yaml")
        self.write("p.yaml", text.replace("inputs: p }", "inputs: p.alrets }"))
        done = self.tidemill("check", "p.yaml")
        self.assertIn("'p' has no port 'alrets'; did you mean 'alerts'?", done.out + done.err)

    def test_lanes_do_not_show(self):
        self.write("p.lua", LANES_SCRIPT)
        self.write("p.yaml", LANES)
        results = []
        for lanes in ("1", "2", "3"):
            self.succeeds("run", "-q", "p.yaml", env={"LANES": lanes},
                          stdin='{"name":"a","limit":5,"ts":1}\n')
            results.append([sorted(map(str, harness.read_jsonl(self.path(name + lanes + ".jsonl"))))
                            for name in ("out", "timers")])
        self.assertEqual(len(results[0][0]), 5000)
        self.assertEqual(len(results[0][1]), 100)
        self.assertEqual(results[0], results[1])
        self.assertEqual(results[0], results[2])


if __name__ == "__main__":
    harness.main()
