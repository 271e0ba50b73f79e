-- SPDX-License-Identifier: MIT
---@meta
-- luacheck: ignore
-- What the runtime gives to scripts, for editors that read LuaCATS annotations. Not loaded.
--
-- A file returns its contract, which the node's type decides:
--
--   filter     function(r) -> boolean             true keeps the record
--   map        function(r) -> record|table|drop   nothing returned is an error
--   flat_map   function(r, emit)                  emit(record or table [, port]), at will
--   aggregate  agg { … }, or a table of functions (tide.fold)
--   process    a table with on_record (tide.process)
--
-- Beside what stands here: assert error getmetatable ipairs next pairs pcall rawequal rawget rawlen
-- select setmetatable tonumber tostring type xpcall _VERSION, coroutine, math, string, table, utf8,
-- and `require` of modules in lib/ beside the script (while it loads). No io, os, debug, load,
-- package or collectgarbage; metatables without __gc, __mode, __close and __concat. Globals are
-- read-only once the script is loaded. A call has 200 ms of processor time and the script 64 MiB,
-- unless the node's `limits:` says otherwise; table.sort takes 500,000 elements at most. An error
-- fails the record, with script:line, and the node's on_error decides. What is kept in variables
-- between records is lost with the script: state belongs into aggregates, caches into `scratch`.

---A record: fields read as numbers, strings, booleans, nested records or arrays; absent and JSON
---null both read as nil (`has` tells them apart). Integers stay integers. `r.x = nil` deletes,
---`r.x = null` writes null, `r.x = {}` writes an object, `r.x = array{}` writes []. Nested values
---change in place; assigning one copies it. `pairs` goes through the members in their order, with
---`null` for nulls; `#` is the length of an array. Holes, cycles, NaN and infinities cannot be
---written. Valid until the function returns; one that was kept longer is an error: keep `copy(r)`.
---@class tide.record
---@field [string] any

---JSON null: what `pairs` and `ipairs` give for it, and what writes it. Indexing it is an error.
---@type userdata
null = nil

---What a map or finish returns to discard the record.
---@type userdata
drop = nil

---The node's `params:`; read-only. What is not there is nil.
---@type table<string, any>
conf = {}

---True when the field is there, be it null. Of an array: whether the index is inside.
---@param record tide.record|table
---@param name string|integer
---@return boolean
function has(record, name) end

---A record or nested value of its own, that may be kept and behaves the same; also made of a table.
---Plain values come back as they are.
---@generic T
---@param value T
---@return T
function copy(value) end

---Marks a table as a JSON array, so that it stays one when it is empty; without an argument a new
---one. An error for a table that has a metatable.
---@param items? any[]
---@return any[]
function array(items) end

---A table for what may be lost: a cache, a last value. It is what it is given, and only declares
---that: what a script keeps in other variables between records is warned of, and an error with
---`delivery: exactly_once`. Only while the script loads.
---@generic T: table
---@param of? T
---@return T
function scratch(of) end

---@class tide.meta
---@field split string|integer where it was read: "topic/partition", a file's path, a device's
---address; a number when the source does not name its splits
---@field topic? string of the source's record, where it is of one
---@field node integer number of the source
---@field offset? integer place in the split; a record that was made has none
---@field time? integer event time, ms since 1970; none without `event_time`
---@field key? string
---@field headers table<string, string>

---Where the record comes from. Only of the record that the function was given, not of a copy.
---@param record tide.record
---@return tide.meta
function meta(record) end

---Lines for the runtime's log, with string.format's rules (%s takes anything); one a second and
---level, the next one says how many were held back.
log = {}
---@param format any a single argument need not be a text
---@param ... any
function log.debug(format, ...) end
---@param format any
---@param ... any
function log.info(format, ...) end
---@param format any
---@param ... any
function log.warn(format, ...) end
---@param format any
---@param ... any
function log.error(format, ...) end

---`log.info` of its arguments, with tabs between.
---@param ... any
function print(...) end

