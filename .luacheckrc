-- SPDX-License-Identifier: MIT
std = "lua54"
max_line_length = 100

-- What the runtime gives to scripts (see scripts/tidemill.d.lua).
read_globals = {
  "agg", "array", "conf", "copy", "drop", "has", "json", "log", "meta", "metric", "null", "scratch",
  "state", "time",
}

files["**/*_test.lua"] = { read_globals = { "test" } }

-- Scripts that are wrong on purpose.
exclude_files = { "tests/**/wrong/*.lua" }
