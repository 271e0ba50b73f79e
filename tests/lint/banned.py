# SPDX-License-Identifier: MIT
"""Functions that do not appear: unbounded, not thread-safe, or around a seam of the house."""

import fnmatch
import re

from source import Problem, c_code, files, line_of, read

# names, reason, where they are looked for, where they are fine. (The watchdog measures the time of
# a thread on the processor, which no clock of records knows.)
RULES = [
    ("gets sprintf vsprintf alloca", "unbounded", ["runtime/*", "plugins/*", "tests/*"], []),
    ("strcpy strcat stpcpy strtok rand srand system popen",
     "unbounded, not thread-safe or a shell", ["runtime/*", "plugins/*"], ["plugins/*/tests/*"]),
    ("malloc calloc realloc reallocarray free strdup strndup asprintf vasprintf",
     "goes around the allocator seam: base/alloc.h", ["runtime/*"],
     ["runtime/base/alloc.c", "runtime/kit/ledger.c"]),
    ("exit _exit abort", "ends the process from within a library: return an error",
     ["runtime/*", "plugins/*"], ["runtime/cli/*", "runtime/kit/child.c", "runtime/kit/ledger.c",
                               "plugins/*/tests/*"]),
    ("clock_gettime gettimeofday time", "goes around the clock seam: base/clock.h",
     ["runtime/*"], ["runtime/base/clock.c", "runtime/base/log.c",
                      "runtime/lua/watchdog.c"]),
]


def matches(path, patterns):
    return any(fnmatch.fnmatch(path, pattern) for pattern in patterns)


def calls(code, names):
    """(line, name) of calls; members (`op->free(op)`) and declarations of members are others."""
    pattern = re.compile(r"(?<![\w.>])(" + "|".join(names) + r")[ \t]*\(")
    for match in pattern.finditer(code):
        yield line_of(code, match.start()), match.group(1)


def check(root):
    for path in files(root, ".c", ".h", ".cc", under=["runtime", "plugins", "tests"]):
        code = None
        for names, reason, where, fine in RULES:
            if not matches(path, where) or matches(path, fine):
                continue
            code = code or c_code(read(root, path))
            for line, name in calls(code, names.split()):
                yield Problem(path, line, f"{name}(): {reason}")