---Times are integers: milliseconds since 1970, UTC.
time = {}
---Processing time; in tests the virtual clock's. For the record's own time see `meta(r).time`.
---@return integer
function time.now() end
---An error when the text is not as it should be; `pcall` where that may happen.
---@param text string RFC 3339, or as `format` says
---@param format? string as for strptime (%Y-%m-%d %H:%M:%S, %z)
---@return integer
function time.parse(text, format) end
---An error outside of the years 1 to 9999.
---@param ms number
---@param format? string as for strftime, of 128 bytes at most; RFC 3339 without
---@return string
function time.format(ms, format) end
---An error when it is none.
---@param text string such as 200ms, 30s, 1h30m
---@return integer ms
function time.duration(text) end

json = {}
---Records, nested values, tables (array{} marks arrays), plain values; nil becomes null. An error
---for holes, cycles, NaN, infinities, functions, and beyond 16 MiB.
---@param value any
---@return string
function json.encode(value) end
---Into plain tables, with `null` for nulls and arrays marked. An error with the byte for what is no
---JSON, and beyond 1 MiB.
---@param text string
---@return any
function json.decode(text) end

---@class tide.column

---The window of a result.
---@class tide.window
---@field key any the key; of a compound an array of its parts
---@field start? integer ms, inside; none in a global window
---@field end? integer ms, outside. `end` is a word of Lua's: write w["end"]
---@field duration? integer ms
---@field pane integer 0 for the first result of this key and window, then 1, 2, … (late records)

---An aggregate by hand. The accumulator is kept by the runtime between calls, as JSON: tables,
---numbers, texts, no functions.
---@class tide.fold
---@field version? integer
---@field init fun(): any the accumulator of a new key and window
---@field add fun(a: any, r: tide.record): any must return the accumulator
---@field merge? fun(a: any, b: any): any for windows that merge (sessions) or share (sliding):
---the records of `b` as if they had come after those of `a`
---@field finish fun(a: any, w: tide.window): table|userdata the result, or drop

