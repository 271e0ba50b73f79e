# SPDX-License-Identifier: MIT
"""tidemill.d.lua tells editors what scripts are given: neither more nor less than that."""

import json
import os
import re

import harness

# Names of globals, of those that could be there, and of the members of those that are libraries.
NAMES = """
local names = {}
for name in (CANDIDATES):gmatch("%%S+") do
  local there, value = pcall(function() return _ENV[name] end)
  there = there and (value ~= nil or name == "null")
  if there then names[#names + 1] = name end
  local is_library = there and type(value) == "table" and name ~= "conf"
  for member in pairs(is_library and value or {}) do
    if type(member) == "string" then names[#names + 1] = name .. "." .. member end
  end
  for member in (name == "agg" and CANDIDATES or ""):gmatch("%S+") do -- shows no members
    local is_member, column = pcall(function() return agg[member] end)
    if is_member and column then names[#names + 1] = "agg." .. member end
  end
end
""".replace("%%", "%")
PIPELINE = """\
pipeline: p
sources: { in: { type: stdio } }
operators: { m: { type: map, inputs: in, script: names.lua } }
sinks: { out: { type: stdio, inputs: m } }
"""
LUA = {"coroutine", "debug", "io", "math", "os", "package", "string", "table", "utf8"}


def source(*parts):
    with open(os.path.join(harness.SOURCE, *parts), encoding="utf-8") as file:
        return file.read()


class Types(harness.TestCase):
    def setUp(self):
        super().setUp()
        text = source("scripts/tidemill.d.lua")
        declared = set(re.findall(r"(?m)^function ([\w.]+)\(", text))
        declared |= set(re.findall(r"(?m)^(\w+) = ", text))
        self.declared = {name for name in declared if name.split(".")[0] != "test"}
        self.tests = {name for name in declared if name.split(".")[0] == "test"}
        header = re.search(r"Beside what stands here:(.*?)\. No ", text, re.DOTALL)[1]
        header = re.sub(r"`require` of[\s-]+modules in lib/ beside the script", "require", header)
        self.beside = set(re.findall(r"\w+", re.sub(r"\([^)]*\)|--|\band\b", "", header)))

        words = set(re.findall(r"\w+", text))  # and whatever the sources may have called one
        folder = os.path.join(harness.SOURCE, "runtime/lua")
        for name in os.listdir(folder):
            if name.endswith(".c"):
                words |= set(re.findall(r'"(\w+)"', source("runtime/lua", name)))
        words = sorted(words | LUA)
        self.names = NAMES.replace("CANDIDATES", json.dumps(" ".join(words)))

    def in_scripts(self):
        self.write("names.lua", self.names + "return function(r) r.names = names return r end\n")
        self.write("p.yaml", PIPELINE)
        (record,) = self.succeeds("run", "-q", "p.yaml", stdin="{}\n").jsonl()
        return set(record["names"])

    def in_tests(self):
        self.write("names_test.lua",
                   self.names +
                   "test.case('x', function() error(table.concat(names, ' '), 0) end)\n")
        answer = json.loads(self.tidemill("test", "--json", "names_test.lua").out)
        return set(answer["cases"][0]["message"].split())

    def of_lua(self, names):
        """Those that Lua itself documents, so that editors know them."""
        return {name for name in names if name.split(".")[0] in self.beside}

    def test_scripts(self):
        names = self.in_scripts()
        self.assertGreater(len(names), 80)
        self.assertEqual(names - self.of_lua(names), self.declared)
        self.assertEqual({name for name in self.of_lua(names) if "." not in name}, self.beside)

    def test_tests(self):
        names = self.in_tests()
        self.assertEqual(names - self.of_lua(names), self.declared - {"conf"} | self.tests)

    def test_editor_settings(self):
        names = self.in_scripts()
        builtin = json.loads(source("runtime/cli/project/luarc.json"))["runtime.builtin"]
        self.assertEqual({name for name, what in builtin.items() if what == "disable"},
                         LUA - names)


if __name__ == "__main__":
    harness.main()
