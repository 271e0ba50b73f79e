# SPDX-License-Identifier: MIT
"""Each example pipeline and each example script is loaded by some test."""

import os

from source import Problem, files, read


def check(root):
    tests = "\n".join(read(root, path) for path in files(root, ".py", ".c", under=["tests"])
                      if not path.startswith("tests/lint/"))
    pipelines = files(root, ".yaml", under=["configs"])
    for path in pipelines:
        if os.path.basename(path) not in tests:
            yield Problem(path, 1, "no test names this pipeline")
    users = tests + "\n".join(read(root, path) for path in pipelines)
    users += "\n".join(read(root, path) for path in files(root, "_test.lua", under=["scripts"]))
    for path in files(root, ".lua", under=["scripts"]):
        if not path.endswith(("_test.lua", ".d.lua")) and os.path.basename(path) not in users:
            yield Problem(path, 1, "no pipeline and no test names this script")
