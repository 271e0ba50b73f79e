# SPDX-License-Identifier: MIT
"""The layer rule: dependencies point down, and only where the link line says so.

A library's link line (`tidemill_library(x DEPENDS ...)`) is what it may include. It may name lower
layers, and the neighbours listed here. Plugins see `tidemill/` only. Each third-party library is
known to few files.
"""

import fnmatch
import os
import re

from source import Problem, c_code, files, line_of, read

LEVELS = {
    "base": 0, "record": 1, "config": 2, "plugin": 3, "state": 3, "time": 3, "lua": 3,
    "operators": 4, "observe": 4, "kit": 4, "engine": 5, "cli": 6,
}
# The loader lends plugins the journal; scripts use the interfaces of state and time.
NEIGHBOURS = {("plugin", "state"), ("lua", "state"), ("lua", "time")}

THIRD_PARTY = {
    r"yaml\.h": ["runtime/config/yaml.c"],
    r"(lua|lauxlib|lualib|luaconf)\.h": ["runtime/lua/*", "tests/unit/lua/*"],
    r"librdkafka/.*": ["plugins/kafka/*", "tests/*"],
    r"jansson\.h": ["runtime/cli/*", "runtime/observe/*", "tests/*"],
    r"xxhash\.h": ["runtime/base/hash.c", "tests/*"],
    r"microhttpd\.h": ["runtime/observe/http.c"],
    r"mimalloc\.h": ["runtime/base/alloc.c"],
    r"CUnit/.*": ["tests/*", "plugins/*/tests/*"],
    r"charconv": ["runtime/record/number_text.cc", "runtime/*/*.cc"],
}
STANDARD_IN_ABI = {"stddef.h", "stdint.h"}

LIBRARY = re.compile(r"tidemill_library\(\s*(\w+)([^)]*)\)")
# In text whose literals are gone an include has an empty name: find it there, read it here.
INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*([<\"])([^>\"\n]*)[>\"]", re.MULTILINE)


def link_lines(root):
    """{layer: (path, [what it names after DEPENDS])}"""
    lines = {"cli": ("runtime/cli/CMakeLists.txt", ["engine", "kit"])}
    for path in files(root, "CMakeLists.txt", under=["runtime"]):
        for name, rest in LIBRARY.findall(read(root, path)):
            words = rest.split()
            depends = []
            if "DEPENDS" in words:
                depends = words[words.index("DEPENDS") + 1:]
            if "LINK" in depends:
                depends = depends[:depends.index("LINK")]
            lines[name] = (path, depends)
    return lines


def closure(lines, layer):
    """All layers that `layer` reaches over link lines, itself included."""
    seen, todo = set(), [layer]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += lines.get(name, ("", []))[1]
    return seen


def check_link_lines(lines):
    for layer, (path, depends) in sorted(lines.items()):
        if layer not in LEVELS:
            yield Problem(path, 1, f"layer '{layer}' has no place in the order of layers")
            continue
        for other in depends:
            if other not in LEVELS:
                yield Problem(path, 1, f"'{layer}' depends on '{other}', which is no layer")
            elif LEVELS[other] >= LEVELS[layer] and (layer, other) not in NEIGHBOURS:
                yield Problem(path, 1, f"'{layer}' must not depend on '{other}': not below it")


def includes(root, path):
    """(line, quoted?, name) of each include that is not in a comment."""
    text = read(root, path)
    code = c_code(text)
    lines = text.split("\n")
    for match in re.finditer(r"^[ \t]*#[ \t]*include\b", code, re.MULTILINE):
        line = line_of(code, match.start())
        found = INCLUDE.match(lines[line - 1])
        if found:
            yield line, found.group(1) == '"', found.group(2)


def beside(root, path, name):
    return os.path.exists(os.path.join(root, os.path.dirname(path), name))


def check_quoted(root, path, line, name, lines):
    """A quoted include of a file under runtime/ or plugins/."""
    parts = path.split("/")
    owner = name.split("/")[0]
    if path.startswith("runtime/include/"):
        if owner != "tidemill":
            yield Problem(path, line, f"a public header includes \"{name}\": tidemill/ only")
    elif path.startswith("plugins/"):
        if owner != "tidemill" and not beside(root, path, name):
            yield Problem(path, line, f"a plugin includes \"{name}\": tidemill/ and its own only")
    elif owner == "tidemill" or beside(root, path, name):
        pass
    elif owner not in LEVELS:
        yield Problem(path, line, f"\"{name}\" is of no layer")
    elif owner not in closure(lines, parts[1]):
        yield Problem(path, line, f"layer '{parts[1]}' must not include \"{name}\": "
                      f"'{owner}' is not on its link line")


def check_third_party(path, line, name):
    for pattern, allowed in THIRD_PARTY.items():
        if re.fullmatch(pattern, name) and not any(fnmatch.fnmatch(path, a) for a in allowed):
            yield Problem(path, line, f"<{name}> belongs to {', '.join(allowed)} alone")


def check(root):
    lines = link_lines(root)
    yield from check_link_lines(lines)
    for path in files(root, ".c", ".h", ".cc", under=["runtime", "plugins", "tests"]):
        for line, quoted, name in includes(root, path):
            yield from check_third_party(path, line, name)
            if path.startswith("tests/") or fnmatch.fnmatch(path, "plugins/*/tests/*"):
                continue
            if quoted:
                yield from check_quoted(root, path, line, name, lines)
            elif path.startswith("runtime/include/") and name not in STANDARD_IN_ABI:
                yield Problem(path, line, f"a public header includes <{name}>")
