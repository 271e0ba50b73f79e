# SPDX-License-Identifier: MIT
"""Checks that other programs do: clang-format for C, luacheck for Lua."""

import re
import shutil
import subprocess

from source import Problem, files

FINDING = re.compile(r"^(?:\./)?([^:\s]+):(\d+):\d+: (?:error: |warning: )?(.*)$")


def run(root, command, paths):
    """The findings a tool printed; a tool that is missing or fails without one is a finding."""
    if not paths:
        return
    if not shutil.which(command[0]):
        yield Problem(command[0], 0, "not installed (./dev lint installs it)")
        return
    done = subprocess.run(command + paths, cwd=root, capture_output=True, text=True, check=False)
    found = 0
    for line in (done.stdout + done.stderr).split("\n"):
        match = FINDING.match(line.strip())
        if match:
            found += 1
            yield Problem(match.group(1), int(match.group(2)), match.group(3))
    if done.returncode != 0 and not found:
        yield Problem(command[0], done.returncode, (done.stdout + done.stderr).strip()[:500])


def check_format(root):
    paths = files(root, ".c", ".h", ".cc", under=["runtime", "plugins", "tests"])
    yield from run(root, ["clang-format", "--dry-run", "-Werror"], paths)


def check_lua(root):
    paths = files(root, ".lua", under=["scripts", "tests", "configs", "runtime"])
    yield from run(root, ["luacheck", "--formatter", "plain", "--codes"], paths)
