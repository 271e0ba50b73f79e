# SPDX-License-Identifier: MIT
"""Plugins with one planted fault each: the kit says exactly what is wrong, and nothing else.

faults/expected.txt has a line for each finding: plugin | check | what is found. A plugin without a
line has no findings.
"""

import concurrent.futures
import glob
import json
import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ["TIDEMILL_BUILD"]
SLOW = {"source_READS_FOREVER"}  # ends by the time bound of the check


def expected():
    findings = {}
    with open(os.path.join(HERE, "faults/expected.txt"), encoding="utf-8") as file:
        for line in file:
            plugin, check, found = line.rstrip("\n").split(" | ")
            findings.setdefault(plugin, []).append((check, found))
    return findings


def check(path):
    name = os.path.basename(path)[:-len(".so")]
    limit = "400ms" if name in SLOW else "60s"
    done = subprocess.run([os.environ["TIDEMILL"], "plugin", "check", path, "--json",
                           "--timeout", limit], capture_output=True, text=True, timeout=200,
                          check=False)
    return name, done


class Faults(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        paths = sorted(glob.glob(os.path.join(BUILD, "tests/kit/*.so")))
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            cls.done = dict(pool.map(check, paths))

    def test_each_fault_is_found_and_nothing_else(self):
        wanted = expected()
        self.assertLessEqual(set(wanted), set(self.done))
        self.assertGreater(len(wanted), 50)
        for name, done in self.done.items():
            with self.subTest(name):
                report = json.loads(done.stdout)
                found = [(row["check"], row["found"].replace(BUILD, "BUILD"))
                         for row in report["checks"] if row["status"] == "fail"]
                self.assertEqual(found, wanted.get(name, []))
                self.assertEqual(done.returncode, 1 if found else 0)
                self.assertEqual(report["failed"], len(found))
                self.assertEqual(done.stderr, "")

    def test_a_finding_names_rule_and_what_is_wanted(self):
        for name, done in self.done.items():
            for row in json.loads(done.stdout)["checks"]:
                if row["status"] == "fail":
                    self.assertRegex(row["rule"], r"^[a-z]+\.h", name)
                    self.assertTrue(row["wanted"], name)


if __name__ == "__main__":
    sys.exit(unittest.main())
