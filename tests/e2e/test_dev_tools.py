# SPDX-License-Identifier: MIT
"""The programs behind `./dev fuzz` and `./dev coverage`: what they say, and their exit status."""

import contextlib
import importlib.util
import io
import os
import subprocess
import sys

import harness


def load(path):
    spec = importlib.util.spec_from_file_location("tool", os.path.join(harness.SOURCE, path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Stands in for a target of libFuzzer: sees its seeds; a seed "bad" breaks it.
TARGET = """#!/bin/sh
for argument; do
    case $argument in -artifact_prefix=*) prefix=${argument#*=} ;; esac
    seeds=$argument
done
echo "#1 INITED cov: 12 ft: 13"
echo "stat::number_of_executed_units: 345"
if grep -q bad "$seeds"/*; then
    printf 'b\\\\a\\001' > "${prefix}crash-1"
    echo "x.c:7: broken promise: 1 == 2"
    exit 77
fi
"""


class Fuzz(harness.TestCase):
    def run_targets(self, *arguments, seed="good"):
        os.makedirs(self.path("build/targets"), exist_ok=True)
        seeds = self.write("one.txt", f"# comment\n{seed}\\x00\\n\n")
        os.chmod(self.write("build/targets/fuzz_one", TARGET), 0o755)
        self.write("build/targets/fuzz_one.seeds", seeds + "\n")
        return subprocess.run(
            [sys.executable, "-B", os.path.join(harness.SOURCE, "tests/fuzz/run.py"), "--build",
             self.path("build"), *arguments], capture_output=True, text=True, check=False)

    def test_bytes_survive_being_written_as_a_seed(self):
        run = load("tests/fuzz/run.py")
        data = bytes(range(256)) + b"\\x41 \\n"
        self.assertEqual(run.unescape(run.escape(data).encode()), data)
        self.assertNotIn("\n", run.escape(data))

    def test_nothing_found(self):
        done = self.run_targets("--seconds", "1")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"one +345 runs, +12 places reached")
        with open(self.path("build/seeds/one/0000"), "rb") as file:
            self.assertEqual(file.read(), b"good\0\n")

    def test_a_finding_is_told_as_a_seed(self):
        done = self.run_targets(seed="bad")
        self.assertEqual(done.returncode, 1)
        self.assertIn("broken promise: 1 == 2", done.stdout)
        self.assertIn("for seeds/one.txt:\nb\\\\a\\x01\n", done.stdout)

    def test_an_unknown_target(self):
        done = self.run_targets("two")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no target 'two'; there are: one", done.stderr)


class Coverage(harness.TestCase):
    FULL = {"runtime/base/a.c": 100, "runtime/record/json_x.c": 100,
            "runtime/record/framing.c": 100, "runtime/state/journal.c": 100,
            "runtime/plugin/loader.c": 100}

    def bars(self, **percents):
        report = load("tests/coverage/report.py")
        files = {path: [(line + 1, int(line < percents.get(os.path.basename(path)[:-2], percent)))
                        for line in range(100)] for path, percent in self.FULL.items()}
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            good = report.check_bars(files)
            report.print_low_files(files)
        return good, out.getvalue()

    def test_enough(self):
        good, text = self.bars(journal=95, loader=95, a=90)
        self.assertTrue(good, text)
        self.assertNotIn("TOO FEW", text)

    def test_too_few_of_one_part(self):
        good, text = self.bars(loader=94)
        self.assertFalse(good)
        self.assertRegex(text, r"(?m)^loader +94.0 % .*TOO FEW: at least 95 %$")

    def test_too_few_in_all_names_the_lines(self):
        good, text = self.bars(a=40)
        self.assertFalse(good)
        self.assertRegex(text, r"(?m)^runtime/base/a.c +40.0 %  lines 41-100$")


if __name__ == "__main__":
    harness.main()
