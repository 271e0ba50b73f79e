# SPDX-License-Identifier: MIT
"""Nothing too long to be read in one go: files, functions, lines."""

import ast
import re

from source import Problem, c_code, files, line_of, read, scripts

FILE_LINES = 800
FUNCTION_LINES = 80
COLUMNS = 100
WIDE = (".yaml", ".c", ".h", ".cc")  # C is clang-format's, which leaves long literals alone

DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", re.MULTILINE)


def without_directives(code):
    return DIRECTIVE.sub(lambda match: "\n" * match.group(0).count("\n"), code)


def c_functions(text):
    """(first line, last line) of each function's body, braces included."""
    code = without_directives(c_code(text))
    depth, start = 0, None
    transparent = 0  # braces of extern "C"
    before = ""      # text since the last end of a declaration, at depth 0
    for offset, char in enumerate(code):
        if char == "{":
            if depth == 0 and before.rstrip().endswith('extern ""'):
                transparent += 1
                before = ""
                continue
            if depth == 0 and before.rstrip().endswith(")") and "=" not in before:
                start = offset
            depth += 1
        elif char == "}":
            if depth == 0:
                transparent -= 1
                continue
            depth -= 1
            if depth == 0:
                if start is not None:
                    yield line_of(code, start), line_of(code, offset)
                start, before = None, ""
        elif depth == 0:
            before = "" if char == ";" else before + char


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno


def check(root):
    paths = files(root, ".c", ".h", ".cc", ".lua", ".py", ".sh", ".cmake", ".yaml") + scripts(root)
    for path in paths:
        text = read(root, path)
        lines = text.split("\n")
        if len(lines) - 1 > FILE_LINES:
            yield Problem(path, FILE_LINES + 1, f"{len(lines) - 1} lines; at most {FILE_LINES}")
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS and not path.endswith(WIDE):
                yield Problem(path, number, f"{len(line)} columns; at most {COLUMNS}")
        find = c_functions if path.endswith((".c", ".h", ".cc")) else None
        find = python_functions if path.endswith(".py") else find
        for first, last in find(text) if find else ():
            if last - first + 1 > FUNCTION_LINES:
                yield Problem(path, first, f"a function of {last - first + 1} lines; "
                              f"at most {FUNCTION_LINES}")
