#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The lint is itself tested: each planted violation is found, and clean text is left alone."""

import os
import shutil
import tempfile
import unittest

import banned
import configs
import layers
import sizes
import text
import tools

SPDX = "// SPDX-License-Identifier: MIT\n"


class Planted(unittest.TestCase):
    """A tree of a few files, made for each test."""

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="tidemill-lint-")
        self.addCleanup(shutil.rmtree, self.root)
        for layer, depends in (("base", ""), ("record", "DEPENDS base"), ("config", ""),
                               ("time", "DEPENDS record LINK m"), ("lua", "DEPENDS config record"),
                               ("plugin", "DEPENDS state base"), ("state", "DEPENDS base")):
            self.write(f"runtime/{layer}/CMakeLists.txt", f"tidemill_library({layer} {depends})\n")

    def write(self, path, content):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(content)

    def found(self, check):
        return [(p.path, p.line) for p in check(self.root)]


class Layers(Planted):
    CASES = [
        # path, includes, lines with a finding
        ("runtime/record/a.c", '#include "base/buf.h"\n#include "record/b.h"\n', []),
        ("runtime/record/a.c", '#include "base/buf.h"\n#include "config/b.h"\n', [2]),
        ("runtime/time/a.c", '#include "state/journal.h"\n', [1]),
        ("runtime/time/a.c", '#include "base/buf.h"\n', []),  # over record
        ("runtime/base/a.c", '  #  include "record/record.h"\n', [1]),
        ("runtime/base/a.c", '/*\n#include "record/record.h"\n*/\n// #include "lua/x.h"\n', []),
        ("runtime/base/a.c", '#include "nowhere/x.h"\n', [1]),
        ("runtime/base/a.c", '#include "tidemill/abi.h"\n#include <stdio.h>\n', []),
        ("runtime/plugin/a.c", '#include "state/journal.h"\n', []),
        ("runtime/include/tidemill/a.h", '#include "tidemill/abi.h"\n#include <stdint.h>\n', []),
        ("runtime/include/tidemill/a.h", '#include "base/buf.h"\n#include <stdio.h>\n', [1, 2]),
        ("plugins/x/a.c", '#include "tidemill/plugin.h"\n#include <stdlib.h>\n', []),
        ("plugins/x/a.c", '#include "base/buf.h"\n', [1]),
        ("plugins/x/tests/a.c", '#include "support/unit.h"\n#include <yaml.h>\n', [2]),
        ("plugins/x/a.c", "#include <jansson.h>\n#include <librdkafka/rdkafka.h>\n", [1, 2]),
        ("plugins/kafka/a.c", "#include <librdkafka/rdkafka.h>\n", []),
        ("runtime/config/yaml.c", "#include <yaml.h>\n", []),
        ("runtime/config/tree.c", "#include <yaml.h>\n", [1]),
        ("runtime/lua/vm.c", "#include <lua.h>\n#include <lauxlib.h>\n", []),
        ("runtime/operators/vm.c", "#include <lua.h>\n", [1]),
    ]

    def test_includes(self):
        for path, content, lines in self.CASES:
            with self.subTest(path=path, content=content):
                self.write(path, content)
                self.assertEqual(self.found(layers.check), [(path, line) for line in lines])
                os.remove(os.path.join(self.root, path))

    def test_own_file_of_a_plugin(self):
        self.write("plugins/x/a.h", "#include <stdint.h>\n")
        self.write("plugins/x/a.c", '#include "a.h"\n')
        self.assertEqual(self.found(layers.check), [])

    def test_link_lines(self):
        for layer, line in (("record", "DEPENDS config"), ("time", "DEPENDS state"),
                            ("state", "DEPENDS plugin"), ("cellar", ""),
                            ("lua", "DEPENDS cellar")):
            with self.subTest(layer=layer):
                self.setUp()
                path = f"runtime/{layer}/CMakeLists.txt"
                self.write(path, f"tidemill_library({layer} {line})\n")
                self.assertEqual(self.found(layers.check), [(path, 1)])


class Sizes(Planted):
    @staticmethod
    def function(lines):
        return "int f(int a)\n{\n" + "    a++;\n" * (lines - 2) + "}\n"

    def check_lines(self, path, content, lines):
        self.write(path, content)
        self.assertEqual(self.found(sizes.check), [(path, line) for line in lines])

    def test_function_at_the_limit(self):
        self.check_lines("a.c", self.function(80), [])

    def test_function_too_long(self):
        self.check_lines("a.c", self.function(80) + self.function(81), [83])

    def test_braces_in_text_and_macros_do_not_count(self):
        text_ = '#define X(a) \\\n    {\nchar c = \'{\'; // {\nconst char *s = "{{";\n'
        self.check_lines("a.c", text_ + self.function(81), [6])

    def test_extern_c(self):
        self.check_lines("a.h", 'extern "C" {\n' + self.function(81) + "}\n", [3])

    def test_tables_are_no_functions(self):
        rows = "    {1},\n" * 200
        self.check_lines("a.c", "struct s t[] = {\n" + rows + "};\nstruct u {\n" + "int a;\n" * 90
                         + "};\n", [])

    def test_python_function(self):
        self.check_lines("a.py", "def f():\n" + "    pass\n" * 80, [1])

    def test_file_too_long(self):
        self.check_lines("a.lua", "x = 1\n" * 801, [801])

    def test_line_too_long(self):
        self.check_lines("a.lua", "a" + " " * 99 + "\n" + "a" * 101 + "\n", [2])


