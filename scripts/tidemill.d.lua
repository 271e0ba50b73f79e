-- SPDX-License-Identifier: MIT
---@meta
-- luacheck: ignore
-- What the runtime gives to scripts, for editors that read LuaCATS annotations. Not loaded.
--
-- Beside this: assert error getmetatable ipairs next pairs pcall rawequal rawget rawlen select
-- setmetatable tonumber tostring type xpcall, math, string, table, utf8, and `require` of modules
-- in lib/ beside the script (while it loads). Globals are read-only once the script is loaded.

---A record: fields read as numbers, strings, booleans, nested records or arrays; absent and JSON
---null read as nil. `r.x = nil` deletes, `r.x = null` writes null. Valid until the function
---returns: keep `copy(r)`.
---@class tide.record
---@field [string] any

---JSON null, as an element of arrays and in `pairs`.
---@type userdata
null = nil

---What a map, filter or finish returns to discard the record.
---@type userdata
drop = nil

---The node's `params:`, read-only.
---@type table<string, any>
conf = {}

---True when the field is there, be it null.
---@param record tide.record|table
---@param name string|integer
---@return boolean
function has(record, name) end

---A record, or nested value, of its own, that may be kept.
---@generic T
---@param value T
---@return T
function copy(value) end

---Marks a table as a JSON array, so that it stays one when it is empty.
---@param items? any[]
---@return any[]
function array(items) end

---@class tide.meta
---@field split string|integer name of the split, where its source names it
---@field node integer number of the source
---@field offset? integer place in the split
---@field time? integer event time, ms since 1970
---@field key? string
---@field headers table<string, string>

---Where the record comes from.
---@param record tide.record
---@return tide.meta
function meta(record) end

---Lines for the runtime's log, with string.format's rules; one a second and level, the rest
---counted.
log = {}
---@param format string
---@param ... any
function log.debug(format, ...) end
---@param format string
---@param ... any
function log.info(format, ...) end
---@param format string
---@param ... any
function log.warn(format, ...) end
---@param format string
---@param ... any
function log.error(format, ...) end

---`log.info` of its arguments, with tabs between.
---@param ... any
function print(...) end

---Times are milliseconds since 1970, UTC.
time = {}
---@return integer
function time.now() end
---@param text string RFC 3339, or as `format` says
---@param format? string as for strptime
---@return integer
function time.parse(text, format) end
---@param ms number
---@param format? string as for strftime; RFC 3339 without
---@return string
function time.format(ms, format) end
---@param text string such as 200ms, 30s, 1h30m
---@return integer ms
function time.duration(text) end

json = {}
---@param value any
---@return string
function json.encode(value) end
---@param text string
---@return any
function json.decode(text) end

---@class tide.column

---@class tide.window
---@field key any the key; of a compound an array
---@field start? integer ms
---@field end? integer ms; write w["end"]
---@field duration? integer ms
---@field pane integer 0 for the first result of the window

---What an aggregate computes natively: agg { total = agg.sum "bytes", finish = function … end }
---@class tide.agg
---@overload fun(columns: table<string, tide.column|function>): table
agg = {}
---Records, or those in which the field is neither absent nor null.
---@param field? string
---@return tide.column
function agg.count(field) end
---@param field string
---@return tide.column
function agg.sum(field) end
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
---@param field string
---@return tide.column
function agg.last(field) end
---@param field string
---@return tide.column
function agg.stddev(field) end

---In test files only.
test = {}

---@class tide.harness
local harness = {}
---@param value table
---@param about? { key?: string, time?: integer|string }
function harness:send(value, about) end
---@param at integer|string ms, a duration, or "end"
function harness:watermark(at) end
---@param by integer|string processing time
function harness:advance(by) end
---What came out of the port since the last time.
---@param port? string
---@return table[]
function harness:out(port) end

---An operator with this script; `options` are those it has in a pipeline.
---@param file string
---@param options? table
---@return tide.harness
function test.load(file, options) end
---@param name string
---@param body fun()
function test.case(name, body) end
---@param got any
---@param expected any
function test.eq(got, expected) end
---@param value any
---@param message? string
function test.ok(value, message) end
