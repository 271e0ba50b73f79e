# SPDX-License-Identifier: MIT
"""What every file is like: its licence line first, nothing left undone, no path of one machine."""

import os
import re

from source import Problem, files, read, scripts

SPDX = "SPDX-License-Identifier: MIT"
COMMENTS = {
    ".c": (f"// {SPDX}", f"/* {SPDX} */"), ".cc": (f"// {SPDX}",),
    ".h": (f"// {SPDX}", f"/* {SPDX} */"), ".lua": (f"-- {SPDX}",),
    ".py": (f"# {SPDX}",), ".sh": (f"# {SPDX}",), "": (f"# {SPDX}",),
}
UNDONE = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
ONE_MACHINE = re.compile(r"(?<![\w.])/(home|Users|work|root)/\w")
TEXTS = (".c", ".h", ".cc", ".lua", ".py", ".sh", ".md", ".yaml", ".txt", ".cmake", ".json")


def check_licence(path, lines):
    wanted = COMMENTS.get(os.path.splitext(path)[1])
    if wanted is None:
        return
    first = 1 if lines[0].startswith("#!") else 0
    if first >= len(lines) or lines[first] not in wanted:
        yield Problem(path, first + 1, f"the first line is not '{wanted[0]}'")


def check_lines(path, lines):
    for number, line in enumerate(lines, 1):
        if UNDONE.search(line):
            yield Problem(path, number, "something left undone: do it, or say why not")
        if ONE_MACHINE.search(line):
            yield Problem(path, number, "a path of one machine")
        if "\t" in line and path.endswith((".c", ".h", ".cc", ".lua", ".py", ".yaml")):
            yield Problem(path, number, "a tab")
        if line != line.rstrip() and not path.endswith(".md"):
            yield Problem(path, number, "white space at the end of the line")


def check(root):
    for path in files(root, *TEXTS) + scripts(root):
        lines = read(root, path).split("\n")
        yield from check_licence(path, lines)
        yield from check_lines(path, lines)
        if lines[-1] != "":
            yield Problem(path, len(lines), "no newline at the end")