---What an aggregate computes natively; Lua runs once per window, in `finish`, which is given the
---result so far (key fields, start, end, columns) and returns it, another one, or drop:
---
---    return agg { total = agg.sum "bytes",
---                 finish = function(r, w) r.rate = r.total * 1000 / w.duration return r end }
---
---Fields are names or paths ("a.b"); absent and null are left out, another type than the function
---can take fails the record. Over no values count gives 0, all others null.
---@class tide.agg
---@overload fun(columns: table<string, tide.column|function|integer>): table
agg = {}
---Records; with a field those in which it is neither absent nor null.
---@param field? string
---@return tide.column
function agg.count(field) end
---Of numbers: exact while all are integers (an overflow fails the record), else a float.
---@param field string
---@return tide.column
function agg.sum(field) end
---Of numbers; a float.
---@param field string
---@return tide.column
function agg.avg(field) end
---@param field string
---@return tide.column
function agg.min(field) end
---@param field string
---@return tide.column
function agg.max(field) end
---By event time, then split, then offset.
---@param field string
---@return tide.column
function agg.first(field) end
---By event time, then split, then offset.
---@param field string
---@return tide.column
function agg.last(field) end
---Standard deviation of numbers (of a sample: n - 1); a float, null below two values.
---@param field string
---@return tide.column
function agg.stddev(field) end
---Records, or the sum of a field, by the seconds of the window (count and global windows: of their
---records' times); a float, null where these are none.
---@param field? string
---@return tide.column
function agg.rate(field) end
---Exponentially weighted average: the newest value counts alpha (0.3), the one before it
---alpha * (1 - alpha), and so on. It goes by arrival: another order is another result.
---@param field string
---@param alpha? number
---@return tide.column
function agg.ewma(field, alpha) end
---How many different values (texts, numbers, booleans; 1 and 1.0 are different): exact up to 384,
---beyond with a standard error of 1.6 % (HyperLogLog).
---@param field string
---@return tide.column
function agg.distinct(field) end
---The value below which the share q (0 to 1) of the values lies, within 1 % of its size (DDSketch).
---@param field string
---@param q number
---@return tide.column
function agg.quantile(field, q) end
---The k most frequent values, most frequent first: { { value = ..., count = ... }, ... }. Exact up
---to m = max(64, 8 k) different values; beyond, a count is too great by at most 1 / m of all,
---never too small, and depends on their order (space-saving).
---@param field string
---@param k integer
---@return tide.column
function agg.topk(field, k) end
---Of numbers: as if without rounding, then rounded once, whatever the order. An integer while all
---are integers and it fits.
---@param field string
---@return tide.column
function agg.sum_exact(field) end
---The first `limit` values, of any type, as an array: by event time, then split, then offset.
---@param field string
---@param limit integer
---@return tide.column
function agg.collect(field, limit) end

---Keyed state, timers and ports. What a call writes, sets and emits counts when it has returned; a
---call that fails leaves nothing of it. Records of one key come in their order.
---@class tide.process
---@field version? integer of the state
---@field state? table<string, tide.state> each becomes a field of ctx
---@field ports? string[] that ctx.emit names; without it those that stand in calls of ctx.emit
---@field on_record fun(r: tide.record, ctx: tide.ctx)
---@field on_timer? fun(name: string, ctx: tide.ctx)
---@field on_broadcast? fun(r: tide.record, ctx: tide.ctx) of inputs that `broadcast:` names; no key

---What keeps something per key; only declared while the script loads, as in
---
---    state = { last = state.value(), seen = state.map { ttl = "1h" } }
---
---Any JSON value can be kept; objects and arrays are handed out as copies, so that a changed one
---has to be set again. `ttl` is the time from the last write of a value (map entry, list element)
---after which it is not there any more: in event time, or with time = "processing" of the clock.
---@class tide.state

---@class tide.ttl
---@field ttl? string|integer a duration, or ms
---@field time? "event"|"processing"

state = {}
---One value: ctx.x:get(), :set(v), :clear(); nil when there is none.
---@param options? tide.ttl
---@return tide.state
function state.value(options) end
---Values by key, which are strings, numbers or booleans: ctx.x:get(k), :set(k, v), :delete(k),
---:clear(), # and pairs (in no order; what is visited may be deleted).
---@param options? tide.ttl
---@return tide.state
function state.map(options) end
---Values in their order, from 1: ctx.x:append(v), :get(i), :clear(), # and pairs.
---@param options? tide.ttl
---@return tide.state
function state.list(options) end
---An integer: ctx.x:add(n) (1 without n) returns the sum, :get() is 0 at first, :clear().
---@param options? tide.ttl
---@return tide.state
function state.counter(options) end
---A map of no key, that on_broadcast writes and all keys read.
---@param options? tide.ttl
---@return tide.state
function state.broadcast(options) end

---What a process is given beside the record; it and its states are valid in every call, and only
---there.
---@class tide.ctx
---@field key any of the record or timer; of several fields an array
---@field time? integer event time of the record, or the time of the timer
---@field watermark? integer event time has come so far; math.maxinteger at the end
---@field split? string|integer as meta(r).split
---@field side? string the input's name, where `inputs` is a map
---@field [string] any the states
---Sends a record, or a table of fields, on ("out" without a port); of the time of the record or
---timer.
---@field emit fun(record: tide.record|table, port?: string)
---Sets the timer of that name, or moves it; without a time (ms) it is cancelled. A time that is
---over fires when event time next goes on (processing time: at once). At the end of all input
---timers of event time fire, but a name only once; those of processing time do not.
---@field timer fun(name: string, at?: integer, time?: "event"|"processing")
---Processing time, ms.
---@field now fun(): integer

---In test files only: x_test.lua beside x.lua, run by `tidemill test`.
test = {}

---An operator under test. Each case starts with a fresh one.
---@class tide.harness
local harness = {}
---A record goes in. A process without `key_by` takes the key for its own.
---@param value table
---@param about? { key?: string, time?: integer|string } time: ms, or a duration since 0
function harness:send(value, about) end
---Event time has come to this point: windows that end before fire.
---@param at integer|string ms, a duration since 0, or "end" (all windows close)
function harness:watermark(at) end
---Processing time goes on.
---@param by integer|string ms, or a duration
function harness:advance(by) end
---What came out of the port since the last time.
---@param port? string "out"
---@return table[]
function harness:out(port) end

---An operator with this script. An error when the pipeline would not take it.
---@param file string beside the test file
---@param options? table those it has in a pipeline: type, params, key_by, window, ports
---@return tide.harness
function test.load(file, options) end
---A case; one that raises has failed, the others run all the same.
---@param name string
---@param body fun()
function test.case(name, body) end
---Fails the case unless both are the same: equal values (1 is 1.0), tables member by member.
---@param got any
---@param expected any
function test.eq(got, expected) end
---Fails the case when the value is nil or false.
---@param value any
---@param message? string
function test.ok(value, message) end