class Banned(Planted):
    CASES = [
        ("runtime/base/a.c", "strcpy(a, b);\n", [1]),
        ("plugins/x/a.c", "int f(void)\n{\n    return system (s);\n}\n", [3]),
        ("plugins/x/tests/a.c", "abort();\n", []),
        ("tests/unit/a.c", "sprintf(a, b);\nsystem(s);\n", [1]),
        ("runtime/base/a.c", "p = malloc(3);\nfree(p);\n", [1, 2]),
        ("runtime/base/alloc.c", "p = malloc(3);\n", []),
        ("plugins/x/a.c", "p = malloc(3);\n", []),
        ("runtime/base/a.c", "op->free(op);\nx.free(x);\nmem_free(p);\nvoid (*free)(void);\n", []),
        ("runtime/base/a.c", '// malloc(3)\ns = "malloc(3)";\n', []),
        ("runtime/engine/a.c", "exit(1);\n", [1]),
        ("runtime/cli/a.c", "exit(1);\n", []),
        ("runtime/time/a.c", "clock_gettime(CLOCK_REALTIME, &t);\nend_time(3);\n", [1]),
    ]

    def test_calls(self):
        for path, content, lines in self.CASES:
            with self.subTest(path=path, content=content):
                self.write(path, content)
                self.assertEqual(self.found(banned.check), [(path, line) for line in lines])
                os.remove(os.path.join(self.root, path))


class Text(Planted):
    def check_lines(self, path, content, lines):
        self.write(path, content)
        self.assertEqual([line for p, line in self.found(text.check) if p == path], lines)

    def test_licence(self):
        self.check_lines("a.c", SPDX + "int a;\n", [])
        self.check_lines("a.h", "/* SPDX-License-Identifier: MIT */\n", [])
        self.check_lines("b.c", "int a;\n" + SPDX, [1])
        self.check_lines("a.py", "#!/usr/bin/env python3\n# SPDX-License-Identifier: MIT\n", [])
        self.check_lines("b.py", "#!/usr/bin/env python3\nimport os\n", [2])
        self.check_lines("a.lua", "return 1\n", [1])
        self.check_lines("dev", "#!/bin/sh\n", [2])

    def test_undone(self):
        self.check_lines("a.c", SPDX + "// TO" "DO: later\nint todo_list;\n// FIX" "ME\n", [2, 4])

    def test_one_machine(self):
        self.check_lines("a.md", "see /ho" "me/x\nand a/ho" "me/x\n", [1])

    def test_white_space(self):
        self.check_lines("a.c", SPDX + "\tint a;\nint b; \nint c;", [2, 3, 4])


class Configs(Planted):
    def test_unknown_to_the_tests(self):
        self.write("configs/a.yaml", "operators: { x: { script: scripts/x.lua } }\n")
        self.write("configs/b.yaml", "{}\n")
        self.write("scripts/x.lua", "return 1\n")
        self.write("scripts/y.lua", "return 1\n")
        self.write("tests/e2e/t.py", 'FILES = ["a.yaml"]\n')
        self.assertEqual(self.found(configs.check), [("configs/b.yaml", 1), ("scripts/y.lua", 1)])


class Tools(Planted):
    def test_format(self):
        shutil.copy(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../.clang-format"),
                    self.root)
        self.write("runtime/base/a.c", SPDX + "int a;\n")
        self.write("runtime/base/b.c", SPDX + "int   a ;\n")
        found = self.found(tools.check_format)
        self.assertEqual({path for path, _ in found}, {"runtime/base/b.c"})

    def test_lua(self):
        self.write(".luacheckrc", 'std = "lua54"\n')
        self.write("scripts/a.lua", "local a = 1\nreturn a\n")
        self.write("scripts/b.lua", "return undefined_name\n")
        self.write("scripts/c.lua", "return return\n")
        self.assertEqual(self.found(tools.check_lua), [("scripts/b.lua", 1), ("scripts/c.lua", 1)])

    def test_missing_tool(self):
        self.write("a.c", "int a;\n")
        found = list(tools.run(self.root, ["no-such-tool"], ["a.c"]))
        self.assertEqual(len(found), 1)


if __name__ == "__main__":
    unittest.main()
