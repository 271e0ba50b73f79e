# SPDX-License-Identifier: MIT
"""What the checks share: the files of the tree, and C text without comments and strings."""

import os
import re

SKIPPED_FOLDERS = {"build", ".git", "data", "__pycache__", ".cache", "node_modules"}


class Problem:
    """One finding, printed as `path:line: text`."""

    def __init__(self, path, line, text):
        self.path, self.line, self.text = path, line, text

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text}"


def files(root, *suffixes, under=("",)):
    """Paths relative to `root`, sorted, of the files with one of the suffixes."""
    found = []
    for start in under:
        for folder, folders, names in os.walk(os.path.join(root, start)):
            folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS]
            for name in names:
                if name.endswith(suffixes):
                    found.append(os.path.relpath(os.path.join(folder, name), root))
    return sorted(set(found))


def scripts(root):
    """Files that are run by name, without a suffix: `dev`, `.ci/run`."""
    return [path for path in ("dev", ".ci/run") if os.path.exists(os.path.join(root, path))]


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


C_TOKEN = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)


def c_code(text):
    """C text with comments blank and literals empty; lines keep their numbers."""
    def blank(match):
        token = match.group(0)
        if token[0] in "\"'":
            return token[0] * 2
        return " " + "\n" * token.count("\n")
    return C_TOKEN.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1
